package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/ui"
)

// Refresher reads an app's metadata again, now (idp/saml).
type Refresher interface {
	Refresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error)
}

// refreshView is how reading an app's metadata again stands; zero: it is read
// nowhere.
type refreshView struct {
	URL, Pin         string
	Outcome, Detail  string // in words
	Failing, Waiting bool
	Checked, Next    time.Time
	Since, Until     time.Time // since when something waits; when what is registered ends
	Explained        string    // the correlation ID under which the refusal is; empty: none
}

// refresh is how reading an app's metadata again stands.
func (c *Console) refresh(ctx context.Context, a idp.App) (v refreshView, err error) {
	if a.SAML == nil {
		return v, nil
	}
	v.Until = a.SAML.Metadata.Until
	m, err := c.Store.MetadataRefresh(ctx, a.ID)
	if idp.IsKind(err, idp.NotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.URL = a.SAML.Metadata.URL
	if a.SAML.Metadata.Pin != "" {
		v.Pin = directory.CertificateWords(a.SAML.Metadata.Pin)
	}
	v.Outcome, v.Detail, v.Failing, v.Waiting = outcomeWords(m.Outcome), m.Detail, m.Failures > 0, m.Waiting != ""
	v.Checked, v.Next, v.Since = m.CheckedAt, m.NextAt, m.WaitingSince
	if v.Failing {
		v.Explained, err = c.refusedDocument(ctx, a.ID)
	}
	return v, err
}

// refusedDocument is the correlation ID of the newest audit line that explains why
// the metadata of an app were refused.
func (c *Console) refusedDocument(ctx context.Context, id idp.AppID) (string, error) {
	events, _, err := c.Store.Events(ctx, idp.EventQuery{AppID: id, Limit: 100})
	if err != nil {
		return "", err
	}
	for _, e := range events {
		if _, ok := c.Explain(e); ok && e.Kind == "app.metadata.refuse" {
			return e.Actor.CorrelationID, nil
		}
	}
	return "", nil
}

// outcomeWords says how reading metadata went.
func outcomeWords(outcome string) string {
	words, known := map[string]string{
		"": "Not read yet", idp.RefreshUnchanged: "It says what is registered", idp.RefreshApplied: "It was registered",
		idp.RefreshWaiting: "It says something else, and waits for you", idp.RefreshRefused: "It was refused", idp.RefreshUnreachable: "It could not be read",
	}[outcome]
	if !known {
		return outcome
	}
	return words
}

// metadataWaiting shows what the document changes that waits.
func (c *Console) metadataWaiting(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	m, err := c.Store.MetadataRefresh(r.Context(), a.ID)
	if err == nil && m.Waiting == "" {
		err = idp.Errorf(idp.NotFound, "Nothing waits any more.")
	}
	if err != nil {
		return err
	}
	d, err := c.difference(a, m.Waiting, a.SAML.Metadata.URL)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, differencePage(d))
}

// metadataSource says where an app's metadata is read again.
func (c *Console) metadataSource(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	v := metadataFormView{ID: string(a.ID), Name: a.Name, Source: strings.TrimSpace(r.PostFormValue("source")), Pin: strings.TrimSpace(r.PostFormValue("pin"))}
	err = c.Directory.SetMetadataSource(r.Context(), a.ID, v.Source, v.Pin)
	if idp.IsKind(err, idp.Invalid) {
		field := "source"
		if proposalErrors(err)["pin"] != "" {
			field = "pin"
		}
		v.Errors = map[string]string{field: inWords(err)}
		return ui.Render(w, r, http.StatusBadRequest, metadataFormPage(v))
	}
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/apps/"+string(a.ID)+"#metadata")
}

// metadataRefresh reads an app's metadata again.
func (c *Console) metadataRefresh(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.Refresher.Refresh(r.Context(), idp.AppID(r.PathValue("id"))); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/apps/"+r.PathValue("id")+"#metadata")
}
