package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

// Documents of a preview.
const (
	documentIDToken  = "ID token"
	documentUserInfo = "Userinfo"
)

// Preview is what app would be told of u, were they to sign in now with a
// password and were it to ask for every standard scope: the claims of its ID
// token and of userinfo. Nothing is written, and nothing signed.
func (p *Provider) Preview(ctx context.Context, app idp.App, u idp.User) (idp.AppPreview, error) {
	if app.OIDC == nil || app.OIDC.ApplicationType == idp.ApplicationMachine {
		return idp.AppPreview{}, idp.Errorf(idp.Invalid, "Nobody signs in to %s by OpenID Connect.", app.Name)
	}
	access, err := p.Store.Access(ctx, u.ID, app.ID, p.now())
	if err != nil && !idp.IsKind(err, idp.NotFound) {
		return idp.AppPreview{}, err
	}
	if err != nil || u.Status != idp.UserActive {
		return idp.AppPreview{Refusal: mayNot(u)}, nil
	}
	sub := p.subject(app, u.ID)
	person := Person{User: u, Role: access.Grant.Role, Subject: sub}
	groups, err := p.Store.GroupsOf(ctx, u.ID)
	if err != nil {
		return idp.AppPreview{}, err
	}
	for _, g := range groups {
		person.Groups = append(person.Groups, g.Name)
	}
	scopes := []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, scopeGroups}
	userInfo := p.Claims(person, app, scopes)
	userInfo["sub"] = sub
	return previewOf(app, sub, p.previewIDToken(app, u, person, scopes), userInfo)
}

func mayNot(u idp.User) *idp.Refused {
	if u.Status != idp.UserActive {
		return &idp.Refused{Rule: "suspended", Reason: "The person is suspended.", Explanation: idp.Explanation{
			Meaning: "A suspended person gets into no app.", Side: idp.SideHouse, Change: "Restore them, if that is over.",
		}}
	}
	return &idp.Refused{Rule: "grant", Reason: "The person may not use this app.", Explanation: idp.Explanation{
		Meaning: "No grant lets the person use this app.", Side: idp.SideHouse, Change: "If they should have it, grant it to them or to a group they are in.",
	}}
}

// previewIDToken is the claims of the ID token that would be signed, but for
// the hash of an access token that is not made.
func (p *Provider) previewIDToken(app idp.App, u idp.User, person Person, scopes []string) map[string]any {
	now := p.now()
	i := issue{app: app, family: idp.TokenFamily{
		Proof: idp.Proof{UserID: u.ID}, AppID: app.ID, SessionID: idp.NewSessionID(), AuthTime: now, Methods: []string{"pwd"}, // RFC 8176 §2
	}}
	if app.OIDC.ClaimsInIDToken {
		i.extra = p.Claims(person, app, scopes)
	}
	claims := p.idToken(i, "", now, now.Add(idp.MaxIDTokenTTL))
	delete(claims, "at_hash")
	return claims
}

func previewOf(app idp.App, sub string, idToken, userInfo map[string]any) (idp.AppPreview, error) {
	v := idp.AppPreview{Subject: sub}
	for _, d := range []struct {
		name   string
		claims map[string]any
	}{{documentIDToken, idToken}, {documentUserInfo, userInfo}} {
		text, err := json.MarshalIndent(d.claims, "", "  ")
		if err != nil {
			return v, err
		}
		v.Documents = append(v.Documents, idp.Document{Name: d.name, Text: string(text)})
		for _, name := range slices.Sorted(maps.Keys(d.claims)) {
			v.Told = append(v.Told, idp.Told{Name: name, Values: claimTexts(d.claims[name]), Source: sourceOf(app, name), In: d.name})
		}
	}
	return v, nil
}

func sourceOf(app idp.App, claim string) string {
	for _, rule := range app.Attributes {
		if rule.Name == claim {
			return rule.Source
		}
	}
	if scope := scopeOf(claim); scope != "" {
		return "scope " + scope
	}
	return "protocol"
}

// claimTexts are the values of a claim as people read them.
func claimTexts(claim any) []string {
	switch c := claim.(type) {
	case []string:
		return c
	case int64:
		return []string{fmt.Sprintf("%d (%s)", c, time.Unix(c, 0).UTC().Format(time.RFC3339))}
	}
	return []string{fmt.Sprint(claim)}
}
