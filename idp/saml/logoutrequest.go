package saml

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// Bounds on what is named in one LogoutRequest: it has to fit, sealed, into a
// URL.
const (
	maxIndexes = 64
	maxIndex   = 64 // bytes; ours are far shorter
)

// logout is what is kept of an app's LogoutRequest. Once it is proven, it is
// signed by the app; once it is judged, every text in it is bounded.
type logout struct {
	Issuer     string
	ID         string
	IssuedAt   time.Time
	Name       wire.NameID
	Indexes    []string `json:",omitempty"` // SessionIndexes; none: all that the person has in the app
	RelayState string   `json:",omitempty"`

	proven bool
	came   *wire.Message // as long as it is judged; nil later
}

func (l *logout) encode() ([]byte, error) { return json.Marshal(l) }

func decodeLogout(kept []byte) (*logout, error) {
	l := &logout{proven: true}
	if err := json.Unmarshal(kept, l); err != nil {
		return l, idp.Errorf(idp.Internal, "a kept logout request cannot be read").Because(err)
	}
	return l, nil
}

// receiveLogout recognises and judges a LogoutRequest that came to the address
// here. It is signed by the app, always: whoever could ask for a logout in an
// app's name could throw anybody out (SAML Profiles §4.4.4.1, SA-29). l holds
// what is known of it also when it is refused.
func (p *Provider) receiveLogout(ctx context.Context, m *wire.Message, here string) (app idp.App, l *logout, err error) {
	l = &logout{came: m}
	claimed, err := wire.ParseLogoutRequest(m.Root)
	if err != nil && !errors.Is(err, wire.ErrEncrypted) {
		return app, l, unreadable(err)
	}
	l.Issuer, l.ID = claimed.Issuer, claimed.ID
	app, err = p.app(ctx, claimed.Issuer)
	if err != nil {
		return app, l, err
	}
	certs, err := certificates(app.SAML.SigningCerts)
	if err != nil {
		return app, l, err
	}
	el, err := m.Verify(certs, wire.At(p.now()))
	if err != nil {
		return app, l, turnAway("signature", "The app's request to sign you out has no valid signature of the app, so nobody was signed out. Sign out at Gatehouse, and tell the people who run the app.", err)
	}
	signed, err := wire.ParseLogoutRequest(el)
	encrypted := errors.Is(err, wire.ErrEncrypted)
	if err != nil && !encrypted {
		return app, l, unreadable(err)
	}
	if signed.Issuer != app.Identifier {
		return app, l, turnAway("signature", "The app's request is signed for another app.", nil)
	}
	l.ID, l.IssuedAt, l.proven = signed.ID, signed.IssueInstant, true
	return app, l, p.judgeLogout(m, signed, encrypted, here, l)
}

// judgeLogout reads the rest of a proven request into l, rule by rule.
func (p *Provider) judgeLogout(m *wire.Message, asked wire.LogoutRequest, encrypted bool, here string, l *logout) error {
	if m.RelayStateTooLong {
		return badRelayState("RelayState is longer than 1 KiB.")
	}
	if !carriable(m.RelayState) {
		return turnAway("relay_state", "The app's request holds characters that cannot be handed back to it.", nil)
	}
	l.RelayState = m.RelayState
	if asked.Destination != here {
		return decline("destination", wire.StatusRequester, wire.StatusRequestDenied,
			"The request is not addressed to this endpoint.").because(asksFor("Destination", asked.Destination))
	}
	if err := judgeTime(asked.IssueInstant, p.now()); err != nil {
		return err
	}
	// The app's clock may be behind ours; how old a request may be is ours to say.
	if until := asked.NotOnOrAfter; !until.IsZero() && !p.now().Before(until.Add(maxAhead)) {
		return decline("expired", wire.StatusRequester, wire.StatusRequestDenied,
			"The request has expired (NotOnOrAfter).").because(asksFor("NotOnOrAfter", until.UTC().Format(time.RFC3339)))
	}
	if encrypted {
		return decline("encrypted_id", wire.StatusRequester, wire.StatusRequestUnsupported,
			"The NameID is encrypted, and this identity provider publishes no key to encrypt to.")
	}
	l.Name, l.Indexes = asked.NameID, asked.SessionIndexes
	if n := l.Name; len(n.Value)+len(n.Format)+len(n.NameQualifier)+len(n.SPNameQualifier) > maxName {
		return nobodyNamed()
	}
	if len(l.Indexes) > maxIndexes || slices.ContainsFunc(l.Indexes, func(s string) bool { return len(s) > maxIndex }) {
		return noSuchSession()
	}
	return nil
}

func nobodyNamed() *refusal {
	return decline("principal", wire.StatusRequester, wire.StatusUnknownPrincipal,
		"Nobody was ever named so to this service provider.")
}

func noSuchSession() *refusal {
	return decline("session_index", wire.StatusRequester, wire.StatusUnknownPrincipal,
		"No session of that name and SessionIndex was ever told to this service provider.")
}
