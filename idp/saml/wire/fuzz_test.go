package wire_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"
	xrv "github.com/mattermost/xml-roundtrip-validator"

	"gatehouse/idp/saml/wire"
)

// TestSA33DamagedMessagesNeverPanic truncates and flips a signed request 5,000
// times. What still decodes must not verify, unless nothing was changed that
// counts: then it must still say the same.
func TestSA33DamagedMessagesNeverPanic(t *testing.T) {
	t.Parallel()
	el := mustParse(t, requestXML)
	if err := rsaSigner().Sign(el); err != nil {
		t.Fatal(err)
	}
	posted := wire.Serialize(el)
	address, err := rsaSigner().RedirectURL("https://idp.example/saml/sso", wire.ParamRequest, []byte(requestXML), "relay")
	if err != nil {
		t.Fatal(err)
	}
	query := []byte(rawQuery(t, address))
	want, err := wire.ParseAuthnRequest(el)
	if err != nil {
		t.Fatal(err)
	}

	random := rand.New(rand.NewPCG(1, 2))
	damage := func(in []byte) []byte {
		if random.IntN(3) == 0 {
			return in[:random.IntN(len(in))]
		}
		out := bytes.Clone(in)
		for range 1 + random.IntN(3) {
			out[random.IntN(len(out))] ^= 1 << random.IntN(8)
		}
		return out
	}
	for range 2500 {
		for _, m := range []func() (*wire.Message, error){
			func() (*wire.Message, error) {
				return wire.Decode(post(url.Values{"SAMLRequest": {wire.EncodePOST(damage(posted))}}), wire.ParamRequest)
			},
			func() (*wire.Message, error) { return wire.Decode(get(string(damage(query))), wire.ParamRequest) },
		} {
			message, err := m()
			if err != nil {
				continue
			}
			verified, err := message.Verify(certs(rsaSigner()))
			if err != nil {
				continue
			}
			got, err := wire.ParseAuthnRequest(verified)
			if err != nil || got.ID != want.ID || got.Issuer != want.Issuer || got.ACSURL != want.ACSURL {
				t.Fatalf("verified after damage: %+v, %v", got, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(requestXML))
	f.Add([]byte(assertionXML))
	f.Add([]byte(`<a xmlns:p="x" p:b="c"><p:d/>&#65;<![CDATA[x]]></a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		el, err := wire.Parse(b)
		if err != nil {
			return
		}
		// Empty text has nothing to survive, which the validator does not know.
		told := bytes.ReplaceAll(b, []byte("<![CDATA[]]>"), nil)
		if err := xrv.Validate(bytes.NewReader(told)); err != nil {
			t.Fatalf("does not survive Go's round trip: %v\n%q", err, b)
		}
		// What was accepted is written and read again as the same.
		once := wire.Serialize(el)
		if len(once) > wire.MaxMessage {
			return
		}
		again, err := wire.Parse(once)
		if err != nil {
			t.Fatalf("not readable again: %v\n%q", err, once)
		}
		if twice := wire.Serialize(again); !bytes.Equal(once, twice) {
			t.Fatalf("changed:\n%q\n%q", once, twice)
		}
	})
}

func FuzzDecodeRedirect(f *testing.F) {
	for _, relayState := range []string{"", "relay"} {
		address, err := fixedSigner().RedirectURL("https://idp.example/", wire.ParamRequest, []byte(requestXML), relayState)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(rawQuery(f, address))
	}
	f.Add("SAMLRequest=%&SAMLRequest=&SAMLEncoding=x&Signature&SigAlg=")
	f.Fuzz(func(t *testing.T, query string) {
		m, err := wire.Decode(get(query), wire.ParamRequest)
		if err != nil {
			return
		}
		if len(m.XML) > wire.MaxMessage || len(m.RelayState) > wire.MaxRelayState {
			t.Fatalf("%d octets with %d of RelayState", len(m.XML), len(m.RelayState))
		}
		if _, err := m.Verify(certs(fixedSigner())); err == nil && !bytes.Equal(m.XML, []byte(requestXML)) {
			t.Fatalf("verified: %q", m.XML)
		}
		_, _ = wire.ParseAuthnRequest(m.Root)
	})
}

func FuzzDecodePOST(f *testing.F) {
	f.Add("SAMLRequest=" + url.QueryEscape(wire.EncodePOST([]byte(requestXML))) + "&RelayState=relay")
	f.Add("SAMLRequest=&SAMLRequest=&RelayState=a&RelayState=b")
	f.Fuzz(func(t *testing.T, body string) {
		r := post(nil)
		r.Body = io.NopCloser(strings.NewReader(body))
		m, err := wire.Decode(r, wire.ParamRequest)
		if err != nil {
			return
		}
		if len(m.XML) > wire.MaxMessage || len(m.RelayState) > wire.MaxRelayState {
			t.Fatalf("%d octets with %d of RelayState", len(m.XML), len(m.RelayState))
		}
		_, _ = m.Verify(certs(fixedSigner()))
		_, _ = wire.ParseAuthnRequest(m.Root)
	})
}

// FuzzLogoutResponse: what is taken for the answer of an app, by each binding.
func FuzzLogoutResponse(f *testing.F) {
	el := written()["LogoutResponse"]
	if err := fixedSigner().Sign(el); err != nil {
		f.Fatal(err)
	}
	f.Add(wire.Serialize(el))
	f.Add(wire.SOAPEnvelope(el))
	f.Fuzz(func(t *testing.T, xml []byte) {
		for _, decode := range []func() (*wire.Message, error){
			func() (*wire.Message, error) { return wire.DecodeSOAP(bytes.NewReader(xml)) },
			func() (*wire.Message, error) {
				return wire.Decode(post(url.Values{wire.ParamResponse: {wire.EncodePOST(xml)}}), wire.ParamResponse)
			},
			func() (*wire.Message, error) {
				return wire.Decode(get(url.Values{wire.ParamResponse: {deflated(t, string(xml))}}.Encode()), wire.ParamResponse)
			},
		} {
			m, err := decode()
			if err != nil {
				continue
			}
			el, err := m.Verify(certs(fixedSigner()))
			if err != nil {
				el = m.Root
			}
			if r, err := wire.ParseLogoutResponse(el); err == nil && (r.ID == "" || r.Issuer == "" || r.Status.Code == "") {
				t.Fatalf("accepted %+v", r)
			}
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add(wire.Serialize(signedAssertion(f, fixedSigner())))
	f.Add(wire.Serialize(response(f, signedAssertion(f, fixedSigner()))))
	f.Fuzz(func(t *testing.T, b []byte) {
		el, err := wire.Parse(b)
		if err != nil {
			return
		}
		if who, err := consume(el, certs(fixedSigner())); err == nil && who != "ada@example.org" {
			t.Fatalf("accepted as %q", who)
		}
		_, _ = wire.Decrypt(el, decrypter(t, rsaSigner()), wire.Decryption{AllowCBC: true})
	})
}

func FuzzParseSPMetadata(f *testing.F) {
	f.Add(wire.Serialize(sampleSP().Element()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if sp, err := wire.ParseSPMetadata(b, instant()); err == nil && len(sp.ACS) == 0 {
			t.Fatal("accepted without an ACS")
		}
		_, _ = wire.ParseIdPMetadata(b, instant())
	})
}

// FuzzLogout: what is taken for a LogoutRequest, over SOAP or by a form, names
// somebody, and written again it is the same.
func FuzzLogout(f *testing.F) {
	sample := wire.LogoutRequest{
		ID: "_1", Issuer: "https://sp.example", Destination: "https://idp.example/saml/slo", IssueInstant: instant(), NotOnOrAfter: instant(),
		NameID: wire.NameID{Value: "ada", Format: wire.NameIDPersistent}, SessionIndexes: []string{"a", "b"},
	}.Element()
	f.Add(wire.Serialize(sample))
	f.Add(wire.SOAPEnvelope(sample))
	f.Add([]byte(strings.ReplaceAll(string(wire.Serialize(sample)), "saml:NameID", "saml:EncryptedID")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var roots []*etree.Element
		if m, err := wire.DecodeSOAP(bytes.NewReader(b)); err == nil {
			roots = append(roots, m.Root)
		}
		if m, err := wire.Decode(post(url.Values{"SAMLRequest": {wire.EncodePOST(b)}}), wire.ParamRequest); err == nil {
			_, _ = m.Verify(certs(fixedSigner()))
			roots = append(roots, m.Root)
		}
		for _, root := range roots {
			r, err := wire.ParseLogoutRequest(root)
			if err != nil {
				continue
			}
			if r.NameID.Value == "" || slices.Contains(r.SessionIndexes, "") || r.Issuer == "" || r.ID == "" {
				t.Fatalf("accepted %+v", r)
			}
			el, err := wire.Parse(wire.Serialize(r.Element()))
			if err != nil {
				continue // larger than a message, written out
			}
			again, err := wire.ParseLogoutRequest(el)
			r.IssueInstant, r.NotOnOrAfter = again.IssueInstant, again.NotOnOrAfter // written to the millisecond
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("%+v became %+v, %v", r, again, err)
			}
		}
	})
}
