package console

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// Documents reads the metadata of service providers (idp/saml).
type Documents interface {
	// Read answers idp.Invalid, in plain words, for a document that cannot be
	// used.
	Read(document []byte) (idp.Metadata, error)
	// Get fetches a document and vouches for nothing in it.
	Get(ctx context.Context, url string) ([]byte, error)
	// Choose reads a document of one or many as it comes, and returns that of one;
	// none, and whom it holds, where it holds several and no entityID is given. With
	// a pin (PEM) it refuses what that has not signed.
	Choose(r io.Reader, entityID, pin string) ([]byte, []idp.ListedEntity, error)
	// GetSigned is Choose of what is at an address.
	GetSigned(ctx context.Context, url, entityID, pin string) ([]byte, []idp.ListedEntity, error)
}

const (
	// maxDocument bounds what is taken as one document, in bytes: more than the
	// metadata of one service provider may have, so that its reader says so.
	maxDocument = 512 << 10
	// maxProposal bounds a form with an app in it, in bytes.
	maxProposal = 1 << 20
	maxField    = 64 << 10
)

// samlNewView is the form with which a service provider is read.
type samlNewView struct {
	URL, Document                string
	Signer                       string             // the certificate that signs it; empty: nobody vouches for it
	Entity                       string             // which app of a file with many
	Among                        []idp.ListedEntity // whom the file holds
	EntityID, ACS, Logout, Certs string
	Errors                       map[string]string
}

// proposal is an app that is shown before it is registered. It travels through
// the form of that page, and is checked like any other registration.
type proposal struct {
	App   idp.App
	Notes []string // what an owner should know of it before
	// Signed says in words which certificate has signed it; empty: none.
	Signed string
}

// proposalView is the page of a proposal.
type proposalView struct {
	Said             []ui.Pair // what was read
	Notes            []string
	Signed           string // by which certificate
	Name, LaunchURL  string
	MetadataURL, Pin string
	Refresh          bool
	Kept             string // the proposal, for the form
	Errors           map[string]string
}

// samlNew shows the form with which a service provider is read.
func (c *Console) samlNew(w http.ResponseWriter, r *http.Request) error {
	return ui.Render(w, r, http.StatusOK, samlNewPage(samlNewView{}))
}

// samlRead reads a service provider, however it was named, and shows what would
// be registered.
func (c *Console) samlRead(w http.ResponseWriter, r *http.Request) error {
	v, file, err := c.readSAMLForm(ui.VisitOf(r.Context()).Upload, "")
	if len(v.Among) > 0 || v.Errors != nil {
		return ui.Render(w, r, http.StatusBadRequest, samlNewPage(v))
	}
	if err != nil {
		return err
	}
	p, field, err := c.proposed(r.Context(), &v, file)
	if len(v.Among) > 0 {
		return ui.Render(w, r, http.StatusBadRequest, samlNewPage(v))
	}
	return c.proposeRead(w, r, v, p, field, err)
}

// samlTyped shows what would be registered of a service provider without
// metadata.
func (c *Console) samlTyped(w http.ResponseWriter, r *http.Request) error {
	v := samlNewView{
		EntityID: strings.TrimSpace(r.PostFormValue("entity_id")), ACS: r.PostFormValue("acs"),
		Logout: strings.TrimSpace(r.PostFormValue("logout")), Certs: r.PostFormValue("certs"),
	}
	p, field, err := byHand(v)
	return c.proposeRead(w, r, v, p, field, err)
}

// proposeRead shows what was read, or the form again with what was wrong in field.
func (c *Console) proposeRead(w http.ResponseWriter, r *http.Request, v samlNewView, p proposal, field string, err error) error {
	if err == nil {
		field, err = c.registrable(p.App, field)
	}
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.Denied) || idp.IsKind(err, idp.Unavailable) {
		v.Errors = map[string]string{field: inWords(err)}
		return ui.Render(w, r, http.StatusBadRequest, samlNewPage(v))
	}
	if err != nil {
		return err
	}
	return c.propose(w, r, http.StatusOK, p, nil)
}

// readSAMLForm takes the form apart as it comes: of a file of many that of one
// app alone, the one that the form names or, of an app that stands, its own.
// Where the form has to be shown again, v says why.
func (c *Console) readSAMLForm(form *ui.Upload, entity string) (v samlNewView, file string, err error) {
	fields := map[string]*string{
		"url": &v.URL, "document": &v.Document, "entity": &v.Entity, "signer": &v.Signer,
	}
	read := false
	for {
		part, err := form.Next()
		if errors.Is(err, io.EOF) {
			return v, file, nil
		}
		if err != nil {
			return v, "", err
		}
		if part.Name == "file" {
			read = true
			if file, v.Among, err = c.chosen(part, cmp.Or(entity, v.Entity), v.Signer); err != nil {
				v.Errors = map[string]string{"file": inWords(err)}
			}
			if err != nil || len(v.Among) > 0 {
				return v, "", err
			}
			continue
		}
		into, known := fields[part.Name]
		if !known {
			continue
		}
		if read && part.Name == "signer" { // it was not asked of the file
			return v, "", idp.Errorf(idp.Invalid, "This form is not whole. Begin again.")
		}
		most := int64(maxField)
		if part.Name == "document" {
			most = maxDocument
		}
		if *into, err = part.Text(most); err != nil {
			return v, "", err
		}
		*into = strings.TrimSpace(*into)
	}
}

// chosen is the document of one app in a file; among is whom the file holds where
// it has to be said which.
func (c *Console) chosen(file io.Reader, entity, signer string) (document string, among []idp.ListedEntity, err error) {
	in := bufio.NewReader(file)
	if _, err := in.Peek(1); err != nil {
		return "", nil, nil // no file was chosen
	}
	raw, among, err := c.Documents.Choose(in, entity, signer)
	if err != nil || raw != nil {
		return string(raw), nil, err
	}
	return "", among, nil
}

// proposed reads what the form names; field is where an error belongs. Where it
// has to be said which app it is, v says among whom.
func (c *Console) proposed(ctx context.Context, v *samlNewView, file string) (p proposal, field string, err error) {
	document, _, field, err := c.given(ctx, v, file, v.Entity)
	if err != nil || len(v.Among) > 0 {
		return p, field, err
	}
	m, err := c.Documents.Read([]byte(document))
	if err != nil {
		return p, field, err
	}
	if field == "url" {
		m.Settings.Metadata.URL, m.Settings.Metadata.Pin = v.URL, v.Signer
	}
	return proposal{
		App:   idp.App{Name: m.Name, Protocol: idp.ProtocolSAML, Identifier: m.EntityID, SAML: &m.Settings},
		Notes: m.Warnings, Signed: signedBy(v.Signer),
	}, field, nil
}

// byHand is a service provider without metadata.
func byHand(v samlNewView) (proposal, string, error) {
	switch {
	case v.EntityID == "":
		return proposal{}, "entity_id", idp.Errorf(idp.Invalid, "Type what the app calls itself: its entityID, issuer or audience.")
	case strings.TrimSpace(v.ACS) == "":
		return proposal{}, "acs", idp.Errorf(idp.Invalid, "Type where the app takes answers: its assertion consumer service.")
	}
	s := &idp.SAMLSettings{SOAPLogoutURL: v.Logout, SigningCerts: splitPEM(v.Certs)}
	for i, url := range strings.Fields(v.ACS) {
		s.ACS = append(s.ACS, idp.AssertionConsumer{URL: url, Index: i, Default: i == 0})
	}
	var notes []string
	if len(s.SigningCerts) == 0 {
		notes = append(notes, "Without a certificate it cannot prove its requests: anybody can start a sign-on there in somebody else's browser.")
	}
	if s.SOAPLogoutURL == "" {
		notes = append(notes, "Nothing can tell it that somebody is out: after a suspension a person stays signed in there until the app's own session ends.")
	}
	return proposal{App: idp.App{Protocol: idp.ProtocolSAML, Identifier: v.EntityID, SAML: s}, Notes: notes}, "", nil
}

// registrable says what speaks against an app, but for its name, and the field
// that this is about: the one it was read from, or, of what was typed, its own.
func (c *Console) registrable(a idp.App, field string) (string, error) {
	a.Name = "an app"
	err := c.Directory.CheckApp(a)
	e, ok := errors.AsType[*idp.Error](err)
	if field != "" || !ok {
		return field, err
	}
	for theirs, ours := range map[string]string{"acs": "acs", "signing_certs": "certs", "soap_logout_url": "logout"} {
		if e.Fields[theirs] != "" {
			return ours, err
		}
	}
	return "entity_id", err
}

// splitPEM takes texts in PEM apart that were pasted one after the other.
func splitPEM(text string) []string {
	const end = "-----END CERTIFICATE-----"
	var out []string
	for _, part := range strings.SplitAfter(strings.ReplaceAll(text, "\r\n", "\n"), end) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part+"\n")
		}
	}
	return out
}

// propose shows an app before it is registered.
func (c *Console) propose(w http.ResponseWriter, r *http.Request, status int, p proposal, wrong map[string]string) error {
	var kept strings.Builder
	enc := json.NewEncoder(&kept)
	enc.SetEscapeHTML(false) // the page escapes it
	if err := enc.Encode(p); err != nil {
		return err
	}
	s := p.App.SAML
	return ui.Render(w, r, status, proposalPage(proposalView{
		Said: proposalWords(p.App), Notes: p.Notes, Signed: p.Signed, Name: p.App.Name, LaunchURL: p.App.LaunchURL,
		MetadataURL: s.Metadata.URL, Pin: s.Metadata.Pin, Refresh: true, Kept: kept.String(), Errors: wrong,
	}))
}

// proposalWords says what would be registered.
func proposalWords(a idp.App) []ui.Pair {
	out := []ui.Pair{{Key: "Entity ID", Value: a.Identifier, Copy: true}}
	for _, said := range directory.Documented(*a.SAML) {
		out = append(out, ui.Pair{Key: said.Setting, Value: said.New})
	}
	if a.SAML.NameIDFormat != "" {
		out = append(out, ui.Pair{Key: "Knows people by", Value: formatWords(a.SAML.NameIDFormat)})
	}
	if until := a.SAML.Metadata.Until; !until.IsZero() {
		out = append(out, ui.Pair{Key: "The document ends", Value: until.Format(time.DateOnly)})
	}
	return out
}

// samlAdd registers a proposal, under the name that was given to it.
func (c *Console) samlAdd(w http.ResponseWriter, r *http.Request) error {
	var p proposal
	if err := json.Unmarshal([]byte(r.PostFormValue("proposal")), &p); err != nil || p.App.SAML == nil {
		return idp.Errorf(idp.Invalid, "This form is not whole. Begin again: Register an app.").Because(err)
	}
	p.App.Name, p.App.LaunchURL = r.PostFormValue("name"), strings.TrimSpace(r.PostFormValue("launch_url"))
	s := p.App.SAML
	if s.Metadata.URL != "" && r.PostFormValue("refresh") != "yes" {
		s.Metadata.URL = ""
	}
	if s.Metadata.Pin = ""; s.Metadata.URL != "" {
		s.Metadata.Pin = strings.TrimSpace(r.PostFormValue("pin"))
	}
	if err := c.proven(r.Context(), p.App); err != nil {
		words := inWords(err)
		if words == "" {
			return err
		}
		return c.propose(w, r, http.StatusBadRequest, p, map[string]string{"pin": words})
	}
	a, err := c.Directory.AddApp(r.Context(), p.App)
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.Conflict) {
		return c.propose(w, r, idp.KindOf(err).Status(), p, proposalErrors(err))
	}
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusCreated, appAddedPage(appAddedView{
		ID: string(a.ID), Name: a.Name, Connect: c.connect(a, ""), SAML: true,
	}))
}

// proven asks whether what is registered is what a pinned certificate has signed at
// the app's address: the form is no proof of it.
func (c *Console) proven(ctx context.Context, a idp.App) error {
	from := a.SAML.Metadata
	if from.Pin == "" {
		return nil
	}
	raw, _, err := c.Documents.GetSigned(ctx, from.URL, a.Identifier, from.Pin)
	if err != nil {
		return err
	}
	m, err := c.Documents.Read(raw)
	if err != nil {
		return err
	}
	changes, err := directory.MetadataChanges(a, m)
	if err == nil && len(changes) > 0 {
		err = idp.Errorf(idp.Invalid, "The signed document there says something else than what is shown here. Read it again.")
	}
	return err
}

// proposalErrors says which field of the page an error is about; the name, when
// it is about none of them.
func proposalErrors(err error) map[string]string {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok {
		return nil
	}
	for field, name := range map[string]string{"launch_url": "launch_url", "metadata_pin": "pin", "name": "name"} {
		if words := e.Fields[field]; words != "" {
			return map[string]string{name: words}
		}
	}
	return map[string]string{"name": e.Detail}
}

// inWords is an error in plain words.
func inWords(err error) string {
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e.Detail
	}
	return ""
}

// signedBy is a certificate in words; empty for none.
func signedBy(pin string) string {
	if pin == "" {
		return ""
	}
	return directory.CertificateWords(pin)
}

// amongWords names an app of a file with many.
func amongWords(e idp.ListedEntity) string {
	if e.Name == "" {
		return e.EntityID
	}
	return e.Name + " - " + e.EntityID
}
