package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/web/api/client"
)

// Apps is the apps, and who may use them.
type Apps interface {
	App(ctx context.Context, id idp.AppID) (idp.App, error)
	AppByName(ctx context.Context, name string) (idp.App, error)
	AppByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.App, error)
	Apps(ctx context.Context) ([]idp.App, error)
	Grants(ctx context.Context, id idp.AppID) ([]idp.Grant, error)
	ClientSecrets(ctx context.Context, a idp.App) ([]idp.ClientSecret, error)
	MetadataRefresh(ctx context.Context, id idp.AppID) (idp.MetadataRefresh, error)
}

func (a *API) appList(r *http.Request, _ caller) (int, any, error) {
	apps, err := a.Store.Apps(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.App]{Items: each(apps, app)}, nil
}

func (a *API) appShow(r *http.Request, _ caller) (int, any, error) {
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, app(found), nil
}

func (a *API) appAdd(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.App](r)
	if err != nil {
		return 0, nil, err
	}
	if s := in.SAML; s != nil && s.Metadata == "" && s.MetadataURL != "" && len(s.ACS) == 0 {
		from := client.MetadataSource{URL: s.MetadataURL, Pin: s.MetadataPin}
		if from.Pin != "" {
			from.EntityID = in.Identifier
		}
		raw, err := a.raw(r.Context(), from)
		if err != nil {
			return 0, nil, err
		}
		s.Metadata = string(raw)
	}
	want, err := a.registration(in)
	if err != nil {
		return 0, nil, err
	}
	secret := ""
	if want.OIDC != nil && directory.NeedsSecret(*want.OIDC) && len(want.OIDC.SecretHashes) == 0 {
		var hash string
		secret, hash = directory.NewSecret()
		want.OIDC.SecretHashes = []string{hash}
	}
	if want, err = a.Directory.AddApp(r.Context(), want); err != nil {
		return 0, nil, err
	}
	out := app(want)
	out.Secret, out.Connect = secret, each(a.Connect(want, secret), setting)
	return http.StatusCreated, out, nil
}

func setting(s idp.Setting) client.Setting { return client.Setting(s) }

// registration turns an app on the wire into the ground's.
func (a *API) registration(in client.App) (want idp.App, err error) {
	if in, err = fromTemplate(in); err != nil {
		return idp.App{}, err
	}
	want = idp.App{
		Name: in.Name, Protocol: idp.Protocol(in.Protocol), Identifier: in.Identifier, LaunchURL: in.LaunchURL,
		ProbeURL: in.ProbeURL, WholeUserLogout: in.WholeUserLogout, Template: in.Template,
	}
	for _, r := range in.Attributes {
		want.Attributes = append(want.Attributes, idp.AttributeRule(r))
	}
	if in.OIDC != nil {
		if want.OIDC, err = oidcSettings(*in.OIDC); err != nil {
			return idp.App{}, err
		}
		directory.OIDCDefaults(want.OIDC)
	}
	if in.SAML != nil {
		if want.SAML, err = a.samlSettings(*in.SAML, &want.Identifier); err != nil {
			return idp.App{}, err
		}
	}
	return want, nil
}

func oidcSettings(in client.OIDC) (*idp.OIDCSettings, error) {
	o := &idp.OIDCSettings{
		ApplicationType: in.ApplicationType, AuthMethod: in.AuthMethod, SecretHashes: in.SecretHashes, RedirectURIs: in.RedirectURIs,
		PostLogoutRedirectURIs: in.PostLogoutRedirectURIs, BackchannelLogoutURI: in.BackchannelLogoutURI, FrontchannelLogoutURI: in.FrontchannelLogoutURI, PKCEExempt: in.PKCEExempt,
		IDTokenAlg: in.IDTokenAlg, ClaimsInIDToken: in.ClaimsInIDToken, AllowOfflineAccess: in.AllowOfflineAccess,
		HonoursSessionExpiry: in.HonoursSessionExpiry, ThirdParty: in.ThirdParty,
		InitiateLoginURI: in.InitiateLoginURI, Resources: in.Resources,
		JWKSURI: in.JWKSURI, RequirePAR: in.RequirePAR, DPoPBound: in.DPoPBound, FAPI2: in.FAPI2, CertificateBound: in.CertificateBound,
		TLSSubject: idp.TLSSubject{DN: in.TLSSubjectDN, DNS: in.TLSDNS, URI: in.TLSURI, IP: in.TLSIP, Email: in.TLSEmail},
	}
	readTokens(o, in)
	var err error
	if o.JWKS, err = objectText("jwks", in.JWKS); err != nil {
		return nil, err
	}
	if o.AccessTokenTTL, err = span("access_token_ttl", in.AccessTokenTTL); err != nil {
		return nil, err
	}
	o.RefreshTTL, err = span("refresh_ttl", in.RefreshTTL)
	return o, err
}

func (a *API) samlSettings(in client.SAML, identifier *string) (*idp.SAMLSettings, error) {
	var s idp.SAMLSettings
	if in.Metadata != "" {
		m, err := a.Documents.Read([]byte(in.Metadata))
		if err != nil {
			return nil, err
		}
		if *identifier != "" && *identifier != m.EntityID {
			return nil, idp.Errorf(idp.Invalid, "The metadata is of %s, not of %s.", m.EntityID, *identifier)
		}
		*identifier, s = m.EntityID, m.Settings
	}
	s.Metadata.URL, s.Metadata.Pin = in.MetadataURL, in.MetadataPin
	for _, acs := range in.ACS {
		s.ACS = append(s.ACS, idp.AssertionConsumer(acs))
	}
	s.SigningCerts = append(s.SigningCerts, in.SigningCerts...)
	s.RequireSigned = s.RequireSigned || in.RequireSigned
	if s.Sign, s.SignatureAlg = in.Sign, in.SignatureAlg; s.Sign == "" && in.SignResponse {
		s.Sign = idp.SignBoth
	}
	readEncryption(&s, in)
	if in.SOAPLogoutURL != "" {
		s.SOAPLogoutURL = in.SOAPLogoutURL
	}
	if in.FrontLogoutURL != "" {
		s.FrontLogoutURL, s.FrontLogoutBinding, s.FrontLogoutResponseURL = in.FrontLogoutURL, in.FrontLogoutBinding, ""
	}
	if in.FrontLogoutResponseURL != "" {
		s.FrontLogoutResponseURL = in.FrontLogoutResponseURL
	}
	if in.NameIDFormat != "" {
		s.NameIDFormat = in.NameIDFormat
	}
	readSSO(&s, in)
	var err error
	if s.SessionTTL, err = span("session_ttl", in.SessionTTL); err != nil {
		return nil, err
	}
	s.AssertionValidity, err = span("assertion_validity", in.AssertionValidity)
	return &s, err
}

func span(field, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		detail := field + " is a time span like 5m or 8h."
		return 0, &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{field: detail}}
	}
	return d, nil
}

func app(a idp.App) client.App {
	out := client.App{
		ID: string(a.ID), Name: a.Name, Protocol: string(a.Protocol), Identifier: a.Identifier, LaunchURL: a.LaunchURL,
		ProbeURL: a.ProbeURL, WholeUserLogout: a.WholeUserLogout, Template: a.Template,
		Attributes: each(a.Attributes, func(r idp.AttributeRule) client.Attribute { return client.Attribute(r) }),
	}
	if o := a.OIDC; o != nil {
		out.OIDC = &client.OIDC{
			ApplicationType: o.ApplicationType, AuthMethod: o.AuthMethod, RedirectURIs: o.RedirectURIs, PostLogoutRedirectURIs: o.PostLogoutRedirectURIs,
			BackchannelLogoutURI: o.BackchannelLogoutURI, FrontchannelLogoutURI: o.FrontchannelLogoutURI, PKCEExempt: o.PKCEExempt, IDTokenAlg: o.IDTokenAlg, ClaimsInIDToken: o.ClaimsInIDToken,
			HonoursSessionExpiry: o.HonoursSessionExpiry, ThirdParty: o.ThirdParty,
			AccessTokenTTL: spanText(o.AccessTokenTTL), RefreshTTL: spanText(o.RefreshTTL), AllowOfflineAccess: o.AllowOfflineAccess,
			InitiateLoginURI: o.InitiateLoginURI, Resources: o.Resources,
			JWKS: object(o.JWKS), JWKSURI: o.JWKSURI, RequirePAR: o.RequirePAR, DPoPBound: o.DPoPBound, FAPI2: o.FAPI2, CertificateBound: o.CertificateBound,
			TLSSubjectDN: o.TLSSubject.DN, TLSDNS: o.TLSSubject.DNS, TLSURI: o.TLSSubject.URI, TLSIP: o.TLSSubject.IP, TLSEmail: o.TLSSubject.Email,
		}
		writeTokens(out.OIDC, o)
		out.RegisteredBy, out.ManagesItself, out.Removed = string(o.RegisteredBy), o.RegistrationTokenHash != "", o.Removed
	}
	if s := a.SAML; s != nil {
		out.SAML, out.Removed = new(samlOut(*s)), s.Removed
	}
	return out
}

func samlOut(s idp.SAMLSettings) client.SAML {
	out := client.SAML{
		ACS:           each(s.ACS, func(c idp.AssertionConsumer) client.ACS { return client.ACS(c) }),
		SOAPLogoutURL: s.SOAPLogoutURL, FrontLogoutURL: s.FrontLogoutURL, FrontLogoutBinding: s.FrontLogoutBinding, FrontLogoutResponseURL: s.FrontLogoutResponseURL, SigningCerts: s.SigningCerts, RequireSigned: s.RequireSigned, NameIDFormat: s.NameIDFormat,
		Sign: s.Sign, SignatureAlg: s.SignatureAlg, SessionTTL: spanText(s.SessionTTL), AssertionValidity: spanText(s.AssertionValidity),
		MetadataURL: s.Metadata.URL, MetadataPin: s.Metadata.Pin,
	}
	writeSSO(&out, &s)
	writeEncryption(&out, &s)
	return out
}

// objectText is a JSON object as it is stored: its members in order, so that
// the same object is the same text.
func objectText(field string, o map[string]any) (string, error) {
	if o == nil {
		return "", nil
	}
	b, err := json.Marshal(o)
	if err != nil {
		detail := field + " is a JSON object."
		return "", &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{field: detail}}
	}
	return string(b), nil
}

func object(text string) map[string]any {
	var o map[string]any
	if text == "" || json.Unmarshal([]byte(text), &o) != nil {
		return nil
	}
	return o
}

func spanText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
