package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/jit"
	"gatehouse/web/ui"
)

// templatesView is the list of well-known apps.
type templatesView struct{ Templates []templateRow }

// templateRow is one of them. Open counts the facts that no page speaks for.
type templateRow struct {
	ID, Name, Speaks, Knows string
	Warnings, Open, Facts   int
}

// templateView is the page of one template: what is asked, what is known, and,
// once the answers are there, what would be registered.
type templateView struct {
	ID, Name, AppName string
	Asks              []ui.FieldView
	Warnings, Facts   []jit.TemplateFact
	Sources           []jit.TemplateSource
	Proposed          []ui.Pair // nil: the answers are not there yet
	Answers           []ui.Pair // fields of the proposal
	Error             string
}

// templateList shows the well-known apps.
func (c *Console) templateList(w http.ResponseWriter, r *http.Request) error {
	all, err := jit.Templates()
	if err != nil {
		return err
	}
	var v templatesView
	for _, t := range all {
		row := templateRow{ID: t.ID, Name: t.Name, Warnings: len(t.Warnings)}
		var speaks []string
		for _, p := range t.Protocols {
			speaks = append(speaks, protocolWords(p))
		}
		row.Speaks = strings.Join(speaks, ", ")
		for _, f := range t.Facts() {
			row.Facts++
			if !f.Verified {
				row.Open++
			}
			if f.Path == "nameid" {
				row.Knows = f.Value
			}
		}
		v.Templates = append(v.Templates, row)
	}
	return ui.Render(w, r, http.StatusOK, templatesPage(v))
}

// templateShow asks what has to be known of one.
func (c *Console) templateShow(w http.ResponseWriter, r *http.Request) error {
	t, err := jit.FindTemplate(r.PathValue("id"))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, templatePage(templateViewOf(t, r, nil)))
}

// templateUse shows what the answers would register and, when it was seen,
// registers it.
func (c *Console) templateUse(w http.ResponseWriter, r *http.Request) error {
	t, err := jit.FindTemplate(r.PathValue("id"))
	if err != nil {
		return err
	}
	set := map[string]string{}
	for _, ask := range t.Asks {
		set[ask.Name] = r.PostFormValue("set." + ask.Name)
	}
	a, err := t.App(set)
	a.Name = cmp.Or(strings.TrimSpace(r.PostFormValue("name")), t.Name)
	secret := ""
	if a.OIDC != nil {
		directory.OIDCDefaults(a.OIDC)
		if directory.NeedsSecret(*a.OIDC) {
			var hash string
			secret, hash = directory.NewSecret()
			a.OIDC.SecretHashes = []string{hash}
		}
	}
	if err == nil && r.PostFormValue("seen") == "yes" {
		if a, err = c.Directory.AddApp(r.Context(), a); err == nil {
			return ui.Render(w, r, http.StatusCreated, appAddedPage(appAddedView{
				ID: string(a.ID), Name: a.Name, Secret: secret, Connect: c.connect(a, secret), SAML: a.SAML != nil,
			}))
		}
	} else if err == nil {
		if a.Identifier == "" {
			a.Identifier = directory.NewClientID()
		}
		err = c.Directory.CheckApp(a)
	}
	if idp.IsKind(err, idp.Invalid) || idp.IsKind(err, idp.Conflict) {
		return ui.Render(w, r, idp.KindOf(err).Status(), templatePage(templateViewOf(t, r, err)))
	}
	if err != nil {
		return err
	}
	v := templateViewOf(t, r, nil)
	v.propose(t, a, set)
	return ui.Render(w, r, http.StatusOK, templatePage(v))
}

// propose says what would be registered.
func (v *templateView) propose(t jit.Template, a idp.App, set map[string]string) {
	for _, p := range settings(a) {
		// Of these, some are made when it is registered.
		if p.Value != "" && p.Key != "ID here" && p.Key != "Client ID" {
			v.Proposed = append(v.Proposed, p)
		}
	}
	for _, rule := range a.Attributes {
		v.Proposed = append(v.Proposed, ui.Pair{Key: "Tells " + rule.Name, Value: "from " + rule.Source})
	}
	v.Answers = append(v.Answers, ui.Pair{Key: "name", Value: a.Name})
	for _, ask := range t.Asks {
		v.Answers = append(v.Answers, ui.Pair{Key: "set." + ask.Name, Value: set[ask.Name]})
	}
}

// templateViewOf is the page with what was typed, and what is wrong with it.
func templateViewOf(t jit.Template, r *http.Request, wrong error) templateView {
	v := templateView{ID: t.ID, Name: t.Name, AppName: cmp.Or(strings.TrimSpace(r.PostFormValue("name")), t.Name), Sources: t.Sources}
	fields := map[string]string{}
	if e, ok := errors.AsType[*idp.Error](wrong); ok {
		if fields, v.Error = e.Fields, e.Detail; len(fields) > 0 {
			v.Error = ""
		}
	}
	asked := map[string]bool{}
	for i, ask := range t.Asks {
		name := "set." + ask.Name
		asked[name] = true
		v.Asks = append(v.Asks, ui.FieldView{
			Name: name, Label: ask.Label, Hint: ask.Hint, Type: "text", Value: r.PostFormValue(name), Autocomplete: "off",
			MaxLength: "1024", Required: true, Error: fields[name], Focus: i == 0,
		})
	}
	for name, words := range fields {
		if !asked[name] {
			v.Error = words
		}
	}
	for _, f := range t.Facts() {
		if strings.HasPrefix(f.Path, "warnings/") {
			v.Warnings = append(v.Warnings, f)
		} else {
			v.Facts = append(v.Facts, f)
		}
	}
	return v
}

// openWords says how much of a template is from memory.
func openWords(r templateRow) string {
	switch r.Open {
	case 0:
		return "all verified"
	case r.Facts:
		return "all unverified"
	}
	return fmt.Sprintf("%d of %d unverified", r.Open, r.Facts)
}
