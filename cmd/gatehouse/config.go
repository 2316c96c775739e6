package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/idp/directory"
	"gatehouse/idp/login"
	"gatehouse/idp/login/password"
	"gatehouse/idp/mail"
	samlwire "gatehouse/idp/saml/wire"
)

// prefix of every environment variable of the server.
const prefix = "GATEHOUSE_"

// settings lists every setting: its name in the environment is GATEHOUSE_ and
// the name, in the configuration file the name in lower case; with _FILE (or
// _file) appended it names a file that holds the value.
var settings = []string{
	"URL", "LISTEN", "DATA", "DATABASE", "SECRET", "ADMIN_TOKEN", "TRUSTED_PROXIES", "TLS_CERT", "TLS_KEY", "OUTBOUND_ALLOW", "REDIS", "METRICS",
	"KEY_ROTATION", "REGISTRATION", "DPOP_NONCE", "MTLS_URL", "MTLS_LISTEN", "MTLS_CA",
	"ORGANIZATION", "ORGANIZATION_URL", "CONTACTS", "METADATA_VALIDITY", "GEOIP",
	"SMTP", "MAIL_FROM", "BREACHED_PASSWORDS", "PASSWORD_HASH",
	"PASSKEY_DOMAIN", "PASSKEY_ORIGINS", "PASSKEY_ATTESTATION", "PASSKEY_AUTHENTICATORS", "PASSKEY_ROOTS",
}

// Config is the configuration of a server.
type Config struct {
	URL            *url.URL // public URL = issuer
	Listen         string
	Data           string // directory; made when absent
	Database       string // DSN for store.Open
	Redis          string // address of the one Redis; empty: every decision asks SQL
	Secret         []byte // root key that seals secrets at rest
	AdminToken     string // bootstrap token; works while no owner exists
	TrustedProxies []netip.Prefix
	TLSCert        string
	TLSKey         string
	OutboundAllow  []string
	Metrics        string        // address at which metrics are read; empty: nowhere
	KeyRotation    time.Duration // how long a key of the OpenID Provider signs; 0: until somebody rotates it
	ProofNonces    bool          // a DPoP proof carries a nonce of ours
	Registration   bool          // apps may register themselves with an initial access token
	MTLSURL        *url.URL      // where apps come with a certificate; nil: nowhere
	MTLSListen     string        // the door for it; empty: a trusted proxy's
	MTLSCA         string        // PEM file of the authorities for tls_client_auth
	// About says in our SAML metadata who runs the house.
	// Passkeys is what is decided on passkeys; its Box and Salt are not set here.
	Passkeys         login.PasskeySettings
	About            samlwire.About
	GeoIP            string        // file that says where addresses are; empty: nobody does
	Mail             *mail.Server  // nil: no mail is sent
	Breached         string        // file of passwords that nobody may set; empty: none
	PasswordHash     password.Cost // of new hashes
	MetadataValidity time.Duration // for how long SAML metadata are good at the least; 0: without end
}

// loadConfig reads the configuration: environment first, then file (path may
// be empty), then defaults. Unknown names and unusable values are errors that
// say what to do. environ has the form of os.Environ.
func loadConfig(environ []string, path string) (Config, error) {
	values, err := fromFile(path)
	if err != nil {
		return Config{}, err
	}
	env, err := fromEnvironment(environ)
	if err != nil {
		return Config{}, err
	}
	for name := range env {
		// The environment wins over both spellings of the file.
		base := strings.TrimSuffix(name, "_FILE")
		delete(values, base)
		delete(values, base+"_FILE")
	}
	maps.Copy(values, env)
	if err := readFiles(values); err != nil {
		return Config{}, err
	}
	return parse(values)
}

func fromEnvironment(environ []string) (map[string]string, error) {
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		short, ours := strings.CutPrefix(name, prefix)
		if !ours || short == "TOKEN" || strings.HasPrefix(short, "TEST_") { // the command line's, the tests'
			continue
		}
		if err := known(short); err != nil {
			return nil, fmt.Errorf("environment: %w", err)
		}
		values[short] = value
	}
	return values, nil
}

func fromFile(path string) (map[string]string, error) {
	values := map[string]string{}
	if path == "" {
		return values, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	var file map[string]string
	if err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&file); err != nil {
		return nil, fmt.Errorf("read the configuration file %s: %w", path, err)
	}
	for name, value := range file {
		if err := known(strings.ToUpper(name)); err != nil || name != strings.ToLower(name) {
			return nil, fmt.Errorf("configuration file %s: unknown name %q; known are %s, in lower case", path, name, strings.ToLower(strings.Join(settings, ", ")))
		}
		values[strings.ToUpper(name)] = value
	}
	return values, nil
}

func known(name string) error {
	base := strings.TrimSuffix(name, "_FILE")
	switch {
	case !slices.Contains(settings, base):
		return fmt.Errorf("unknown name %s%s; known are %s%s", prefix, name, prefix, strings.Join(settings, ", "+prefix))
	}
	return nil
}

// readFiles replaces each NAME_FILE by NAME with the file's content.
func readFiles(values map[string]string) error {
	for name, path := range values {
		base, isFile := strings.CutSuffix(name, "_FILE")
		if !isFile {
			continue
		}
		if _, both := values[base]; both {
			return fmt.Errorf("%s%s and %s%s are both set; keep one", prefix, base, prefix, name)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read %s%s: %w", prefix, name, err)
		}
		delete(values, name)
		values[base] = strings.TrimSpace(string(raw))
	}
	return nil
}

func parse(v map[string]string) (Config, error) {
	or := func(name, otherwise string) string {
		if v[name] != "" {
			return v[name]
		}
		return otherwise
	}
	c := Config{
		Listen: or("LISTEN", "127.0.0.1:8080"), Data: or("DATA", "./data"), AdminToken: v["ADMIN_TOKEN"], Redis: v["REDIS"], Metrics: v["METRICS"], Breached: v["BREACHED_PASSWORDS"],
		TLSCert: v["TLS_CERT"], TLSKey: v["TLS_KEY"], Secret: []byte(v["SECRET"]), OutboundAllow: list(v["OUTBOUND_ALLOW"]),
	}
	c.Database = or("DATABASE", "sqlite:"+filepath.Join(c.Data, "gatehouse.db"))
	var err error
	if c.URL, err = publicURL(or("URL", "http://localhost:8080")); err != nil {
		return c, err
	}
	if c.KeyRotation, err = keyRotation(or("KEY_ROTATION", "90d")); err != nil {
		return c, err
	}
	if c.MetadataValidity, err = metadataValidity(or("METADATA_VALIDITY", "off")); err != nil {
		return c, err
	}
	c.GeoIP = v["GEOIP"]
	if c.About, err = about(or("ORGANIZATION", ""), or("ORGANIZATION_URL", c.URL.String()), list(v["CONTACTS"])); err != nil {
		return c, err
	}
	if c.PasswordHash, err = password.ParseCost(or("PASSWORD_HASH", password.DefaultCost().String())); err != nil {
		return c, fmt.Errorf("GATEHOUSE_PASSWORD_HASH: %q is %w", v["PASSWORD_HASH"], err)
	}
	if c.Passkeys, err = passkeys(c.URL, c.About.Organization, v); err != nil {
		return c, err
	}
	if c.Mail, err = mailServer(v["SMTP"], or("MAIL_FROM", "Gatehouse <gatehouse@"+c.URL.Hostname()+">")); err != nil {
		return c, err
	}
	for _, p := range list(v["TRUSTED_PROXIES"]) {
		prefix, err := proxy(p)
		if err != nil {
			return c, fmt.Errorf("GATEHOUSE_TRUSTED_PROXIES: %q is neither an address nor a network like 10.0.0.0/8", p)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix)
	}
	if _, _, err := net.SplitHostPort(c.Metrics); c.Metrics != "" && err != nil {
		return c, fmt.Errorf("GATEHOUSE_METRICS: %q is no address to listen on, like 127.0.0.1:9090", c.Metrics)
	}
	for name, on := range map[string]*bool{"REGISTRATION": &c.Registration, "DPOP_NONCE": &c.ProofNonces} {
		switch v[name] {
		case "", "off":
		case "on":
			*on = true
		default:
			return c, fmt.Errorf("GATEHOUSE_%s is on or off, not %q", name, v[name])
		}
	}
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return c, errors.New("GATEHOUSE_TLS_CERT and GATEHOUSE_TLS_KEY belong together; set both or none")
	case c.AdminToken != "" && len(c.AdminToken) < 20:
		return c, errors.New("GATEHOUSE_ADMIN_TOKEN is too short: use 20 characters or more, for example from: openssl rand -base64 32")
	case len(c.Secret) > 0 && len(c.Secret) < 32:
		return c, errors.New("GATEHOUSE_SECRET is too short: use 32 characters or more, for example from: openssl rand -base64 32")
	}
	return c, c.parseMTLS(v["MTLS_URL"], v["MTLS_LISTEN"], v["MTLS_CA"])
}

// keyRotation reads how long a key signs: 90d, 2160h or off, which is zero.
func keyRotation(s string) (time.Duration, error) {
	if s == "off" {
		return 0, nil
	}
	every, err := span(s)
	if err != nil || every < directory.MinKeyRotation {
		return 0, fmt.Errorf("GATEHOUSE_KEY_ROTATION: %q is neither off nor a time span of %s or more, like 90d", s, directory.MinKeyRotation)
	}
	return every, nil
}

// span reads a time span, in days too: 90d, 2160h.
func span(s string) (time.Duration, error) {
	if n, err := strconv.ParseUint(strings.TrimSuffix(s, "d"), 10, 16); err == nil && strings.HasSuffix(s, "d") {
		s = strconv.FormatUint(24*n, 10) + "h"
	}
	return time.ParseDuration(s)
}

// publicURL checks the issuer: an origin, https anywhere but on this machine
// (OpenID Connect Discovery 1.0 §3).
func publicURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" {
		return nil, fmt.Errorf("GATEHOUSE_URL is an origin like https://id.example.com, not %q", raw)
	}
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if a, err := netip.ParseAddr(host); err == nil {
		local = a.IsLoopback()
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("GATEHOUSE_URL must be https outside this machine, and %q is not", raw)
	}
	return u, nil
}

func proxy(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// list splits a comma- or space-separated value.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

// prepare makes the data directory and, with SQLite, the root key when none
// is configured.
func (c *Config) prepare() error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if len(c.Secret) > 0 {
		return nil
	}
	if !strings.HasPrefix(c.Database, "sqlite:") {
		return errors.New("GATEHOUSE_SECRET is required with PostgreSQL: every node needs the same root key, for example from: openssl rand -base64 32")
	}
	path := filepath.Join(c.Data, "secret")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = newSecretFile(path)
	}
	if err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	c.Secret = bytes.TrimSpace(raw)
	if len(c.Secret) < 32 {
		return fmt.Errorf("the root key in %s is damaged: restore the file from your backup", path)
	}
	return nil
}

func newSecretFile(path string) ([]byte, error) {
	var b [32]byte
	rand.Read(b[:])
	raw := []byte(base64.RawURLEncoding.EncodeToString(b[:]) + "\n")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(raw); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return raw, f.Close()
}
