package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
)

// Prober asks an app whether it still has sessions of the person d is about.
type Prober interface {
	// Sessions returns what app itself says: the number of sessions its
	// subject d.NameID has there now. The text of an error is shown on the
	// receipt.
	Sessions(ctx context.Context, app idp.App, d idp.Delivery) (int, error)
}

// ProbeType is the typ of a probe's token, so that no other token of ours
// passes for one, nor it for another (RFC 8725 §3.11).
const ProbeType = "gatehouse-probe+jwt"

const (
	probeLife    = time.Minute
	maxProbeBody = 4 << 10
)

// Signer signs claims as a compact JWS with our OpenID Connect key of alg.
type Signer interface {
	Sign(alg, typ string, claims any) (string, error)
}

// Probe is the Prober over HTTP: it POSTs the form field token, a JWT of
// [ProbeType] signed with our OpenID Connect key, to the app's ProbeURL. The
// token has iss, aud (the app's identifier), iat, exp a minute later, jti,
// and sub (OIDC) or name_id (SAML). The app verifies it and answers 200 with
// {"sessions": n}.
type Probe struct {
	Issuer string
	Signer Signer
	Fetch  *fetch.Client
	Now    func() time.Time
}

type probeClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub,omitempty"`
	NameID   string `json:"name_id,omitempty"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

// Sessions implements [Prober].
func (p *Probe) Sessions(ctx context.Context, app idp.App, d idp.Delivery) (int, error) {
	now := p.Now()
	claims := probeClaims{Issuer: p.Issuer, Audience: app.KnownAs(), IssuedAt: now.Unix(), Expires: now.Add(probeLife).Unix(), ID: rand.Text()}
	alg := "RS256"
	if app.Protocol == idp.ProtocolSAML {
		claims.NameID = d.NameID.Value
	} else {
		claims.Subject = d.NameID.Value
		if app.OIDC != nil && app.OIDC.IDTokenAlg != "" {
			alg = app.OIDC.IDTokenAlg
		}
	}
	token, err := p.Signer.Sign(alg, ProbeType, claims)
	if err != nil {
		return 0, fmt.Errorf("sign the probe: %w", err)
	}
	body := strings.NewReader(url.Values{"token": {token}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.ProbeURL, body)
	if err != nil {
		return 0, fmt.Errorf("ask the probe: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := p.Fetch.Do(req, fetch.MaxBody(maxProbeBody), fetch.Timeout(probeTimeout))
	if err != nil {
		return 0, fmt.Errorf("ask the probe: %w", err)
	}
	if res.Status != http.StatusOK {
		return 0, fmt.Errorf("it answered %d %s", res.Status, http.StatusText(res.Status))
	}
	return parseSessions(res.Body)
}

// parseSessions reads {"sessions": n} strictly: what is not clearly a number
// is no evidence.
func parseSessions(body []byte) (int, error) {
	var answer struct {
		Sessions *int `json:"sessions"`
	}
	if len(body) > maxProbeBody {
		return 0, errors.New("its answer is too long")
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Sessions == nil || *answer.Sessions < 0 {
		return 0, errors.New(`its answer is not {"sessions": n}`)
	}
	return *answer.Sessions, nil
}
