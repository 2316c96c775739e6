package outbox

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

func TestProbeIsASignedQuestionAboutOneSubject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	root := make([]byte, 32)
	rand.Read(root)
	box, err := keys.NewBox(root)
	h.must(err)
	ring := &keys.Ring{Store: h.store, Box: box, Now: h.now, Subject: "id.example"}
	h.must(ring.Load(t.Context()))
	probe := &Probe{Issuer: "https://id.example", Signer: ring, Fetch: h.fetch, Now: h.now}

	tokens := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens <- r.PostFormValue("token")
		fmt.Fprint(w, `{"sessions": 3, "more": "is not read"}`)
	}))
	defer app.Close()

	seen := map[string]bool{}
	for name, a := range map[string]idp.App{
		"sub":     {Protocol: idp.ProtocolOIDC, OIDC: &idp.OIDCSettings{IDTokenAlg: "ES256"}},
		"name_id": {Protocol: idp.ProtocolSAML},
	} {
		a.Identifier, a.ProbeURL = "app-"+name, app.URL+"/probe"
		n, err := probe.Sessions(t.Context(), a, idp.Delivery{NameID: idp.NameID{Value: "alice"}})
		if err != nil || n != 3 {
			t.Fatalf("%s: %d sessions, %v", name, n, err)
		}
		raw, err := ring.Verify(<-tokens, ProbeType)
		h.must(err)
		var claims map[string]any
		h.must(json.Unmarshal(raw, &claims))
		jti, _ := claims["jti"].(string)
		if len(claims) != 6 || claims[name] != "alice" || claims["iss"] != "https://id.example" || claims["aud"] != a.Identifier ||
			claims["exp"].(float64)-claims["iat"].(float64) != probeLife.Seconds() || jti == "" || seen[jti] {
			t.Errorf("%s: %v", name, claims)
		}
		seen[jti] = true
	}
}

func TestWhatIsNotAClearAnswerIsNoEvidence(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	probe := &Probe{Issuer: "https://id.example", Signer: unsigned{}, Fetch: h.fetch, Now: time.Now}
	tests := map[string]http.HandlerFunc{
		"empty":           status(200),
		"not found":       status(404),
		"no content":      status(204),
		"redirect":        status(303, "Location", "/other"),
		"negative":        says(`{"sessions": -1}`),
		"null":            says(`{"sessions": null}`),
		"missing":         says(`{}`),
		"text":            says(`{"sessions": "0"}`),
		"fraction":        says(`{"sessions": 0.5}`),
		"array":           says(`[0]`),
		"number alone":    says(`0`),
		"trailing":        says(`{"sessions": 0} 1`),
		"page":            says(`<html>0</html>`),
		"long":            says(`{"sessions": 0` + strings.Repeat(" ", maxProbeBody) + `}`),
		"error with zero": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); fmt.Fprint(w, `{"sessions": 0}`) },
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := httptest.NewServer(answer)
			defer app.Close()
			n, err := probe.Sessions(t.Context(), idp.App{Protocol: idp.ProtocolSAML, ProbeURL: app.URL}, idp.Delivery{})
			if err == nil {
				t.Errorf("%d sessions", n)
			}
		})
	}
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func FuzzParseSessions(f *testing.F) {
	for _, s := range []string{`{"sessions": 0}`, `{"sessions": -1}`, `{"SESSIONS":1e2}`, `{`, ``, `null`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := parseSessions(body)
		if err == nil && (n < 0 || !json.Valid(body)) {
			t.Errorf("%q is said to mean %d sessions", body, n)
		}
	})
}
