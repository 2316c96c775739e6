package wire

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"sync"

	"github.com/beevik/etree"
)

// Message is one SAML protocol message as it arrived. XML is the octets, Root
// the parsed protocol element (for SOAP the one child of Body). Until Verify has
// returned, everything in it is a claim.
type Message struct {
	Binding    Binding
	XML        []byte
	Root       *etree.Element
	RelayState string
	// RelayStateTooLong: a request came with more than MaxRelayState, which is
	// not kept. What else it says stands, so that its sender can be told.
	RelayStateTooLong bool

	query *query // Redirect only: the octets that a signature covers
}

// Decode reads the message of a GET (HTTP-Redirect, SAML Bindings §3.4) or POST
// (HTTP-POST, §3.5) request. param is ParamRequest or ParamResponse. It consumes
// the body. Errors: ErrMalformed, ErrTooLarge.
func Decode(r *http.Request, param string) (*Message, error) {
	if param != ParamRequest && param != ParamResponse {
		return nil, refuse(ErrMalformed, "unknown message parameter")
	}
	switch r.Method {
	case http.MethodGet:
		return decodeRedirect(r.URL.RawQuery, param)
	case http.MethodPost:
		return decodePOST(r, param)
	}
	return nil, refuse(ErrMalformed, "neither GET nor POST")
}

func decodePOST(r *http.Request, param string) (*Message, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, refuse(ErrMalformed, "the body is not a form")
	}
	if r.PostForm == nil && r.Body != nil {
		r.Body = http.MaxBytesReader(nil, r.Body, MaxMessage)
	}
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, refuse(ErrTooLarge, "the body is over the limit")
		}
		return nil, refuse(ErrMalformed, "the form cannot be read")
	}
	for _, name := range []string{ParamRequest, ParamResponse, paramRelayState} {
		if len(r.PostForm[name]) > 1 {
			return nil, refuse(ErrMalformed, name+" is repeated")
		}
	}
	if r.PostForm.Has(ParamRequest) && r.PostForm.Has(ParamResponse) {
		return nil, refuse(ErrMalformed, "both a request and a response")
	}
	octets, err := decodeBase64(r.PostForm.Get(param))
	if err != nil {
		return nil, err
	}
	m := &Message{Binding: POST, XML: octets, RelayState: r.PostForm.Get(paramRelayState)}
	return m.parse(param)
}

func decodeRedirect(raw, param string) (*Message, error) {
	q, err := parseQuery(raw, param)
	if err != nil {
		return nil, err
	}
	deflated, err := decodeBase64(q.message)
	if err != nil {
		return nil, err
	}
	octets, err := inflate(deflated)
	if err != nil {
		return nil, err
	}
	m, err := (&Message{Binding: Redirect, XML: octets, RelayState: q.relayState, query: q}).parse(param)
	if err != nil {
		return nil, err
	}
	// SAML Bindings §3.4.4.1: the query is signed, never the message.
	if len(Children(m.Root, NSSignature, "Signature")) != 0 {
		return nil, refuse(ErrMalformed, "a signature inside a redirected message")
	}
	return m, nil
}

func (m *Message) parse(param string) (*Message, error) {
	if len(m.RelayState) > MaxRelayState {
		if param != ParamRequest {
			return nil, refuse(ErrTooLarge, "RelayState is over the limit")
		}
		m.RelayState, m.RelayStateTooLong = "", true
	}
	root, err := Parse(m.XML)
	if err != nil {
		return nil, err
	}
	if root.NamespaceURI() != NSProtocol {
		return nil, refuse(ErrMalformed, "not a SAML protocol message")
	}
	m.Root = root
	return m, nil
}

// DecodeSOAP reads a SOAP 1.1 envelope whose Body holds exactly one SAML protocol
// message (SAML Bindings §3.2). Headers that must be understood are refused: we
// understand none. Errors: ErrMalformed, ErrTooLarge.
func DecodeSOAP(body io.Reader) (*Message, error) {
	octets, err := readAll(body)
	if err != nil {
		return nil, err
	}
	envelope, err := Parse(octets)
	if err != nil {
		return nil, err
	}
	if !Is(envelope, NSSOAP, "Envelope") {
		return nil, refuse(ErrMalformed, "not a SOAP envelope")
	}
	for _, header := range Children(envelope, NSSOAP, "Header") {
		for entry := range header.ChildElementsSeq() {
			if must := entry.SelectAttrValue("mustUnderstand", ""); must == "1" || must == "true" {
				return nil, refuse(ErrMalformed, "a SOAP header that must be understood")
			}
		}
	}
	content, err := Child(envelope, NSSOAP, "Body")
	if err != nil {
		return nil, err
	}
	if content == nil || len(content.ChildElements()) != 1 {
		return nil, refuse(ErrMalformed, "the SOAP body does not hold exactly one message")
	}
	root := content.ChildElements()[0]
	if root.NamespaceURI() != NSProtocol {
		return nil, refuse(ErrMalformed, "not a SAML protocol message")
	}
	return &Message{Binding: SOAP, XML: octets, Root: root}, nil
}

// EncodePOST is the value of the form field of the HTTP-POST binding (§3.5.4).
func EncodePOST(xml []byte) string {
	return base64.StdEncoding.EncodeToString(xml)
}

// SOAPEnvelope wraps a message for the SOAP binding (§3.2).
func SOAPEnvelope(el *etree.Element) []byte {
	var b bytes.Buffer
	b.WriteString(`<soap:Envelope xmlns:soap="` + NSSOAP + `"><soap:Body>`)
	b.Write(Serialize(el))
	b.WriteString(`</soap:Body></soap:Envelope>`)
	return b.Bytes()
}

// SOAPFault is the answer to what cannot be read as a message, or cannot be
// answered now: client says that the sender is to change something (SOAP 1.1
// §4.4). It goes with the HTTP status 500. text is a constant of ours.
func SOAPFault(client bool, text string) []byte {
	code := "Server"
	if client {
		code = "Client"
	}
	return []byte(`<soap:Envelope xmlns:soap="` + NSSOAP + `"><soap:Body><soap:Fault><faultcode>soap:` + code +
		`</faultcode><faultstring>` + text + `</faultstring></soap:Fault></soap:Body></soap:Envelope>`)
}

func decodeBase64(text string) ([]byte, error) {
	switch {
	case text == "":
		return nil, refuse(ErrMalformed, "no message")
	case len(text) > MaxMessage:
		return nil, refuse(ErrTooLarge, "the base64 is over the limit")
	}
	octets, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse(ErrMalformed, "not base64")
	}
	return octets, nil
}

// inflaters are kept: one is 40 KiB of tables.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

func inflate(deflated []byte) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(deflated), nil); err != nil {
		return nil, err
	}
	octets, err := readAll(r)
	if err != nil {
		return nil, err
	}
	return octets, r.Close()
}

// readAll reads to the end and refuses what is longer than MaxMessage.
func readAll(r io.Reader) ([]byte, error) {
	octets, err := io.ReadAll(io.LimitReader(r, MaxMessage+1))
	switch {
	case len(octets) > MaxMessage:
		return nil, refuse(ErrTooLarge, "the message is over the limit")
	case err != nil:
		return nil, refuseBecause(ErrMalformed, "the message cannot be read", err)
	}
	return octets, nil
}
