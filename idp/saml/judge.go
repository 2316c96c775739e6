package saml

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strconv"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// When a request may have been made, by our clock.
const (
	maxAge   = 5 * time.Minute
	maxAhead = 3 * time.Minute
)

// maxName bounds the texts of a NameID that comes along in a request.
const maxName = 1 << 10

// recognise finds the app that a message claims to come from, and proves it
// where the message is signed or the app must sign: then what is read comes
// from the octets that were signed (SA-01, SA-06, SA-19).
func (p *Provider) recognise(ctx context.Context, m *wire.Message, v *visitor, req *request) (idp.App, wire.AuthnRequest, error) {
	req.came = m
	asked, err := wire.ParseAuthnRequest(m.Root)
	if err != nil {
		return idp.App{}, asked, unreadable(err)
	}
	req.Issuer, req.ID, req.IssuedAt = asked.Issuer, asked.ID, asked.IssueInstant
	app, err := v.app(ctx, p, asked.Issuer)
	if err != nil || !m.Signed() && !app.SAML.RequireSigned {
		return app, asked, err
	}
	certs, err := certificates(app.SAML.SigningCerts)
	if err != nil {
		return app, asked, err
	}
	signed, err := m.Verify(certs, wire.At(p.now()))
	if err != nil {
		return app, asked, turnAway("signature", "The app's request has no valid signature of the app. Tell the people who run it.", err)
	}
	if asked, err = wire.ParseAuthnRequest(signed); err != nil {
		return app, asked, unreadable(err)
	}
	if asked.Issuer != app.Identifier {
		return app, asked, turnAway("signature", "The app's request is signed for another app.", nil)
	}
	req.ID, req.IssuedAt, req.proven = asked.ID, asked.IssueInstant, true
	return app, asked, nil
}

func unreadable(err error) error {
	return turnAway("message", "The app's request cannot be read. Go back to the app and start again; if that does not help, tell the people who run it.", err)
}

// app finds a SAML app by its entityID.
func (p *Provider) app(ctx context.Context, entityID string) (idp.App, error) {
	if !identifies(entityID) {
		return idp.App{}, unregistered(cause("not an entityID"))
	}
	return registered(p.Store.AppByIdentifier(ctx, idp.ProtocolSAML, entityID))
}

// identifies: an entityID is a text that a form carries.
func identifies(entityID string) bool { return len(entityID) <= maxName && carriable(entityID) }

func unregistered(err error) error {
	return turnAway("issuer", "The app that sent you here is not registered. Tell the people who run it.", err)
}

// registered judges what was found of an app.
func registered(app idp.App, err error) (idp.App, error) {
	switch {
	case idp.IsKind(err, idp.NotFound):
		return idp.App{}, unregistered(err)
	case err != nil:
		return idp.App{}, err
	case app.SAML == nil:
		return idp.App{}, idp.Errorf(idp.Internal, "app %s has no SAML settings", app.ID)
	case app.Removed():
		return idp.App{}, unregistered(cause("the app was removed"))
	}
	return app, nil
}

// certificates reads the registered signing certificates of an app.
func certificates(texts []string) ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, 0, len(texts))
	for _, text := range texts {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, idp.Errorf(idp.Internal, "a registered certificate is not PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, idp.Errorf(idp.Internal, "a registered certificate cannot be read").Because(err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// judge reads the rest of a recognised request into req, rule by rule. From
// the moment req.ACS is set, the app can be told.
func (p *Provider) judge(app idp.App, m *wire.Message, asked wire.AuthnRequest, req *request) error {
	acs, ok := consumer(app.SAML.ACS, asked)
	if !ok {
		return turnAway("acs", "The app wants the answer at an address that is not registered for it. Tell the people who run it.", asksFor("AssertionConsumerServiceURL", asked.ACSURL))
	}
	req.ACS = acs
	req.ForceAuthn, req.IsPassive = asked.ForceAuthn, asked.IsPassive
	for _, rule := range []func() error{
		func() error { return req.readRelayState(m) },
		func() error { return p.judgeDestination(asked.Destination, m.Signed()) },
		func() error { return judgeTime(asked.IssueInstant, p.now()) },
		func() error { return judgeBinding(asked.ProtocolBinding) },
		func() error { return req.readPolicy(app, asked.NameIDPolicy) },
		func() error { return req.readContext(asked.RequestedAuthnContext) },
		func() error { return req.readSubject(asked.Subject) },
		func() error { return req.readAttributes(app, asked.AttributeIndex) },
	} {
		if err := rule(); err != nil {
			return err
		}
	}
	return nil
}

// consumer picks where the answer goes: by URL or by index, never both, and
// only what is registered (SAML Core §3.4.1, SA-13). All registered services
// take HTTP-POST.
func consumer(registered []idp.AssertionConsumer, asked wire.AuthnRequest) (url string, ok bool) {
	var at int
	switch {
	case len(registered) == 0, asked.ACSURL != "" && asked.ACSIndex != nil:
		return "", false
	case asked.ACSURL != "":
		at = slices.IndexFunc(registered, func(c idp.AssertionConsumer) bool { return c.URL == asked.ACSURL })
	case asked.ACSIndex != nil:
		at = slices.IndexFunc(registered, func(c idp.AssertionConsumer) bool { return c.Index == *asked.ACSIndex })
	default:
		at = max(slices.IndexFunc(registered, func(c idp.AssertionConsumer) bool { return c.Default }), 0)
	}
	if at < 0 {
		return "", false
	}
	return registered[at].URL, true
}

// asksFor says in the audit line what came in the place of what could be taken.
func asksFor(what, value string) error { return cause(what + " received: " + clip(value)) }

// readRelayState keeps what the app wants to be told again. From here on even a
// refusal tells it.
func (req *request) readRelayState(m *wire.Message) error {
	switch {
	case m.RelayStateTooLong:
		return badRelayState("RelayState is longer than 1 KiB.")
	case !carriable(m.RelayState):
		return badRelayState("RelayState holds characters that a form does not carry.")
	}
	req.RelayState = m.RelayState
	return nil
}

func badRelayState(text string) error {
	return decline("relay_state", wire.StatusRequester, wire.StatusRequestDenied, text)
}

// judgeDestination: a signed request must say that it is for us (SAML Bindings
// §3.4.5.2 and §3.5.5.2, SA-16).
func (p *Provider) judgeDestination(destination string, signed bool) error {
	if destination == p.ssoURL() || destination == "" && !signed {
		return nil
	}
	return decline("destination", wire.StatusRequester, wire.StatusRequestDenied,
		"The request is not addressed to this identity provider.").because(asksFor("Destination", destination))
}

func judgeTime(issued, now time.Time) error {
	if issued.After(now.Add(-maxAge)) && issued.Before(now.Add(maxAhead)) {
		return nil
	}
	return decline("issue_instant", wire.StatusRequester, wire.StatusRequestDenied,
		"The request is too old, or its time lies in the future.").because(asksFor("IssueInstant", issued.UTC().Format(time.RFC3339)))
}

func judgeBinding(binding string) error {
	if binding == "" || binding == string(wire.POST) {
		return nil
	}
	return decline("binding", wire.StatusRequester, wire.StatusUnsupportedBinding,
		"Answers are sent by HTTP-POST only.").because(asksFor("ProtocolBinding", binding))
}

// readPolicy keeps which NameID is wanted (SAML Core §3.4.1.1). A missing
// AllowCreate means false there; service providers that leave it out expect an
// account to be made, so only a false that is said counts.
func (req *request) readPolicy(app idp.App, policy wire.NameIDPolicy) error {
	switch {
	case policy.Format == "" || policy.Format == wire.NameIDUnspecified: // the choice is ours
	case policy.Format == app.SAML.NameIDFormat || slices.Contains(issuable, policy.Format):
		req.Format = policy.Format
	default:
		return badPolicy(wire.StatusRequester, "NameIDs are persistent, transient or emailAddress here, or what the app is registered with.").because(asksFor("NameIDPolicy Format", policy.Format))
	}
	if policy.SPNameQualifier != "" && policy.SPNameQualifier != req.Issuer {
		return badPolicy(wire.StatusRequester, "NameIDs of another service provider or of an affiliation are not issued.").because(asksFor("SPNameQualifier", policy.SPNameQualifier))
	}
	req.MustExist = policy.AllowCreate != nil && !*policy.AllowCreate
	return nil
}

func badPolicy(top, text string) *refusal {
	return decline("name_id_policy", top, wire.StatusInvalidNameIDPolicy, text)
}

// readSubject keeps whom the request is about. Somebody we cannot read the
// name of is somebody we do not know.
func (req *request) readSubject(subject *wire.NameID) error {
	if subject == nil {
		return nil
	}
	if subject.Value == "" || len(subject.Value)+len(subject.Format)+len(subject.NameQualifier)+len(subject.SPNameQualifier) > maxName {
		return unknownPrincipal()
	}
	req.Subject = subject
	return nil
}

func unknownPrincipal() *refusal {
	return decline("subject", wire.StatusResponder, wire.StatusUnknownPrincipal,
		"The person who signed in is not the one the request is about.")
}

// readAttributes keeps which attributes are wanted (SAML Core §3.4.1). Many
// service providers send an index that stands nowhere in their metadata: where
// none is registered, there is nothing to choose from.
func (req *request) readAttributes(app idp.App, index *int) error {
	if _, ok := serviceOf(app, index); !ok {
		return decline("attribute_service", wire.StatusRequester, wire.StatusRequestUnsupported,
			"AttributeConsumingServiceIndex is not in the metadata that is registered here.").because(asksFor("AttributeConsumingServiceIndex", strconv.Itoa(*index)))
	}
	req.Attributes = index
	return nil
}
