package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"golang.org/x/net/publicsuffix"

	"gatehouse/idp"
)

const (
	// ceremonyTime is how long somebody may take from the page to the passkey.
	ceremonyTime = 5 * time.Minute
	// maxResponse bounds what a browser answers in a ceremony, in bytes; real
	// answers have one or two kilobytes, with an attestation some more.
	maxResponse = 64 << 10

	spentChallenge = "webauthn" // kind of what is spent

	purposeGet    = "webauthn.get"
	purposeCreate = "webauthn.create"
)

// PasskeySettings are what the house decides on passkeys.
type PasskeySettings struct {
	// URL is the house's own origin; House what people know the house as.
	URL   *url.URL
	House string
	// Domain is the RP ID (WebAuthn L3 §4): the URL's host, or a domain it lies
	// in. It cannot change without losing all passkeys. Empty: the host.
	Domain string
	// Origins are more origins at which the house's passkeys are used (§5.11).
	Origins []string
	// Attestation asks authenticators to say what they are; Authenticators are
	// the AAGUIDs of those that are taken, of all when it is empty.
	Attestation    bool
	Authenticators []string
	// Roots are certificates of makers, one of whom has to vouch for an authenticator
	// that is taken; nil: nobody has to.
	Roots *x509.CertPool
	Box   Box
	// Salt is what user handles are made with, the same for ever.
	Salt []byte
}

// Passkeys is what the ceremonies of WebAuthn stand on.
type Passkeys struct {
	rp          *webauthn.WebAuthn
	box         Box
	salt        []byte
	attestation bool
	permitted   []string
	roots       *x509.CertPool
}

// NewPasskeys checks the settings: idp.Invalid, in words for who runs the
// house, for a domain or an origin that no browser would take.
func NewPasskeys(s PasskeySettings) (*Passkeys, error) {
	if s.Domain == "" {
		s.Domain = s.URL.Hostname()
	}
	if err := s.checkDomain(); err != nil {
		return nil, err
	}
	origins := append([]string{s.URL.Scheme + "://" + s.URL.Host}, s.Origins...)
	for _, o := range origins[1:] {
		if err := checkOrigin(o); err != nil {
			return nil, err
		}
	}
	if _, err := protocol.NewRelatedOrigins(origins...); err != nil {
		return nil, idp.Errorf(idp.Invalid, "browsers look at no more than %d names of domains among the origins of passkeys", protocol.MaximumRelatedOriginLabels).Because(err)
	}
	config := &webauthn.Config{
		RPID: s.Domain, RPDisplayName: s.House, RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		// Some managers send outputs that nobody asked for. We read none.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	}
	if s.Attestation {
		config.AttestationPreference = protocol.PreferDirectAttestation
	}
	permitted, err := aaguids(s.Authenticators)
	if err != nil {
		return nil, err
	}
	rp, err := webauthn.New(config)
	if err != nil {
		return nil, idp.Errorf(idp.Invalid, "no browser takes these settings of passkeys").Because(err)
	}
	return &Passkeys{rp: rp, box: s.Box, salt: s.Salt, attestation: s.Attestation, permitted: permitted, roots: s.Roots}, nil
}

// Possible reports whether a house at this address can have passkeys: browsers
// know none for an IP address, nor for a host of one label but localhost.
func Possible(house *url.URL) bool {
	host := house.Hostname()
	return protocol.ValidateRPID(host) == nil && (strings.Contains(host, ".") || host == "localhost")
}

// checkDomain: a registrable domain suffix of the host, or the host itself
// (WebAuthn L3 §5.1.3 step 8).
func (s PasskeySettings) checkDomain() error {
	host := strings.ToLower(s.URL.Hostname())
	switch {
	case s.Domain == host:
		return nil
	case !strings.HasSuffix(host, "."+s.Domain):
		return idp.Errorf(idp.Invalid, "the domain of passkeys is %s or a domain that it lies in, not %q", host, s.Domain)
	}
	if _, err := publicsuffix.EffectiveTLDPlusOne(s.Domain); err != nil {
		return idp.Errorf(idp.Invalid, "the domain of passkeys is one that somebody can register, and nobody can %q", s.Domain).Because(err)
	}
	return nil
}

func checkOrigin(o string) error {
	u, err := url.Parse(o)
	if err != nil || u.Scheme != "https" || u.Host == "" || o != u.Scheme+"://"+strings.ToLower(u.Host) {
		return idp.Errorf(idp.Invalid, "an origin of passkeys is like https://example.com, in lower case and without a path, not %q", o)
	}
	return nil
}

// Origins are where the house's passkeys are used, its own first: the document
// of related origins (WebAuthn L3 §5.11).
func (p *Passkeys) Origins() []string { return slices.Clone(p.rp.Config.RPOrigins) }

// Domain is the RP ID.
func (p *Passkeys) Domain() string { return p.rp.Config.RPID }

// handle is a person's user handle (WebAuthn L3 §14.6.1): 64 bytes that tell
// nothing of them. They are made of the ID and a secret of the house, rather
// than kept, so that a person has them before their first passkey and the same
// on every node, and no row has to be written for them.
func (p *Passkeys) handle(id idp.UserID) []byte {
	mac := hmac.New(sha512.New, p.salt)
	mac.Write([]byte("user handle\x00" + string(id)))
	return mac.Sum(nil)
}

// Ceremony is what a page needs for a passkey: Options for the browser, as
// JSON, and State, which it sends back with the answer and cannot read.
type Ceremony struct{ Options, State string }

// begun is what State says: whose ceremony it is (a SignIn's, a Session's) and
// until when.
type begun struct {
	For   string               `json:"for"`
	Until time.Time            `json:"until"`
	Data  webauthn.SessionData `json:"data"`
}

func (l *Login) ceremony(purpose, whose string, options any, data *webauthn.SessionData) (Ceremony, error) {
	forBrowser, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, fmt.Errorf("write the options of a ceremony: %w", err)
	}
	state, err := json.Marshal(begun{For: whose, Until: l.now().Add(ceremonyTime), Data: *data})
	if err != nil {
		return Ceremony{}, fmt.Errorf("write the state of a ceremony: %w", err)
	}
	return Ceremony{Options: string(forBrowser), State: l.Passkeys.box.Seal(purpose, state)}, nil
}

// take spends a ceremony of this one, for this try whatever comes of it. It
// says why it is not to be had, for the events.
func (l *Login) take(ctx context.Context, purpose, whose, sealed string) (data webauthn.SessionData, why string, err error) {
	plain, err := l.Passkeys.box.Open(purpose, sealed)
	if err != nil {
		return data, "no ceremony of ours", nil
	}
	var b begun
	if err := json.Unmarshal(plain, &b); err != nil {
		return data, "", fmt.Errorf("read the state of a ceremony: %w", err)
	}
	if b.For != whose {
		return data, "a ceremony of another sign-in", nil
	}
	if !l.now().Before(b.Until) {
		return data, "the ceremony has expired", nil
	}
	err = l.Store.Spend(ctx, spentChallenge, b.Data.Challenge, b.Until)
	if idp.IsKind(err, idp.Conflict) {
		return data, "the challenge was used before", nil
	}
	return b.Data, "", err
}

// noPasskeys is for a house that can have none.
func noPasskeys() error {
	return idp.Errorf(idp.NotFound, "There are no passkeys here. Use your password.")
}
