package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"gatehouse/web/api/client"
)

// ears are apps as far as they can be told of a logout: HTTP servers on
// loopback, each with a port of its own, the odd ones by SAML. Each takes ten
// milliseconds to answer. The last two can be made to hang and to fail.
type ears struct {
	listeners []net.Listener
	told      atomic.Int64 // messages that were acknowledged
	bad       atomic.Bool  // the last two hang and fail
	closed    chan struct{}
}

// thinking is how long an app takes for its answer.
const thinking = 10 * time.Millisecond

var (
	logoutID       = regexp.MustCompile(`<(?:\w+:)?LogoutRequest\b[^>]*\bID="([^"]+)"`)
	logoutResponse = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
		`<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ` +
		`ID="_%d" Version="2.0" IssueInstant="%s" InResponseTo="%s"><saml:Issuer>%s</saml:Issuer>` +
		`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse></s:Body></s:Envelope>`
)

// listen opens n ears.
func listen(n int) (*ears, error) {
	e := &ears{closed: make(chan struct{})}
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return e, err
		}
		e.listeners = append(e.listeners, l)
		app := http.NewServeMux()
		app.HandleFunc("POST /whole", func(w http.ResponseWriter, r *http.Request) { e.hear(i, earName("app", i), w, r) })
		app.HandleFunc("POST /each", func(w http.ResponseWriter, r *http.Request) { e.hear(i, earName("each", i), w, r) })
		go func() { _ = http.Serve(l, app) }() // it ends when its listener is closed
	}
	return e, nil
}

func earName(kind string, i int) string { return fmt.Sprintf("%s%d", kind, i) }

func (e *ears) close() {
	close(e.closed)
	for _, l := range e.listeners {
		_ = l.Close() // nobody asks any more
	}
}

// hear is one message to ear i.
func (e *ears) hear(i int, name string, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	if e.bad.Load() && i >= apps {
		if i == apps {
			select { // until the house gives up
			case <-r.Context().Done():
			case <-e.closed:
			}
			return
		}
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	time.Sleep(thinking)
	n := e.told.Add(1)
	if !bySAML(i) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	id := logoutID.FindSubmatch(body)
	if id == nil {
		http.Error(w, "not a logout request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, logoutResponse, n, time.Now().UTC().Format(time.RFC3339), id[1], name)
}

func bySAML(i int) bool { return i%2 == 1 }

// registrations are each ear twice: as an app that takes one logout for the
// whole person, and as one that is told of each session.
func (e *ears) registrations() (list []client.App) {
	plain := registrations()[0].OIDC
	for i, l := range e.listeners {
		for _, kind := range []string{"app", "each"} {
			if kind == "each" && i >= apps {
				continue
			}
			name, path := earName(kind, i), "/whole"
			if kind == "each" {
				path = "/each"
			}
			a := client.App{Name: name, Identifier: name, WholeUserLogout: kind == "app"}
			if address := "http://" + l.Addr().String() + path; bySAML(i) {
				a.Protocol, a.SAML = "saml", &client.SAML{ACS: []client.ACS{{URL: consumer, Default: true}}, SOAPLogoutURL: address}
			} else {
				relying := *plain
				relying.BackchannelLogoutURI = address
				a.Protocol, a.OIDC = "oidc", &relying
			}
			list = append(list, a)
		}
	}
	return list
}
