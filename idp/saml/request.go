package saml

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/idp/saml/wire"
)

// request is what is kept of an AuthnRequest while the browser is on its way:
// sealed in a URL, or in a SignIn. Everything in it was judged; every text in
// it is bounded.
type request struct {
	Issuer     string
	ID         string // empty: nobody asked, the person opened the app in the portal
	IssuedAt   time.Time
	ACS        string // where the answer goes; empty until it is proven to be registered
	RelayState string `json:",omitempty"`
	ForceAuthn bool   `json:",omitempty"`
	IsPassive  bool   `json:",omitempty"`
	// Format is the NameID format asked for; empty: the app's own.
	Format string `json:",omitempty"`
	// MustExist: no account may be made known (AllowCreate="false").
	MustExist bool `json:",omitempty"`
	// Comparison and Classes are the RequestedAuthnContext, as far as we know
	// the classes.
	Comparison string       `json:",omitempty"`
	Classes    []string     `json:",omitempty"`
	Subject    *wire.NameID `json:",omitempty"`
	// Attributes is the AttributeConsumingServiceIndex.
	Attributes *int `json:",omitempty"`

	came   *wire.Message // as long as it is judged; nil later
	proven bool          // signed by the app
}

// suffices reports whether a live session answers the request as it is.
func (req *request) suffices(s idp.Session) bool {
	_, ok := satisfy(req.Comparison, req.Classes, s.Methods)
	return ok && !req.ForceAuthn
}

// several reports whether one factor is not enough, by whichever it is proven.
func (req *request) several() bool {
	return !slices.ContainsFunc(login.Methods(), func(method string) bool {
		_, ok := satisfy(req.Comparison, req.Classes, []string{method})
		return ok && !login.MultiFactor([]string{method})
	})
}

func (req *request) encode() ([]byte, error) { return json.Marshal(req) }

func decodeRequest(kept []byte) (*request, error) {
	req := new(request)
	if err := json.Unmarshal(kept, req); err != nil {
		return req, idp.Errorf(idp.Internal, "a kept request cannot be read").Because(err)
	}
	return req, nil
}

// originOf is the origin of a registered URL.
func originOf(registered string) string {
	u, err := url.Parse(registered)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// carriable: what a form would hand on changed is not accepted. Browsers
// rewrite line breaks and U+0000 (HTML §4.10.21.8).
func carriable(relayState string) bool {
	return utf8.ValidString(relayState) && !strings.ContainsFunc(relayState, unicode.IsControl)
}

// clip keeps foreign text fit for an audit line.
func clip(s string) string {
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s[:min(len(s), 300)]), "")
}
