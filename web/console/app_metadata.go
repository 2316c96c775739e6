package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// maxUpload bounds an upload with metadata in it, in bytes.
const maxUpload = 64 << 20

// metadataFormView is the form with which new metadata of an app is read.
type metadataFormView struct {
	ID, Name string
	samlNewView
	Source, Pin string // where it is read again, and what proves it
}

// differenceView is what a document changes of an app.
type differenceView struct {
	ID, Name, Version string
	From              string // where the document came from
	Signed            string // by which certificate; empty: nobody vouches for it
	Document          string
	Changes           []changeRow
	Notes             []string
}

// changeRow is one setting that changes.
type changeRow struct{ Setting, Kind, Old, New string }

// metadataForm shows the form for new metadata of an app.
func (c *Console) metadataForm(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, metadataFormPage(metadataFormView{
		ID: string(a.ID), Name: a.Name, Source: a.SAML.Metadata.URL, Pin: a.SAML.Metadata.Pin,
		samlNewView: samlNewView{Signer: a.SAML.Metadata.Pin},
	}))
}

// samlApp is the service provider that the address is about.
func (c *Console) samlApp(r *http.Request) (idp.App, error) {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err == nil && (a.SAML == nil || a.Removed()) {
		err = idp.Errorf(idp.NotFound, "This app has no metadata: it does not speak SAML, or was removed.")
	}
	return a, err
}

// metadataRead shows what a document changes of an app.
func (c *Console) metadataRead(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	v, file, err := c.readSAMLForm(ui.VisitOf(r.Context()).Upload, a.Identifier)
	if v.Errors != nil {
		return ui.Render(w, r, http.StatusBadRequest, metadataFormPage(metadataFormView{
			ID: string(a.ID), Name: a.Name, samlNewView: v, Source: a.SAML.Metadata.URL, Pin: a.SAML.Metadata.Pin,
		}))
	}
	if err != nil {
		return err
	}
	document, from, field, err := c.given(r.Context(), &v, file, a.Identifier)
	var d differenceView
	if err == nil {
		d, err = c.difference(a, document, from)
	}
	d.Signed = signedBy(v.Signer)
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.NotFound) || idp.IsKind(err, idp.Denied) || idp.IsKind(err, idp.Unavailable) {
		v.Errors = map[string]string{field: inWords(err)}
		return ui.Render(w, r, http.StatusBadRequest, metadataFormPage(metadataFormView{
			ID: string(a.ID), Name: a.Name, samlNewView: v, Source: a.SAML.Metadata.URL, Pin: a.SAML.Metadata.Pin,
		}))
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, differencePage(d))
}

// given is the document that a form gives, where it came from in words, and the
// field that it stands in. Of what has to be signed it is that of the entity; where
// no entity is named, and it holds several, v says whom.
func (c *Console) given(ctx context.Context, v *samlNewView, file, entity string) (document, from, field string, err error) {
	var raw []byte
	var among []idp.ListedEntity
	switch {
	case strings.TrimSpace(file) != "":
		return file, "a file", "file", nil
	case v.Document != "" && v.Signer == "":
		return v.Document, "a text", "document", nil
	case v.Document != "":
		from, field = "a text", "document"
		raw, among, err = c.Documents.Choose(strings.NewReader(v.Document), entity, v.Signer)
	case v.URL != "" && v.Signer == "":
		from, field = v.URL, "url"
		raw, err = c.Documents.Get(ctx, v.URL)
	case v.URL != "":
		from, field = v.URL, "url"
		raw, among, err = c.Documents.GetSigned(ctx, v.URL, entity, v.Signer)
	default:
		return "", "", "file", idp.Errorf(idp.Invalid, "Give a file, its text or its address.")
	}
	if err == nil && raw == nil {
		v.Among = among
	}
	return string(raw), from, field, err
}

// difference is what a document changes of an app.
func (c *Console) difference(a idp.App, document, from string) (differenceView, error) {
	m, err := c.Documents.Read([]byte(document))
	if err != nil {
		return differenceView{}, err
	}
	changes, err := directory.MetadataChanges(a, m)
	if err != nil {
		return differenceView{}, err
	}
	d := differenceView{
		ID: string(a.ID), Name: a.Name, Version: strconv.FormatInt(a.Version, 10), From: from, Document: document, Notes: m.Warnings,
	}
	for _, c := range changes {
		kind := "changed"
		switch {
		case c.Old == "":
			kind = "new"
		case c.New == "":
			kind = "gone"
		}
		d.Changes = append(d.Changes, changeRow{c.Setting, kind, c.Old, c.New})
	}
	return d, nil
}

// metadataApply registers what somebody has seen the changes of.
func (c *Console) metadataApply(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(r.PostFormValue("version"), 10, 64)
	if err != nil || version <= 0 {
		return idp.Errorf(idp.Invalid, "This form is not whole. Read the metadata again.")
	}
	m, err := c.Documents.Read([]byte(r.PostFormValue("document")))
	if err != nil {
		return err
	}
	from := r.PostFormValue("from")
	if _, err := c.Directory.ApplyMetadata(r.Context(), a.ID, version, m, from[:min(len(from), 300)]); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/apps/"+string(a.ID))
}
