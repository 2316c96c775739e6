package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"gatehouse/web/api/client"
)

const (
	workers  = 4 // closed loop
	apps     = 50
	password = "correct horse battery staple"
	secret   = "the secret of every app of the bench"
	callback = "http://app.localhost/callback"
	consumer = "http://app.localhost/acs"
	entityID = "http://app.localhost/metadata"
	// bothEntityID is of the app that wants two signatures.
	bothEntityID = "http://app.localhost/metadata/both"
	groupName    = "Everybody"

	machineScope = "stock.read"
)

// The OIDC apps that are measured.
const (
	appES256      = "es256"
	appRS256      = "rs256"
	machineOpaque = "machine-opaque"
	machineJWT    = "machine-jwt"
)

// furnished says who was added for what.
type furnished struct {
	people    []*person // all of them
	load      []*person // one per worker
	keyed     []*person // one per worker, with a passkey
	many, few []*person // to be suspended: with ten thousand sessions, with one
}

// furnish starts the house and adds the people and apps of the bench, each
// person with a password.
func (h *house) furnish(ctx context.Context, o options) error {
	if _, err := h.start(ctx); err != nil {
		return err
	}
	want := client.Desired{Groups: []string{groupName}, Apps: registrations()}
	for _, a := range want.Apps {
		want.Grants = append(want.Grants, client.Grant{App: a.Name, Group: groupName})
	}
	want.Apps = append(want.Apps, machine(machineOpaque, "opaque"), machine(machineJWT, "jwt")) // nobody signs in to these
	add := func(kind string, n int) (list []*person) {
		for i := range n {
			name := fmt.Sprintf("%s%d", kind, i)
			want.Users = append(want.Users, client.DesiredUser{
				Person: client.Person{Username: name, Email: name + "@example.com", DisplayName: name},
				Groups: []string{groupName},
			})
			list = append(list, newPerson(h, name))
		}
		h.people = append(h.people, list...)
		return list
	}
	h.load, h.keyed, h.many, h.few = add("worker", workers), add("keyed", workers), add("many", o.suspensions), add("few", o.suspensions)
	if err := h.bring(ctx, want, h.people); err != nil {
		return err
	}
	for _, p := range h.keyed {
		if err := p.makePasskey(ctx); err != nil {
			return fmt.Errorf("make a passkey of %s: %w", p.name, err)
		}
	}
	return nil
}

// addPeople adds so many by the API, in no group and with no password.
func (h *house) addPeople(ctx context.Context, kind string, n int) error {
	const atOnce = 250
	for from := 0; from < n; from += atOnce {
		var want client.Desired
		for i := from; i < min(n, from+atOnce); i++ {
			want.Users = append(want.Users, client.DesiredUser{Person: client.Person{Username: fmt.Sprintf("%s%d", kind, i), DisplayName: kind}})
		}
		if _, err := h.api().Apply(ctx, want, false); err != nil {
			return err
		}
	}
	return nil
}

// bring adds what is wanted, and gives each of the people a password.
func (h *house) bring(ctx context.Context, want client.Desired, people []*person) error {
	done, err := h.api().Apply(ctx, want, false)
	if err != nil {
		return err
	}
	links := map[string]string{}
	for _, c := range done.Changes {
		if c.Link != "" {
			links[c.Name] = c.Link
		}
	}
	for _, p := range people {
		if links[p.name] == "" {
			return errors.New("no link for " + p.name)
		}
		if err := p.setPassword(ctx, links[p.name]); err != nil {
			return fmt.Errorf("set the password of %s: %w", p.name, err)
		}
	}
	return nil
}

// registrations are the four apps that are measured and fifty more, none of
// which can be told of a logout: what is measured of a suspension is the
// suspension, not the network.
func registrations() []client.App {
	sum := sha256.Sum256([]byte(secret))
	relying := func(name, alg string) client.App {
		return client.App{Name: name, Protocol: "oidc", Identifier: name, OIDC: &client.OIDC{
			SecretHashes: []string{hex.EncodeToString(sum[:])}, RedirectURIs: []string{callback},
			IDTokenAlg: alg, AllowOfflineAccess: true,
		}}
	}
	list := []client.App{
		relying(appES256, "ES256"), relying(appRS256, "RS256"),
		{Name: "saml", Protocol: "saml", Identifier: entityID, SAML: &client.SAML{
			ACS: []client.ACS{{URL: consumer, Index: 0, Default: true}},
		}},
		{Name: "saml, both signed", Protocol: "saml", Identifier: bothEntityID, SAML: &client.SAML{
			ACS: []client.ACS{{URL: consumer, Index: 0, Default: true}}, Sign: "both",
		}},
	}
	for i := range apps {
		list = append(list, relying(fmt.Sprintf("app%d", i), "ES256"))
	}
	return list
}

// machine is an app that acts for itself and gets access tokens of that format.
func machine(name, format string) client.App {
	sum := sha256.Sum256([]byte(secret))
	return client.App{Name: name, Protocol: "oidc", Identifier: name, OIDC: &client.OIDC{
		ApplicationType: "machine", SecretHashes: []string{hex.EncodeToString(sum[:])},
		IDTokenAlg: "ES256", Scopes: []string{machineScope}, AccessTokenFormat: format,
	}}
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}
