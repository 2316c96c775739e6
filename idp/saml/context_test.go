package saml

import "testing"

func TestClassOf(t *testing.T) {
	t.Parallel()
	if classOf([]string{"otp", "pwd"}) != classProtected || classOf([]string{"swk"}) != classUnspecified || classOf(nil) != classUnspecified {
		t.Error("only a password makes the class of a password")
	}
}

func TestSatisfy(t *testing.T) {
	t.Parallel()
	const x509, mfa = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509", "https://refeds.org/profile/mfa"
	for _, c := range []struct {
		name, comparison string
		classes          []string
		have             string
		want             string
		ok               bool
	}{
		{"nothing asked", "", nil, classProtected, classProtected, true},
		{"exact is the default", "", []string{classProtected}, classProtected, classProtected, true},
		{"exact takes the first it can", "exact", []string{x509, classPassword, classProtected}, classProtected, classPassword, true},
		{"exact with none of ours", "exact", []string{x509, mfa}, classProtected, "", false},
		{"exact needs the proof", "exact", []string{classPassword}, classUnspecified, "", false},
		{"minimum gives what there is", "minimum", []string{mfa, classPassword}, classProtected, classProtected, true},
		{"minimum of unknown classes", "minimum", []string{mfa}, classProtected, classProtected, false},
		{"minimum above what was proven", "minimum", []string{classPassword}, classUnspecified, classUnspecified, false},
		{"better than a bare password", "better", []string{classPassword, classUnspecified}, classProtected, classProtected, true},
		{"better than itself", "better", []string{classPassword, classProtected}, classProtected, classProtected, false},
		{"better than the unknown", "better", []string{mfa}, classProtected, classProtected, false},
		{"maximum of its own", "maximum", []string{classProtected}, classProtected, classProtected, true},
		{"maximum below", "maximum", []string{classUnspecified, classPassword}, classProtected, classPassword, true},
		{"maximum of the unknown", "maximum", []string{mfa}, classProtected, mfa, false},
	} {
		got, ok := satisfy(c.comparison, c.classes, c.have)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: got %s, %v, want %s, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
