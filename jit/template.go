package jit

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"gatehouse/idp"
)

// Template is what is known of a well-known app: enough to register it after a
// few questions, and to judge what it is told before it is.
//
// A fact that no entry of Sources speaks for is from memory: [Template.Verified]
// says so, and whoever shows it must too.
type Template struct {
	ID         string              `yaml:"id"`
	Name       string              `yaml:"name"`
	Protocols  []idp.Protocol      `yaml:"protocols"` // that the app speaks; it is registered with the first
	Asks       []Ask               `yaml:"asks"`
	EntityID   string              `yaml:"entity_id"` // SAML; with placeholders like {workspace}
	ACS        string              `yaml:"acs"`       // SAML; with placeholders
	Redirects  []string            `yaml:"redirect_uris"`
	LaunchURL  string              `yaml:"launch_url"`
	NameID     TemplateNameID      `yaml:"nameid"`
	Attributes []TemplateAttribute `yaml:"attributes"`
	Limits     TemplateLimits      `yaml:"limits"`
	JIT        TemplateJIT         `yaml:"jit"`
	SCIM       TemplateSCIM        `yaml:"scim"`
	Levers     []TemplateLever     `yaml:"levers"`
	Ceiling    TemplateCeiling     `yaml:"ceiling"`
	Session    TemplateSession     `yaml:"session"`
	Terms      TemplateTerms       `yaml:"terms"`
	Warnings   []string            `yaml:"warnings"`
	Sources    []TemplateSource    `yaml:"sources"`
}

// Ask is a question to whoever registers the app. Its answer takes the place of
// {Name}.
type Ask struct {
	Name  string `yaml:"name"`
	Label string `yaml:"label"`
	Hint  string `yaml:"hint"`
	Kind  string `yaml:"kind"` // label (of a host name), host, id, url
}

// TemplateNameID is by what the app knows people (saml-core §8.3).
type TemplateNameID struct {
	Format    string `yaml:"format"` // persistent, transient, emailAddress or unspecified
	Source    string `yaml:"source"` // of the value: username, email or id; pairwise: made up for this app
	Immutable bool   `yaml:"immutable"`
	MaxBytes  int    `yaml:"max_len"`
}

// TemplateAttribute is an attribute, or claim, that the app reads. Without a
// Source it is known and not told.
type TemplateAttribute struct {
	Name       string `yaml:"name"`
	NameFormat string `yaml:"nameformat"` // basic, uri or unspecified; empty: any
	Source     string `yaml:"source"`
	Required   bool   `yaml:"required"`
	MaxBytes   int    `yaml:"max_bytes"`
	// Admin is the value that makes a person an administrator of the app.
	Admin string `yaml:"admin"`
	// Holds is a pattern that each value matches.
	Holds string `yaml:"holds"`
}

// TemplateLimits are what the app takes.
type TemplateLimits struct {
	TotalBytes int      `yaml:"total_attr_bytes"` // names and values of all attributes; 0: no limit is known
	ASCII      bool     `yaml:"ascii"`            // values have no other characters
	Binding    []string `yaml:"binding"`          // by which its requests come: redirect, post
	SigAlg     []string `yaml:"sig_alg"`          // rsa-sha256 ...; empty: any of ours
	Signed     string   `yaml:"signed"`           // assertion or response, where one of them must be
}

// TemplateJIT is what a sign-on does to the app's account.
type TemplateJIT struct {
	Create string `yaml:"create"` // yes, no or option
	Update string `yaml:"update"`
	Remove string `yaml:"remove"`
}

// TemplateSCIM is how accounts are kept from outside.
type TemplateSCIM struct {
	Version    string   `yaml:"version"`
	Required   []string `yaml:"required"`
	Deactivate string   `yaml:"deactivate"` // what active=false does: disable, delete or data_loss
	ExternalID string   `yaml:"external_id"`
}

// TemplateLever is one way to end something in the app.
type TemplateLever struct {
	Kind      string `yaml:"kind"` // api, scim, slo, ssf ...
	API       string `yaml:"api"`
	Strength  string `yaml:"strength"`
	TypicalMS int    `yaml:"typical_ms"`
	Scope     string `yaml:"scope"`
}

// TemplateCeiling is after what time access ends there by itself.
type TemplateCeiling struct {
	Seconds int    `yaml:"seconds"`
	Basis   string `yaml:"basis"`
}

// TemplateSession is how the app's session ends. Empty: not known.
type TemplateSession struct {
	HonorsNotOnOrAfter string `yaml:"honors_session_not_on_or_after"` // yes or no
}

// TemplateTerms are the vendor's own names of things, for refusals; an empty
// one is called as SAML does.
type TemplateTerms struct {
	EntityID string `yaml:"entity_id"`
	ACS      string `yaml:"acs"`
	NameID   string `yaml:"nameid"`
	// Refused is what the vendor shows to people.
	Refused string `yaml:"refused"`
}

// TemplateSource is a page that was read, and which facts it speaks for: paths
// like nameid, attributes or attributes/User.Email, warnings/1.
type TemplateSource struct {
	URL    string   `yaml:"url"`
	ReadOn string   `yaml:"read_on"` // a day: 2006-01-02
	Says   []string `yaml:"says"`
}

// Speaks reports whether the app speaks this tongue.
func (t Template) Speaks(p idp.Protocol) bool { return slices.Contains(t.Protocols, p) }

// Verified reports whether a page was read that says what stands at this path.
func (t Template) Verified(path string) bool {
	parent, _, _ := strings.Cut(path, "/")
	return slices.ContainsFunc(t.Sources, func(s TemplateSource) bool {
		return slices.Contains(s.Says, path) || slices.Contains(s.Says, parent)
	})
}

// placeholder is a word in braces, which an answer takes the place of.
var placeholder = regexp.MustCompile(`\{([a-z_]+)\}`)

// kinds are what an answer may look like, so that none changes whose address it
// becomes part of.
var kinds = map[string]struct {
	holds *regexp.Regexp
	words string
}{
	"label": {regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`), "letters, digits and hyphens"},
	"host":  {regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(:[0-9]{1,5})?$`), "a host name"},
	"id":    {regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`), "letters, digits, dots, underscores and hyphens"},
	"url":   {regexp.MustCompile(`^(https?://|urn:)[^\s"<>\\^{}|]{1,1000}$`), "a URL as the app shows it"},
}

// App is the registration that the answers in set, by the names of Asks, make of
// the template. idp.Invalid, naming the answer as field set.NAME, for one that
// is missing, unknown or not of its kind.
func (t Template) App(set map[string]string) (idp.App, error) {
	answers, err := t.answers(set)
	if err != nil {
		return idp.App{}, err
	}
	fill := func(s string) string {
		return placeholder.ReplaceAllStringFunc(s, func(p string) string { return answers[p[1:len(p)-1]] })
	}
	a := idp.App{Name: t.Name, Protocol: t.Protocols[0], LaunchURL: fill(t.LaunchURL), Template: t.ID}
	for _, at := range t.Attributes {
		if at.Source != "" {
			a.Attributes = append(a.Attributes, idp.AttributeRule{Name: at.Name, NameFormat: nameFormat(at.NameFormat), Source: at.Source})
		}
	}
	if a.Protocol == idp.ProtocolOIDC {
		a.OIDC = &idp.OIDCSettings{}
		for _, u := range t.Redirects {
			a.OIDC.RedirectURIs = append(a.OIDC.RedirectURIs, fill(u))
		}
		return a, nil
	}
	a.Identifier = fill(t.EntityID)
	a.SAML = &idp.SAMLSettings{
		ACS:          []idp.AssertionConsumer{{URL: fill(t.ACS), Default: true}},
		NameIDFormat: nameIDFormat(t.NameID.Format),
	}
	if t.NameID.Source != "pairwise" && (t.NameID.Format != "emailAddress" || t.NameID.Source != sourceEmail) {
		a.SAML.NameIDSource = t.NameID.Source
	}
	if t.Limits.Signed == "response" {
		a.SAML.Sign = idp.SignBoth // what is inside can then be taken out and still be verified
	}
	return a, nil
}

// answers are those in set, each of its kind.
func (t Template) answers(set map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(t.Asks))
	for _, ask := range t.Asks {
		given := strings.TrimSpace(set[ask.Name])
		if given == "" {
			return nil, badAnswer(ask.Name, t.Name+" needs to know: "+ask.Label+". "+ask.Hint)
		}
		if k := kinds[ask.Kind]; !k.holds.MatchString(given) {
			return nil, badAnswer(ask.Name, ask.Label+" is "+k.words+". "+ask.Hint)
		}
		out[ask.Name] = given
	}
	for name := range set {
		if _, ok := out[name]; !ok {
			return nil, badAnswer(name, "The template "+t.ID+" does not ask for "+name+".")
		}
	}
	return out, nil
}

func badAnswer(name, detail string) error {
	return &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{"set." + name: detail}}
}

// nameIDFormat is the URN of a format.
func nameIDFormat(short string) string {
	switch short {
	case "persistent":
		return "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	case "transient":
		return "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	}
	return "urn:oasis:names:tc:SAML:1.1:nameid-format:" + short
}

func nameFormat(short string) string {
	if short == "" {
		return ""
	}
	return "urn:oasis:names:tc:SAML:2.0:attrname-format:" + short
}

// check holds what an app is told against what is known that it takes: a
// refusal here has words, one over there mostly has none.
func (t Template) check(subject string, told []Attribute) error {
	if limit := t.NameID.MaxBytes; limit > 0 && len(subject) > limit {
		return tooMuch("%s takes a NameID of at most %d bytes, and this one has %d.", t.Name, limit, len(subject))
	}
	total := 0
	for _, a := range told {
		total += len(a.Name)
		for _, v := range a.Values {
			total += len(v)
			if limit := t.attribute(a.Name).MaxBytes; limit > 0 && len(v) > limit {
				return tooMuch("%s takes at most %d bytes in %s, and this value has %d.", t.Name, limit, a.Name, len(v))
			}
			if t.Limits.ASCII && !ascii(v) {
				return tooMuch("%s takes ASCII characters only, and %s has others.", t.Name, a.Name)
			}
		}
	}
	if limit := t.Limits.TotalBytes; limit > 0 && total > limit {
		return tooMuch("%s takes at most %d bytes of attributes, names and values together, and these have %d. Fewer groups, or fewer attributes for this app, will help.", t.Name, limit, total)
	}
	return nil
}

func tooMuch(format string, args ...any) error { return idp.Errorf(idp.Invalid, format, args...) }

func (t Template) attribute(name string) TemplateAttribute {
	at := slices.IndexFunc(t.Attributes, func(a TemplateAttribute) bool { return a.Name == name })
	if at < 0 {
		return TemplateAttribute{}
	}
	return t.Attributes[at]
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// Limit is what the template of an app, if it has one, says against telling it
// this; idp.Invalid with a sentence for an admin.
func limit(app idp.App, subject string, told []Attribute) error {
	if app.Template == "" {
		return nil
	}
	t, err := FindTemplate(app.Template)
	if idp.IsKind(err, idp.NotFound) {
		return nil // of a newer house; it carries no limits here
	}
	return cmp.Or(err, t.check(subject, told))
}
