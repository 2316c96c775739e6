package directory

import (
	"crypto/rsa"
	"crypto/x509"
	"time"

	"gatehouse/idp"
)

// soon is how long before its end a certificate is to be replaced.
const soon = 30 * 24 * time.Hour

// longAssertion is from when on an assertion that was taken on its way is good
// for too long.
const longAssertion = 5 * time.Minute

// anyCert makes a check of the certificates that sign a provider's requests.
func anyCert(condition func(r reviewed, c *x509.Certificate) bool) func(reviewed) (string, bool) {
	return func(r reviewed) (string, bool) {
		for _, c := range certificatesOf(r.app.SAML.SigningCerts...) {
			if condition(r, c) {
				return c.Subject.String() + ", until " + c.NotAfter.UTC().Format(time.DateOnly), true
			}
		}
		return "", false
	}
}

// certificatesOf reads those that can be read.
func certificatesOf(texts ...string) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, text := range texts {
		if c := idp.ReadCertificate(text); c != nil {
			certs = append(certs, c)
		}
	}
	return certs
}

func weakKey(_ reviewed, c *x509.Certificate) bool {
	k, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && k.N.BitLen() < 2048
}

// checksOfSAML are those about sign-ons by SAML.
var checksOfSAML = []check{
	{"unsigned_requests", is(func(r reviewed) bool { return !r.app.SAML.RequireSigned }),
		"It need not sign its requests", "Anybody can then start a sign-on there in somebody else's browser (login CSRF).",
		"If the app can sign, register its certificate and set require_signed."},
	{"cert_ends", anyCert(func(r reviewed, c *x509.Certificate) bool { return r.now.Add(soon).After(c.NotAfter) }),
		"A certificate that signs its requests ends soon, or has ended", "When the app changes to another one that we do not know, all its sign-ons are refused.",
		"Get the new certificate from the app's admin and register both until the change."},
	{"metadata_ends", func(r reviewed) (string, bool) {
		until := r.app.SAML.Metadata.Until
		return until.Format(time.DateOnly), !until.IsZero() && r.now.Add(soon).After(until)
	},
		"The metadata that is registered ends soon, or has ended", "People go on signing in; what its keys and addresses are by then nobody has said.",
		"Get the new document from the app's admin, or register the address where it is published."},
	{"pin_ends", func(r reviewed) (string, bool) {
		for _, c := range certificatesOf(r.app.SAML.Metadata.Pin) {
			return c.NotAfter.UTC().Format(time.DateOnly), r.now.Add(soon).After(c.NotAfter)
		}
		return "", false
	},
		"The certificate that is pinned for its metadata ends soon, or has ended", "What is signed by it is refused then, and nothing that changes there is registered by itself.",
		"Get the next one from the app's admin, and pin that."},
	{"cert_weak", anyCert(weakKey),
		"A key that signs its requests is shorter than 2048 bits", "It can be broken, and its owner's requests be made by somebody else.",
		"Have the app make a new key."},
	{"acs_http", anyURI(byHTTP),
		"Assertions go over http, to the machine of whoever signs in", "It is a developer's address: any program on that machine can listen there and take the assertion.",
		"Register the developer's copy as an app of its own."},
	{"no_lever", is(func(r reviewed) bool { return r.app.SAML.SOAPLogoutURL == "" }),
		"Nothing can tell it that somebody is out (no SingleLogoutService with the SOAP binding)", "After a suspension a person stays signed in there until the app's own session ends; only their own browser could tell it.",
		"Register soap_logout_url, or set session_ttl so that the assertion says when the session ends."},
	{"whole_user_logout", is(func(r reviewed) bool {
		return r.app.SAML.SOAPLogoutURL != "" && !r.app.WholeUserLogout && r.use.ManySessions
	}),
		"People have it open in several sessions, and it is told of each session alone", "An ending then takes one message for each.",
		"If it ends all sessions on a LogoutRequest without SessionIndex, set whole_user_logout."},
	{"logout_elsewhere", func(r reviewed) (string, bool) {
		return r.app.SAML.SOAPLogoutURL, elsewhere(r.app.SAML.SOAPLogoutURL, hosts(r.addresses()))
	},
		"Its logout goes to another host than its sign-ons", "Who answers there may not hold the sessions: its Success would then end nothing.",
		"See that this host can end the app's sessions; an end tried once shows it."},
	{"name_id_email", is(func(r reviewed) bool { return r.app.SAML.NameIDFormat == nameIDEmail }),
		"It knows people by e-mail address", "Who gets a former colleague's address gets their account there, and who changes theirs loses it.",
		"If the app can, change to the persistent NameID, before people have accounts there."},
	{"name_id_changes", func(r reviewed) (string, bool) {
		return r.app.SAML.NameIDSource, r.app.SAML.NameIDSource == "username" || r.app.SAML.NameIDSource == "email"
	},
		"It knows people by something that can change", "Who is renamed is somebody new there, and who gets a former colleague's name gets their account.",
		"Rename the account there too, or set name_id_source to id, or name_id_format to persistent, before people have accounts there."},
	{"idp_initiated", is(func(r reviewed) bool { return r.app.SAML.IdPInitiated }),
		"It takes answers that it did not ask for", "Such an answer fits no request of the app: who gets hold of one can bring it to the app from another browser.",
		"If the app can begin a sign-on itself, set launch_url to where it does and take idp_initiated out."},
	{"long_assertion", func(r reviewed) (string, bool) {
		return r.app.SAML.AssertionValidity.String(), r.app.SAML.AssertionValidity > longAssertion
	},
		"Its assertions are good for long", "One that is taken on its way works as long, also after a suspension.",
		"Take assertion_validity out: it is 60 seconds then."},
}
