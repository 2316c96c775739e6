package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"

	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/sessions"
	"gatehouse/store"
	"gatehouse/web"
)

// passkeys reads what is decided on passkeys, and checks it.
func passkeys(house *url.URL, organization string, v map[string]string) (login.PasskeySettings, error) {
	s := login.PasskeySettings{
		URL: house, House: cmp.Or(organization, "Gatehouse"), Domain: v["PASSKEY_DOMAIN"],
		Origins: list(v["PASSKEY_ORIGINS"]), Authenticators: list(v["PASSKEY_AUTHENTICATORS"]),
	}
	switch v["PASSKEY_ATTESTATION"] {
	case "", "none":
	case "direct":
		s.Attestation = true
	default:
		return s, fmt.Errorf("GATEHOUSE_PASSKEY_ATTESTATION is none or direct, not %q", v["PASSKEY_ATTESTATION"])
	}
	if name := v["PASSKEY_ROOTS"]; name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return s, fmt.Errorf("GATEHOUSE_PASSKEY_ROOTS: %w", err)
		}
		if s.Roots = x509.NewCertPool(); !s.Roots.AppendCertsFromPEM(pem) {
			return s, fmt.Errorf("GATEHOUSE_PASSKEY_ROOTS: there is no certificate in %s: it is a file of PEM blocks", name)
		}
	}
	set := s.Roots != nil || s.Domain != "" || len(s.Origins) > 0 || s.Attestation || len(s.Authenticators) > 0
	switch {
	case !login.Possible(house) && set:
		return s, fmt.Errorf("GATEHOUSE_PASSKEY_*: browsers know no passkeys for %s; give the house a name with a dot in it, or remove these", house.Host)
	case !login.Possible(house):
		return s, nil
	case len(s.Authenticators) > 0 && !s.Attestation:
		return s, errors.New("GATEHOUSE_PASSKEY_AUTHENTICATORS needs GATEHOUSE_PASSKEY_ATTESTATION=direct: without it browsers hide what an authenticator is")
	}
	if s.Roots != nil && !s.Attestation {
		return s, errors.New("GATEHOUSE_PASSKEY_ROOTS needs GATEHOUSE_PASSKEY_ATTESTATION=direct: without it no authenticator shows a certificate")
	}
	if _, err := login.NewPasskeys(s); err != nil {
		return s, fmt.Errorf("GATEHOUSE_PASSKEY_*: %w", err)
	}
	return s, nil
}

// keepPasskeys is nil where the house can have no passkeys; the log says why.
func keepPasskeys(ctx context.Context, c Config, box *keys.Box, db *store.Store, log *slog.Logger) (*login.Passkeys, error) {
	if !login.Possible(c.URL) {
		log.Info("no passkeys: browsers know none for this address; give the house a name with a dot in it", "url", c.URL.String())
		return nil, nil
	}
	salt, err := box.Salt(ctx, db, "passkeys")
	if err != nil {
		return nil, err
	}
	c.Passkeys.Box, c.Passkeys.Salt = box, salt
	return login.NewPasskeys(c.Passkeys)
}

// relatedOrigins is where the house's passkeys are used (WebAuthn L3 §5.11); no
// mounts where it has none.
func relatedOrigins(p *login.Passkeys) ([]web.Mount, error) {
	if p == nil {
		return nil, nil
	}
	body, err := json.Marshal(map[string][]string{"origins": p.Origins()})
	if err != nil {
		return nil, err
	}
	document := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(body)
	})
	return []web.Mount{{Pattern: "GET /.well-known/webauthn", Passes: []sessions.Pass{sessions.None}, Handler: document}}, nil
}
