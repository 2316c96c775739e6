package jit

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

func alice() Person {
	return Person{
		User: idp.User{
			ID: "usr_alice", Username: "alice", Email: "alice@example.com", DisplayName: "Alice Adams",
			GivenName: "Alice", FamilyName: "Adams", UpdatedAt: time.Unix(1_700_000_000, 999),
		},
		Groups:  []string{"staff", "editors", "staff"},
		Role:    "editor",
		Subject: "pairwise-1",
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	nobody := Person{User: idp.User{Username: "bob"}}
	profile := map[string]any{
		"name": "Alice Adams", "preferred_username": "alice", "given_name": "Alice",
		"family_name": "Adams", "updated_at": int64(1_700_000_000),
	}
	tests := []struct {
		name   string
		person Person
		scopes []string
		rules  []idp.AttributeRule
		want   map[string]any
	}{
		{"openid alone tells nothing more", alice(), []string{"openid"}, nil, map[string]any{}},
		{"unknown scopes tell nothing", alice(), []string{"admin", "Profile", "offline_access"}, nil, map[string]any{}},
		{"profile", alice(), []string{"openid", "profile"}, nil, profile},
		{"profile leaves out what is not known", nobody, []string{"profile"}, nil, map[string]any{"name": "bob", "preferred_username": "bob"}},
		{"email is vouched for", alice(), []string{"email"}, nil, map[string]any{"email": "alice@example.com", "email_verified": true}},
		{"no address, no email_verified", nobody, []string{"email"}, nil, map[string]any{}},
		{"groups are sorted, each once", alice(), []string{"groups"}, nil, map[string]any{"groups": []string{"editors", "staff"}}},
		{"no groups is an empty list", nobody, []string{"groups"}, nil, map[string]any{"groups": []string{}}},
		{"rules need no scope", alice(), nil, []idp.AttributeRule{
			{Name: "role", Source: "role"}, {Name: "uid", Source: "id"}, {Name: "tier", Source: "const:gold"},
			{Name: "ext", Source: "subject"}, {Name: "roles", Source: "groups"},
		}, map[string]any{"role": "editor", "uid": "usr_alice", "tier": "gold", "ext": "pairwise-1", "roles": []string{"editors", "staff"}}},
		{"a rule wins over the standard claim", alice(), []string{"email"}, []idp.AttributeRule{{Name: "email", Source: "username"}},
			map[string]any{"email": "alice", "email_verified": true}},
		{"a rule without a value hides the standard claim", nobody, []string{"profile"}, []idp.AttributeRule{{Name: "name", Source: "email"}},
			map[string]any{"preferred_username": "bob"}},
		{"a rule cannot write the protocol's claims", alice(), nil, []idp.AttributeRule{
			{Name: "sub", Source: "const:usr_owner"}, {Name: "aud", Source: "const:other"}, {Name: "exp", Source: "const:9999999999"},
			{Name: "acr", Source: "const:gold"}, {Name: "sid", Source: "id"}, {Name: "scope", Source: "const:admin"},
		}, map[string]any{}},
		{"broken rules tell nothing", alice(), nil, []idp.AttributeRule{{Name: "", Source: "email"}, {Name: "x", Source: "password"}}, map[string]any{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Claims(tt.person, idp.App{Protocol: idp.ProtocolOIDC, Attributes: tt.rules}, tt.scopes)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGroupsAreAlwaysAJSONArray(t *testing.T) {
	t.Parallel()
	for groups, want := range map[string]string{"": `{"groups":[]}`, "one": `{"groups":["one"]}`} {
		p := Person{}
		if groups != "" {
			p.Groups = []string{groups}
		}
		got, err := json.Marshal(Claims(p, idp.App{}, []string{ScopeGroups}))
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}

func TestClaimsLeavesThePersonAlone(t *testing.T) {
	t.Parallel()
	p := alice()
	Claims(p, idp.App{}, []string{ScopeGroups})
	if diff := cmp.Diff(alice(), p); diff != "" {
		t.Error(diff)
	}
}
