package saml

import (
	"slices"
	"testing"

	"gatehouse/idp/saml/wire"
)

const (
	classX509 = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
	classSFA  = "https://refeds.org/profile/sfa"
)

func TestReachedIsWhatWasProven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		methods []string
		want    []string
	}{
		{"nothing", nil, []string{classUnspecified}},
		{"a method of no class", []string{"wia"}, []string{classUnspecified}},
		{"a password", []string{"pwd"}, []string{classUnspecified, classPassword, classProtected}},
		{"a password and a PIN are of one kind", []string{"pwd", "pin"}, []string{classUnspecified, classPassword, classProtected}},
		{"a code alone", []string{"otp"}, []string{classUnspecified, classTimeSync}},
		{"a code from a mail", []string{"mail"}, []string{classUnspecified}},
		{"a password and a code from a mail", []string{"pwd", "mail"}, []string{classUnspecified, classPassword, classProtected}},
		{"a password and a code", []string{"pwd", "otp"}, []string{classUnspecified, classPassword, classProtected, classTimeSync, classMFA}},
		{"a password and a key", []string{"pwd", "hwk"}, []string{classUnspecified, classPassword, classProtected, classMFA}},
		{"a key alone", []string{"hwk", "user"}, []string{classUnspecified}},
		{"a passkey that verified its person", []string{"swk", "mfa"}, []string{classUnspecified, classMFA}},
		{"a key with a fingerprint", []string{"hwk", "fpt"}, []string{classUnspecified, classMFA}},
	} {
		if got := reached(c.methods); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSatisfy(t *testing.T) {
	t.Parallel()
	password, both, passkey := []string{"pwd"}, []string{"pwd", "otp"}, []string{"hwk", "mfa"}
	for _, c := range []struct {
		name, comparison string
		asked, methods   []string
		want             string // "": refused
	}{
		{"nothing asked", "", nil, password, classProtected},
		{"nothing asked of two factors", "", nil, both, classMFA},
		{"exact is the default", "", []string{classProtected}, password, classProtected},
		{"exact takes the first it can", "exact", []string{classX509, classPassword, classProtected}, password, classPassword},
		{"exact with none of ours", "exact", []string{classX509, classSFA}, password, ""},
		{"exact needs the proof", "exact", []string{classPassword}, nil, ""},
		{"exact is no minimum", "exact", []string{classProtected}, passkey, ""},
		{"exact after two factors is still a password", "exact", []string{classProtected}, both, classProtected},
		{"REFEDS MFA", "exact", []string{classMFA}, both, classMFA},
		{"REFEDS MFA by a password", "exact", []string{classMFA}, password, ""},
		{"REFEDS MFA before a password", "exact", []string{classMFA, classProtected}, both, classMFA},
		{"REFEDS MFA, or else a password", "exact", []string{classMFA, classProtected}, password, classProtected},
		{"minimum gives what there is", "minimum", []string{classX509, classPassword}, password, classProtected},
		{"minimum is one of them", "minimum", []string{classMFA, classPassword}, password, classProtected},
		{"minimum above", "minimum", []string{classPassword}, passkey, classMFA},
		{"minimum of unknown classes", "minimum", []string{classX509}, both, ""},
		{"minimum above what was proven", "minimum", []string{classMFA}, password, ""},
		{"better than a bare password", "better", []string{classPassword, classUnspecified}, password, classProtected},
		{"better than a password", "better", []string{classProtected}, both, classMFA},
		{"better than itself", "better", []string{classPassword, classProtected}, password, ""},
		{"better than any of them", "better", []string{classPassword, classMFA}, both, ""},
		{"better than the unknown", "better", []string{classX509}, both, ""},
		{"maximum of its own", "maximum", []string{classProtected}, password, classProtected},
		{"maximum below", "maximum", []string{classUnspecified, classPassword}, both, classPassword},
		{"maximum below, without a password", "maximum", []string{classProtected}, passkey, classUnspecified},
		{"maximum above", "maximum", []string{classMFA}, password, classProtected},
		{"maximum of the unknown", "maximum", []string{classX509}, both, ""},
	} {
		got, ok := satisfy(c.comparison, c.asked, c.methods)
		if ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, ok, c.want)
		}
	}
}

// TestAClassThatNobodyCanReachIsRefusedBeforeTheSignIn: nobody is asked for a
// password that cannot help.
func TestAClassThatNobodyCanReachIsRefusedBeforeTheSignIn(t *testing.T) {
	t.Parallel()
	for _, want := range []wire.RequestedAuthnContext{
		{ClassRefs: []string{classX509}}, {ClassRefs: []string{classSFA, classX509}}, {Comparison: "minimum", ClassRefs: []string{classX509}},
		{Comparison: "better", ClassRefs: []string{classMFA}}, {DeclRefs: []string{"https://x.example/decl"}},
	} {
		if no, ok := (&request{}).readContext(want).(*refusal); !ok || no.status.SubCode != wire.StatusNoAuthnContext {
			t.Errorf("%+v: %v", want, no)
		}
	}
	for _, want := range []wire.RequestedAuthnContext{
		{ClassRefs: []string{classMFA}}, {Comparison: "minimum", ClassRefs: []string{classMFA}}, {Comparison: "better", ClassRefs: []string{classTimeSync}},
	} {
		req := &request{}
		if err := req.readContext(want); err != nil || !req.several() {
			t.Errorf("%+v: %v, asks for several factors: %v", want, err, req.several())
		}
	}
	req := &request{}
	if err := req.readContext(wire.RequestedAuthnContext{Comparison: "exact", ClassRefs: []string{classMFA, classX509, classProtected, classProtected}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(req.Classes, []string{classMFA, classProtected}) || req.Comparison != "exact" {
		t.Errorf("kept %+v", req)
	}
}
