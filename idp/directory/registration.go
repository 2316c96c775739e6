package directory

import (
	"crypto/rsa"
	"encoding/pem"
	"net"
	"net/url"
	"slices"
	"strings"

	"crypto/x509"

	"gatehouse/idp"
)

// checkApp puts a registration into its stored form, or answers idp.Invalid
// naming the field.
func (d *Directory) checkApp(a *idp.App) error {
	var err error
	if a.Name, err = text("name", a.Name, 128); err != nil {
		return err
	}
	if a.Name == "" {
		return invalid("name", "An app needs a name.")
	}
	if a.Identifier == "" || len(a.Identifier) > 1024 || strings.ContainsFunc(a.Identifier, unprintable) {
		return invalid("identifier", "An app needs its client_id or entityID: printable characters without spaces.")
	}
	if err := webURL("launch_url", a.LaunchURL, true); err != nil {
		return err
	}
	if err := d.called("probe_url", a.ProbeURL); err != nil {
		return err
	}
	if err := d.CheckRules(a.Protocol, a.Attributes); err != nil {
		return err
	}
	switch {
	case a.Protocol == idp.ProtocolOIDC && a.OIDC != nil && a.SAML == nil:
		return d.checkOIDC(a.OIDC)
	case a.Protocol == idp.ProtocolSAML && a.SAML != nil && a.OIDC == nil:
		return d.checkSAML(a.SAML)
	}
	return invalid("protocol", "An app speaks oidc or saml, and has the settings of that protocol alone.")
}

func (d *Directory) checkOIDC(o *idp.OIDCSettings) error {
	OIDCDefaults(o)
	switch {
	case !slices.Contains(authMethods(), o.AuthMethod):
		return invalid("auth_method", "A client authenticates by "+strings.Join(authMethods(), ", ")+".")
	case !slices.Contains([]string{"RS256", "ES256"}, o.IDTokenAlg):
		return invalid("id_token_alg", "ID tokens are signed with RS256 or ES256.")
	case !NeedsSecret(*o) && len(o.SecretHashes) > 0, NeedsSecret(*o) && (len(o.SecretHashes) < 1 || len(o.SecretHashes) > idp.MaxSecrets):
		return invalid("secret", "A client that authenticates by a secret has one or two, any other has none.")
	case slices.ContainsFunc(o.SecretHashes, func(h string) bool { return !isHash(h) }):
		return invalid("secret_hashes", "A secret is kept as the 64 lower-case hex digits of its SHA-256.")
	case o.AuthMethod == "none" && o.PKCEExempt:
		return invalid("pkce_exempt", "A public client cannot do without PKCE.")
	}
	if err := checkType(o); err != nil {
		return err
	}
	for _, u := range slices.Concat(o.RedirectURIs, o.PostLogoutRedirectURIs) {
		if err := redirectURI(u, o.ApplicationType); err != nil {
			return err
		}
	}
	if err := frontchannel(o); err != nil {
		return err
	}
	if err := webURL("initiate_login_uri", o.InitiateLoginURI, true); err != nil {
		return err
	}
	if err := resources(o.Resources); err != nil {
		return err
	}
	if err := checkTokens(o); err != nil {
		return err
	}
	if err := d.checkClientKeys(o); err != nil {
		return err
	}
	if err := checkFAPI(o); err != nil {
		return err
	}
	return d.called("backchannel_logout_uri", o.BackchannelLogoutURI)
}

// frontchannel: the address has the scheme, host and port of a redirect URI
// (OpenID Connect Front-Channel Logout 1.0 §2), so that no browser is led, and
// no page of ours frames, what the app's sign-in does not know.
func frontchannel(o *idp.OIDCSettings) error {
	const field = "frontchannel_logout_uri"
	if err := webURL(field, o.FrontchannelLogoutURI, true); err != nil || o.FrontchannelLogoutURI == "" {
		return err
	}
	if !slices.ContainsFunc(o.RedirectURIs, func(u string) bool { return origin(u) == origin(o.FrontchannelLogoutURI) }) {
		return invalid(field, "The front-channel logout address has the scheme, host and port of a redirect URI.")
	}
	return nil
}

// resources are absolute URIs without a fragment (RFC 8707 §2), compared byte
// by byte.
func resources(uris []string) error {
	const field = "resources"
	if len(uris) > 20 {
		return invalid(field, "An app has at most 20 resources.")
	}
	for _, raw := range uris {
		u, err := url.Parse(raw)
		if err != nil || len(raw) > 512 || u.Scheme == "" || strings.Contains(raw, "#") || strings.ContainsFunc(raw, unprintable) {
			return invalid(field, "A resource is an absolute URI without a fragment.")
		}
	}
	return nil
}

func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// redirectURI checks one redirect URI for registration: https; http on
// loopback; for a native app also a private-use scheme made of a domain in
// reverse (RFC 8252 §7.1). No wildcard, no user info, no fragment.
func redirectURI(raw, applicationType string) error {
	u, err := url.Parse(raw)
	const field = "redirect_uris"
	switch {
	case err != nil || len(raw) > 2048 || strings.ContainsFunc(raw, unprintable) || u.Scheme == "":
		return invalid(field, "This is not an absolute URI.")
	case strings.Contains(raw, "*"):
		return invalid(field, "A redirect URI has no wildcard: it is compared byte by byte.")
	case strings.Contains(raw, "#") || u.User != nil:
		return invalid(field, "A redirect URI has no fragment and no user name.")
	case strings.Contains(raw, "\\") || strings.Contains(u.Path, "/../") || strings.HasSuffix(u.Path, "/.."):
		return invalid(field, "A redirect URI has no backslash and no parent folder in its path.")
	}
	switch strings.ToLower(u.Scheme) {
	case "https":
		if u.Host != "" {
			return nil
		}
	case "http":
		if loopback(u.Hostname()) {
			return nil
		}
	default:
		if applicationType == idp.ApplicationNative && reverseDomain(u.Scheme) {
			return nil
		}
	}
	return invalid(field, "A redirect URI is https, or http on this machine (127.0.0.1, [::1], localhost); a native app may also use a scheme like com.example.app.")
}

// loopback: literal loopback addresses and the localhost names (RFC 6761
// §6.3), which resolve to this machine in every browser.
func loopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func (d *Directory) checkSAML(s *idp.SAMLSettings) error {
	if err := checkSSO(s); err != nil {
		return err
	}
	// The defaults are stored as nothing, as they were before there was a choice.
	if s.Sign == idp.SignAssertion {
		s.Sign = ""
	}
	if s.SignatureAlg == idp.SignRSASHA256 {
		s.SignatureAlg = ""
	}
	switch {
	case len(s.ACS) == 0 || len(s.ACS) > 50:
		return invalid("acs", "A service provider has 1 to 50 assertion consumer services.")
	case s.RequireSigned && len(s.SigningCerts) == 0:
		return invalid("signing_certs", "To demand signed requests, the provider's signing certificate must be known.")
	case !slices.Contains([]string{"", idp.SignResponse, idp.SignBoth}, s.Sign):
		return invalid("sign", "What is signed is the assertion, the response or both.")
	case !slices.Contains([]string{"", idp.SignRSASHA384, idp.SignRSASHA512, idp.SignECDSASHA256}, s.SignatureAlg):
		return invalid("signature_alg", "Answers are signed with rsa-sha256, rsa-sha384, rsa-sha512 or ecdsa-sha256.")
	case s.SessionTTL < 0 || s.AssertionValidity < 0:
		return invalid("session_ttl", "A time span is not negative.")
	}
	if err := checkEncryption(s); err != nil {
		return err
	}
	if err := webURL("front_logout_url", s.FrontLogoutURL, true); err != nil {
		return err
	}
	if (s.FrontLogoutURL == "") != (s.FrontLogoutBinding == "") || !slices.Contains([]string{"", "redirect", "post"}, s.FrontLogoutBinding) {
		return invalid("front_logout_binding", "A front-channel logout address goes with its binding: redirect or post.")
	}
	if err := webURL("front_logout_response_url", s.FrontLogoutResponseURL, true); err != nil {
		return err
	}
	if s.FrontLogoutResponseURL != "" && s.FrontLogoutURL == "" {
		return invalid("front_logout_response_url", "An address for logout answers goes with one for logout requests and its binding.")
	}
	indexes := map[int]bool{}
	for _, acs := range s.ACS {
		if err := webURL("acs", acs.URL, false); err != nil {
			return err
		}
		if indexes[acs.Index] {
			return invalid("acs", "Two assertion consumer services have the same index.")
		}
		indexes[acs.Index] = true
	}
	for _, c := range s.SigningCerts {
		if _, err := onePEM("signing_certs", c); err != nil {
			return err
		}
	}
	if err := d.checkSource(s.Metadata); err != nil {
		return err
	}
	return d.called("soap_logout_url", s.SOAPLogoutURL)
}

// checkSource checks where metadata is read again.
func (d *Directory) checkSource(m idp.MetadataSource) error {
	if m.URL == "" && m.Pin != "" {
		return invalid("metadata_pin", "A pinned certificate goes with the address that the metadata is read from.")
	}
	if m.Pin != "" {
		if _, err := onePEM("metadata_pin", m.Pin); err != nil {
			return err
		}
	}
	return d.called("metadata_url", m.URL)
}

// checkEncryption: what can be read by the app alone needs the key to be the
// app's, and one that nobody breaks.
func checkEncryption(s *idp.SAMLSettings) error {
	switch {
	case !slices.Contains([]string{"", idp.EncryptAES256GCM, idp.EncryptAES128GCM, idp.EncryptAES256CBC, idp.EncryptAES128CBC}, s.EncryptionAlg):
		return invalid("encryption_alg", "Assertions are encrypted with aes256-gcm, aes128-gcm, aes256-cbc or aes128-cbc.")
	case !slices.Contains([]string{"", idp.TransportMGF1P, idp.TransportMGF1PSHA256, idp.TransportOAEPSHA256}, s.KeyTransport):
		return invalid("key_transport", "The key of an encrypted assertion travels by rsa-oaep-mgf1p, rsa-oaep-mgf1p-sha256 or rsa-oaep-sha256.")
	case s.EncryptAssertion && s.EncryptionCert == "":
		return invalid("encryption_cert", "To encrypt assertions, the app's encryption certificate must be known: it is in its metadata.")
	case len(s.EncryptionMethods) > 50 || slices.ContainsFunc(s.EncryptionMethods, func(m string) bool { return len(m) > 256 }):
		return invalid("encryption_methods", "An app has at most 50 encryption methods, each a URI.")
	case s.EncryptionCert == "":
		return nil
	}
	cert, err := onePEM("encryption_cert", s.EncryptionCert)
	if err != nil || !s.EncryptAssertion {
		return err
	}
	if key, ok := cert.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() < 2048 {
		return invalid("encryption_cert", "Assertions are encrypted to an RSA key of 2048 bits or more.")
	}
	return nil
}

// onePEM reads a certificate.
func onePEM(field, text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, invalid(field, "A certificate is one PEM block.")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, invalid(field, "A certificate could not be read.").Because(err)
	}
	return cert, nil
}

// called checks a URL that the house itself calls. Empty is allowed.
func (d *Directory) called(field, raw string) error {
	if err := webURL(field, raw, true); err != nil || raw == "" {
		return err
	}
	if d.CheckURL == nil {
		return nil
	}
	if err := d.CheckURL(raw); err != nil {
		return invalid(field, "This address may not be called from here. Private addresses must be allowed in the configuration (GATEHOUSE_OUTBOUND_ALLOW).").Because(err)
	}
	return nil
}

// webURL checks an absolute http or https URL without user info and fragment.
func webURL(field, raw string, optional bool) error {
	if raw == "" && optional {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || len(raw) > 2048 || u.Host == "" || u.User != nil || strings.ContainsAny(raw, "#\\") ||
		strings.ContainsFunc(raw, unprintable) || (u.Scheme != "https" && u.Scheme != "http") {
		return invalid(field, "This is not an absolute https URL.")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return invalid(field, "http is for this machine only; use https.")
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f || forbidden(r) }
