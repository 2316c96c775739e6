package api

import (
	"context"
	"io"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

// Documents reads the metadata of service providers (idp/saml).
type Documents interface {
	// Read answers idp.Invalid, in plain words, for a document that cannot be
	// used.
	Read(document []byte) (idp.Metadata, error)
	// Get fetches a document and vouches for nothing in it.
	Get(ctx context.Context, url string) ([]byte, error)
	// Choose reads a document of one or many, and returns that of one; none, and
	// whom it holds, where it holds several and no entityID is given. With a pin
	// (PEM) it refuses what that has not signed.
	Choose(r io.Reader, entityID, pin string) ([]byte, []idp.ListedEntity, error)
	// GetSigned is Choose of what is at an address.
	GetSigned(ctx context.Context, url, entityID, pin string) ([]byte, []idp.ListedEntity, error)
}

// Refresher reads an app's metadata again, now (idp/saml).
type Refresher interface {
	Refresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error)
}

// document reads the metadata that a request brings, or names.
func (a *API) document(ctx context.Context, from client.MetadataSource) (m idp.Metadata, by string, err error) {
	if (from.Metadata == "") == (from.URL == "") {
		return m, "", idp.Errorf(idp.Invalid, "Send the metadata as text, or the url where it is published: one of them.")
	}
	raw, err := a.raw(ctx, from)
	if err != nil {
		return m, "", err
	}
	if by = "document"; from.URL != "" {
		by = from.URL
	}
	m, err = a.Documents.Read(raw)
	return m, by, err
}

// raw is the document of one service provider: of several, that of the entity; with
// a pin, what that has signed.
func (a *API) raw(ctx context.Context, from client.MetadataSource) (raw []byte, err error) {
	var among []idp.ListedEntity
	if raw = []byte(from.Metadata); from.URL != "" && from.Pin == "" {
		if raw, err = a.Documents.Get(ctx, from.URL); err != nil {
			return nil, err
		}
	}
	switch {
	case from.URL != "" && from.Pin != "":
		raw, among, err = a.Documents.GetSigned(ctx, from.URL, from.EntityID, from.Pin)
	case from.Pin != "" || from.EntityID != "":
		raw, among, err = a.Documents.Choose(strings.NewReader(string(raw)), from.EntityID, from.Pin)
	}
	if err == nil && raw == nil {
		err = idp.Errorf(idp.Invalid, "The document holds %d service providers: say which by its entityID (entity_id, --entity-id).", len(among))
	}
	return raw, err
}

// metadataRead says what metadata would register, or change of the app that has
// the entityID.
func (a *API) metadataRead(r *http.Request, _ caller) (int, any, error) {
	from, err := decode[client.MetadataSource](r)
	if err != nil {
		return 0, nil, err
	}
	m, _, err := a.document(r.Context(), from)
	if err != nil {
		return 0, nil, err
	}
	out := client.Metadata{
		EntityID: m.EntityID, Name: m.Name, SAML: samlOut(m.Settings), Certificates: each(m.Settings.SigningCerts, certificate),
		ValidUntil: when(m.Settings.Metadata.Until), Warnings: each(m.Warnings, func(s string) string { return s }),
	}
	have, err := a.Store.AppByIdentifier(r.Context(), idp.ProtocolSAML, m.EntityID)
	switch {
	case idp.IsKind(err, idp.NotFound), err == nil && have.Removed():
		return http.StatusOK, out, nil
	case err != nil:
		return 0, nil, err
	}
	changes, err := directory.MetadataChanges(have, m)
	out.Changes = each(changes, settingChange)
	return http.StatusOK, out, err
}

// metadataApply registers what a document says of an app that stands.
func (a *API) metadataApply(r *http.Request, _ caller) (int, any, error) {
	from, err := decode[client.MetadataSource](r)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	if from.Pin != "" {
		from.EntityID = found.Identifier
	}
	m, by, err := a.document(r.Context(), from)
	if err != nil {
		return 0, nil, err
	}
	dryRun := r.URL.Query().Get("dry_run") == "true"
	var changes []idp.SettingChange
	if dryRun {
		changes, err = directory.MetadataChanges(found, m)
	} else {
		changes, err = a.Directory.ApplyMetadata(r.Context(), found.ID, 0, m, by)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.MetadataApplied{
		DryRun: dryRun, Changes: each(changes, settingChange), Warnings: each(m.Warnings, func(s string) string { return s }),
	}, nil
}

func settingChange(c idp.SettingChange) client.SettingChange { return client.SettingChange(c) }

func certificate(text string) client.SigningCertificate {
	c := idp.ReadCertificate(text)
	if c == nil {
		return client.SigningCertificate{}
	}
	return client.SigningCertificate{Subject: c.Subject.String(), SHA256: idp.Fingerprint(c), NotAfter: c.NotAfter.UTC()}
}

// metadataShow says how reading an app's metadata again stands.
func (a *API) metadataShow(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	m, err := a.Store.MetadataRefresh(r.Context(), found.ID)
	if idp.IsKind(err, idp.NotFound) {
		err = idp.Errorf(idp.NotFound, "The app %s says no address of its metadata.", found.Name)
	}
	if err != nil {
		return 0, nil, err
	}
	return a.refreshed(found, m)
}

// metadataSource says where an app's metadata is read again.
func (a *API) metadataSource(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.MetadataAddress](r)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	return 0, nil, a.Directory.SetMetadataSource(r.Context(), found.ID, in.URL, in.Pin)
}

// metadataRefresh reads an app's metadata again.
func (a *API) metadataRefresh(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	m, err := a.Refresher.Refresh(r.Context(), found.ID)
	if err != nil {
		return 0, nil, err
	}
	if found, err = a.Store.App(r.Context(), found.ID); err != nil {
		return 0, nil, err
	}
	return a.refreshed(found, m)
}

func (a *API) refreshed(app idp.App, m idp.MetadataRefresh) (int, any, error) {
	out := client.MetadataRefresh{
		URL: app.SAML.Metadata.URL, Pinned: app.SAML.Metadata.Pin != "", ValidUntil: when(app.SAML.Metadata.Until),
		NextAt: when(m.NextAt), CheckedAt: when(m.CheckedAt), Outcome: m.Outcome, Detail: m.Detail, Failures: m.Failures,
	}
	if m.Waiting == "" {
		return http.StatusOK, out, nil
	}
	out.Waiting, out.WaitingSince = m.Waiting, when(m.WaitingSince)
	// A document that has ended since changes nothing any more.
	if waiting, err := a.Documents.Read([]byte(m.Waiting)); err == nil {
		if changes, err := directory.MetadataChanges(app, waiting); err == nil {
			out.Changes = each(changes, settingChange)
		}
	}
	return http.StatusOK, out, nil
}
