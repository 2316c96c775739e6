package oidc

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// maxClaims bounds the claims parameter. Every claim of ours in both places,
// all with a value, fits many times.
const maxClaims = 4 << 10

// maxSubjects bounds of how many people one may be asked for: each that is
// pairwise is looked up.
const maxSubjects = 10

// wanted are the claims that an app asked for by name (OIDC Core §5.5), as far
// as there are such; codes and tokens carry them.
type wanted struct {
	UserInfo []string `json:"u,omitempty"`
	IDToken  []string `json:"i,omitempty"`
}

// claimRequest is how one claim is asked for. It may be null.
type claimRequest struct {
	Essential bool  `json:"essential"`
	Value     any   `json:"value"`
	Values    []any `json:"values"`
}

// values are the texts that the claim shall have one of.
func (c *claimRequest) values() []string {
	if c == nil {
		return nil
	}
	var texts []string
	for _, v := range append(slices.Clone(c.Values), c.Value) {
		if s, ok := v.(string); ok && s != "" {
			texts = append(texts, s)
		}
	}
	return texts
}

// readClaims takes in the claims parameter. A claim we do not know is no error,
// essential or not; nor is a value we cannot give, but for acr and sub, which
// say who shall answer and how (§5.5.1).
func (req *request) readClaims(raw string, app idp.App) *oidc.Error {
	if raw == "" {
		return nil
	}
	var asked struct {
		UserInfo map[string]*claimRequest `json:"userinfo"`
		IDToken  map[string]*claimRequest `json:"id_token"`
	}
	switch {
	case len(raw) > maxClaims:
		return invalidRequest("The claims parameter is too long.")
	case json.Unmarshal([]byte(raw), &asked) != nil:
		return invalidRequest("The claims parameter is not the JSON of OpenID Connect Core 5.5.")
	}
	req.Wanted = wanted{UserInfo: told(asked.UserInfo, app), IDToken: told(asked.IDToken, app)}
	if acr := asked.IDToken["acr"]; acr != nil && acr.Essential {
		req.ACR.Essential = acr.values()
	} else {
		req.ACR.Preferred = append(req.ACR.Preferred, acr.values()...)
	}
	for _, place := range []map[string]*claimRequest{asked.UserInfo, asked.IDToken} {
		sub := place["sub"].values()
		if len(sub) > 0 && req.Subjects != nil && !slices.Equal(sub, req.Subjects) {
			return invalidRequest("The claims parameter asks for two different subjects.")
		}
		if len(sub) > maxSubjects {
			return invalidRequest("The claims parameter asks for too many subjects.")
		}
		if len(sub) > 0 {
			req.Subjects = sub
		}
	}
	return nil
}

// told are those of the claims asked for that this app can be told.
func told(asked map[string]*claimRequest, app idp.App) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if scopeOf(name) != "" || slices.ContainsFunc(app.Attributes, func(r idp.AttributeRule) bool { return r.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// scopeOf is the scope that tells a claim, "" for a claim of none.
func scopeOf(claim string) string {
	switch claim {
	case "name", "preferred_username", "given_name", "family_name", "updated_at":
		return oidc.ScopeProfile
	case "email", "email_verified":
		return oidc.ScopeEmail
	case "groups":
		return scopeGroups
	}
	return ""
}

// scopesWith are these scopes and those of the claims, once each.
func scopesWith(scopes, claims []string) []string {
	all := slices.Clone(scopes)
	for _, claim := range claims {
		if scope := scopeOf(claim); scope != "" && !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// addNamed puts the claims asked for by name into those that the scopes tell.
func (p *Provider) addNamed(claims map[string]any, names []string, person Person, app idp.App) {
	if len(names) == 0 {
		return
	}
	known := p.Claims(person, app, scopesWith(nil, names))
	for _, name := range names {
		if value, ok := known[name]; ok {
			claims[name] = value
		}
	}
}

// readWishes takes in what an app may ask for beside the sign-on itself: claims
// by name, how somebody proves who they are, and whom the tokens are for.
func (req *request) readWishes(q url.Values, app idp.App) *oidc.Error {
	req.ACR.Preferred = strings.Fields(q.Get("acr_values"))
	if err := req.readClaims(q.Get("claims"), app); err != nil {
		return err
	}
	if req.ACR.hopeless() {
		return unmet()
	}
	var ok bool
	if req.Resources, ok = audience(nil, q["resource"], *app.OIDC); !ok {
		return invalidTarget()
	}
	return nil
}
