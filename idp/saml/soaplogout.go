package saml

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/keys"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml/wire"
)

const (
	// soapAction is what SAML Bindings §3.2.3.1 names for the SOAP binding.
	soapAction = "http://www.oasis-open.org/committees/security"
	logoutTTL  = 2 * time.Minute
)

// SOAPLogout is the lever of a SAML app: it sends a signed LogoutRequest to
// the app's single logout service with the SOAP binding (SAML Profiles §4.4,
// SAML Bindings §3.2). It is an outbox.Lever.
type SOAPLogout struct {
	EntityID string
	Ring     *keys.Ring
	Fetch    *fetch.Client
	Now      func() time.Time
}

// Name, Reaches and Destroys say what it is; see outbox.Lever.
func (l *SOAPLogout) Name() idp.Lever { return idp.LeverSOAP }
func (l *SOAPLogout) Destroys() bool  { return false }
func (l *SOAPLogout) Reaches(app idp.App) bool {
	return app.SAML != nil && app.SAML.SOAPLogoutURL != ""
}

// Send tells the app of an ending, by the NameID exactly as it was issued, for
// the sessions that the delivery names, or for the whole person where it names
// none (SAML Core §3.7.1).
//
// Success acknowledges. So does UnknownPrincipal: the app says that nobody of
// that name is signed in there, which several write for a session that is gone
// already. Everything else is tried again, a SOAP fault and a status of HTTP
// like a status of SAML: a session left alive is worse than a few requests too
// many. Only an app that has no address any more is permanent.
func (l *SOAPLogout) Send(ctx context.Context, app idp.App, d idp.Delivery) (string, error) {
	if !l.Reaches(app) {
		return "", outbox.Permanent(idp.Errorf(idp.Invalid, "The app has no address for logout requests any more."))
	}
	ask := l.request(app, d)
	body, err := l.envelope(app, ask)
	if err != nil {
		return "", fmt.Errorf("sign the logout request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.SAML.SOAPLogoutURL, bytes.NewReader(body))
	if err != nil {
		return "", outbox.Permanent(idp.Errorf(idp.Invalid, "The address for logout requests cannot be used.").Because(err))
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `"`+soapAction+`"`)
	res, err := l.Fetch.Do(req)
	if err != nil {
		return "", err
	}
	if res.Status != http.StatusOK {
		return "", refusedByHTTP(res)
	}
	return l.judge(app, ask.ID, res.Body)
}

// request is fresh at every call: an ID that comes twice is refused as a replay.
func (l *SOAPLogout) request(app idp.App, d idp.Delivery) wire.LogoutRequest {
	now := l.Now()
	return wire.LogoutRequest{
		ID: wire.NewID(), Issuer: l.EntityID, Destination: app.SAML.SOAPLogoutURL,
		IssueInstant: now, NotOnOrAfter: now.Add(logoutTTL),
		NameID: wire.NameID(d.NameID), SessionIndexes: d.SessionIndexes,
	}
}

func (l *SOAPLogout) envelope(app idp.App, ask wire.LogoutRequest) ([]byte, error) {
	sign, err := signer(l.Ring, app)
	if err != nil {
		return nil, err
	}
	el := ask.Element()
	if err := sign.Sign(el); err != nil {
		return nil, err
	}
	return wire.SOAPEnvelope(el), nil
}

// judge reads the app's answer. The channel vouches for it (SAML Profiles
// §4.4.4.2); a signature that is there must be good where we can tell.
func (l *SOAPLogout) judge(app idp.App, id string, body []byte) (string, error) {
	unclear := func(cause error) error {
		return idp.Errorf(idp.Unavailable, "It answered with something that is not the answer to our logout request.").Because(cause)
	}
	m, err := wire.DecodeSOAP(bytes.NewReader(body))
	if err != nil {
		return "", unclear(err)
	}
	el := m.Root
	if m.Signed() && len(app.SAML.SigningCerts) > 0 {
		certs, err := certificates(app.SAML.SigningCerts)
		if err != nil {
			return "", err
		}
		if el, err = m.Verify(certs, wire.At(l.Now())); err != nil {
			return "", idp.Errorf(idp.Unavailable, "Its answer has a signature that is not the app's.").Because(err)
		}
	}
	answer, err := wire.ParseLogoutResponse(el)
	switch {
	case err != nil:
		return "", unclear(err)
	case answer.InResponseTo != id:
		return "", unclear(cause("it answers another request"))
	case answer.Issuer != app.KnownAs():
		return "", unclear(cause("it is of another issuer"))
	}
	return judgeStatus(answer.Status)
}

func judgeStatus(s wire.Status) (string, error) {
	switch {
	case s.SubCode == wire.StatusPartialLogout:
		return "", idp.Errorf(idp.Unavailable, "It could not end every session.")
	case s.OK():
		return "It answered Success.", nil
	case s.SubCode == wire.StatusUnknownPrincipal:
		return "It answered that nobody of that name is signed in there.", nil
	}
	return "", idp.Errorf(idp.Unavailable, "It answered %s.", plainStatus(s))
}

// plainStatus is a status in words: codes we know, never the app's prose.
func plainStatus(s wire.Status) string {
	said := []string{"an unknown status"}
	for _, known := range []string{wire.StatusRequester, wire.StatusResponder, wire.StatusVersionMismatch} {
		if s.Code == known {
			said[0] = local(known)
		}
	}
	for _, known := range []string{
		wire.StatusAuthnFailed, wire.StatusRequestDenied, wire.StatusRequestUnsupported,
		wire.StatusUnsupportedBinding, wire.StatusInvalidNameIDPolicy,
	} {
		if s.SubCode == known {
			said = append(said, local(known))
		}
	}
	return strings.Join(said, ", ")
}

func local(urn string) string { return urn[strings.LastIndexByte(urn, ':')+1:] }

func refusedByHTTP(res *fetch.Response) error {
	err := idp.Errorf(idp.Unavailable, "%s.", strings.TrimSpace(fmt.Sprintf("It answered %d %s", res.Status, http.StatusText(res.Status))))
	if seconds, bad := strconv.Atoi(res.Header.Get("Retry-After")); bad == nil && seconds > 0 {
		return outbox.RetryAfter(err, time.Duration(min(seconds, 3600))*time.Second)
	}
	return err
}
