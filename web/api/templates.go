package api

import (
	"cmp"
	"net/http"

	"gatehouse/idp"
	"gatehouse/jit"
	"gatehouse/web/api/client"
)

func (a *API) templateList(*http.Request, caller) (int, any, error) {
	all, err := jit.Templates()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.Template]{Items: each(all, template)}, nil
}

func (a *API) templateShow(r *http.Request, _ caller) (int, any, error) {
	t, err := jit.FindTemplate(r.PathValue("template"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, template(t), nil
}

func template(t jit.Template) client.Template {
	return client.Template{
		ID: t.ID, Name: t.Name,
		Protocols: each(t.Protocols, func(p idp.Protocol) string { return string(p) }),
		Asks: each(t.Asks, func(k jit.Ask) client.TemplateAsk {
			return client.TemplateAsk{Name: k.Name, Label: k.Label, Hint: k.Hint}
		}),
		Facts:   each(t.Facts(), func(f jit.TemplateFact) client.TemplateFact { return client.TemplateFact(f) }),
		Sources: each(t.Sources, func(s jit.TemplateSource) client.TemplateSource { return client.TemplateSource(s) }),
	}
}

// fromTemplate is the registration that an app's template makes of the answers
// in set, with what the body says itself in its place.
func fromTemplate(in client.App) (client.App, error) {
	if in.Template == "" {
		if len(in.Set) > 0 {
			return in, idp.Errorf(idp.Invalid, "set answers the questions of a template, and there is no template.")
		}
		return in, nil
	}
	t, err := jit.FindTemplate(in.Template)
	if idp.IsKind(err, idp.NotFound) {
		detail := "There is no template " + in.Template + "."
		return in, &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{"template": detail}}
	}
	if err != nil {
		return in, err
	}
	made, err := t.App(in.Set)
	if err != nil {
		return in, err
	}
	return over(app(made), in)
}

// over puts what a body says itself over what its template makes.
func over(made, in client.App) (client.App, error) {
	if in.Protocol != "" && in.Protocol != made.Protocol {
		return in, idp.Errorf(idp.Invalid, "The template %s registers an app of protocol %s.", in.Template, made.Protocol)
	}
	in.Protocol = made.Protocol
	in.Name, in.Identifier, in.LaunchURL = cmp.Or(in.Name, made.Name), cmp.Or(in.Identifier, made.Identifier), cmp.Or(in.LaunchURL, made.LaunchURL)
	if in.Attributes == nil {
		in.Attributes = made.Attributes
	}
	if s := made.SAML; s != nil {
		if in.SAML == nil {
			in.SAML = &client.SAML{}
		}
		said := *in.SAML
		if len(said.ACS) == 0 && said.Metadata == "" {
			said.ACS = s.ACS
		}
		said.NameIDSource = cmp.Or(said.NameIDSource, s.NameIDSource)
		said.NameIDFormat, said.Sign = cmp.Or(said.NameIDFormat, s.NameIDFormat), cmp.Or(said.Sign, s.Sign)
		in.SAML = &said
	}
	if o := made.OIDC; o != nil {
		if in.OIDC == nil {
			in.OIDC = &client.OIDC{}
		}
		said := *in.OIDC
		if len(said.RedirectURIs) == 0 {
			said.RedirectURIs = o.RedirectURIs
		}
		in.OIDC = &said
	}
	return in, nil
}

// tried finds the app and the person that something is tried out for.
func (a *API) tried(r *http.Request) (idp.App, idp.User, error) {
	in, err := decode[client.ForPerson](r)
	if err != nil {
		return idp.App{}, idp.User{}, err
	}
	found, err := a.app(r, r.PathValue("app"))
	if err != nil {
		return idp.App{}, idp.User{}, err
	}
	if found.Removed() {
		return idp.App{}, idp.User{}, idp.Errorf(idp.Conflict, "%s is removed.", found.Name)
	}
	u, err := a.userNamed(r, in.User)
	return found, u, err
}

func (a *API) appPreview(r *http.Request, _ caller) (int, any, error) {
	found, u, err := a.tried(r)
	if err != nil {
		return 0, nil, err
	}
	v, err := a.Preview(r.Context(), found, u)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.AppPreview{
		Subject: v.Subject, SubjectFormat: v.SubjectFormat, SubjectNew: v.SubjectNew, Refusal: refused(v.Refusal),
		Told:      each(v.Told, func(t idp.Told) client.Told { return client.Told(t) }),
		Documents: each(v.Documents, func(d idp.Document) client.Document { return client.Document(d) }),
	}, nil
}

func (a *API) appTest(r *http.Request, _ caller) (int, any, error) {
	found, u, err := a.tried(r)
	if err != nil {
		return 0, nil, err
	}
	v, err := a.Test(r.Context(), found, u)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.AppTest{
		Played: v.Played, Accepted: v.Accepted, Notes: v.Notes, Refusal: refused(v.Refusal),
		Checks: each(v.Checks, func(c idp.AppCheck) client.AppCheck { return client.AppCheck(c) }),
	}, nil
}

func refused(r *idp.Refused) *client.Refused {
	if r == nil {
		return nil
	}
	return &client.Refused{Rule: r.Rule, Reason: r.Reason, Meaning: r.Meaning, Side: string(r.Side), Change: r.Change}
}
