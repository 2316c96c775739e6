package saml_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/idp/saml/wire"
	"gatehouse/idp/saml/wire/wiretest"
)

// listener is a service provider's single logout service.
type listener struct {
	t      *testing.T
	lever  *saml.SOAPLogout
	app    idp.App
	asked  []wire.LogoutRequest
	sign   *wire.Signer
	change func(*wire.LogoutResponse)
	handle http.HandlerFunc // instead of all that
}

var _ outbox.Lever = (*saml.SOAPLogout)(nil)

func newListener(t *testing.T) *listener {
	h := newHouse(t)
	l := &listener{t: t, app: h.crm}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	client, err := fetch.New([]string{strings.TrimPrefix(server.URL, "http://")})
	h.must(err)
	l.app.SAML.SOAPLogoutURL = server.URL + "/slo"
	l.lever = &saml.SOAPLogout{EntityID: h.provider.EntityID, Ring: h.ring, Fetch: client, Now: h.clock.Now}
	return l
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.handle != nil {
		l.handle(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		l.t.Error(err)
		return
	}
	wiretest.Judge(l.t, body, ourCerts(l.t)[0])
	m, err := wire.DecodeSOAP(bytes.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return
	}
	el, err := m.Verify(ourCerts(l.t))
	if err != nil {
		l.t.Error(err)
		return
	}
	asked, err := wire.ParseLogoutRequest(el)
	if err != nil || r.Header.Get("SOAPAction") != `"http://www.oasis-open.org/committees/security"` || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") {
		l.t.Errorf("%v %v", err, r.Header)
	}
	l.asked = append(l.asked, asked)
	answer := wire.LogoutResponse{
		ID: wire.NewID(), InResponseTo: asked.ID, Issuer: crmID, IssueInstant: time.Now(), Status: wire.Status{Code: wire.StatusSuccess},
	}
	if l.change != nil {
		l.change(&answer)
	}
	out := answer.Element()
	if l.sign != nil {
		if err := l.sign.Sign(out); err != nil {
			l.t.Error(err)
		}
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(wire.SOAPEnvelope(out))
}

func delivery(indexes ...string) idp.Delivery {
	return idp.Delivery{
		NameID:         idp.NameID{Value: "p 1", Format: wire.NameIDPersistent, NameQualifier: "https://idp.example", SPNameQualifier: crmID},
		SessionIndexes: indexes,
	}
}

func TestSOAPLogoutNamesThePersonAsIssued(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	for _, indexes := range [][]string{{"one", "two"}, nil, nil} {
		if answer, err := l.lever.Send(t.Context(), l.app, delivery(indexes...)); err != nil || answer != "It answered Success." {
			t.Fatal(answer, err)
		}
		got := l.asked[len(l.asked)-1]
		if got.NameID != wire.NameID(delivery().NameID) || !slices.Equal(got.SessionIndexes, indexes) || got.Destination != l.app.SAML.SOAPLogoutURL ||
			got.Issuer != l.lever.EntityID || got.NotOnOrAfter.Sub(got.IssueInstant) != 2*time.Minute {
			t.Errorf("%+v", got)
		}
	}
	if l.asked[1].ID == l.asked[2].ID {
		t.Error("two requests have one ID")
	}
}

func TestSOAPLogoutJudgesTheAnswer(t *testing.T) {
	t.Parallel()
	status := func(code, sub string) func(*wire.LogoutResponse) {
		return func(r *wire.LogoutResponse) {
			r.Status = wire.Status{Code: code, SubCode: sub, Message: "<b>prose</b>"}
		}
	}
	for _, c := range []struct {
		name   string
		sign   *wire.Signer
		change func(*wire.LogoutResponse)
		words  string
		ok     bool
	}{
		{"signed by the app", crmKey(), nil, "It answered Success.", true},
		{"signed by another", hrKey(), nil, "signature", false},
		{"nobody of that name", nil, status(wire.StatusRequester, wire.StatusUnknownPrincipal), "nobody of that name", true},
		{"partial", nil, status(wire.StatusSuccess, wire.StatusPartialLogout), "every session", false},
		{"partial, below Responder", nil, status(wire.StatusResponder, wire.StatusPartialLogout), "every session", false},
		{"Requester", nil, status(wire.StatusRequester, wire.StatusRequestDenied), "It answered Requester, RequestDenied.", false},
		{"Responder", nil, status(wire.StatusResponder, "urn:x:<script>"), "It answered Responder.", false},
		{"an unknown status", nil, status("urn:x", ""), "an unknown status", false},
		{"another request", nil, func(r *wire.LogoutResponse) { r.InResponseTo = "_other" }, "not the answer", false},
		{"another issuer", nil, func(r *wire.LogoutResponse) { r.Issuer = hrID }, "not the answer", false},
	} {
		l := newListener(t)
		l.sign, l.change = c.sign, c.change
		answer, err := l.lever.Send(t.Context(), l.app, delivery())
		text := answer
		if err != nil {
			text = err.Error()
		}
		if (err == nil) != c.ok || !strings.Contains(text, c.words) || strings.Contains(text, "prose") || strings.Contains(text, "script") {
			t.Errorf("%s: %q, %v", c.name, answer, err)
		}
		if err != nil && !idp.IsKind(err, idp.Unavailable) {
			t.Errorf("%s is not tried again: %v", c.name, err)
		}
	}
}

// TestARemovedAppAnswersByTheNameItHad, also when another app has that since.
func TestARemovedAppAnswersByTheNameItHad(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	l.app.SAML.Was, l.app.SAML.Removed, l.app.Identifier = l.app.Identifier, true, "removed:"+string(l.app.ID)
	if answer, err := l.lever.Send(t.Context(), l.app, delivery()); err != nil {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestSOAPLogoutWithoutAProperAnswer(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	for name, c := range map[string]struct {
		status int
		body   string
		words  string
	}{
		"fault":    {500, `<soap:Envelope xmlns:soap="` + wire.NSSOAP + `"><soap:Body><soap:Fault/></soap:Body></soap:Envelope>`, "It answered 500 Internal Server Error."},
		"refused":  {403, "", "It answered 403 Forbidden."},
		"a page":   {200, "<html></html>", "not the answer"},
		"nothing":  {200, "", "not the answer"},
		"redirect": {302, "", "It answered 302 Found."},
	} {
		l.handle = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://evil.example")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}
		if _, err := l.lever.Send(t.Context(), l.app, delivery()); !idp.IsKind(err, idp.Unavailable) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.app.SAML.SOAPLogoutURL = ""
	if _, err := l.lever.Send(t.Context(), l.app, delivery()); !idp.IsKind(err, idp.Invalid) {
		t.Errorf("without an address: %v", err)
	}
}
