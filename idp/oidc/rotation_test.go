package oidc_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/keys"
)

// ringed are the keys of one house as so many nodes see them.
func (h *house) ringed(nodes int) []*keys.Ring {
	h.t.Helper()
	rings := make([]*keys.Ring, nodes)
	for i := range rings {
		rings[i] = h.anotherRing()
	}
	h.dir.Keys = rings[0]
	return rings
}

func (h *house) anotherRing() *keys.Ring {
	h.t.Helper()
	r := &keys.Ring{Store: h.store, Box: h.provider.Box, Now: h.clock.Now, Subject: "gatehouse.test"}
	h.must(r.Load(h.t.Context()))
	return r
}

// cachingParty is an app that reads the key set once a day and never in
// between.
type cachingParty struct {
	set    jose.JSONWebKeySet
	readAt time.Time
}

// takes demands that the app knows the key of a token.
func (p *cachingParty) takes(t *testing.T, jws *jose.JSONWebSignature, now time.Time, set []byte) {
	t.Helper()
	if now.Sub(p.readAt) >= 24*time.Hour {
		p.set, p.readAt = jose.JSONWebKeySet{}, now
		if err := json.Unmarshal(set, &p.set); err != nil {
			t.Fatal(err)
		}
	}
	if kid := jws.Signatures[0].Header.KeyID; len(p.set.Key(kid)) != 1 {
		t.Fatalf("%s: an app that read the key set %s ago meets the unknown key %s", now.Format(time.RFC3339), now.Sub(p.readAt), kid)
	}
}

// inHand is a token in somebody's hands.
type inHand struct {
	token string
	until time.Time
}

// TestKeysRotateAndNoAppMeetsAnUnknownOne lets six weeks go by, hour by hour:
// two nodes that are restarted again and again, each of which signs while the
// other is asked for the key set; apps that read it at every hour of the day;
// tokens that last for a day.
func TestKeysRotateAndNoAppMeetsAnUnknownOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const lasts, every, weeks = idp.MaxIDTokenTTL, 18 * 24 * time.Hour, 6
	nodes := h.ringed(2)
	begin := h.clock.Now()
	apps := make([]cachingParty, 24)
	for i := range apps {
		apps[i].readAt = begin.Add(-time.Duration(i) * time.Hour)
		h.must(json.Unmarshal(nodes[0].JWKS(), &apps[i].set))
	}
	var tokens []inHand
	signed := map[string]bool{}
	for hour := range weeks * 7 * 24 {
		h.clock.Advance(time.Hour)
		now := h.clock.Now()
		h.must(h.dir.RotateDueKeys(t.Context(), every))
		if hour%31 == 0 { // a node is killed, and another comes
			nodes[hour%2] = h.anotherRing()
		}
		signs, shows := nodes[hour%2], nodes[1-hour%2]
		h.must(signs.Load(t.Context()))
		h.must(shows.Load(t.Context()))
		for _, alg := range []string{keys.ES256, keys.RS256} {
			token, err := signs.Sign(alg, "", map[string]any{"hour": hour})
			h.must(err)
			jws := parsed(t, token)
			for i := range apps {
				apps[i].takes(t, jws, now, shows.JWKS())
			}
			if _, err := jws.Verify(apps[hour%len(apps)].set.Key(kidOf(t, token))[0]); err != nil {
				t.Fatal(err)
			}
			tokens, signed[kidOf(t, token)] = append(tokens, inHand{token, now.Add(lasts)}), true
		}
		tokens = slices.DeleteFunc(tokens, func(x inHand) bool { return !now.Before(x.until) })
		for _, x := range tokens[:min(4, len(tokens))] { // the oldest
			if _, err := shows.Verify(x.token, ""); err != nil {
				t.Fatalf("%s: a token that lasts until %s: %v", now, x.until, err)
			}
		}
	}
	if len(signed) != 6 { // twice for each algorithm
		t.Errorf("%d keys have signed", len(signed))
	}
	h.onlyTheProvidersKeysTurned()
	if n := strings.Count(string(nodes[0].JWKS()), `"kid"`); n != 2 {
		t.Errorf("%d keys are published", n)
	}
	h.wantEvent("key.rotate")
}

func (h *house) onlyTheProvidersKeysTurned() {
	h.t.Helper()
	all, err := h.store.SigningKeys(h.t.Context())
	h.must(err)
	for _, k := range all {
		if state, _, _ := k.State(all, h.clock.Now()); k.Use != keys.UseOIDC && (state != idp.KeyCurrent || !k.RetiredAt.IsZero()) {
			h.t.Errorf("a key for %s is %s", k.Use, state)
		}
	}
	if got := h.keyStates(); got != "ES256 current, ES256 gone, ES256 gone, RS256 current, RS256 gone, RS256 gone" {
		h.t.Errorf("keys: %s", got)
	}
}

func parsed(t *testing.T, token string) *jose.JSONWebSignature {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	return parsed(t, token).Signatures[0].Header.KeyID
}

func TestOfManyNodesOneRotates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ringed(1)
	h.clock.Advance(90 * 24 * time.Hour)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if err := h.dir.RotateDueKeys(t.Context(), 90*24*time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := h.keyStates(); got != "ES256 current, ES256 next, RS256 current, RS256 next" {
		t.Errorf("keys: %s", got)
	}
	// None is due before its time, and none for a house that rotates by hand.
	h.clock.Advance(60 * 24 * time.Hour)
	h.must(h.dir.RotateDueKeys(t.Context(), 90*24*time.Hour))
	h.must(h.dir.RotateDueKeys(t.Context(), 0))
	if got := h.keyStates(); got != "ES256 current, ES256 gone, RS256 current, RS256 gone" {
		t.Errorf("later: %s", got)
	}
}

// keyStates are those of the provider's keys, in words.
func (h *house) keyStates() string {
	h.t.Helper()
	all, err := h.store.SigningKeys(h.t.Context())
	h.must(err)
	var words []string
	for _, k := range all {
		if state, _, _ := k.State(all, h.clock.Now()); k.Use == keys.UseOIDC {
			words = append(words, fmt.Sprint(k.Algorithm, " ", state))
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// signs is the key that the node signs with.
func (h *house) signs(r *keys.Ring) string {
	h.t.Helper()
	h.must(r.Load(h.t.Context()))
	k, err := r.Key(keys.UseOIDC, keys.ES256)
	h.must(err)
	return k.ID
}

func TestKeysAreRotatedByHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ring := h.ringed(1)[0]
	first := h.signs(ring)
	_, err := h.dir.RotateKeys(t.Context(), false)
	h.must(err)
	if h.signs(ring) != first || strings.Count(string(ring.JWKS()), `"kid"`) != 4 {
		t.Error("the next key signs, or is not published")
	}
	if _, err := h.dir.RotateKeys(t.Context(), false); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("rotated twice: %v", err)
	}
	if got := h.keyStates(); got != "ES256 current, ES256 next, RS256 current, RS256 next" {
		t.Errorf("keys: %s", got)
	}
	_, err = h.dir.RotateKeys(t.Context(), true)
	h.must(err)
	h.wantEvent("key.hasten")
	if h.signs(ring) != first {
		t.Error("it signs before every node can publish it")
	}
	h.clock.Advance(6 * time.Second)
	second := h.signs(ring)
	if second == first {
		t.Error("the next key does not sign")
	}
	// With nothing waiting, in a hurry.
	_, err = h.dir.RotateKeys(t.Context(), true)
	h.must(err)
	h.clock.Advance(6 * time.Second)
	if third := h.signs(ring); third == second || third == first {
		t.Error("another key does not sign")
	}
	if got := h.keyStates(); got != "ES256 current, ES256 retired, ES256 retired, RS256 current, RS256 retired, RS256 retired" {
		t.Errorf("keys: %s", got)
	}
	h.clock.Advance(25 * time.Hour)
	if got := h.keyStates(); got != "ES256 current, ES256 gone, ES256 gone, RS256 current, RS256 gone, RS256 gone" {
		t.Errorf("keys: %s", got)
	}
}

func TestAKeyThatWaitsTakesOverFromOneThatIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ring := h.ringed(1)[0]
	first := h.signs(ring)
	_, err := h.dir.RotateKeys(t.Context(), false)
	h.must(err)
	next := h.newest()
	_, err = h.dir.EndKey(t.Context(), idp.KeyID(first), "it leaked")
	h.must(err)
	if got := h.signs(ring); got != string(next.ID) || strings.Contains(string(ring.JWKS()), first) {
		t.Errorf("%s signs, not %s; or the revoked one is published", got, next.ID)
	}
}

func TestAKeyThatWaitsIsRevokedAndReplacedByOneThatWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ring := h.ringed(1)[0]
	first := h.signs(ring)
	_, err := h.dir.RotateKeys(t.Context(), false)
	h.must(err)
	next := h.newest()
	_, err = h.dir.EndKey(t.Context(), next.ID, "it leaked")
	h.must(err)
	if h.signs(ring) != first || h.newest().ID == next.ID || strings.Contains(string(ring.JWKS()), string(next.ID)) {
		t.Error("the key before it signs no more, nothing takes its place, or it is published")
	}
	h.clock.Advance(26 * time.Hour)
	if h.signs(ring) != string(h.newest().ID) {
		t.Error("the one in its place does not sign")
	}
}

// TestTheReplacementOfAWaitingKeyIsPublishedInTime: apps keep a key set for a day,
// so what replaces a key that leaked right before its turn waits as long as any
// other, and the one before it signs, and is published, until then and beyond.
func TestTheReplacementOfAWaitingKeyIsPublishedInTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ring := h.ringed(1)[0]
	first := h.signs(ring)
	_, err := h.dir.RotateKeys(t.Context(), false)
	h.must(err)
	h.clock.Advance(24*time.Hour + 29*time.Minute)
	_, err = h.dir.EndKey(t.Context(), h.newest().ID, "it leaked")
	h.must(err)
	for range 24 {
		h.clock.Advance(time.Hour)
		if now := h.signs(ring); now != first {
			t.Fatalf("%s signs too early, though %s is good and known to every app", now, first)
		}
	}
	h.clock.Advance(time.Hour)
	if now := h.signs(ring); now != string(h.newest().ID) {
		t.Errorf("%s signs, not the one that replaces the one that leaked", now)
	}
	h.clock.Advance(23 * time.Hour)
	h.must(ring.Load(t.Context()))
	if !strings.Contains(string(ring.JWKS()), first) {
		t.Error("what the first key signed last is good for a day, and it is published no more")
	}
}

// newest is the newest ES256 key of the provider.
func (h *house) newest() idp.SigningKey {
	h.t.Helper()
	all, err := h.store.SigningKeys(h.t.Context())
	h.must(err)
	i := slices.IndexFunc(all, func(k idp.SigningKey) bool {
		return k.Use == keys.UseOIDC && k.Algorithm == keys.ES256 && k.RetiredAt.IsZero()
	})
	return all[i]
}

// TestAKeyStaysForAllThatItSigned: however long access tokens live, and whatever
// was changed about that meanwhile, an ID token is good for a day at most, and
// its key is published for so long.
func TestAKeyStaysForAllThatItSigned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AccessTokenTTL, a.OIDC.RefreshTTL = 10*24*time.Hour, 20*24*time.Hour })
	h.dir.Keys = h.provider.Ring
	_, err := h.dir.RotateKeys(t.Context(), false)
	h.must(err)
	h.clock.Advance(24 * time.Hour) // the next one signs in half an hour
	a := h.signedIn(h.ada).tokens("openid offline_access")
	token := a.text("id_token")
	claims := claimsOf(t, token)
	if life := claims["exp"].(float64) - claims["iat"].(float64); life != idp.MaxIDTokenTTL.Seconds() || a.body["expires_in"].(float64) < 9*86400 {
		t.Errorf("an ID token lives for %v s, with %v", life, a.body)
	}
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.AccessTokenTTL = time.Minute })
	h.must(h.dir.RotateDueKeys(t.Context(), directory.MinKeyRotation))
	h.clock.Advance(idp.MaxIDTokenTTL - time.Minute)
	h.must(h.provider.Ring.Load(t.Context()))
	if _, err := h.provider.Ring.Verify(token, ""); err != nil {
		t.Error(err)
	}
	if kid := kidOf(t, token); !strings.Contains(string(h.provider.Ring.JWKS()), kid) {
		t.Errorf("%s is not published", kid)
	}
	h.clock.Advance(time.Hour)
	h.must(h.provider.Ring.Load(t.Context()))
	if strings.Contains(string(h.provider.Ring.JWKS()), kidOf(t, token)) {
		t.Error("it is published for ever")
	}
}
