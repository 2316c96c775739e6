package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// settingsView is the form with the settings of a service provider.
type settingsView struct {
	App idp.App // as it is to be
	// Name is how the app is known now: the heading is no place for what is typed.
	Name, Version string
	ACS, Certs    string // one per line, and PEM after PEM; of an app without metadata
	TTL, Validity string // as typed
	Errors        map[string]string
	Wrong         string // what is about no field of the form
	Try           tryView
}

// appSettings shows the form with the settings of a service provider.
func (c *Console) appSettings(w http.ResponseWriter, r *http.Request) error {
	a, err := c.samlApp(r)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, settingsPage(settingsOf(a)))
}

func settingsOf(a idp.App) settingsView {
	v := settingsView{
		App: a, Name: a.Name, Version: strconv.FormatInt(a.Version, 10), Certs: strings.Join(a.SAML.SigningCerts, ""),
		TTL: spanTyped(a.SAML.SessionTTL), Validity: spanTyped(a.SAML.AssertionValidity), Try: tryViewOf(a, ""),
	}
	all := slices.Clone(a.SAML.ACS)
	slices.SortStableFunc(all, func(x, y idp.AssertionConsumer) int { return cmp.Compare(rank(x), rank(y)) })
	for _, acs := range all {
		v.ACS += acs.URL + "\n"
	}
	return v
}

// rank puts the default first.
func rank(c idp.AssertionConsumer) int {
	if c.Default {
		return 0
	}
	return 1
}

// appChange registers the settings that were typed.
func (c *Console) appChange(w http.ResponseWriter, r *http.Request) error {
	v, err := c.settingsTyped(r)
	if err == nil && v.Errors == nil {
		_, err = c.Directory.ChangeApp(r.Context(), v.App)
	}
	switch {
	case idp.IsKind(err, idp.Conflict), idp.IsKind(err, idp.Invalid):
		v.wrong(err)
		return ui.Render(w, r, idp.KindOf(err).Status(), settingsPage(v))
	case err != nil:
		return err
	case v.Errors != nil:
		return ui.Render(w, r, http.StatusBadRequest, settingsPage(v))
	}
	return ui.SeeOther(w, r, "/console/apps/"+string(v.App.ID)+"#settings")
}

// appChangePreview shows what the app would be told of somebody under the settings
// that were typed, which are not registered by it.
func (c *Console) appChangePreview(w http.ResponseWriter, r *http.Request) error {
	v, err := c.settingsTyped(r)
	if err == nil && v.Errors == nil {
		err = c.Directory.CheckApp(v.App)
	}
	if idp.IsKind(err, idp.Invalid) {
		v.wrong(err)
		err = nil
	}
	if err != nil {
		return err
	}
	if v.Errors != nil || v.Wrong != "" {
		return ui.Render(w, r, http.StatusBadRequest, settingsPage(v))
	}
	status, err := c.tried(r, &v.Try, v.App, func(t *tryView, a idp.App, u idp.User) error {
		got, err := c.Preview(r.Context(), a, u)
		t.Preview = &got
		return err
	})
	if err != nil {
		return err
	}
	return ui.Render(w, r, status, settingsPage(v))
}

// settingsTyped is the app as the form would have it; v.Errors says what cannot
// be read at all.
func (c *Console) settingsTyped(r *http.Request) (settingsView, error) {
	a, err := c.samlApp(r)
	if err != nil {
		return settingsView{}, err
	}
	v := settingsOf(a)
	typed := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	if v.App.Version, err = strconv.ParseInt(typed("version"), 10, 64); err != nil || v.App.Version <= 0 {
		return v, idp.Errorf(idp.Invalid, "This form is not whole. Open the settings again.")
	}
	v.Version = typed("version")
	v.App.Name, v.App.LaunchURL, v.App.WholeUserLogout = typed("name"), typed("launch_url"), typed("whole_user") == "yes"
	v.Try.User = typed("user")
	s := new(*a.SAML)
	v.App.SAML = s
	s.Sign, s.SignatureAlg, s.RequireSigned = typed("sign"), typed("signature_alg"), typed("require_signed") == "yes"
	s.EncryptAssertion, s.EncryptionCert = typed("encrypt_assertion") == "yes", pemTyped(typed("encryption_cert"))
	s.EncryptionAlg, s.KeyTransport = typed("encryption_alg"), typed("key_transport")
	s.NameIDFormat, s.NameIDSource = typed("name_id_format"), typed("name_id_source")
	s.IdPInitiated, s.RelayState, s.OneTimeUse = typed("idp_initiated") == "yes", r.PostFormValue("relay_state"), typed("one_time_use") == "yes"
	s.SOAPLogoutURL, s.FrontLogoutURL, s.FrontLogoutResponseURL = typed("soap_logout_url"), typed("front_logout_url"), typed("front_logout_response_url")
	if s.FrontLogoutBinding = typed("front_logout_binding"); s.FrontLogoutURL == "" {
		s.FrontLogoutBinding = "" // a choice that has nothing to be about
	}
	if s.MetadataXML == "" {
		v.ACS, v.Certs = r.PostFormValue("acs"), r.PostFormValue("signing_certs")
		s.ACS, s.SigningCerts = consumersTyped(v.ACS, s.ACS), splitPEM(v.Certs)
	}
	v.TTL, v.Validity = typed("session_ttl"), typed("assertion_validity")
	s.SessionTTL = v.span("session_ttl", v.TTL)
	s.AssertionValidity = v.span("assertion_validity", v.Validity)
	return v, nil
}

// consumersTyped are the addresses of lines. One that is registered keeps its
// index, which requests may name; the first is the default.
func consumersTyped(lines string, have []idp.AssertionConsumer) []idp.AssertionConsumer {
	var out []idp.AssertionConsumer
	next := 0
	for _, acs := range have {
		next = max(next, acs.Index+1)
	}
	for i, url := range strings.Fields(lines) {
		acs := idp.AssertionConsumer{URL: url, Index: next}
		if at := slices.IndexFunc(have, func(h idp.AssertionConsumer) bool { return h.URL == url }); at >= 0 {
			acs.Index = have[at].Index
		} else {
			next++
		}
		acs.Default = i == 0
		out = append(out, acs)
	}
	return out
}

// pemTyped is a certificate as a form brings it: browsers end lines with CR LF.
func pemTyped(text string) string {
	if text == "" {
		return ""
	}
	return strings.ReplaceAll(text, "\r\n", "\n") + "\n"
}

// span reads a time span; empty is 0.
func (v *settingsView) span(field, typed string) time.Duration {
	if typed == "" {
		return 0
	}
	d, err := time.ParseDuration(typed)
	if err != nil || d < 0 {
		if v.Errors == nil {
			v.Errors = map[string]string{}
		}
		v.Errors[field] = "Type a time span like 90s, 5m or 8h, or leave it empty."
		return 0
	}
	return d
}

func spanTyped(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String() // 8h0m0s
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// onForm are the fields of the form that the directory may find wrong.
var onForm = []string{
	"name", "launch_url", "sign", "signature_alg", "encryption_cert", "encryption_alg", "key_transport", "name_id_format", "name_id_source",
	"relay_state", "soap_logout_url", "front_logout_url", "front_logout_binding", "front_logout_response_url", "session_ttl",
}

// wrong says what is wrong under the field that it is about.
func (v *settingsView) wrong(err error) {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok {
		return
	}
	fields := onForm
	if v.App.SAML.MetadataXML == "" {
		fields = append(slices.Clone(fields), "acs", "signing_certs")
	}
	for _, field := range fields {
		if words := e.Fields[field]; words != "" {
			v.Errors = map[string]string{field: words}
			return
		}
	}
	v.Wrong = e.Detail
}

// choices are the options of a select; one that is set and not among them is one
// more.
func choices(set string, values ...[2]string) []ui.Choice {
	var out []ui.Choice
	found := false
	for _, v := range values {
		out = append(out, ui.Choice{Value: v[0], Label: v[1], Chosen: v[0] == set})
		found = found || v[0] == set
	}
	if !found {
		out = append(out, ui.Choice{Value: set, Label: set, Chosen: true})
	}
	return out
}

func signChoices(set string) []ui.Choice {
	return choices(cmp.Or(set, idp.SignAssertion),
		[2]string{idp.SignAssertion, "The assertion (usual)"}, [2]string{idp.SignResponse, "The response around it"}, [2]string{idp.SignBoth, "Both"})
}

func signatureChoices(set string) []ui.Choice {
	return choices(cmp.Or(set, idp.SignRSASHA256),
		[2]string{idp.SignRSASHA256, "RSA with SHA-256 (usual)"}, [2]string{idp.SignRSASHA384, "RSA with SHA-384"},
		[2]string{idp.SignRSASHA512, "RSA with SHA-512"}, [2]string{idp.SignECDSASHA256, "ECDSA with SHA-256: another certificate of ours"})
}

func cipherChoices(set string) []ui.Choice {
	return choices(set, [2]string{"", "As its metadata say, AES-256-GCM otherwise"},
		[2]string{idp.EncryptAES256GCM, "AES-256-GCM"}, [2]string{idp.EncryptAES128GCM, "AES-128-GCM"},
		[2]string{idp.EncryptAES256CBC, "AES-256-CBC: only for an app that knows nothing better"},
		[2]string{idp.EncryptAES128CBC, "AES-128-CBC: only for an app that knows nothing better"})
}

func transportChoices(set string) []ui.Choice {
	return choices(set, [2]string{"", "As its metadata say, RSA-OAEP with SHA-1 otherwise"},
		[2]string{idp.TransportMGF1P, "RSA-OAEP with SHA-1"}, [2]string{idp.TransportMGF1PSHA256, "RSA-OAEP with SHA-256, mask by SHA-1"},
		[2]string{idp.TransportOAEPSHA256, "RSA-OAEP with SHA-256 throughout"})
}

func formatChoices(set string) []ui.Choice {
	return choices(set,
		[2]string{"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "persistent: a random name for each person, for ever"},
		[2]string{"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "emailAddress: their e-mail address"},
		[2]string{"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "unspecified: what the source below says"},
		[2]string{"urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "transient: another name for each session"})
}

func sourceChoices(set string) []ui.Choice {
	return choices(set, [2]string{"", "What the format says"}, [2]string{"username", "Their username"},
		[2]string{"email", "Their e-mail address of today"}, [2]string{"id", "Their ID here, which never changes"})
}

func bindingChoices(set string) []ui.Choice {
	return choices(cmp.Or(set, "redirect"), [2]string{"redirect", "By redirect (HTTP-Redirect)"}, [2]string{"post", "By a form (HTTP-POST)"})
}
