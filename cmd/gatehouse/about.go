package main

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	samlwire "gatehouse/idp/saml/wire"
)

// minValidity is the shortest: a service provider whose fetches fail over a long
// weekend goes on signing people in.
const minValidity = 4 * 24 * time.Hour

// metadataValidity reads for how long SAML metadata are good: 14d, 336h or off,
// which is zero.
func metadataValidity(s string) (time.Duration, error) {
	if s == "off" {
		return 0, nil
	}
	good, err := span(s)
	if err != nil || good < minValidity {
		return 0, fmt.Errorf("GATEHOUSE_METADATA_VALIDITY: %q is neither off nor a time span of %s or more, like 14d", s, minValidity)
	}
	return good, nil
}

// about reads who runs the house. Contacts are like technical:it@example.com.
func about(organization, home string, contacts []string) (samlwire.About, error) {
	a := samlwire.About{Language: "en", DisplayName: organization, Organization: organization}
	if organization != "" {
		a.OrganizationURL = home
	}
	if u, err := url.Parse(home); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return a, fmt.Errorf("GATEHOUSE_ORGANIZATION_URL: %q is no web address like https://example.com", home)
	}
	for _, c := range contacts {
		kind, address, _ := strings.Cut(c, ":")
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address || !slices.Contains(samlwire.ContactTypes(), kind) {
			return a, fmt.Errorf("GATEHOUSE_CONTACTS: %q is none like technical:it@example.com; the kinds are %s", c, strings.Join(samlwire.ContactTypes(), ", "))
		}
		a.Contacts = append(a.Contacts, samlwire.Contact{Type: kind, Email: address})
	}
	return a, nil
}
