package saml_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// BenchmarkSignOn is an app opened with a live session, from the query to the
// page that posts the Response, beside the one RSA-2048 signature in it.
func BenchmarkSignOn(b *testing.B) {
	for _, sign := range []string{idp.SignAssertion, idp.SignBoth} {
		b.Run(sign, func(b *testing.B) {
			h := newHouse(b)
			h.changeApp(h.crm.ID, func(a *idp.App) { a.SAML.Sign = sign })
			cookie := h.signedIn(h.ada).cookie("session")
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer() // every request has an ID of its own
				r := httptest.NewRequest(http.MethodGet, h.redirect(h.ask(), nil, "state"), nil)
				r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
				w := httptest.NewRecorder()
				b.StartTimer()
				h.server.Config.Handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
	b.Run("BareSignature", func(b *testing.B) {
		sum := sha256.Sum256([]byte(wire.NSProtocol))
		for b.Loop() {
			if _, err := crmKey().Key.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
				b.Fatal(err)
			}
		}
	})
}
