package main

import (
	"context"
	"regexp"
	"slices"

	"gatehouse/idp"
	"gatehouse/idp/oidc"
	"gatehouse/idp/saml"
	samlwire "gatehouse/idp/saml/wire"
	"gatehouse/jit"
	"gatehouse/jit/saas"
)

// rehearsals tries a sign-on out without making it, and says that somebody did.
type rehearsals struct {
	oidc   *oidc.Provider
	saml   *saml.Rehearsals
	record func(ctx context.Context, events ...idp.Event) error
}

// note writes the audit line of a look at what somebody would be told: it is
// written before anything is shown.
func (r *rehearsals) note(ctx context.Context, kind string, app idp.App, u idp.User) error {
	return r.record(ctx, idp.Event{
		ID: idp.NewEventID(), At: idp.Time(wallTime()), Kind: kind, Actor: idp.ActorOf(ctx), AppID: app.ID, UserID: u.ID,
		Detail: map[string]string{"app": app.Name},
	})
}

// preview is what app would be told of u, with the source of each value.
func (r *rehearsals) preview(ctx context.Context, app idp.App, u idp.User) (idp.AppPreview, error) {
	if err := r.note(ctx, "app.preview", app, u); err != nil {
		return idp.AppPreview{}, err
	}
	if app.OIDC != nil {
		return r.oidc.Preview(ctx, app, u)
	}
	v, err := r.saml.Preview(ctx, app, u)
	if err != nil || v.Refusal != nil {
		return v, err
	}
	for _, rule := range jit.Rules(app) {
		at := slices.IndexFunc(v.Told, func(t idp.Told) bool { return t.Name == rule.Name })
		if at < 0 {
			v.Told = append(v.Told, idp.Told{Name: rule.Name, FriendlyName: rule.FriendlyName, NameFormat: rule.NameFormat, Source: rule.Source})
			continue
		}
		v.Told[at].Source = rule.Source
	}
	return v, nil
}

// test plays a whole sign-on of u at app's service provider.
func (r *rehearsals) test(ctx context.Context, app idp.App, u idp.User) (idp.AppTest, error) {
	if app.SAML == nil {
		return idp.AppTest{}, idp.Errorf(idp.Invalid, "Only apps that speak SAML can be played. See what %s would be told in its preview.", app.Name)
	}
	if err := r.note(ctx, "app.test", app, u); err != nil {
		return idp.AppTest{}, err
	}
	rules, verified, err := rulesOf(app)
	if err != nil {
		return idp.AppTest{}, err
	}
	out := idp.AppTest{Played: rules.Vendor}
	metadata, err := r.saml.Metadata(ctx)
	if err != nil {
		return out, err
	}
	sim, err := saas.NewSimulator(rules, metadata, wallTime)
	if err != nil {
		return out, err
	}
	request, err := sim.Request(ctx)
	if err != nil {
		return out, err
	}
	played := *app.SAML
	played.SigningCerts = []string{sim.Certificate()}
	if played.EncryptAssertion {
		if played.EncryptionCert, err = sim.EncryptionCertificate(); err != nil {
			return out, err
		}
	}
	app.SAML = &played
	done, err := r.saml.SignOn(ctx, app, u, request)
	if err != nil {
		return out, err
	}
	if out.Refusal = done.Refusal; out.Refusal != nil {
		return out, nil
	}
	checks, notes := sim.Judge(done.Response, done.To, done.RelayState)
	out.Notes, out.Accepted = notes, true
	for _, c := range checks {
		out.Checks = append(out.Checks, idp.AppCheck{Name: c.Name, OK: c.OK, Words: c.Words, Verified: c.Path == "" || verified(c.Path)})
		out.Accepted = out.Accepted && c.OK
	}
	if !out.Accepted && rules.Terms.Refused != "" {
		out.Notes = append([]string{"People would read: " + rules.Terms.Refused}, out.Notes...)
	}
	return out, nil
}

// rulesOf is what the service provider of app takes: what its template says,
// or what its own registration does. verified reports whether a page was read
// that says what stands at a path.
func rulesOf(app idp.App) (rules saas.Rules, verified func(path string) bool, err error) {
	rules = saas.Rules{Vendor: app.Name, EntityID: app.Identifier, NameIDFormat: app.SAML.NameIDFormat, MakesAccounts: true}
	for _, acs := range app.SAML.ACS {
		if rules.ACS == "" || acs.Default {
			rules.ACS = acs.URL
		}
	}
	verified = func(string) bool { return true }
	if app.Template == "" {
		return rules, verified, nil
	}
	t, err := jit.FindTemplate(app.Template)
	if idp.IsKind(err, idp.NotFound) {
		return rules, verified, nil
	}
	if err != nil {
		return rules, nil, err
	}
	vendorRules(&rules, t)
	return rules, t.Verified, nil
}

// vendorRules writes what a template says into the rules.
func vendorRules(rules *saas.Rules, t jit.Template) {
	rules.Vendor = t.Name
	rules.EntityIDForm = saas.Form{Matches: t.Form(t.EntityID), Words: t.EntityID}
	rules.ACSForm = saas.Form{Matches: t.Form(t.ACS), Words: t.ACS}
	if slices.Equal(t.Limits.Binding, []string{"post"}) {
		rules.Binding = samlwire.POST
	}
	rules.NameIDFormat, rules.NameIDMaxBytes = nameIDFormats[t.NameID.Format], t.NameID.MaxBytes
	rules.Signed, rules.SigAlgs = t.Limits.Signed, t.Limits.SigAlg
	rules.TotalBytes, rules.ASCII = t.Limits.TotalBytes, t.Limits.ASCII
	rules.MakesAccounts = t.JIT.Create != "no"
	rules.Terms = saas.Terms(t.Terms)
	for _, a := range t.Attributes {
		d := saas.AttributeDemand{Name: a.Name, Required: a.Required, MaxBytes: a.MaxBytes, Admin: a.Admin}
		if a.NameFormat != "" {
			d.NameFormat = "urn:oasis:names:tc:SAML:2.0:attrname-format:" + a.NameFormat
		}
		if a.Holds != "" {
			d.Holds = saas.Form{Matches: regexp.MustCompile(a.Holds).MatchString, Words: "of the form " + a.Holds}
		}
		rules.Attributes = append(rules.Attributes, d)
	}
}

var nameIDFormats = map[string]string{
	"persistent": samlwire.NameIDPersistent, "transient": samlwire.NameIDTransient,
	"emailAddress": samlwire.NameIDEmail, "unspecified": samlwire.NameIDUnspecified,
}
