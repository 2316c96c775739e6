package web

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/web/ui"
)

// TestCS02AnUploadProvesItsFormBeforeItIsRead, and only an owner's may be large.
func TestCS02AnUploadProvesItsFormBeforeItIsRead(t *testing.T) {
	var got int64
	h := serve(t, false, ui.Route{Pattern: "POST /upload", Access: ui.OwnerOnly, Upload: 3 << 20, Handler: func(w http.ResponseWriter, r *http.Request) error {
		for {
			part, err := ui.VisitOf(r.Context()).Upload.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			text, err := part.Text(2 << 20)
			if err != nil {
				return err
			}
			got += int64(len(text))
		}
	}})
	send := func(who string, size int, fields ...string) int {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for i := 0; i < len(fields); i += 2 {
			part, _ := form.CreateFormField(fields[i])
			_, _ = io.WriteString(part, fields[i+1])
		}
		part, _ := form.CreateFormFile("file", "x")
		_, _ = io.WriteString(part, strings.Repeat("x", size))
		_ = form.Close()
		r := httptest.NewRequest(http.MethodPost, "/upload", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.AddCookie(&http.Cookie{Name: "gatehouse", Value: who})
		got = 0
		return ask(h, r).Code
	}
	token := ui.CSRFToken("owner")
	for _, c := range []struct {
		name, who string
		size      int
		fields    []string
		status    int
		read      int64
	}{
		{"an owner", "owner", 1 << 20, []string{"csrf", token}, 200, 1 << 20},
		{"more than the route takes", "owner", 4 << 20, []string{"csrf", token}, 400, 0},
		{"more than the field takes", "owner", 2<<20 + 1, []string{"csrf", token}, 400, 0},
		{"no token", "owner", 10, nil, 403, 0},
		{"a token behind the file", "owner", 10, []string{"other", "x", "csrf", token}, 403, 0},
		{"another's token", "owner", 10, []string{"csrf", ui.CSRFToken("employee")}, 403, 0},
		{"an employee", "employee", 10, []string{"csrf", ui.CSRFToken("employee")}, 403, 0},
	} {
		if status := send(c.who, c.size, c.fields...); status != c.status || got != c.read {
			t.Errorf("%s: %d, %d bytes read", c.name, status, got)
		}
	}
	if err := (ui.Route{Pattern: "POST /x", Access: ui.SignedIn, Upload: 1, Handler: ok}).Check(); err == nil {
		t.Error("anybody signed in may upload")
	}
}
