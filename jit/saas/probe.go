package saas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// probeTyp is the type of a probe token, so that no other token of the issuer passes for one.
const probeTyp = "gatehouse-probe+jwt"

// probeLife is the longest life a probe token may still have.
const probeLife = 10 * time.Minute

// probe answers POST /probe, with the token as the form field `token` or as the whole body:
// {"sessions": n}, the live sessions of the person the token names; 401 for a token that is not valid.
func (a *App) probe(w http.ResponseWriter, r *http.Request) {
	token, err := probeToken(w, r)
	var subject string
	if err == nil {
		subject, err = a.protocol.probe(r.Context(), token)
	}
	if err != nil {
		a.cfg.Log.WarnContext(r.Context(), "probe refused", "app", a.cfg.Name, "error", err)
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]int{"sessions": a.book.live(accountKey{a.trusted(), subject})})
}

// trusted is the issuer or entityID whose people have accounts here.
func (a *App) trusted() string {
	if a.cfg.OIDC != nil {
		return a.cfg.OIDC.Issuer
	}
	return a.cfg.SAML.EntityID
}

func probeToken(w http.ResponseWriter, r *http.Request) (string, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return formValue(w, r, "token")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return "", errors.New("the body is too large or broken")
	}
	return strings.TrimSpace(string(body)), nil
}

// probeClaims are the claims of a probe token that name a person.
type probeClaims struct {
	Subject string
	NameID  string `json:"name_id"`
}

// verifyProbe checks signature, issuer, audience, expiry and type of a probe token.
func (a *App) verifyProbe(ctx context.Context, verifier *oidc.IDTokenVerifier, raw string) (probeClaims, error) {
	t, err := verifier.Verify(ctx, raw)
	if err != nil {
		return probeClaims{}, fmt.Errorf("verify the probe token: %w", err)
	}
	if !typIs(raw, probeTyp) {
		return probeClaims{}, errors.New("a token of another type is no probe")
	}
	if t.Expiry.Sub(a.cfg.Now()) > probeLife {
		return probeClaims{}, errors.New("a probe token must be short-lived")
	}
	claims := probeClaims{Subject: t.Subject}
	if err := t.Claims(&claims); err != nil {
		return probeClaims{}, fmt.Errorf("read the probe token: %w", err)
	}
	return claims, nil
}

func (p *relyingParty) probe(ctx context.Context, token string) (string, error) {
	m, err := p.metadata.get()
	if err != nil {
		return "", err
	}
	claims, err := p.app.verifyProbe(p.with(ctx), m.verifier, token)
	if err == nil && claims.Subject == "" {
		err = errors.New("the probe token has no sub")
	}
	return claims.Subject, err
}
