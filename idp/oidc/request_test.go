package oidc

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
	"gatehouse/sessions"
)

const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B

func confidential() idp.OIDCSettings {
	return idp.OIDCSettings{ApplicationType: "web", AuthMethod: "client_secret_basic", RedirectURIs: []string{"https://app.example/cb"}}
}

func asked(changes ...string) url.Values {
	q := url.Values{
		"client_id": {"wiki"}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for _, c := range changes {
		name, value, set := strings.Cut(c, "=")
		if q.Del(name); set {
			q.Set(name, value)
		}
	}
	return q
}

func TestReadRequest(t *testing.T) {
	t.Parallel()
	exempt, offline := confidential(), confidential()
	exempt.PKCEExempt, offline.AllowOfflineAccess = true, true
	public := confidential()
	public.AuthMethod, public.PKCEExempt = "none", true
	for _, c := range []struct {
		name string
		app  idp.OIDCSettings
		q    url.Values
		want string // error code, or the scopes
	}{
		{"plain good request", confidential(), asked(), "openid"},
		{"unknown parameters and hints", confidential(), asked("foo=bar", "display=popup", "ui_locales=fr-CA", "claims_locales=se", "acr_values=1 2", "claims={}", "prompt=consent select_account"), "openid"},
		{"scopes in another order, an unknown one", confidential(), asked("scope=email  phone openid profile groups"), "openid profile email groups"},
		{"offline access not allowed", confidential(), asked("scope=openid offline_access"), "openid"},
		{"offline access allowed", offline, asked("scope=openid offline_access"), "openid offline_access"},
		{"no openid", confidential(), asked("scope=profile"), "invalid_scope"},
		{"no scope", confidential(), asked("scope"), "invalid_scope"},
		{"no response type", confidential(), asked("response_type"), "invalid_request"},
		{"implicit", confidential(), asked("response_type=id_token token"), "unsupported_response_type"},
		{"hybrid", confidential(), asked("response_type=code id_token"), "unsupported_response_type"},
		{"response mode query", confidential(), asked("response_mode=query"), "openid"},
		{"response mode form_post", confidential(), asked("response_mode=form_post"), "openid"},
		{"response mode fragment", confidential(), asked("response_mode=fragment"), "invalid_request"},
		{"response mode jwt", confidential(), asked("response_mode=jwt"), "invalid_request"},
		{"form_post to an app's own scheme", native(), asked("response_mode=form_post", "redirect_uri=com.example.app:/cb"), "invalid_request"},
		{"request object", confidential(), asked("request=e30."), "request_not_supported"},
		{"request_uri", confidential(), asked("request_uri=http://127.0.0.1:9/x"), "request_uri_not_supported"},
		{"prompt none with another", confidential(), asked("prompt=none login"), "invalid_request"},
		{"prompt create, which leads to the sign-in", confidential(), asked("prompt=create"), "openid"},
		{"a prompt that nobody knows", confidential(), asked("prompt=login dance"), "invalid_request"},
		{"max_age not a number", confidential(), asked("max_age=-1"), "invalid_request"},
		{"no challenge", confidential(), asked("code_challenge", "code_challenge_method"), "invalid_request"},
		{"no challenge, exempt", exempt, asked("code_challenge", "code_challenge_method"), "openid"},
		{"no challenge, exempt but public", public, asked("code_challenge", "code_challenge_method"), "invalid_request"},
		{"challenge plain, exempt", exempt, asked("code_challenge_method=plain"), "invalid_request"},
		{"challenge method absent", confidential(), asked("code_challenge_method"), "invalid_request"},
		{"challenge too short", confidential(), asked("code_challenge=abc"), "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := addressed(c.q)
			got := ""
			if err := req.read(c.q, c.app); err != nil {
				got = string(err.ErrorType)
			} else {
				got = strings.Join(req.Scopes, " ")
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestASessionFitsARequest(t *testing.T) {
	t.Parallel()
	if signInLife != sessions.SignInTTL {
		t.Errorf("a person has %s for a sign-in, not %s", sessions.SignInTTL, signInLife)
	}
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := idp.Session{Proof: idp.Proof{UserID: "usr_a"}, AuthTime: now.Add(-time.Minute), Methods: []string{"pwd"}}
	for _, c := range []struct {
		name string
		req  request
		want bool
	}{
		{"nothing asked", request{}, true},
		{"max_age not passed", request{AuthRequest: oidc.AuthRequest{MaxAge: oidc.NewMaxAge(60)}}, true},
		{"max_age passed", request{AuthRequest: oidc.AuthRequest{MaxAge: oidc.NewMaxAge(59)}}, false},
		{"max_age 0, prompt=login", request{AuthRequest: oidc.AuthRequest{MaxAge: oidc.NewMaxAge(0)}}, false},
		{"hint of the same person", request{HintSubject: "usr_a"}, true},
		{"hint of another person", request{HintSubject: "usr_b"}, false},
		{"the person is one of those asked for", request{Subjects: []string{"usr_b", "usr_a"}}, true},
		{"somebody else is asked for", request{Subjects: []string{"usr_b"}}, false},
		{"hinted, but somebody else is asked for", request{HintSubject: "usr_a", Subjects: []string{"usr_b"}}, false},
		{"prompt=select_account", request{AuthRequest: oidc.AuthRequest{Prompt: []string{"select_account"}}}, false},
		{"prompt=create", request{AuthRequest: oidc.AuthRequest{Prompt: []string{"create"}}}, false},
		{"prompt=none", request{AuthRequest: oidc.AuthRequest{Prompt: []string{"none"}}}, true},
		{"the class that was reached is essential", request{ACR: classes{Essential: []string{"9", "1"}}}, true},
		{"another class is essential", request{ACR: classes{Essential: []string{"9"}}}, false},
		{"several factors are essential, one was proven", request{ACR: classes{Essential: []string{"2"}}}, false},
		{"several factors are preferred, one was proven", request{ACR: classes{Preferred: []string{"2"}}}, false},
		{"a class is preferred that nobody reaches here", request{ACR: classes{Preferred: []string{"9"}}}, true},
	} {
		if got := c.req.fits(s, now) && c.req.ACR.met(s.Methods); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(asked("state=ü", "nonce=n").Encode())
	f.Add("client_id=a&client_id=b&scope=%00")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := url.ParseQuery(raw)
		if err != nil || wellFormed(q) != nil {
			return
		}
		req := addressed(q)
		if err := req.read(q, confidential()); err != nil {
			if err.Description == "" {
				t.Fatalf("an error without words: %v", err)
			}
			return
		}
		if req.ResponseType != oidc.ResponseTypeCode || len(req.CodeChallenge) != 43 || !slices.Contains(req.Scopes, oidc.ScopeOpenID) {
			t.Fatalf("accepted %+v", req)
		}
		kept, err := req.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRequest(kept)
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]any{
			{req.ClientID, back.ClientID}, {req.RedirectURI, back.RedirectURI}, {req.State, back.State}, {req.Nonce, back.Nonce},
			{req.Scopes, back.Scopes}, {req.CodeChallenge, back.CodeChallenge}, {req.ResponseMode, back.ResponseMode}, {req.HintSubject, back.HintSubject},
		} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Fatalf("not kept: %s", diff)
			}
		}
	})
}

// TestWhatAnAppIsToldOfItsClass.
func TestWhatAnAppIsToldOfItsClass(t *testing.T) {
	t.Parallel()
	key, code, password := []string{"swk", "user", "mfa"}, []string{"pwd", "otp", "mfa"}, []string{"pwd"}
	for _, c := range []struct {
		name             string
		asks             classes
		several, passkey bool
		met              [3]bool // by a passkey, by codes, by a password
		told             [3]string
	}{
		{"nothing", classes{}, false, false, [3]bool{true, true, true}, [3]string{"2", "2", "1"}},
		{"two", classes{Essential: []string{"2"}}, true, false, [3]bool{true, true, false}, [3]string{"2", "2", "1"}},
		{"one", classes{Essential: []string{"1"}}, false, false, [3]bool{true, true, true}, [3]string{"1", "1", "1"}},
		{"a passkey", classes{Essential: []string{"phr"}}, true, true, [3]bool{true, false, false}, [3]string{"phr", "1", "1"}},
		{"a passkey or two", classes{Essential: []string{"2", "phr"}}, true, false, [3]bool{true, true, false}, [3]string{"phr", "2", "1"}},
		{"a passkey or one", classes{Essential: []string{"phr", "1"}}, false, false, [3]bool{true, true, true}, [3]string{"phr", "1", "1"}},
		{"a passkey, or what is unknown", classes{Essential: []string{"9", "phr"}}, true, true, [3]bool{true, false, false}, [3]string{"phr", "1", "1"}},
		{"rather a passkey", classes{Preferred: []string{"phr"}}, false, false, [3]bool{true, false, false}, [3]string{"phr", "2", "1"}},
	} {
		if c.asks.several() != c.several || c.asks.passkey() != c.passkey || c.asks.hopeless() {
			t.Errorf("%s: several %v, passkey %v, hopeless %v", c.name, c.asks.several(), c.asks.passkey(), c.asks.hopeless())
		}
		for i, methods := range [][]string{key, code, password} {
			if got := c.asks.met(methods); got != c.met[i] {
				t.Errorf("%s, by %v: met %v", c.name, methods, got)
			}
			if got := acrOf(c.asks.told(methods)); got != c.told[i] {
				t.Errorf("%s, by %v: told %s, want %s", c.name, methods, got, c.told[i])
			}
		}
	}
}
