package directory

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
)

// Reviews is what a review of a registration asks of the store.
type Reviews interface {
	ClientSecrets(ctx context.Context, a idp.App) ([]idp.ClientSecret, error)
	AppUse(ctx context.Context, id idp.AppID, now time.Time) (idp.AppUse, error)
}

// Review reads an app's registration as a reviewer would and returns what they
// would say, worst first; nothing where all is well.
func (d *Directory) Review(ctx context.Context, a idp.App) ([]idp.Finding, error) {
	r := reviewed{app: a, now: d.now()}
	var err error
	if r.secrets, err = d.Store.ClientSecrets(ctx, a); err != nil {
		return nil, err
	}
	if r.grants, err = d.Store.Grants(ctx, a.ID); err != nil {
		return nil, err
	}
	if r.use, err = d.Store.AppUse(ctx, a.ID, r.now); err != nil {
		return nil, err
	}
	return r.findings(), nil
}

// reviewed is all that a check may look at.
type reviewed struct {
	app     idp.App
	now     time.Time
	secrets []idp.ClientSecret
	grants  []idp.Grant
	use     idp.AppUse
}

// check is one thing a reviewer looks for. found returns whether it is there,
// and the value it is about, where there is one.
type check struct {
	rule              string
	found             func(reviewed) (value string, is bool)
	what, why, change string
}

func (r reviewed) findings() []idp.Finding {
	checks := checksOfAll
	switch {
	case r.app.OIDC != nil && r.app.OIDC.ApplicationType == idp.ApplicationMachine:
		checks = checksOfMachines
	case r.app.OIDC != nil:
		checks = slices.Concat(checksOfOIDC, checksOfMachines, checksOfAll)
	case r.app.SAML != nil:
		checks = slices.Concat(checksOfSAML, checksOfAll)
	}
	var found []idp.Finding
	for _, c := range checks {
		if value, is := c.found(r); is {
			what := c.what
			if value != "" {
				what += ": " + value
			}
			found = append(found, idp.Finding{Rule: c.rule, What: what + ".", Why: c.why, Change: c.change})
		}
	}
	return found
}

// is makes a check of a plain condition.
func is(condition func(reviewed) bool) func(reviewed) (string, bool) {
	return func(r reviewed) (string, bool) { return "", condition(r) }
}

// anyURI makes a check of redirect addresses, which names the first it is
// about.
func anyURI(condition func(r reviewed, u *url.URL, raw string) bool) func(reviewed) (string, bool) {
	return func(r reviewed) (string, bool) {
		for _, raw := range r.addresses() {
			if u, err := url.Parse(raw); err == nil && condition(r, u, raw) {
				return raw, true
			}
		}
		return "", false
	}
}

// addresses are those to which browsers bring what we issue.
func (r reviewed) addresses() []string {
	if r.app.OIDC != nil {
		return r.app.OIDC.RedirectURIs
	}
	var all []string
	if r.app.SAML != nil {
		for _, acs := range r.app.SAML.ACS {
			all = append(all, acs.URL)
		}
	}
	return all
}

// hosts are the hosts of these addresses, without ports; private-use schemes
// have none.
func hosts(addresses []string) []string {
	var all []string
	for _, raw := range addresses {
		if u, err := url.Parse(raw); err == nil && u.Hostname() != "" && !slices.Contains(all, u.Hostname()) {
			all = append(all, u.Hostname())
		}
	}
	return all
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// elsewhere reports whether a is on none of these hosts.
func elsewhere(raw string, known []string) bool {
	u, err := url.Parse(raw)
	return err == nil && raw != "" && !slices.Contains(known, u.Hostname())
}

func manyHosts(r reviewed) (string, bool) {
	all := hosts(r.addresses())
	return strings.Join(all, ", "), len(all) > 3
}

// checksOfAll hold for every app that people sign in to.
var checksOfAll = []check{
	{"nobody_granted", is(func(r reviewed) bool {
		return !slices.ContainsFunc(r.grants, func(g idp.Grant) bool { return g.UntilAt.IsZero() || r.now.Before(g.UntilAt) })
	}),
		"No grant lets anybody use it", "A registration that nobody uses is watched by nobody, and its secrets and addresses go stale.",
		"Grant it to a group, or take its address and secret out of the app."},
	{"everybody_granted", is(func(r reviewed) bool { return r.use.Looked >= 10 && r.use.May == r.use.Looked }),
		"Everybody may use it", "Whoever joins gets it, and one stolen password of anybody is enough to get in.",
		"If it is not meant for all, grant it to the groups that need it."},
	{"many_hosts", manyHosts,
		"Its answers may go to many hosts", "Each of them gets what lets a browser in; the weakest one decides.",
		"Register one app per host, so that each can be ended alone."},
	{"address_ip", anyURI(func(_ reviewed, u *url.URL, _ string) bool { return isIP(u.Hostname()) && !loopback(u.Hostname()) }),
		"An answer goes to a number instead of a name", "Whoever gets the number next gets the answers, and no certificate speaks for it.",
		"Give the app a name and register that."},
	{"address_pattern", anyURI(func(_ reviewed, _ *url.URL, raw string) bool {
		return strings.ContainsAny(raw, "*{}") || strings.Contains(strings.ToLower(raw), "%2a")
	}),
		"An address looks like a pattern", "Addresses are compared byte by byte: a pattern fits nothing, and who wrote it expected something else.",
		"Register each address as it is."},
}
