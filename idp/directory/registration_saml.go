package directory

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/idp"
)

// NameID formats (SAML Core §8.3).
const (
	nameIDPersistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	nameIDTransient  = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	nameIDEmail      = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	// These two say what is not a person's name: another NameID, encrypted, and
	// a system.
	nameIDEncrypted = "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"
	nameIDEntity    = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
)

const (
	maxServices   = 50      // AttributeConsumingServices of an app
	maxRequested  = 200     // attributes of one of them
	maxRelayState = 1 << 10 // bytes; SAML Bindings §3.4.3 says 80, real ones hold addresses
)

// checkSSO checks what of a service provider's settings is about signing on.
func checkSSO(s *idp.SAMLSettings) error {
	if err := checkNameID(s); err != nil {
		return err
	}
	switch {
	case len(s.RelayState) > maxRelayState || !utf8.ValidString(s.RelayState) || strings.ContainsFunc(s.RelayState, unicode.IsControl):
		return invalid("relay_state", "A RelayState has at most 1 KiB and no control characters.")
	case s.RelayState != "" && !s.IdPInitiated:
		return invalid("relay_state", "A RelayState of ours is told only where the portal signs people in (idp_initiated): any other answer hands back the app's own.")
	case len(s.AttributeServices) > maxServices:
		return invalid("attribute_services", "An app has at most 50 attribute consuming services.")
	}
	seen := map[int]bool{}
	for _, service := range s.AttributeServices {
		tooLong := func(name string) bool { return name == "" || len(name) > 1024 }
		if service.Index < 0 || service.Index > 65535 || seen[service.Index] {
			return invalid("attribute_services", "Each attribute consuming service has an index of its own, 0 to 65535.")
		}
		if len(service.Names) == 0 || len(service.Names) > maxRequested || slices.ContainsFunc(service.Names, tooLong) {
			return invalid("attribute_services", "An attribute consuming service names 1 to 200 attributes.")
		}
		seen[service.Index] = true
	}
	return nil
}

// checkNameID: of what is not made here, somebody has to say what it says.
func checkNameID(s *idp.SAMLSettings) error {
	if s.NameIDFormat == "" {
		s.NameIDFormat = nameIDPersistent
	}
	u, err := url.Parse(s.NameIDFormat)
	made := s.NameIDFormat == nameIDPersistent || s.NameIDFormat == nameIDTransient
	switch {
	case err != nil || u.Scheme == "" || len(s.NameIDFormat) > 1024 || strings.ContainsFunc(s.NameIDFormat, unprintable):
		return invalid("name_id_format", "A NameID format is a URN like "+nameIDPersistent+".")
	case s.NameIDFormat == nameIDEncrypted || s.NameIDFormat == nameIDEntity:
		return invalid("name_id_format", "A NameID format is one of a person: persistent, transient, emailAddress, unspecified or another.")
	case !slices.Contains([]string{"", "username", "email", "id"}, s.NameIDSource):
		return invalid("name_id_source", "A NameID is made from what one person alone has: username, email or id.")
	case made && s.NameIDSource != "":
		return invalid("name_id_source", "A persistent or transient NameID is made here, and says nothing of the person. Take the source out (name_id_source), or choose another format.")
	case !made && s.NameIDFormat != nameIDEmail && s.NameIDSource == "":
		return invalid("name_id_source", "Nothing says what a NameID of this format is: choose its source (name_id_source): username, email or id.")
	}
	return nil
}
