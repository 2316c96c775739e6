package jit

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TemplateFact is one thing that a template says, in plain words.
type TemplateFact struct {
	Path     string // like nameid, or attributes/User.Email
	Name     string
	Value    string
	Verified bool // a page that was read says so
}

// Facts are what the template says, each with whether a page speaks for it.
func (t Template) Facts() []TemplateFact {
	var all []TemplateFact
	add := func(path, name, value string) {
		if value != "" {
			all = append(all, TemplateFact{path, name, value, t.Verified(path)})
		}
	}
	add("entity_id", cmp.Or(t.Terms.EntityID, "Entity ID"), t.EntityID)
	add("acs", cmp.Or(t.Terms.ACS, "Assertion consumer"), t.ACS)
	for i, u := range t.Redirects {
		add("redirect_uris/"+strconv.Itoa(i+1), "Redirect address", u)
	}
	add("launch_url", "Opened at", t.LaunchURL)
	add("nameid", cmp.Or(t.Terms.NameID, "NameID"), t.NameID.words())
	for _, a := range t.Attributes {
		add("attributes/"+a.Name, a.Name, a.words())
	}
	add("limits", "Limits", t.Limits.words())
	add("jit", "Accounts at sign-in", t.JIT.words())
	add("scim", "SCIM", t.SCIM.words())
	for i, l := range t.Levers {
		add("levers/"+strconv.Itoa(i+1), "Ends access", l.words())
	}
	add("ceiling", "Access ends by itself", t.Ceiling.words())
	add("session", "Session", t.Session.words())
	add("terms", "Its own words", t.Terms.words())
	for i, w := range t.Warnings {
		add("warnings/"+strconv.Itoa(i+1), "Warning", w)
	}
	return all
}

// sentence joins what there is to say.
func sentence(parts ...string) string {
	var said []string
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, "; ")
}

// when is the words where it is so.
func when(is bool, words string) string {
	if !is {
		return ""
	}
	return words
}

func (n TemplateNameID) words() string {
	if n.Format == "" {
		return ""
	}
	from := "from " + n.Source
	if n.Source == "pairwise" {
		from = "made up for this app"
	}
	return sentence(n.Format+", "+from, when(n.Immutable, "never changes"), when(n.MaxBytes > 0, fmt.Sprintf("at most %d bytes", n.MaxBytes)))
}

func (a TemplateAttribute) words() string {
	need := "optional"
	if a.Required {
		need = "required"
	}
	from := "not told"
	if a.Source != "" {
		from = "from " + a.Source
	}
	return sentence(need+", "+from, when(a.MaxBytes > 0, fmt.Sprintf("at most %d bytes", a.MaxBytes)),
		when(a.Admin != "", strconv.Quote(a.Admin)+" makes an administrator"))
}

func (l TemplateLimits) words() string {
	return sentence(
		when(l.TotalBytes > 0, fmt.Sprintf("attributes of at most %d bytes together", l.TotalBytes)),
		when(l.ASCII, "ASCII values only"),
		when(len(l.Binding) > 0, "requests by "+strings.Join(l.Binding, " or ")),
		when(len(l.SigAlg) > 0, "signed with "+strings.Join(l.SigAlg, " or ")),
		when(l.Signed != "", "the "+l.Signed+" must be signed"),
	)
}

func (j TemplateJIT) words() string {
	verb := func(v, words string) string {
		switch v {
		case "yes":
			return words
		case "no":
			return "not " + words
		case "option":
			return words + " if it is set so there"
		}
		return ""
	}
	return sentence(verb(j.Create, "made where there is none"), verb(j.Update, "brought up to date"), verb(j.Remove, "removed"))
}

func (s TemplateSCIM) words() string {
	ends := map[string]string{
		"disable": "active=false disables the account", "delete": "active=false deletes the account", "data_loss": "deactivation loses data",
	}[s.Deactivate]
	return sentence(s.Version, when(len(s.Required) > 0, "needs "+strings.Join(s.Required, ", ")), ends,
		when(s.ExternalID != "", "externalId is "+s.ExternalID))
}

func (l TemplateLever) words() string {
	return sentence(strings.TrimSpace(l.Kind+" "+l.API), l.Strength, l.Scope, when(l.TypicalMS > 0, fmt.Sprintf("typically %d ms", l.TypicalMS)))
}

func (c TemplateCeiling) words() string {
	return sentence(when(c.Seconds > 0, "after "+(time.Duration(c.Seconds)*time.Second).String()), c.Basis)
}

func (t TemplateTerms) words() string {
	said := func(saml, own string) string { return when(own != "", saml+": "+own) }
	return sentence(said("entityID", t.EntityID), said("AssertionConsumerService", t.ACS), said("NameID", t.NameID), said("when it refuses", t.Refused))
}

func (s TemplateSession) words() string {
	switch s.HonorsNotOnOrAfter {
	case "yes":
		return "ends at SessionNotOnOrAfter"
	case "no":
		return "does not end at SessionNotOnOrAfter"
	}
	return ""
}
