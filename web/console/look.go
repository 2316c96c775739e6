package console

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strconv"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// maxLookForm bounds the form with its logo, in bytes; the logo has a limit of
// its own.
const maxLookForm = 256 << 10

// lookView asks how the pages that everybody sees are to look.
type lookView struct {
	Version, Name, Accent string
	Dark                  string // the partner of Accent
	Languages             []ui.Choice
	HasLogo, Deletion     bool
	Errors                map[string]string
}

func viewLook(l idp.Look) lookView {
	v := lookView{
		Version: strconv.FormatInt(l.Version, 10), Name: l.Name, Accent: l.Accent, HasLogo: len(l.Logo.Data) > 0, Deletion: l.DeletionRequests,
	}
	if _, dark, err := idp.Accents(l.Accent); err == nil {
		v.Dark = dark.String()
	}
	names := map[string]string{"en": "English", "de": "German"}
	for _, tag := range idp.Languages() {
		v.Languages = append(v.Languages, ui.Choice{Value: tag, Label: cmp.Or(names[tag], tag), Chosen: tag == cmp.Or(l.Language, "en")})
	}
	return v
}

func (c *Console) look(w http.ResponseWriter, r *http.Request) error {
	l, err := c.Store.Look(r.Context())
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, lookPage(viewLook(l)))
}

// lookSet sets what the form says; a form without a logo leaves the one that
// there is.
func (c *Console) lookSet(w http.ResponseWriter, r *http.Request) error {
	was, err := c.Store.Look(r.Context())
	if err != nil {
		return err
	}
	l, err := readLook(ui.VisitOf(r.Context()).Upload, was)
	if err != nil {
		return err
	}
	_, err = c.Directory.SetLook(r.Context(), l)
	if e, ok := errors.AsType[*idp.Error](err); ok && len(e.Fields) > 0 {
		v := viewLook(l)
		v.Errors, v.HasLogo, v.Dark = e.Fields, len(was.Logo.Data) > 0, ""
		return ui.Render(w, r, http.StatusBadRequest, lookPage(v))
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/look")
}

// readLook is the look as it was, with what the form says of it.
func readLook(form *ui.Upload, was idp.Look) (idp.Look, error) {
	l := idp.Look{Logo: was.Logo}
	for {
		part, err := form.Next()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		text, err := part.Text(maxLookForm)
		if err != nil {
			return l, err
		}
		switch part.Name {
		case "version":
			if l.Version, err = strconv.ParseInt(text, 10, 64); err != nil {
				return l, idp.Errorf(idp.Invalid, "This form is not whole. Open the page again.")
			}
		case "name":
			l.Name = text
		case "language":
			l.Language = text
		case "accent":
			l.Accent = text
		case "logo":
			if text != "" {
				l.Logo = idp.Image{Data: []byte(text)}
			}
		case "no_logo":
			l.Logo = idp.Image{}
		case "deletion_requests":
			l.DeletionRequests = text == "yes"
		}
	}
}
