package oidc_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/idp"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.signedIn(h.ada).tokens("openid profile offline_access")
	claims := claimsOf(t, a.text("id_token"))
	for name, want := range map[string]any{
		"iss": h.provider.Issuer, "sub": string(h.ada.ID), "aud": "wiki", "nonce": "no", "acr": "1",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	for _, name := range []string{"exp", "iat", "auth_time", "session_expiry", "sid", "at_hash", "amr"} {
		if claims[name] == nil {
			t.Errorf("no %s in %v", name, claims)
		}
	}
	if claims["name"] != nil {
		t.Error("claims of a scope are in the ID token unasked")
	}
	if a.text("token_type") != "Bearer" || a.body["expires_in"].(float64) != 300 || a.text("scope") != "openid profile offline_access" {
		t.Errorf("answer %v", a.body)
	}
	accounts, err := h.store.Accounts(t.Context(), h.ada.ID)
	if err != nil || len(accounts) != 1 || accounts[0].Subject != string(h.ada.ID) {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
	there, err := h.store.Participants(t.Context(), h.ada.ID, h.clock.Now())
	if err != nil || len(there) != 1 || there[0].SessionIndex != claims["sid"] || there[0].NameID.Value != claims["sub"] {
		t.Errorf("participants %+v, %v", there, err)
	}
}

// TestIDTokenSaysWhatIsSo: each claim about the sign-in is that of the session,
// at the exchange and after a refresh.
func TestIDTokenSaysWhatIsSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.person()
	session := ada.newSession(h.ada)
	h.clock.Advance(90 * time.Second)
	first := ada.tokens("openid offline_access")
	h.clock.Advance(time.Second)
	again := h.asWiki().refresh(first.text("refresh_token"))
	for _, a := range []answer{first, again} {
		claims := claimsOf(t, a.text("id_token"))
		sum := sha256.Sum256([]byte(a.text("access_token")))
		want := map[string]any{
			"auth_time": float64(session.AuthTime.Unix()), "acr": "1", "nonce": "no", "session_expiry": float64(session.ExpiresAt.Unix()),
			"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "sid": claimsOf(t, first.text("id_token"))["sid"],
		}
		if a.text("access_token") == again.text("access_token") { // OIDC Core §12.2
			want["nonce"], want["session_expiry"] = nil, nil
		}
		for name, value := range want {
			if claims[name] != value {
				t.Errorf("%s is %v, want %v", name, claims[name], value)
			}
		}
		if amr, _ := claims["amr"].([]any); !slices.Equal(amr, []any{"pwd"}) {
			t.Errorf("amr is %v", claims["amr"])
		}
	}
	if other := claimsOf(t, h.asOther().exchange(ada.code("client_id=other", "redirect_uri=https://other.example/cb"), "redirect_uri=https://other.example/cb").text("id_token")); other["sid"] == claimsOf(t, first.text("id_token"))["sid"] || other["sid"] == nil {
		t.Errorf("another app sees the same session: sid %v", other["sid"])
	}
}

func TestClaimsInIDToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) {
		a.OIDC.ClaimsInIDToken = true
		a.OIDC.IDTokenAlg = ""
		a.Attributes = []idp.AttributeRule{{Name: "app_role", Source: "role"}, {Name: "iss", Source: "const:evil"}}
	})
	claims := claimsOf(t, h.signedIn(h.ada).tokens("openid email groups").text("id_token"))
	groups, _ := claims["groups"].([]any)
	if claims["email"] != "ada@example.com" || claims["app_role"] != "editor" || claims["iss"] != h.provider.Issuer || !slices.Equal(groups, []any{"staff"}) {
		t.Errorf("claims %v", claims)
	}
}

func TestCO01CodeReuseRevokesWhatItGave(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code("scope=openid offline_access")
	first := h.asWiki().exchange(code)
	if a := h.userinfo(first.text("access_token")); a.status != http.StatusOK {
		t.Fatalf("userinfo: %d %v", a.status, a.body)
	}
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
	h.userinfo(first.text("access_token")).wants(t, http.StatusUnauthorized, "invalid_token")
	h.asWiki().refresh(first.text("refresh_token")).wants(t, http.StatusBadRequest, "invalid_grant")
	h.wantEvent("oidc.code.reuse")
}

func TestCO02OneOfManyExchangesWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	for range 3 {
		code := ada.code()
		var wins, losses atomic.Int64
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				a, err := h.asWiki().try("/oauth/token", exchange(code))
				switch {
				case err != nil:
					t.Error(err)
				case a.status == http.StatusOK:
					wins.Add(1)
				case a.text("error") == "invalid_grant":
					losses.Add(1)
				default:
					t.Errorf("%d %v", a.status, a.body)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 || losses.Load() != 31 {
			t.Errorf("%d wins, %d refusals", wins.Load(), losses.Load())
		}
	}
}

// misuse presents a code wrongly and then rightly: both must fail.
func misuse(t *testing.T, wrong func(h *house, code string) answer) {
	t.Helper()
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code()
	wrong(h, code).wants(t, http.StatusBadRequest, "invalid_grant")
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
	h.wantEvent("oidc.code.burn")
}

func TestCO03CodeOfAnotherClientIsBurnt(t *testing.T) {
	misuse(t, func(h *house, code string) answer { return h.asOther().exchange(code) })
}

func TestRU15OtherRedirectURIBurnsTheCode(t *testing.T) {
	misuse(t, func(h *house, code string) answer { return h.asWiki().exchange(code, "redirect_uri="+callback+"/") })
}

func TestPK03MissingVerifierBurnsTheCode(t *testing.T) {
	misuse(t, func(h *house, code string) answer { return h.asWiki().exchange(code, "code_verifier") })
}

func TestPK03WrongVerifierBurnsTheCode(t *testing.T) {
	misuse(t, func(h *house, code string) answer { return h.asWiki().exchange(code, "code_verifier="+verifier+"x") })
}

func TestPK04VerifierWithoutAChallengeIsADowngrade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.changeApp(h.wiki.ID, func(a *idp.App) { a.OIDC.PKCEExempt = true })
	ada := h.signedIn(h.ada)
	h.asWiki().exchange(ada.code("code_challenge", "code_challenge_method")).wants(t, http.StatusBadRequest, "invalid_grant")
	if a := h.asWiki().exchange(ada.code("code_challenge", "code_challenge_method"), "code_verifier"); a.status != http.StatusOK {
		t.Errorf("an exempt app: %d %v", a.status, a.body)
	}
}

func TestCO05CodeLivesForAMinute(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	code := ada.code()
	h.clock.Advance(61 * time.Second)
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
}

func TestCO06ChangedCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code()
	flipped := strings.ToUpper(code)
	if flipped == code {
		flipped = strings.ToLower(code)
	}
	for _, changed := range []string{code[:len(code)-1], code + "A", code + "=", flipped, "x", strings.Repeat("A", 60<<10)} {
		h.asWiki().exchange(changed).wants(t, http.StatusBadRequest, "invalid_grant")
	}
	if a := h.asWiki().exchange(code); a.status != http.StatusOK {
		t.Errorf("the code itself: %d %v", a.status, a.body)
	}
}

func TestCO07SuspendedBetweenAuthorizeAndToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.signedIn(h.ada).code("scope=openid offline_access")
	_, err := h.dir.Suspend(t.Context(), h.ada.ID, "test")
	h.must(err)
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
	_, err = h.dir.Restore(t.Context(), h.ada.ID)
	h.must(err)
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
	if families, err := h.store.Families(t.Context(), h.ada.ID, h.clock.Now()); err != nil || len(families) != 0 {
		t.Errorf("families %v, %v", families, err)
	}
	h.wantEvent("oidc.code.refuse")
}

func TestACodeDoesNotSurviveTheEndOfItsGrant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.signedIn(h.ada)
	code := ada.code("scope=openid")
	groups, err := h.store.GroupsOf(t.Context(), h.ada.ID)
	h.must(err)
	_, err = h.dir.RemoveMember(t.Context(), groups[0].ID, h.ada.ID)
	h.must(err)
	h.must(h.dir.AddMember(t.Context(), groups[0].ID, h.ada.ID))
	h.asWiki().exchange(code).wants(t, http.StatusBadRequest, "invalid_grant")
	h.wantEvent("oidc.code.refuse")
	if a := h.asWiki().exchange(ada.code("scope=openid")); a.status != http.StatusOK {
		t.Errorf("a code of after: %d %v", a.status, a.body)
	}
}
