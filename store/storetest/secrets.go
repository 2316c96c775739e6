package storetest

import (
	"strings"
	"time"

	"gatehouse/idp"
)

// testSecrets: what is said of an app's secrets follows the app's settings,
// and says nothing of a secret that is gone.
func testSecrets(h *house) {
	first, second := strings.Repeat("a", 64), strings.Repeat("b", 64)
	a := h.app("wiki")
	a.OIDC = &idp.OIDCSettings{SecretHashes: []string{first}}
	a.UpdatedAt = h.now
	h.commit(idp.Change{Apps: []idp.App{a}})
	a.Version++
	got, err := h.ClientSecrets(h.ctx, a)
	h.ok(err)
	h.same([]idp.ClientSecret{{ID: idp.SecretIDOf(first), MadeAt: h.now}}, got)

	later := h.now.Add(time.Hour)
	h.ok(h.UseSecret(h.ctx, a.ID, idp.SecretIDOf(first), later))
	h.ok(h.UseSecret(h.ctx, a.ID, idp.SecretIDOf(first), h.now))
	a.OIDC.SecretHashes, a.UpdatedAt = []string{second, first}, later
	h.commit(idp.Change{Apps: []idp.App{a}})
	a.Version++
	got, err = h.ClientSecrets(h.ctx, a)
	h.ok(err)
	h.same([]idp.ClientSecret{{ID: idp.SecretIDOf(second), MadeAt: later}, {ID: idp.SecretIDOf(first), MadeAt: h.now, UsedAt: later}}, got)

	a.OIDC.SecretHashes = []string{second}
	h.commit(idp.Change{Apps: []idp.App{a}})
	a.Version++
	h.ok(h.UseSecret(h.ctx, a.ID, idp.SecretIDOf(first), later))
	a.OIDC.SecretHashes = []string{first}
	got, err = h.ClientSecrets(h.ctx, a)
	h.ok(err)
	h.same([]idp.ClientSecret{{ID: idp.SecretIDOf(first)}}, got)
}
