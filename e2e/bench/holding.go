package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// holding is what a person and their app hold at one moment: a session, an
// access and a refresh token, and a code that nobody has used.
type holding struct {
	*person
	relying
	tokens
	late relying // who asked for the code
	code *url.URL
}

// answer is what the house made of a pass.
type answer struct {
	what   string
	yes    bool
	unable bool // 429 or 5xx: it could not tell
}

// use shows a pass to a node.
type use func(ctx context.Context, n *node) answer

// holding has the house hand out one of each.
func (p *person) holding(ctx context.Context) (*holding, error) {
	h := &holding{person: p, relying: newRelying(appES256, "openid profile email offline_access")}
	var err error
	if h.tokens, err = p.authorize(ctx, h.relying); err != nil {
		return nil, err
	}
	h.late = newRelying(appES256, "openid profile email offline_access")
	g, err := p.get(ctx, h.late.request(p.house))
	if err != nil {
		return nil, err
	}
	h.code, err = g.location()
	if err == nil && h.code.Query().Get("code") == "" {
		err = fmt.Errorf("no code: %s", h.code)
	}
	return h, err
}

// uses are the ways to use what can be used again and again.
func (h *holding) uses() []use { return []use{h.userinfo, h.introspect, h.silently, h.assert} }

// once are those that spend what they use.
func (h *holding) once() []use { return []use{h.refresh, h.exchange} }

func (h *holding) show(ctx context.Context, n *node, what, method, path string, fields url.Values, authorization string, good func(page) bool) answer {
	header := http.Header{}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	g, err := h.on(n).send(ctx, method, h.house.url+path, fields, header)
	if err != nil {
		return answer{what: what, unable: true}
	}
	return answer{what, good(g), g.status >= 500 || g.status == http.StatusTooManyRequests}
}

func (h *holding) asApp() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(h.client+":"+url.QueryEscape(secret)))
}

func (h *holding) userinfo(ctx context.Context, n *node) answer {
	return h.show(ctx, n, "userinfo", http.MethodGet, "/oauth/userinfo", nil, "Bearer "+h.Access,
		func(g page) bool { return g.status == http.StatusOK })
}

func (h *holding) introspect(ctx context.Context, n *node) answer {
	return h.show(ctx, n, "introspection", http.MethodPost, "/oauth/introspect", form("token", h.Access), h.asApp(),
		func(g page) bool { return strings.Contains(g.body, `"active":true`) })
}

// silently asks for a code without showing a page.
func (h *holding) silently(ctx context.Context, n *node) answer {
	asked := strings.TrimPrefix(newRelying(appES256, "openid").request(h.house), h.house.url) + "&prompt=none"
	return h.show(ctx, n, "authorization", http.MethodGet, asked, nil, "", func(g page) bool {
		to, err := g.location()
		return err == nil && to.Query().Get("code") != ""
	})
}

// assert asks for an assertion without showing a page.
func (h *holding) assert(ctx context.Context, n *node) answer {
	text := fmt.Sprintf(authnRequest, "id-"+rand.Text(), time.Now().UTC().Format(time.RFC3339), h.house.url, consumer, entityID)
	asked, err := deflated(strings.Replace(text, "<samlp:AuthnRequest ", `<samlp:AuthnRequest IsPassive="true" `, 1))
	if err != nil {
		return answer{what: "assertion", unable: true}
	}
	return h.show(ctx, n, "assertion", http.MethodGet, "/saml/sso?"+form("SAMLRequest", asked, "RelayState", "x").Encode(), nil, "", func(g page) bool {
		field := responseField.FindStringSubmatch(g.body)
		if field == nil {
			return false
		}
		raw, err := base64.StdEncoding.DecodeString(html.UnescapeString(field[1]))
		return err == nil && strings.Contains(string(raw), "<saml:Assertion")
	})
}

func (h *holding) refresh(ctx context.Context, n *node) answer {
	return h.redeem(ctx, n, "refresh", form("grant_type", "refresh_token", "refresh_token", h.Refresh))
}

func (h *holding) exchange(ctx context.Context, n *node) answer {
	return h.redeem(ctx, n, "code", form("grant_type", "authorization_code", "code", h.code.Query().Get("code"),
		"redirect_uri", callback, "code_verifier", h.late.verifier))
}

func (h *holding) redeem(ctx context.Context, n *node, what string, fields url.Values) answer {
	return h.show(ctx, n, what, http.MethodPost, "/oauth/token", fields, h.asApp(), func(g page) bool {
		var t tokens
		return json.Unmarshal([]byte(g.body), &t) == nil && t.Access != ""
	})
}
