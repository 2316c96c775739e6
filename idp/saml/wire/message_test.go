package wire_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"gatehouse/idp/saml/wire"
)

func deflated(t testing.TB, xml string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, xml); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestDecodeReadsBothBindings(t *testing.T) {
	t.Parallel()
	form := url.Values{"SAMLRequest": {wire.EncodePOST([]byte(requestXML))}, "RelayState": {"r&s"}}
	query := url.Values{"SAMLRequest": {deflated(t, requestXML)}, "RelayState": {"r&s"}}
	for binding, r := range map[wire.Binding]*http.Request{wire.POST: post(form), wire.Redirect: get(query.Encode())} {
		m, err := wire.Decode(r, wire.ParamRequest)
		if err != nil {
			t.Fatalf("%s: %v", binding, err)
		}
		if m.Binding != binding || m.RelayState != "r&s" || string(m.XML) != requestXML || m.Root.Tag != "AuthnRequest" || m.Signed() {
			t.Errorf("%s: got %+v", binding, m)
		}
		_, err = m.Verify(certs(rsaSigner()))
		wantKind(t, err, wire.ErrUnsigned)
	}
}

func TestDecodeRefusesAmbiguousAndBrokenInput(t *testing.T) {
	t.Parallel()
	ok := url.QueryEscape(deflated(t, requestXML))
	body := wire.EncodePOST([]byte(requestXML))
	for name, c := range map[string]struct {
		request *http.Request
		kind    error
	}{
		"no parameter":         {get(""), wire.ErrMalformed},
		"empty":                {get("SAMLRequest="), wire.ErrMalformed},
		"not base64":           {get("SAMLRequest=%%%"), wire.ErrMalformed},
		"base64 of nothing":    {get("SAMLRequest=!!!!"), wire.ErrMalformed},
		"not deflated":         {get("SAMLRequest=" + url.QueryEscape(body)), wire.ErrMalformed},
		"twice":                {get("SAMLRequest=" + ok + "&SAMLRequest=" + ok), wire.ErrMalformed},
		"twice, once escaped":  {get("SAMLRequest=" + ok + "&SAML%52equest=" + ok), wire.ErrMalformed},
		"only escaped name":    {get("SAML%52equest=" + ok), wire.ErrMalformed},
		"two RelayStates":      {get("SAMLRequest=" + ok + "&RelayState=a&RelayState=b"), wire.ErrMalformed},
		"two SigAlgs":          {get("SAMLRequest=" + ok + "&SigAlg=a&SigAlg=b&Signature=c"), wire.ErrMalformed},
		"request and response": {get("SAMLRequest=" + ok + "&SAMLResponse=" + ok), wire.ErrMalformed},
		"unknown encoding":     {get("SAMLRequest=" + ok + "&SAMLEncoding=urn:x"), wire.ErrMalformed},
		"not SAML":             {get("SAMLRequest=" + url.QueryEscape(deflated(t, "<html/>"))), wire.ErrMalformed},
		"signature in the XML": {get("SAMLRequest=" + url.QueryEscape(deflated(t, strings.Replace(requestXML, "</saml:Issuer>",
			`</saml:Issuer><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`, 1)))), wire.ErrMalformed},
		"form twice":             {post(url.Values{"SAMLRequest": {body, body}}), wire.ErrMalformed},
		"form two RelayStates":   {post(url.Values{"SAMLRequest": {body}, "RelayState": {"a", "b"}}), wire.ErrMalformed},
		"form both":              {post(url.Values{"SAMLRequest": {body}, "SAMLResponse": {body}}), wire.ErrMalformed},
		"form empty":             {post(url.Values{}), wire.ErrMalformed},
		"another method":         {httptest.NewRequest(http.MethodPut, "/", nil), wire.ErrMalformed},
		"another content type":   {httptest.NewRequest(http.MethodPost, "/", strings.NewReader("SAMLRequest="+body)), wire.ErrMalformed},
		"POST with query, empty": {httptest.NewRequest(http.MethodPost, "/?SAMLRequest="+ok, nil), wire.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.Decode(c.request, wire.ParamRequest)
			wantKind(t, err, c.kind)
		})
	}
	_, err := wire.Decode(get("x="+ok), "x")
	wantKind(t, err, wire.ErrMalformed)
}

func TestOR03RelayStateUpToTheLimitIsCarriedUnchanged(t *testing.T) {
	t.Parallel()
	state := "https://app.example/?a=b&c=" + strings.Repeat("ü", 498)
	if len(state) > wire.MaxRelayState {
		t.Fatal("the case is too long")
	}
	address, err := rsaSigner().RedirectURL("https://sp.example/slo?x=1", wire.ParamRequest, []byte(requestXML), state)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.Decode(get(rawQuery(t, address)), wire.ParamRequest)
	if err != nil || m.RelayState != state {
		t.Fatalf("got %v", err)
	}
	if _, err := m.Verify(certs(rsaSigner())); err != nil {
		t.Fatal(err)
	}
}

// TestOR03ALongRelayStateIsNotKept: a request says so, so that its sender can be
// told; an answer is refused.
func TestOR03ALongRelayStateIsNotKept(t *testing.T) {
	t.Parallel()
	long := "&RelayState=" + strings.Repeat("a", wire.MaxRelayState+1)
	message := url.QueryEscape(deflated(t, requestXML))
	m, err := wire.Decode(get("SAMLRequest="+message+long), wire.ParamRequest)
	if err != nil || !m.RelayStateTooLong || m.RelayState != "" || m.Root.Tag != "AuthnRequest" {
		t.Errorf("a request is read as %+v, %v", m, err)
	}
	form := url.Values{"SAMLRequest": {wire.EncodePOST([]byte(requestXML))}, "RelayState": {strings.Repeat("a", wire.MaxRelayState+1)}}
	if m, err = wire.Decode(post(form), wire.ParamRequest); err != nil || !m.RelayStateTooLong || m.RelayState != "" {
		t.Errorf("a posted request is read as %+v, %v", m, err)
	}
	_, err = wire.Decode(get("SAMLResponse="+message+long), wire.ParamResponse)
	wantKind(t, err, wire.ErrTooLarge)
}

// Not parallel: it measures the heap.
func TestSA10Bombs(t *testing.T) {
	bomb := deflated(t, "<a>"+strings.Repeat("b", 10<<20)+"</a>")
	if len(bomb) > 16<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	raw := "SAMLRequest=" + url.QueryEscape(bomb)
	form := "SAMLRequest=" + strings.Repeat("A", 1<<20)

	// 1,000 requests: what one leaves behind is collected, none holds 10 MiB.
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 1000 {
		_, err := wire.Decode(get(raw), wire.ParamRequest)
		wantKind(t, err, wire.ErrTooLarge)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err = wire.Decode(r, wire.ParamRequest)
		wantKind(t, err, wire.ErrTooLarge)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if each := (after.TotalAlloc - before.TotalAlloc) / 2000; each > 4<<20 {
		t.Errorf("each bomb took %d bytes", each)
	}
}

func TestRedirectSignature(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*wire.Signer{"RSA": rsaSigner(), "ECDSA": ecSigner()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, err := s.RedirectURL("https://idp.example/saml/sso", wire.ParamRequest, []byte(requestXML), "https://sp.example/deep?a=b")
			if err != nil {
				t.Fatal(err)
			}
			query := rawQuery(t, address)
			verify := func(query string, signers ...*wire.Signer) error {
				m, err := wire.Decode(get(query), wire.ParamRequest)
				if err != nil {
					return err
				}
				_, err = m.Verify(certs(signers...))
				return err
			}
			if err := verify(query, s); err != nil {
				t.Fatalf("as issued: %v", err)
			}
			if err := verify(query, otherSigner(), s); err != nil {
				t.Fatalf("second certificate: %v", err)
			}
			wantKind(t, verify(query, otherSigner()), wire.ErrSignature)
			wantKind(t, verify(strings.Replace(query, "deep", "evil", 1), s), wire.ErrSignature)
			wantKind(t, verify(query+"&x=1&RelayState=", s), wire.ErrMalformed)

			signed, signature, _ := strings.Cut(query, "&Signature=")
			unsigned, algorithm, _ := strings.Cut(signed, "&SigAlg=")
			message, relay, _ := strings.Cut(unsigned, "&RelayState=")
			wantKind(t, verify(unsigned, s), wire.ErrUnsigned)
			wantKind(t, verify(signed, s), wire.ErrSignature)
			wantKind(t, verify(unsigned+"&Signature="+signature, s), wire.ErrAlgorithm)
			wantKind(t, verify(message+"&SigAlg="+algorithm+"&Signature="+signature, s), wire.ErrSignature)
			wantKind(t, verify(unsigned+"&SigAlg="+url.QueryEscape("http://www.w3.org/2000/09/xmldsig#rsa-sha1")+"&Signature="+signature, s), wire.ErrAlgorithm)
			// Another order on the line is the same signature.
			if err := verify("Signature="+signature+"&RelayState="+relay+"&SigAlg="+algorithm+"&"+message+"&other=1", s); err != nil {
				t.Errorf("other order: %v", err)
			}
		})
	}
}

func TestRedirectSignatureOverLowerCaseEscapes(t *testing.T) {
	t.Parallel()
	lower := func(escaped string) string {
		var out strings.Builder
		for i := 0; i < len(escaped); i++ {
			if escaped[i] == '%' {
				out.WriteString(strings.ToLower(escaped[i : i+3]))
				i += 2
				continue
			}
			out.WriteByte(escaped[i])
		}
		return out.String()
	}
	query := "SAMLRequest=" + lower(url.QueryEscape(deflated(t, requestXML))) +
		"&RelayState=" + lower(url.QueryEscape("https://sp.example/?a=b")) +
		"&SigAlg=" + lower(url.QueryEscape("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"))
	m, err := wire.Decode(get(signQuery(t, rsaSigner(), query)), wire.ParamRequest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Verify(certs(rsaSigner())); err != nil {
		t.Fatal(err)
	}
}

func TestPostAndSOAPSignature(t *testing.T) {
	t.Parallel()
	el := mustParse(t, requestXML)
	if err := rsaSigner().Sign(el); err != nil {
		t.Fatal(err)
	}
	posted, err := wire.Decode(post(url.Values{"SAMLRequest": {wire.EncodePOST(wire.Serialize(el))}}), wire.ParamRequest)
	if err != nil {
		t.Fatal(err)
	}
	soap, err := wire.DecodeSOAP(bytes.NewReader(wire.SOAPEnvelope(el)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*wire.Message{posted, soap} {
		if !m.Signed() {
			t.Fatalf("%s: not signed", m.Binding)
		}
		verified, err := m.Verify(certs(rsaSigner()))
		if err != nil {
			t.Fatalf("%s: %v", m.Binding, err)
		}
		if r, err := wire.ParseAuthnRequest(verified); err != nil || r.ID != "_request" {
			t.Fatalf("%s: %+v, %v", m.Binding, r, err)
		}
		_, err = m.Verify(certs(otherSigner()))
		wantKind(t, err, wire.ErrSignature)
	}
}

func TestDecodeSOAPRefuses(t *testing.T) {
	t.Parallel()
	const open, shut = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">`, `</s:Envelope>`
	for name, text := range map[string]string{
		"two messages":    open + `<s:Body>` + requestXML + requestXML + `</s:Body>` + shut,
		"two bodies":      open + `<s:Body>` + requestXML + `</s:Body><s:Body>` + requestXML + `</s:Body>` + shut,
		"empty body":      open + `<s:Body/>` + shut,
		"no body":         open + shut,
		"not a message":   open + `<s:Body><a/></s:Body>` + shut,
		"no envelope":     requestXML,
		"another SOAP":    strings.ReplaceAll(open+`<s:Body>`+requestXML+`</s:Body>`+shut, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
		"must understand": open + `<s:Header><x s:mustUnderstand="1"/></s:Header><s:Body>` + requestXML + `</s:Body>` + shut,
	} {
		_, err := wire.DecodeSOAP(strings.NewReader(text))
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		wantKind(t, err, wire.ErrMalformed)
	}
	_, err := wire.DecodeSOAP(strings.NewReader(strings.Repeat(" ", wire.MaxMessage+1)))
	wantKind(t, err, wire.ErrTooLarge)
}

func TestRedirectURLKeepsTheEndpointsQueryAndRefusesScripts(t *testing.T) {
	t.Parallel()
	address, err := wire.RedirectURL("https://sp.example/slo?tenant=1", wire.ParamResponse, []byte(requestXML), "")
	if err != nil || !strings.HasPrefix(address, "https://sp.example/slo?tenant=1&SAMLResponse=") || strings.Contains(address, "RelayState") {
		t.Fatalf("got %s, %v", address, err)
	}
	for _, endpoint := range []string{"javascript:alert(1)", "/slo", "https:///x", "https://user@sp.example/"} {
		_, err := wire.RedirectURL(endpoint, wire.ParamResponse, []byte(requestXML), "")
		wantKind(t, err, wire.ErrMalformed)
	}
}
