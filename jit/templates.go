package jit

import (
	"bytes"
	"embed"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/idp"
)

//go:embed templates/*.yaml
var templateFiles embed.FS

var readTemplates = sync.OnceValues(func() ([]Template, error) {
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	all := make([]Template, 0, len(files))
	for _, f := range files {
		raw, err := templateFiles.ReadFile("templates/" + f.Name())
		if err != nil {
			return nil, err
		}
		t, err := parseTemplate(raw)
		if err != nil {
			return nil, fmt.Errorf("template %s: %w", f.Name(), err)
		}
		if t.ID+".yaml" != f.Name() {
			return nil, fmt.Errorf("template %s: its id is %q", f.Name(), t.ID)
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Template) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, nil
})

// Templates returns the templates of this version, by name, or what is wrong
// with one of them: it is asked for at start. The caller must not change them.
func Templates() ([]Template, error) { return readTemplates() }

// FindTemplate returns the template with this ID; idp.NotFound for none.
func FindTemplate(id string) (Template, error) {
	all, err := readTemplates()
	if err != nil {
		return Template{}, err
	}
	at := slices.IndexFunc(all, func(t Template) bool { return t.ID == id })
	if at < 0 {
		return Template{}, idp.Errorf(idp.NotFound, "There is no template %q. See gatehouse app templates.", id)
	}
	return all[at], nil
}

// parseTemplate reads one template strictly.
func parseTemplate(raw []byte) (Template, error) {
	var t Template
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil {
		return t, err
	}
	return t, t.valid()
}

var templateID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,40}$`)

// valid says what is wrong with a template as its author wrote it.
func (t Template) valid() error {
	for _, problem := range []string{t.badName(), t.badAsks(), t.badSAML(), t.badAttributes(), t.badWords(), t.badSources()} {
		if problem != "" {
			return fmt.Errorf("%s", problem)
		}
	}
	return nil
}

func (t Template) badName() string {
	switch {
	case !templateID.MatchString(t.ID):
		return "id is lower-case letters, digits and hyphens"
	case t.Name == "":
		return "it has no name"
	case len(t.Protocols) == 0:
		return "it speaks no protocol"
	case slices.ContainsFunc(t.Protocols, func(p idp.Protocol) bool { return p != idp.ProtocolSAML && p != idp.ProtocolOIDC }):
		return "a protocol is saml or oidc"
	}
	return ""
}

// badAsks: every placeholder is asked for, and every answer used.
func (t Template) badAsks() string {
	used := map[string]bool{}
	for _, s := range append([]string{t.EntityID, t.ACS, t.LaunchURL}, t.Redirects...) {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			used[m[1]] = true
		}
	}
	for _, ask := range t.Asks {
		if _, known := kinds[ask.Kind]; !known || ask.Label == "" || ask.Hint == "" {
			return "the question " + ask.Name + " needs a label, a hint and a kind"
		}
		if !used[ask.Name] {
			return "the answer " + ask.Name + " is used nowhere"
		}
		delete(used, ask.Name)
	}
	for name := range used {
		return "nobody is asked for {" + name + "}"
	}
	return ""
}

func (t Template) badSAML() string {
	if t.Protocols[0] == idp.ProtocolOIDC {
		if len(t.Redirects) == 0 {
			return "an app that speaks OpenID Connect has redirect_uris"
		}
		return ""
	}
	switch {
	case t.EntityID == "" || t.ACS == "":
		return "a service provider has entity_id and acs"
	case !slices.Contains([]string{"persistent", "transient", "emailAddress", "unspecified"}, t.NameID.Format):
		return "nameid.format is persistent, transient, emailAddress or unspecified"
	case !allOf([]string{t.NameID.Source}, "pairwise", sourceUsername, sourceEmail, sourceID):
		return "nameid.source is pairwise, username, email or id"
	case (t.NameID.Format == "persistent" || t.NameID.Format == "transient") != (t.NameID.Source == "pairwise"):
		return "a persistent or transient NameID is pairwise, and no other is"
	case !allOf(t.Limits.Binding, "redirect", "post"):
		return "limits.binding is redirect or post"
	case !allOf(t.Limits.SigAlg, "rsa-sha256", "rsa-sha384", "rsa-sha512", "ecdsa-sha256"):
		return "limits.sig_alg has an unknown algorithm"
	case !allOf([]string{t.Limits.Signed}, "", "assertion", "response"):
		return "limits.signed is assertion or response"
	}
	return ""
}

func (t Template) badAttributes() string {
	for _, a := range t.Attributes {
		switch {
		case a.Name == "":
			return "an attribute has no name"
		case a.Source != "" && !knownSource(a.Source):
			return "attribute " + a.Name + " has an unknown source"
		case a.Required && a.Source == "":
			return "attribute " + a.Name + " is required and has no source"
		case !allOf([]string{a.NameFormat}, "", "basic", "uri", "unspecified"):
			return "attribute " + a.Name + ": nameformat is basic, uri or unspecified"
		}
		if _, err := regexp.Compile(a.Holds); err != nil {
			return "attribute " + a.Name + ": " + err.Error()
		}
		if a.Admin != "" && !slices.ContainsFunc(t.Warnings, func(w string) bool { return strings.Contains(w, a.Name) }) {
			return "attribute " + a.Name + " makes an administrator, and no warning says so"
		}
	}
	return ""
}

// badWords: what a choice may say, and a warning where data is lost.
func (t Template) badWords() string {
	for _, s := range []string{t.JIT.Create, t.JIT.Update, t.JIT.Remove} {
		if !allOf([]string{s}, "", "yes", "no", "option") {
			return "jit is yes, no or option"
		}
	}
	switch {
	case !allOf([]string{t.SCIM.Deactivate}, "", "disable", "delete", "data_loss"):
		return "scim.deactivate is disable, delete or data_loss"
	case !allOf([]string{t.Session.HonorsNotOnOrAfter}, "", "yes", "no"):
		return "session.honors_session_not_on_or_after is yes or no"
	case (t.SCIM.Deactivate == "delete" || t.SCIM.Deactivate == "data_loss") && len(t.Warnings) == 0:
		return "deactivation there deletes, and no warning says so"
	}
	return ""
}

func (t Template) badSources() string {
	for _, s := range t.Sources {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return "a source has an https address"
		}
		if _, err := time.Parse(time.DateOnly, s.ReadOn); err != nil {
			return "source " + s.URL + " was read on a day"
		}
		if len(s.Says) == 0 {
			return "source " + s.URL + " says nothing"
		}
		for _, path := range s.Says {
			if !t.has(path) {
				return "source " + s.URL + " speaks for " + path + ", which is not there"
			}
		}
	}
	return ""
}

// has reports whether the template says something at a path.
func (t Template) has(path string) bool {
	if name, ok := strings.CutPrefix(path, "attributes/"); ok {
		return t.attribute(name).Name != ""
	}
	return slices.ContainsFunc(t.Facts(), func(f TemplateFact) bool {
		parent, _, _ := strings.Cut(f.Path, "/")
		return f.Path == path || parent == path
	})
}

func allOf(values []string, known ...string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(known, v) })
}

func knownSource(source string) bool {
	_, ok := (Person{}).values(source)
	return ok
}
