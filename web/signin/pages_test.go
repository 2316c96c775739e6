package signin

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

func samplePages() []uitest.Page {
	until := uitest.Now().Add(71 * time.Hour)
	v := uitest.Stranger()
	passkey := passkeyView{Ceremony: login.Ceremony{Options: `{"publicKey":{"challenge":"AAAA","rpId":"127.0.0.1","userVerification":"required"}}`, State: "x"}, Action: "/signin/sin_x/passkey", Page: "/signin/sin_x"}
	making := passkeyView{Ceremony: login.Ceremony{Options: `{"publicKey":{"challenge":"AAAA","rp":{"id":"127.0.0.1","name":"Example"},"user":{"id":"AAAA","name":"grace","displayName":"Grace"},"pubKeyCredParams":[]}}`, State: "x"}, Action: "/link/x/passkey", Page: "/link/x"}
	return []uitest.Page{
		{Name: "signin-identify", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Cancel: "/signin/sin_x/cancel", App: "Wiki"})},
		{Name: "signin-chooser", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Forget: "/signin/sin_x/forget", App: "Payroll and Time Tracking for Contractors of the Northern Region", People: []person{
			{"grace", "Grace Hopper"}, {"ada", "ada"}, {"a-very-long-username-that-nobody-can-break@navy.example", "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff"}, {"bait", uitest.Bait}}})},
		{Name: "signin-made-password", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Username: "grace", Made: madePassword})},
		{Name: "signin-made-passkey", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Username: "grace", Made: madePasskey, Passkey: passkey})},
		{Name: "signin-identify-error", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Username: "grace hopper", Error: "A username has no spaces. Type it as it was given to you, or your email."})},
		{Name: "signin-passkey", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", App: "Wiki", Passkey: passkey})},
		{Name: "signin-passkey-refused", Visit: v, View: identifyPage(identifyView{Action: "/signin/sin_x/identifier", Passkey: passkey, PasskeyError: "This passkey does not sign you in here. Try it once more, or use your password."})},
		{Name: "signin-password", Visit: v, View: passwordPage(passwordView{Action: "/signin/sin_x/password", Back: "/signin/sin_x", Cancel: "/signin/sin_x/cancel", App: "Wiki", Username: "grace.hopper@navy.example"})},
		{Name: "signin-password-error", Visit: v, View: passwordPage(passwordView{Action: "/signin/sin_x/password", Back: "/signin/sin_x", App: "Wiki", Username: "grace.hopper@navy.example", Error: "Username and password do not match."})},
		{Name: "signin-password-or-mail", Visit: v, View: passwordPage(passwordView{Action: "/signin/sin_x/password", Back: "/signin/sin_x", App: "Wiki", Username: "grace.hopper@navy.example", Mail: "/signin/sin_x/mail"})},
		{Name: "signin-mailed", Visit: v, View: mailedPage(mailedView{Action: "/signin/sin_x/mailed", Again: "/signin/sin_x/mail", Password: "/signin/sin_x/identifier", Back: "/signin/sin_x", App: "Wiki", Username: "grace.hopper@navy.example"})},
		{Name: "signin-mailed-none", Visit: v, View: mailedPage(mailedView{Action: "/signin/sin_x/mailed", Again: "/signin/sin_x/mail", Password: "/signin/sin_x/identifier", Back: "/signin/sin_x", Username: "grace.hopper@navy.example", None: "No code was mailed. Too many tries. Try again at 13:32:10 UTC, in 65 s."})},
		{Name: "signin-mailed-error", Visit: v, View: mailedPage(mailedView{Action: "/signin/sin_x/mailed", Again: "/signin/sin_x/mail", Password: "/signin/sin_x/identifier", Back: "/signin/sin_x", Username: uitest.Bait, Error: "This code is not right, or is good no more. Type the one of the newest mail, or have another sent."})},
		{Name: "signin-confirm", Visit: v, View: confirmPage(confirmView{Action: "/signin/sin_x/confirm", Send: "/signin/sin_x/send", Cancel: "/signin/sin_x/cancel", App: "Payroll", Sent: "sealed"})},
		{Name: "signin-confirm-error", Visit: v, View: confirmPage(confirmView{Action: "/signin/sin_x/confirm", Send: "/signin/sin_x/send", App: uitest.Bait, Sent: "sealed", Error: "This code is not right, or is good no more. Type the one of the newest mail, or have another sent."})},
		{Name: "signin-confirm-ask", Visit: v, View: confirmPage(confirmView{Action: "/signin/sin_x/confirm", Send: "/signin/sin_x/send"})},
		{Name: "signin-confirm-throttled", Visit: v, View: confirmPage(confirmView{Action: "/signin/sin_x/confirm", Send: "/signin/sin_x/send", Error: "Too many tries. Try again at 13:32:10 UTC, in 65 s."})},
		{Name: "signin-unknown-browser", Visit: v, View: unknownBrowserPage("sin_x", "Payroll", "/signin/sin_x/cancel")},
		{Name: "signin-code", Visit: v, View: codePage(codeView{Action: "/signin/sin_x/code", App: "Wiki", Codes: true, Recovery: true})},
		{Name: "signin-code-remember", Visit: v, View: codePage(codeView{Action: "/signin/sin_x/code", App: "Wiki", Codes: true, Recovery: true, Remember: 30, Passkey: passkey})},
		{Name: "signin-second-passkey-remember", Visit: v, View: codePage(codeView{Action: "/signin/sin_x/code", Remember: 1, Passkey: passkey})},
		{Name: "signin-code-up", Visit: uitest.Employee(), View: codePage(codeView{Action: "/signin/sin_x/code", App: "Meeting room TV", Codes: true, Home: true})},
		{Name: "signin-code-error", Visit: v, View: codePage(codeView{Action: "/signin/sin_x/code", Codes: true, Error: "This code is not right, or was used before. Wait for the next one and type that."})},
		{Name: "signin-second-passkey", Visit: v, View: codePage(codeView{Action: "/signin/sin_x/code", Cancel: "/signin/sin_x/cancel", App: uitest.Bait, Passkey: passkey, PasskeyError: "This passkey does not sign you in here. Try it once more, or take another one of yours."})},
		{Name: "signin-no-factor", Visit: v, View: noFactorPage(noFactorView{App: "Payroll", Action: "/signin/sin_x/setup", Cancel: "/signin/sin_x/cancel"})},
		{Name: "signin-no-passkey", Visit: v, View: noFactorPage(noFactorView{App: "Payroll", Action: "/signin/sin_x/setup", Cancel: "/signin/sin_x/cancel", Passkey: true})},
		{Name: "signin-throttled", Visit: v, View: passwordPage(passwordView{Action: "/signin/sin_x/password", Back: "/signin/sin_x", App: uitest.Bait, Username: uitest.Bait, Error: "Too many tries. Try again at 13:32:10 UTC, in 65 s."})},
		{Name: "signin-set-password", Visit: v, View: setPasswordPage(setPasswordView{Action: "/signin/link/x", Name: "Grace Hopper", Username: "grace", MinLength: 12, Until: until})},
		{Name: "signin-invited", Visit: v, View: setPasswordPage(setPasswordView{Action: "/signin/link/x", Name: "Grace Hopper", Username: "grace", MinLength: 12, Until: until, Passkey: making})},
		{Name: "signin-invited-error", Visit: v, View: setPasswordPage(setPasswordView{Action: "/signin/link/x", Name: "Grace Hopper", Username: "grace", MinLength: 12, Until: until, Passkey: making, PasskeyError: "This passkey could not be read. Add it once more, or use another device.", Known: `{"rpId":"127.0.0.1","userId":"AAAA","allAcceptedCredentialIds":[],"name":"grace","displayName":"Grace"}`, Unknown: `{"rpId":"127.0.0.1","credentialId":"AAAA"}`})},
		{Name: "signin-set-password-error", Visit: v, View: setPasswordPage(setPasswordView{Action: "/signin/link/x", Name: "Grace Hopper", Username: "grace", MinLength: 12, Until: until, Error: "This has 9 characters. Make it at least 12."})},
		{Name: "signin-set-password-code", Visit: v, View: setPasswordPage(setPasswordView{Action: "/signin/link/x", Name: "Grace Hopper", Username: "grace", MinLength: 12, Until: until, Beside: login.Beside{App: true, Recovery: true}})},
		{Name: "signin-set-password-code-error", Visit: v, View: setPasswordPage(setPasswordView{Action: "/signin/link/x", Name: uitest.Bait, Username: "grace", MinLength: 12, Until: until, Beside: login.Beside{Recovery: true, Passkey: true}, CodeError: "This code is not right, or was used before. Wait for the next one and try again."})},
		{Name: "signin-elsewhere", Visit: v, View: elsewherePage(time.Date(2027, 1, 5, 16, 23, 0, 0, time.UTC))},
		{Name: "signin-passkey-first", Visit: v, View: passkeyFirstPage("Grace Hopper", "grace")},
		{Name: "signin-first-owner", Visit: v, View: firstOwnerPage(firstOwnerView{Action: "/signin/link/x", MinLength: 12, Until: until})},
		{Name: "signin-dead-link", Visit: v, View: deadLinkPage(true)},
		{Name: "signin-expired", Visit: v, View: expiredPage(true)},
		{Name: "signin-no-cookies", Visit: v, View: expiredPage(false)},
		{Name: "signin-trouble", Visit: v, View: troublePage(true, "sin_x")},
		{Name: "signin-recover", Visit: v, View: recoverPage("", "", "")},
		{Name: "signin-recover-sent", Visit: v, View: recoverSentPage("sin_x")},
		{Name: "signin-consent", Visit: uitest.Employee(), View: consentPage(consentView{
			Action: "/oauth/consent", Ticket: "x", App: "Acme Notes", Name: "Grace Hopper", Username: "grace", Host: "notes.acme.example", ComesBack: true,
			Learns: []string{"That it is you: an identifier, the same each time you come", "Your name and your username", "Your email address", "The groups you are in"},
		})},
		{Name: "signin-consent-more", Visit: uitest.Employee(), View: consentPage(consentView{
			Action: "/oauth/consent", Ticket: "x", App: "Payroll and Time Tracking for Contractors of the Northern Region", Name: uitest.Bait, Username: "grace", Host: "an app on this device",
			More: true, Learns: []string{"The groups you are in"}, Before: []string{"That it is you: an identifier, the same each time you come", "Your email address"},
		})},
		{Name: "signed-out", Visit: v, View: signedOutPage(signedOutView{})},
		{Name: "signed-out-none", Visit: v, View: signedOutPage(signedOutView{Known: true})},
		{Name: "signed-out-being-told", Visit: v, View: signedOutPage(signedOutView{Known: true, Live: true, Apps: []toldApp{
			{"CRM", waiting, "Is being told."}, {"Wiki", out, "Has signed you out."},
		}})},
		{Name: "signed-out-open", Visit: v, View: signedOutPage(signedOutView{Known: true, Live: true, Apps: []toldApp{
			{"Expenses", in, "Could not be told. Sign out there."},
			{"Mail", in, "Asked by your browser. Look there, to be sure."},
			{"Time sheets of the whole company and of all its subsidiaries", in, "Cannot be told. May be open until 29 Nov 2026, 02:11 UTC."},
			{uitest.Bait, waiting, "Has not answered yet. We go on trying."},
			{"Wiki", out, "Has signed you out."},
		}})},
		{Name: "signin-signout", Visit: uitest.Employee(), View: signOutPage(signOutView{Action: "/oauth/end_session", App: "Wiki"})},
		{Name: "signin-signout-stays", Visit: uitest.Employee(), View: signOutPage(signOutView{Action: "/oauth/end_session", Stays: true})},
	}
}

func TestEveryPageIsWellBuilt(t *testing.T) {
	t.Parallel()
	for _, p := range samplePages() {
		uitest.Check(t, p)
	}
}

func TestEveryPageStandsInABrowser(t *testing.T) {
	uitest.Look(t, samplePages(), idp.Languages()...)
}

// TestACodeHasTheKeysItIsMadeOf: a phone shows digits where nothing but digits is a
// code, and no browser corrects, or sends away to be checked, what is typed there.
func TestACodeHasTheKeysItIsMadeOf(t *testing.T) {
	for what, c := range map[string]struct {
		page templ.Component
		keys string
	}{
		"an authenticator app":                     {codePage(codeView{Codes: true}), "numeric"},
		"an app, or a recovery code":               {codePage(codeView{Codes: true, Recovery: true}), "text"},
		"an app, beside a link":                    {setPasswordPage(setPasswordView{Beside: login.Beside{App: true}}), "numeric"},
		"an app, or a recovery code beside a link": {setPasswordPage(setPasswordView{Beside: login.Beside{App: true, Recovery: true}}), "text"},
		"a mail": {mailedPage(mailedView{}), "numeric"},
	} {
		w := httptest.NewRecorder()
		uitest.Page{Visit: uitest.Stranger(), View: c.page}.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil))
		field := codeField.FindString(w.Body.String())
		for _, attribute := range []string{`inputmode="` + c.keys + `"`, `autocomplete="one-time-code"`, `spellcheck="false"`} {
			if !strings.Contains(field, attribute) {
				t.Errorf("a code of %s: %s lacks %s", what, field, attribute)
			}
		}
	}
}

var codeField = regexp.MustCompile(`<input id="code"[^>]*>`)

// TestWhoIsSignedInMayLeaveAStepUp: for their apps, unless these are what asks, and not
// where an app waits for an answer.
func TestWhoIsSignedInMayLeaveAStepUp(t *testing.T) {
	device := idp.SignIn{ID: "sin_x", ResumeURL: "/device?user_code=WDJB-MJHT"}
	home := idp.SignIn{ID: "sin_x", ResumeURL: "/"}
	app := idp.SignIn{ID: "sin_x", Protocol: idp.ProtocolOIDC, ResumeURL: "/oauth/authorize/resume"}
	for _, c := range []struct {
		visit ui.Visit
		in    idp.SignIn
		want  bool
	}{
		{uitest.Employee(), device, true}, {uitest.Stranger(), device, false},
		{uitest.Employee(), home, false}, {uitest.Employee(), idp.SignIn{ID: "sin_x"}, false},
		{uitest.Employee(), app, false},
	} {
		if got := mayGoHome(ui.WithVisit(t.Context(), c.visit), c.in); got != c.want {
			t.Errorf("%q on the way to %q: %v", c.visit.User.Username, c.in.ResumeURL, got)
		}
	}
}

// TestARefusedPasskeySaysWhatElseThereIs: at a second step no password is.
func TestARefusedPasskeySaysWhatElseThereIs(t *testing.T) {
	begun := idp.SignIn{ID: "sin_x"}
	second := idp.SignIn{ID: "sin_x", Proof: idp.Proof{UserID: "usr_x"}, Methods: []string{"pwd"}, Several: true, Has: []idp.CredentialKind{idp.CredentialPasskey}}
	coded := second
	coded.Has = append(slices.Clone(second.Has), idp.CredentialTOTP)
	resistant := coded
	resistant.Passkey = true
	for want, in := range map[string][]idp.SignIn{
		"or use your password.": {begun}, "or type a code.": {coded}, "or take another one of yours.": {second, resistant},
	} {
		for _, in := range in {
			if got := passkeyRefused(t.Context(), in); !strings.HasSuffix(got, want) {
				t.Errorf("at %q: %s, want %s", login.Next(in), got, want)
			}
		}
	}
}
