package main

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigDefaults(t *testing.T) {
	c, err := loadConfig([]string{"PATH=/bin", "GATEHOUSE_TOKEN=the-command-line's"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.URL.String() != "http://localhost:8080" || c.Listen != "127.0.0.1:8080" || c.Data != "./data" || c.Database != "sqlite:data/gatehouse.db" {
		t.Errorf("%+v", c)
	}
}

func TestEnvironmentWinsOverTheFile(t *testing.T) {
	secret := strings.Repeat("s", 32)
	file := write(t, "c.yaml", "url: https://file.example\nlisten: 127.0.0.1:1\nsecret_file: "+write(t, "secret", secret+"\n")+"\n")
	c, err := loadConfig([]string{"GATEHOUSE_URL=https://env.example/", "GATEHOUSE_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.1"}, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.URL.String() != "https://env.example" || c.Listen != "127.0.0.1:1" || string(c.Secret) != secret || len(c.TrustedProxies) != 2 {
		t.Errorf("%+v", c)
	}
	// The other spelling in the environment wins as well, instead of clashing.
	if c, err = loadConfig([]string{"GATEHOUSE_SECRET=" + strings.Repeat("e", 32)}, file); err != nil || c.Secret[0] != 'e' {
		t.Errorf("%v, secret %.1q", err, c.Secret)
	}
}

func TestWhoRunsTheHouse(t *testing.T) {
	c, err := loadConfig([]string{
		"GATEHOUSE_URL=https://id.example", "GATEHOUSE_ORGANIZATION=Example Ltd", "GATEHOUSE_METADATA_VALIDITY=14d",
		"GATEHOUSE_CONTACTS=technical:it@example.com, support:help@example.com",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if a := c.About; a.Organization != "Example Ltd" || a.OrganizationURL != "https://id.example" || len(a.Contacts) != 2 || a.Contacts[1].Email != "help@example.com" {
		t.Errorf("%+v", a)
	}
	if c.MetadataValidity != 14*24*time.Hour {
		t.Errorf("%s", c.MetadataValidity)
	}
}

func TestConfigRefusesAloud(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		file    string
		want    string
	}{
		"unknown name":             {[]string{"GATEHOUSE_LISTNE=x"}, "", "unknown name GATEHOUSE_LISTNE"},
		"unknown key":              {nil, "listne: x\n", `unknown name "listne"`},
		"key in capitals":          {nil, "URL: https://x.example\n", `unknown name "URL"`},
		"nested file":              {nil, "url:\n  a: b\n", "configuration file"},
		"a mail server by HTTP":    {[]string{"GATEHOUSE_SMTP=https://mail.example.com"}, "", "named like smtp://"},
		"mails from nowhere":       {[]string{"GATEHOUSE_SMTP=smtp://mail.example.com", "GATEHOUSE_MAIL_FROM=nobody"}, "", "no address that mails can come from"},
		"both spellings":           {[]string{"GATEHOUSE_SECRET=" + strings.Repeat("s", 32), "GATEHOUSE_SECRET_FILE=/x"}, "", "both set"},
		"http outside":             {[]string{"GATEHOUSE_URL=http://id.example.com"}, "", "must be https"},
		"URL with a path":          {[]string{"GATEHOUSE_URL=https://id.example.com/auth"}, "", "an origin"},
		"short metadata":           {[]string{"GATEHOUSE_METADATA_VALIDITY=1d"}, "", "GATEHOUSE_METADATA_VALIDITY"},
		"unknown kind of contact":  {[]string{"GATEHOUSE_CONTACTS=boss:a@example.com"}, "", "technical, support"},
		"contact without a kind":   {[]string{"GATEHOUSE_CONTACTS=a@example.com"}, "", "GATEHOUSE_CONTACTS"},
		"organization nowhere":     {[]string{"GATEHOUSE_ORGANIZATION_URL=javascript:x"}, "", "no web address"},
		"short secret":             {[]string{"GATEHOUSE_SECRET=short"}, "", "32 characters"},
		"short bootstrap token":    {[]string{"GATEHOUSE_ADMIN_TOKEN=short"}, "", "20 characters"},
		"certificate without key":  {[]string{"GATEHOUSE_TLS_CERT=/x"}, "", "belong together"},
		"door without address":     {[]string{"GATEHOUSE_MTLS_LISTEN=127.0.0.1:1"}, "", "need GATEHOUSE_MTLS_URL"},
		"door that browsers use":   {[]string{"GATEHOUSE_URL=https://id.example", "GATEHOUSE_MTLS_URL=https://id.example", "GATEHOUSE_TRUSTED_PROXIES=10.0.0.1"}, "", "must differ"},
		"door without TLS":         {[]string{"GATEHOUSE_MTLS_URL=https://mtls.id.example", "GATEHOUSE_MTLS_LISTEN=127.0.0.1:1"}, "", "GATEHOUSE_TLS_CERT"},
		"door of nobody":           {[]string{"GATEHOUSE_MTLS_URL=https://mtls.id.example"}, "", "GATEHOUSE_TRUSTED_PROXIES"},
		"door by http":             {[]string{"GATEHOUSE_MTLS_URL=http://mtls.id.example", "GATEHOUSE_TRUSTED_PROXIES=10.0.0.1"}, "", "an origin like"},
		"proxy that is no network": {[]string{"GATEHOUSE_TRUSTED_PROXIES=proxy"}, "", "neither an address"},
		"weaker hashes":            {[]string{"GATEHOUSE_PASSWORD_HASH=m=19456,t=1,p=1"}, "", "weaker than m=19456,t=2,p=1"},
		"hashes of another kind":   {[]string{"GATEHOUSE_PASSWORD_HASH=bcrypt"}, "", "m=19456,t=2,p=1"},
		"secret file missing":      {[]string{"GATEHOUSE_SECRET_FILE=/nowhere"}, "", "GATEHOUSE_SECRET_FILE"},
	} {
		path := ""
		if c.file != "" {
			path = write(t, "c.yaml", c.file)
		}
		_, err := loadConfig(c.environ, path)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), strings.Repeat("s", 32)) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
}

func TestRootKeyIsMadeOnceAndKept(t *testing.T) {
	c, err := loadConfig([]string{"GATEHOUSE_DATA=" + filepath.Join(t.TempDir(), "data")}, "")
	if err != nil {
		t.Fatal(err)
	}
	again := c
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := again.prepare(); err != nil {
		t.Fatal(err)
	}
	if string(c.Secret) != string(again.Secret) || len(c.Secret) < 32 {
		t.Errorf("root keys %d and %d bytes, equal %v", len(c.Secret), len(again.Secret), string(c.Secret) == string(again.Secret))
	}
	info, err := os.Stat(filepath.Join(c.Data, "secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the root key's file: %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(c.Data, "secret"), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := Config{Data: c.Data, Database: c.Database}
	if err := damaged.prepare(); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged root key: %v", err)
	}
	postgres := Config{Data: c.Data, Database: "postgres://x"}
	if err := postgres.prepare(); err == nil || !strings.Contains(err.Error(), "GATEHOUSE_SECRET is required") {
		t.Errorf("PostgreSQL without a secret: %v", err)
	}
}

func TestMetricsNeedAnAddress(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{"": true, "127.0.0.1:9090": true, ":9090": true, "9090": false, "on": false} {
		c, err := loadConfig([]string{"GATEHOUSE_METRICS=" + value}, "")
		if (err == nil) != ok || ok && c.Metrics != value {
			t.Errorf("%q: %q, %v", value, c.Metrics, err)
		}
	}
}

func TestKeyRotationIsASpanOfDays(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for value, want := range map[string]time.Duration{"": 90 * day, "90d": 90 * day, "2160h": 90 * day, "3d": 3 * day, "off": 0} {
		if c, err := loadConfig([]string{"GATEHOUSE_KEY_ROTATION=" + value}, ""); err != nil || c.KeyRotation != want {
			t.Errorf("%q: %s, %v", value, c.KeyRotation, err)
		}
	}
	for _, value := range []string{"90", "2d", "71h", "-90d", "1e3d", "never", "d", "99999d"} {
		if c, err := loadConfig([]string{"GATEHOUSE_KEY_ROTATION=" + value}, ""); err == nil {
			t.Errorf("%q is taken for %s", value, c.KeyRotation)
		}
	}
}

func TestRouteClassesAreFew(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"GET /signin/{id}": "signin", "/link/{secret}": "signin", "GET /console/users": "console", "GET /console/deliveries/live": "live",
		"POST /api/v1/users": "api", "/oauth/token": "oidc", "/.well-known/openid-configuration": "oidc", "/saml/sso": "saml",
		"GET /{$}": "portal", "POST /sessions/{id}/end": "portal", "POST /consents/{id}/revoke": "portal", "GET /device": "portal", "/": "other", "": "other", "GET /healthz": "health", "GET /assets/{hash}/{name}": "assets",
	} {
		if got := routeClass(pattern); got != want {
			t.Errorf("%q is of class %q, want %q", pattern, got, want)
		}
	}
}

func TestSettingsOfPasskeys(t *testing.T) {
	const hello = "08987058-cadc-4b81-b6e1-30de50dcbe96"
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	roots := write(t, "roots.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	none := write(t, "none.pem", "no certificate")
	for _, c := range []struct {
		env string
		ok  bool
	}{
		{"", true},
		{"PASSKEY_DOMAIN=example.com PASSKEY_ORIGINS=https://example.de,https://example.fr", true},
		{"PASSKEY_DOMAIN=example.org", false},
		{"PASSKEY_DOMAIN=com", false},
		{"PASSKEY_ORIGINS=http://example.de", false},
		{"PASSKEY_ATTESTATION=direct PASSKEY_AUTHENTICATORS=" + hello, true},
		{"PASSKEY_AUTHENTICATORS=" + hello, false},
		{"PASSKEY_ATTESTATION=indirect", false},
		{"PASSKEY_ATTESTATION=direct PASSKEY_ROOTS=" + roots, true},
		{"PASSKEY_ATTESTATION=direct PASSKEY_ROOTS=" + none, false},
		{"PASSKEY_ATTESTATION=direct PASSKEY_ROOTS=" + none + "x", false},
		{"PASSKEY_ROOTS=" + roots, false},
		{"URL=http://127.0.0.1:8080", true},
		{"URL=http://127.0.0.1:8080 PASSKEY_ATTESTATION=direct", false},
	} {
		env := []string{"GATEHOUSE_URL=https://id.example.com"}
		for _, pair := range strings.Fields(c.env) {
			env = append(env, "GATEHOUSE_"+pair)
		}
		if _, err := loadConfig(env, ""); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.env, err)
		}
	}
}
