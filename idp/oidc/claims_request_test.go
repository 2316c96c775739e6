package oidc

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

// wishing is an app with a rule and two resources of its own.
func wishing() idp.App {
	o := confidential()
	o.Resources = []string{"https://api.example/", "urn:example:files"}
	return idp.App{OIDC: &o, Attributes: []idp.AttributeRule{{Name: "department", Source: "const:Engines"}}}
}

func TestReadWishes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  []string
		want request
		err  string
	}{
		{"nothing", nil, request{}, ""},
		{"an empty parameter is none", []string{"claims=", "resource=", "acr_values="}, request{}, ""},
		{"by name, in both places", []string{`claims={"userinfo":{"name":{"essential":true},"email":null},"id_token":{"groups":{"values":["a"]}}}`},
			request{Wanted: wanted{UserInfo: []string{"email", "name"}, IDToken: []string{"groups"}}}, ""},
		{"the app's own claim", []string{`claims={"id_token":{"department":null}}`}, request{Wanted: wanted{IDToken: []string{"department"}}}, ""},
		{"claims nobody knows, however wanted", []string{`claims={"userinfo":{"http://claims.example/x":{"essential":true,"value":{"a":1}}},"verified":{},"id_token":null}`}, request{}, ""},
		{"a claim of the protocol is not the mapping's", []string{`claims={"id_token":{"auth_time":{"essential":true},"iss":{"value":"evil"}}}`}, request{}, ""},
		{"subject", []string{`claims={"id_token":{"sub":{"value":"usr_a"}}}`}, request{Subjects: []string{"usr_a"}}, ""},
		{"the same subject twice", []string{`claims={"id_token":{"sub":{"value":"usr_a"}},"userinfo":{"sub":{"values":["usr_a"]}}}`}, request{Subjects: []string{"usr_a"}}, ""},
		{"two subjects", []string{`claims={"id_token":{"sub":{"value":"usr_a"}},"userinfo":{"sub":{"value":"usr_b"}}}`}, request{}, "invalid_request"},
		{"acr by either name", []string{`claims={"id_token":{"acr":{"values":["2","1"]}}}`, "acr_values=3 4"}, request{ACR: classes{Preferred: []string{"3", "4", "2", "1"}}}, ""},
		{"acr essential and within reach", []string{`claims={"id_token":{"acr":{"essential":true,"values":["9","1"]}}}`}, request{ACR: classes{Essential: []string{"9", "1"}}}, ""},
		{"acr essential, any", []string{`claims={"id_token":{"acr":{"essential":true}}}`}, request{}, ""},
		{"MF-07 acr essential and out of reach", []string{`claims={"id_token":{"acr":{"essential":true,"value":"phrh"}}}`}, request{}, "unmet_authentication_requirements"},
		{"not an object", []string{`claims=[1]`}, request{}, "invalid_request"},
		{"not JSON", []string{`claims={"userinfo"`}, request{}, "invalid_request"},
		{"a member is no object", []string{`claims={"userinfo":"name"}`}, request{}, "invalid_request"},
		{"essential is no boolean", []string{`claims={"userinfo":{"name":{"essential":"yes"}}}`}, request{}, "invalid_request"},
		{"too long", []string{`claims={"userinfo":{"` + strings.Repeat("x", maxClaims) + `":null}}`}, request{}, "invalid_request"},
		{"a resource", []string{"resource=urn:example:files"}, request{Resources: []string{"urn:example:files"}}, ""},
		{"a resource that is not registered", []string{"resource=https://api.example"}, request{}, "invalid_target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got request
			err := got.readWishes(asked(c.ask...), wishing())
			if err != nil {
				if string(err.ErrorType) != c.err {
					t.Errorf("refused with %s, want %q", err.ErrorType, c.err)
				}
				return
			}
			if c.err != "" {
				t.Fatalf("not refused, want %s", c.err)
			}
			for _, pair := range [][2]any{{c.want.Wanted, got.Wanted}, {c.want.Subjects, got.Subjects}, {c.want.Resources, got.Resources}} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if !slices.Equal(c.want.ACR.Essential, got.ACR.Essential) || !slices.Equal(c.want.ACR.Preferred, got.ACR.Preferred) {
				t.Errorf("acr %+v, want %+v", got.ACR, c.want.ACR)
			}
		})
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	app := *wishing().OIDC
	api, files := app.Resources[0], app.Resources[1]
	for _, c := range []struct {
		name           string
		granted, asked []string
		want           []string
		ok             bool
	}{
		{"nothing said", nil, nil, nil, true},
		{"several, in any order, twice", nil, []string{files, api, files}, []string{api, files}, true},
		{"one of them unknown", nil, []string{api, "https://evil.example/"}, nil, false},
		{"what was granted", []string{api, files}, nil, []string{api, files}, true},
		{"less than was granted", []string{api, files}, []string{api}, []string{api}, true},
		{"registered, but not granted", []string{api}, []string{files}, nil, false},
	} {
		got, ok := audience(c.granted, c.asked, app)
		if ok != c.ok || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v %v", c.name, got, ok)
		}
	}
}

// FuzzClaims: whatever is asked for, only what there is comes of it.
func FuzzClaims(f *testing.F) {
	f.Add(`{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"acr":{"values":["1"]},"sub":{"value":"usr_a"}}}`)
	f.Add(`{"id_token":{"acr":{"essential":true,"value":7}},"userinfo":null}`)
	f.Add(`[[[[`)
	f.Fuzz(func(t *testing.T, raw string) {
		var req request
		if err := req.readClaims(raw, wishing()); err != nil {
			if err.Description == "" {
				t.Fatalf("an error without words: %v", err)
			}
			return
		}
		for _, name := range slices.Concat(req.Wanted.UserInfo, req.Wanted.IDToken) {
			if scopeOf(name) == "" && name != "department" {
				t.Fatalf("%q is to be told", name)
			}
		}
		if len(req.Wanted.UserInfo) > 9 || len(req.Wanted.IDToken) > 9 {
			t.Fatalf("a claim is there twice: %+v", req.Wanted)
		}
		kept, err := req.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRequest(kept)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{req.Wanted, req.Subjects, req.ACR.Essential}, []any{back.Wanted, back.Subjects, back.ACR.Essential}); diff != "" {
			t.Fatalf("not kept: %s", diff)
		}
	})
}
