package e2e

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/web/api/client"
)

// TestAnAppIsOpenedFromThePortal: a tile of an app that cannot begin a sign-on
// itself brings an answer to it, with scripts and without.
func TestAnAppIsOpenedFromThePortal(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	expenses := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		response, err := base64.StdEncoding.DecodeString(r.PostFormValue("SAMLResponse"))
		if r.Method != http.MethodPost || err != nil || !strings.Contains(string(response), "status:Success") || strings.Contains(string(response), "InResponseTo") {
			http.Error(rw, "Expenses takes no "+r.Method, http.StatusBadRequest)
			return
		}
		fmt.Fprintf(rw, `<!doctype html><title>Expenses</title><link rel="icon" href="data:,"><p>You are in, at %s`, html.EscapeString(r.PostFormValue("RelayState")))
	}))
	t.Cleanup(expenses.Close)
	if _, err := w.API.AddApp(t.Context(), client.App{Name: "Expenses", Protocol: "saml", Identifier: "https://expenses.example", SAML: &client.SAML{
		ACS: []client.ACS{{URL: expenses.URL + "/acs"}}, IdPInitiated: true, RelayState: "/reports?of=june",
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.API.AddGrant(t.Context(), client.Grant{App: "Expenses", User: "ada"}); err != nil {
		t.Fatal(err)
	}
	for _, script := range []bool{true, false} {
		b := browser(t)
		if !script {
			b.withoutScript()
		}
		b.open(w.URL)
		signIn(b, "ada", adasPassword)
		b.sees("Hello, Ada")
		b.act(chromedp.Click(chromedp.Search("//button[contains(., 'Expenses')]")))
		if !script {
			b.press("Continue to Expenses")
		}
		b.sees("You are in, at /reports?of=june")
	}
}
