package ui

import (
	"crypto/hmac"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"gatehouse/idp"
)

// Upload is a form with a file that is read part by part, as it comes, because
// it may be larger than memory should hold. The form's token is its first part.
type Upload struct {
	// Stands reports whether who sends it is still let in: a file may be sent so
	// slowly that its sender's session has ended when it is there. It is asked
	// after the last part.
	Stands func() error
	reader *multipart.Reader
}

// Part is one field or file of an Upload; it is read before the next is asked for.
type Part struct {
	Name, File string // the field's name, and that of the file
	io.Reader
}

// Next returns the next part; io.EOF after the last, idp.Invalid for a form that
// breaks off or is larger than its route takes, and what Stands answers where its
// sender is not let in any more.
func (u *Upload) Next() (Part, error) {
	p, err := u.reader.NextPart()
	switch {
	case errors.Is(err, io.EOF):
		if err := u.Stands(); err != nil {
			return Part{}, err
		}
		return Part{}, io.EOF
	case err != nil:
		return Part{}, idp.Errorf(idp.Invalid, "The form did not arrive whole, or is too large. Send it again.").Because(err)
	}
	return Part{Name: p.FormName(), File: p.FileName(), Reader: p}, nil
}

// Text reads a part of at most so many bytes as a text.
func (p Part) Text(most int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(p, most+1))
	switch {
	case err != nil:
		return "", idp.Errorf(idp.Invalid, "The form did not arrive whole, or is too large. Send it again.").Because(err)
	case int64(len(b)) > most:
		return "", idp.Errorf(idp.Invalid, "What was sent is too large.")
	}
	return string(b), nil
}

// maxToken is more than a form's token is long, in bytes.
const maxToken = 256

// UploadValid is CSRFValid of a form that is uploaded, and opens the Visit's
// Upload: what follows the token.
func UploadValid(r *http.Request) bool {
	v := VisitOf(r.Context())
	want := CSRFToken(v.Secret)
	reader, err := r.MultipartReader()
	if err != nil || want == "" || v.Upload == nil {
		return false
	}
	v.Upload.reader = reader
	part, err := v.Upload.Next()
	if err != nil || part.Name != csrfField {
		return false
	}
	got, err := part.Text(maxToken)
	return err == nil && hmac.Equal([]byte(want), []byte(got))
}
