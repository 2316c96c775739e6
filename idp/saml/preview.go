package saml

import (
	"context"
	"net/http"

	"github.com/beevik/etree"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// madeLater stands in a preview where the NameID is made at the first sign-in.
const madeLater = "(made at the first sign-in)"

// Preview is what app would be told of u, were they to sign in now: the answer
// to a request of the app that demands nothing, without its signatures. A
// persistent NameID that is not made yet is not made by it.
func (r *Rehearsals) Preview(ctx context.Context, app idp.App, u idp.User) (idp.AppPreview, error) {
	if app.SAML == nil {
		return idp.AppPreview{}, idp.Errorf(idp.Invalid, "%s does not speak SAML.", app.Name)
	}
	plain := *app.SAML
	plain.RequireSigned, plain.EncryptAssertion = false, false
	app.SAML = &plain
	request, err := r.plainRequest(ctx, app)
	if err != nil {
		return idp.AppPreview{}, err
	}
	done, err := r.SignOn(ctx, app, u, request)
	if err != nil || done.Refusal != nil {
		return idp.AppPreview{Refusal: done.Refusal}, err
	}
	response, err := wire.Parse(done.Response)
	if err != nil {
		return idp.AppPreview{}, err
	}
	assertion, err := wire.Child(response, wire.NSAssertion, "Assertion")
	if err != nil || assertion == nil {
		return idp.AppPreview{}, idp.Errorf(idp.Internal, "the rehearsal's answer has no assertion").Because(err)
	}
	return previewOf(assertion, done.NameNew)
}

// plainRequest is an AuthnRequest of app that demands nothing.
func (r *Rehearsals) plainRequest(ctx context.Context, app idp.App) (*http.Request, error) {
	p := r.Provider
	asked := wire.AuthnRequest{ID: wire.NewID(), Issuer: app.Identifier, Destination: p.ssoURL(), IssueInstant: p.now()}
	at, err := wire.RedirectURL(p.ssoURL(), wire.ParamRequest, wire.Serialize(asked.Element()), "")
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
}

// previewOf reads an assertion of ours and takes its signature away.
func previewOf(assertion *etree.Element, nameNew bool) (idp.AppPreview, error) {
	var v idp.AppPreview
	for _, signature := range wire.Children(assertion, wire.NSSignature, "Signature") {
		assertion.RemoveChild(signature)
	}
	subject, err := wire.Child(assertion, wire.NSAssertion, "Subject")
	if err != nil || subject == nil {
		return v, idp.Errorf(idp.Internal, "the assertion has no Subject").Because(err)
	}
	name, err := wire.Child(subject, wire.NSAssertion, "NameID")
	if err != nil || name == nil {
		return v, idp.Errorf(idp.Internal, "the assertion has no NameID").Because(err)
	}
	v.SubjectFormat, v.SubjectNew = wire.Attr(name, "Format"), nameNew
	if nameNew {
		name.SetText(madeLater)
	} else if v.Subject, err = wire.Text(name); err != nil {
		return v, err
	}
	for _, statement := range wire.Children(assertion, wire.NSAssertion, "AttributeStatement") {
		for _, a := range wire.Children(statement, wire.NSAssertion, "Attribute") {
			told := idp.Told{Name: wire.Attr(a, "Name"), NameFormat: wire.Attr(a, "NameFormat"), FriendlyName: wire.Attr(a, "FriendlyName"), In: assertionDocument}
			for _, value := range wire.Children(a, wire.NSAssertion, "AttributeValue") {
				text, err := wire.Text(value)
				if err != nil {
					return v, err
				}
				told.Values = append(told.Values, text)
			}
			v.Told = append(v.Told, told)
		}
	}
	v.Documents = []idp.Document{{Name: assertionDocument, Text: readable(assertion)}}
	return v, nil
}

const assertionDocument = "Assertion"

// readable is an element indented for people.
func readable(el *etree.Element) string {
	doc := etree.NewDocument()
	if root, err := wire.Parse(wire.Serialize(el)); err == nil {
		el = root
	}
	doc.SetRoot(el)
	doc.Indent(2)
	text, err := doc.WriteToString()
	if err != nil {
		return ""
	}
	return text
}
