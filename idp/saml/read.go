package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	crewjam "github.com/crewjam/saml"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// soon is how long before its end something is worth a word.
const soon = 30 * 24 * time.Hour

// Read reads the metadata of one service provider, valid at now, into what
// would be registered, with what an admin should know of it before. It refuses
// what Import refuses. Nothing is said of who sent the document.
func Read(b []byte, now time.Time) (idp.Metadata, error) {
	sp, s, err := readSP(b, now)
	if err != nil {
		return idp.Metadata{}, err
	}
	m := idp.Metadata{EntityID: sp.EntityID, Name: clip(sp.DisplayName), Settings: s, CacheFor: duration(sp.CacheDuration)}
	m.Warnings = slices.Concat(aboutRequests(sp, s), aboutCertificates(sp.SigningCerts, now), aboutTheRest(sp, s, now))
	return m, nil
}

// duration reads an xs:duration; 0 for what is none, or is not ahead.
func duration(text string) time.Duration {
	var d crewjam.Duration
	if len(text) > 64 || d.UnmarshalText([]byte(text)) != nil {
		return 0
	}
	return max(0, time.Duration(d))
}

func aboutRequests(sp wire.SP, s idp.SAMLSettings) []string {
	switch {
	case len(s.SigningCerts) == 0:
		return []string{"It has no certificate for signing, so it cannot prove its requests: anybody can start a sign-on there in somebody else's browser."}
	case !s.RequireSigned:
		return []string{"It has a certificate, and does not say that it signs its requests: unsigned ones are taken too, until you demand signatures."}
	}
	return nil
}

func aboutCertificates(certs []*x509.Certificate, now time.Time) []string {
	var said []string
	for _, c := range certs {
		switch {
		case !now.Before(c.NotAfter):
			said = append(said, fmt.Sprintf("The certificate of %s ended on %s: what it signs is refused.", clip(c.Subject.String()), c.NotAfter.UTC().Format(time.DateOnly)))
		case now.Before(c.NotBefore):
			said = append(said, fmt.Sprintf("The certificate of %s begins on %s only: what it signs before is refused.", clip(c.Subject.String()), c.NotBefore.UTC().Format(time.DateOnly)))
		case !now.Add(soon).Before(c.NotAfter):
			said = append(said, fmt.Sprintf("The certificate of %s ends on %s. Get the next one from the app's admin before.", clip(c.Subject.String()), c.NotAfter.UTC().Format(time.DateOnly)))
		}
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
			said = append(said, fmt.Sprintf("The key of %s is shorter than 2048 bits: it can be broken.", clip(c.Subject.String())))
		}
	}
	return said
}

func aboutTheRest(sp wire.SP, s idp.SAMLSettings, now time.Time) []string {
	var said []string
	if n := len(sp.ACS) - len(s.ACS); n > 0 {
		said = append(said, fmt.Sprintf("Answers are sent by HTTP-POST only: %d of its addresses for answers are for other bindings, and are left out.", n))
	}
	if len(sp.NameIDFormats) > 0 && !slices.Contains(sp.NameIDFormats, s.NameIDFormat) {
		said = append(said, fmt.Sprintf("It asks for a NameID of %s, and gets %s. See with its admin that it takes that.", clip(sp.NameIDFormats[0]), local(s.NameIDFormat)))
	}
	if s.SOAPLogoutURL == "" {
		said = append(said, "It has no logout service with the SOAP binding, so nothing can tell it that somebody is out: after a suspension a person stays signed in there until the app's own session ends.")
	}
	if until := s.Metadata.Until; !until.IsZero() && !now.Add(soon).Before(until) {
		said = append(said, fmt.Sprintf("The document ends on %s (validUntil).", until.Format(time.DateOnly)))
	}
	return said
}
