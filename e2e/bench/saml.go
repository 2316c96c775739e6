package main

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"
)

const (
	authnRequest = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ` +
		`ID="%s" Version="2.0" IssueInstant="%s" Destination="%s/saml/sso" AssertionConsumerServiceURL="%s" ` +
		`ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>%s</saml:Issuer></samlp:AuthnRequest>`
	rsaSHA256 = `Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"`
)

var responseField = regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`)

// samlSSO is an AuthnRequest of that app by HTTP-Redirect while a session is
// alive, answered by a form with so many signatures: one request.
func samlSSO(entityID string, signatures int) scenario {
	return func(ctx context.Context, p *person) (operation, error) {
		if err := p.beSignedIn(ctx); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return p.signOn(ctx, entityID, signatures) }, nil
	}
}

func (p *person) signOn(ctx context.Context, entityID string, signatures int) error {
	id, state := "id-"+rand.Text(), rand.Text()
	asked, err := deflated(fmt.Sprintf(authnRequest, id, time.Now().UTC().Format(time.RFC3339), p.house.url, consumer, entityID))
	if err != nil {
		return err
	}
	g, err := p.get(ctx, p.house.url+"/saml/sso?"+form("SAMLRequest", asked, "RelayState", state).Encode())
	if err != nil {
		return err
	}
	field := responseField.FindStringSubmatch(g.body)
	if g.status != http.StatusOK || field == nil || !strings.Contains(g.body, state) {
		return fmt.Errorf("no SAML response: %d %.300s", g.status, g.body)
	}
	raw, err := base64.StdEncoding.DecodeString(html.UnescapeString(field[1]))
	if err != nil {
		return err
	}
	return checkResponse(raw, id, signatures)
}

// checkResponse: a success, an answer to this request, and so many RSA signatures.
func checkResponse(raw []byte, id string, signatures int) error {
	switch {
	case !bytes.Contains(raw, []byte("urn:oasis:names:tc:SAML:2.0:status:Success")):
		return errors.New("the SAML response is no success")
	case !bytes.Contains(raw, []byte(`InResponseTo="`+id+`"`)):
		return errors.New("the SAML response answers another request")
	case bytes.Count(raw, []byte(rsaSHA256)) != signatures:
		return fmt.Errorf("the SAML response has not %d RSA-SHA256 signatures", signatures)
	}
	return nil
}

// deflated is the HTTP-Redirect encoding (SAML Bindings §3.4.4.1).
func deflated(text string) (string, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out.Bytes()), nil
}
