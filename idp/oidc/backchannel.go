package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
	"gatehouse/idp/outbox"
)

const (
	logoutType  = "logout+jwt" // Back-Channel Logout 1.0 §2.4
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutTTL   = 2 * time.Minute // §2.4: preferably at most two minutes
)

// Signer signs claims as a compact JWS; *keys.Ring does.
type Signer interface {
	Sign(alg, typ string, claims any) (string, error)
}

// Backchannel is the lever of an OIDC app: it posts a logout token to the
// app's backchannel_logout_uri (OpenID Connect Back-Channel Logout 1.0). It is
// an outbox.Lever.
type Backchannel struct {
	Issuer string
	Signer Signer
	Fetch  *fetch.Client
	Now    func() time.Time
}

// logoutToken is the claims of §2.4. It never has a nonce.
type logoutToken struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience string              `json:"aud"`
	IssuedAt int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	SID      string              `json:"sid,omitempty"`
	Events   map[string]struct{} `json:"events"`
}

// Name, Reaches and Destroys say what it is; see outbox.Lever.
func (b *Backchannel) Name() idp.Lever { return idp.LeverBackchannel }
func (b *Backchannel) Destroys() bool  { return false }
func (b *Backchannel) Reaches(app idp.App) bool {
	return app.OIDC != nil && app.OIDC.BackchannelLogoutURI != ""
}

// Send tells the app of an ending: with sub and sid for each session the
// delivery names, with sub alone when it means the whole person. 200 and 204
// acknowledge (§2.8).
//
// 400 is tried again like any other refusal: §2.8 has it both for a token that
// is wrong and for a logout that failed, and a session left alive is worse
// than a few requests too many. Only an app that has no address any more is
// permanent.
func (b *Backchannel) Send(ctx context.Context, app idp.App, d idp.Delivery) (string, error) {
	if !b.Reaches(app) {
		return "", outbox.Permanent(idp.Errorf(idp.Invalid, "The app has no address for logout tokens any more."))
	}
	sids := d.SessionIndexes
	if len(sids) == 0 {
		sids = []string{""}
	}
	var answer string
	for _, sid := range sids {
		var err error
		if answer, err = b.send(ctx, app, d.NameID.Value, sid); err != nil {
			return "", err
		}
	}
	return answer, nil
}

func (b *Backchannel) send(ctx context.Context, app idp.App, sub, sid string) (string, error) {
	now := b.Now()
	token, err := b.Signer.Sign(algOf(app), logoutType, logoutToken{
		Issuer: b.Issuer, Subject: sub, Audience: app.Identifier,
		IssuedAt: now.Unix(), Expires: now.Add(logoutTTL).Unix(),
		ID: rand.Text(), SID: sid, Events: map[string]struct{}{logoutEvent: {}},
	})
	if err != nil {
		return "", fmt.Errorf("sign the logout token: %w", err)
	}
	body := url.Values{"logout_token": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.OIDC.BackchannelLogoutURI, strings.NewReader(body))
	if err != nil {
		return "", outbox.Permanent(idp.Errorf(idp.Invalid, "The address for logout tokens cannot be used.").Because(err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.Fetch.Do(req)
	if err != nil {
		return "", err
	}
	return judgeAnswer(res)
}

func judgeAnswer(res *fetch.Response) (string, error) {
	said := strings.TrimSpace(fmt.Sprintf("It answered %d %s", res.Status, http.StatusText(res.Status)))
	if res.Status == http.StatusOK || res.Status == http.StatusNoContent {
		return said + ".", nil
	}
	if code := errorCode(res.Body); code != "" {
		said += ", " + code
	}
	err := idp.Errorf(idp.Unavailable, "%s.", said)
	if seconds, bad := strconv.Atoi(res.Header.Get("Retry-After")); bad == nil && seconds > 0 {
		return "", outbox.RetryAfter(err, time.Duration(min(seconds, 3600))*time.Second)
	}
	return "", err
}

// errorCode reads the OAuth error an app may answer with (§2.8): the code, if
// it is one; never its prose, which is a stranger's.
func errorCode(body []byte) string {
	var e struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil || len(e.Error) > 60 || strings.Trim(e.Error, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return e.Error
}
