package wire

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"net/url"
	"strings"
)

const (
	paramRelayState = "RelayState"
	paramSigAlg     = "SigAlg"
	paramSignature  = "Signature"
	paramEncoding   = "SAMLEncoding"

	encodingDeflate = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
)

// query is an HTTP-Redirect query. octets is what a signature covers, each part
// exactly as it was received: peers escape differently (ADFS and Entra in lower
// case), so re-encoding would break their signatures.
type query struct {
	message, relayState string
	octets              string
	sigAlg, signature   string
	signed              bool
}

// rawQuery holds the still escaped values of the parameters that SAML defines.
type rawQuery map[string]string

func parseQuery(raw, param string) (*query, error) {
	if len(raw) > MaxMessage {
		return nil, refuse(ErrTooLarge, "the query is over the limit")
	}
	parts, err := splitQuery(raw)
	if err != nil {
		return nil, err
	}
	_, request := parts[ParamRequest]
	_, response := parts[ParamResponse]
	if request && response {
		return nil, refuse(ErrMalformed, "both a request and a response")
	}
	q := &query{octets: param + "=" + parts[param]}
	if relay, ok := parts[paramRelayState]; ok {
		q.octets += "&" + paramRelayState + "=" + relay
	}
	sigAlg, hasAlg := parts[paramSigAlg]
	_, hasSignature := parts[paramSignature]
	q.octets += "&" + paramSigAlg + "=" + sigAlg
	q.signed = hasAlg || hasSignature

	var encoding string
	for name, to := range map[string]*string{
		param: &q.message, paramRelayState: &q.relayState,
		paramSigAlg: &q.sigAlg, paramSignature: &q.signature, paramEncoding: &encoding,
	} {
		if *to, err = url.QueryUnescape(parts[name]); err != nil {
			return nil, refuse(ErrMalformed, "the query is badly escaped")
		}
	}
	if encoding != "" && encoding != encodingDeflate {
		return nil, refuse(ErrMalformed, "unknown SAMLEncoding")
	}
	return q, nil
}

// splitQuery picks the SAML parameters out of a raw query. A repeated one, or
// one whose name is itself escaped, is refused: it would be one thing to the
// verifier and another to the reader.
func splitQuery(raw string) (rawQuery, error) {
	parts := rawQuery{}
	for part := range strings.SplitSeq(raw, "&") {
		rawName, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, refuse(ErrMalformed, "the query is badly escaped")
		}
		switch name {
		case ParamRequest, ParamResponse, paramRelayState, paramSigAlg, paramSignature, paramEncoding:
		default:
			continue
		}
		if _, repeated := parts[name]; repeated || rawName != name {
			return nil, refuse(ErrMalformed, name+" is repeated or escaped")
		}
		parts[name] = value
	}
	return parts, nil
}

// RedirectURL is the unsigned URL that carries xml to endpoint by HTTP-Redirect
// (SAML Bindings §3.4.4.1). param is ParamRequest or ParamResponse.
func RedirectURL(endpoint, param string, xml []byte, relayState string) (string, error) {
	q, err := encodeQuery(param, xml, relayState)
	if err != nil {
		return "", err
	}
	return joinQuery(endpoint, q)
}

func encodeQuery(param string, xml []byte, relayState string) (string, error) {
	if len(relayState) > MaxRelayState {
		return "", refuse(ErrTooLarge, "RelayState is over the limit")
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(xml); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	q := param + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes()))
	if relayState != "" {
		q += "&" + paramRelayState + "=" + url.QueryEscape(relayState)
	}
	return q, nil
}

func joinQuery(endpoint, q string) (string, error) {
	u, err := webURL(endpoint)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" {
		q = u.RawQuery + "&" + q
	}
	u.RawQuery, u.Fragment = q, ""
	return u.String(), nil
}

// webURL accepts an absolute http or https URL without user information, the
// only kind that a browser is ever sent to (CVE-2023-45683).
func webURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, refuse(ErrMalformed, "an endpoint is not an http or https URL")
	}
	return u, nil
}
