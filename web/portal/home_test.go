package portal

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
	"gatehouse/web/ui/uitest"
)

func samplePages() []uitest.Page {
	ago := func(d time.Duration) time.Time { return uitest.Now().Add(-d) }
	full := homeView{
		FirstName: "Grace",
		Apps: []tile{
			{Name: "Wiki", Launch: Launch{Href: "http://wiki.localhost:8081/"}, Host: "wiki.localhost"},
			{Name: "CRM", Launch: Launch{Href: "http://crm.localhost:8082/"}, Host: "crm.localhost"},
			{Name: "Payroll and Time Tracking for Contractors of the Northern Region", Launch: Launch{Href: "https://payroll.example/"}, Host: "payroll.example"},
			{Name: "Grafana", Launch: Launch{Href: "https://grafana.example/"}, Host: "grafana.example"},
			{Name: "Slack", Launch: Launch{Href: "https://navy.slack.example/"}, Host: "navy.slack.example"},
			{Name: "Legacy ERP"},
			{Name: "Expenses", Launch: Launch{Action: "/saml/launch", Fields: [][2]string{{"app", "app_a"}}}, Host: "expenses.example"},
			{Name: uitest.Bait, Launch: Launch{Href: "https://bait.example/"}, Host: "bait.example"},
		},
		Sessions: []sessionRow{
			{ID: "ses_a", Device: "Firefox on Linux", Address: "203.0.113.7", Since: ago(2 * time.Hour), LastSeen: ago(4 * time.Second), Here: true, Apps: []string{"Wiki", "CRM"}},
			{ID: "ses_b", Device: "Safari on iPhone", Address: "2001:db8:85a3::8a2e:370:7334", Since: ago(50 * time.Hour), LastSeen: ago(26 * time.Minute), Apps: []string{"Slack"}},
			{ID: "ses_c", Device: "Chrome on Windows", Address: "198.51.100.23", Since: ago(6 * 24 * time.Hour), LastSeen: ago(40 * time.Hour)},
		},
		Allowed: []consentRow{
			{ID: "con_a", App: "Acme Notes", Learns: "That it is you: an identifier, the same each time you come · Your name and your username · Your email address", ComesBack: true, Since: ago(30 * time.Hour), Keeps: 5 * time.Minute},
			{ID: "con_c", App: "Acme Tasks", Learns: halfTakenBack(context.Background()), Since: ago(30 * time.Hour)},
			{ID: "con_b", App: uitest.Bait, Learns: "The groups you are in", Since: ago(400 * 24 * time.Hour)},
		},
		Recent: []ui.Happening{
			{At: ago(2 * time.Hour), Title: "Signed in", Detail: "Firefox on Linux, 203.0.113.7"},
			{At: ago(3 * time.Hour), Title: "Wrong password", Detail: "198.51.100.99"},
			{At: ago(50 * time.Hour), Title: "Signed in", Detail: "Safari on iPhone, 2001:db8:85a3::8a2e:370:7334"},
		},
	}
	full.New = []newDevice{
		{ID: "kdv_a", Device: "Chrome on Windows", Address: "198.51.100.23", At: ago(20 * time.Minute)},
		{ID: "kdv_b", Device: uitest.Bait, Address: "2001:db8:85a3::8a2e:370:7334", At: ago(50 * time.Hour)},
	}
	full.Remembered = []rememberedRow{
		{ID: "kdv_c", Device: "Firefox on Linux", Address: "203.0.113.7", LastSeen: ago(2 * time.Hour), Until: ago(-20 * 24 * time.Hour), Here: true},
		{ID: "kdv_d", Device: uitest.Bait, Address: "2001:db8:85a3::8a2e:370:7334", LastSeen: ago(50 * time.Hour), Until: ago(-time.Hour)},
	}
	full.Total, full.Own = len(full.Apps), ownView{Language: "de", MayAsk: true}
	many := full
	for i := range 12 {
		many.Apps = append(many.Apps, tile{Name: fmt.Sprintf("App %d", i+1), Launch: Launch{Href: "https://app.example/"}, Host: "app.example"})
	}
	many.Total, many.Recents, many.Own = len(many.Apps), append(many.Apps[:3:3], many.Apps[6], many.Apps[7]), ownView{AskedAt: ago(30 * time.Hour)}
	searched := many
	searched.Search, searched.Apps = "gra", slices.Clone(many.Apps)
	narrow(searched.Apps, searched.Search)
	nothing := many
	nothing.Search, nothing.Apps = uitest.Bait+"x", slices.Clone(many.Apps)
	narrow(nothing.Apps, nothing.Search)
	empty := homeView{FirstName: "Alan", Sessions: full.Sessions[:1]}
	making := login.Ceremony{Options: `{"publicKey":{}}`, State: "x"}
	owner := full
	owner.FirstName = "Ada"
	made := idp.Credential{Kind: idp.CredentialTOTP, CreatedAt: ago(90 * 24 * time.Hour), LastUsedAt: ago(3 * time.Hour)}
	code, err := drawQR("otpauth://totp/id.example:grace?algorithm=SHA1&digits=6&issuer=id.example&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
	if err != nil {
		panic(err)
	}
	return []uitest.Page{
		{Name: "codes-offer", Visit: uitest.Employee(), View: offerPage(offerView{Secret: grouped("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), Sealed: "x", QR: code})},
		{Name: "codes-offer-error", Visit: uitest.Employee(), View: offerPage(offerView{Secret: grouped("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), Sealed: "x", QR: code, Error: "This code is not right. Type the one that the app shows now."})},
		{Name: "my-data", Visit: uitest.Employee(), View: myDataPage()},
		{Name: "codes-few", Visit: uitest.Employee(), View: codesPage(codesView{App: &made, Left: 2})},
		{Name: "password-by-passkey", Visit: uitest.Employee(), View: passwordPage(passwordView{Username: "grace"})},
		{Name: "password-none", Visit: uitest.Employee(), View: passwordPage(passwordView{Username: "grace", Asks: true, Mails: true})},
		{Name: "codes", Visit: uitest.Employee(), View: codesPage(codesView{App: &made, Left: 7})},
		{Name: "codes-recovery", Visit: uitest.Employee(), View: recoveryPage(recoveryView{File: "x", Codes: []string{"BCDF-GHJK-LMNP", "QRST-VWXZ-BCDF", "GHJK-LMNP-QRST", "VWXZ-BCDF-GHJK", "LMNP-QRST-VWXZ", "BBBB-CCCC-DDDD", "FFFF-GGGG-HHHH", "JJJJ-KKKK-LLLL", "MMMM-NNNN-PPPP", "QQQQ-RRRR-SSSS"}})},
		{Name: "portal-home", Visit: uitest.Employee(), View: homePage(full)},
		{Name: "portal-many", Visit: uitest.Employee(), View: homePage(many)},
		{Name: "portal-searched", Visit: uitest.Employee(), View: homePage(searched)},
		{Name: "portal-nothing", Visit: uitest.Employee(), View: homePage(nothing)},
		{Name: "portal-deletion", Visit: uitest.Employee(), View: deletionPage()},
		{Name: "portal-owner", Visit: uitest.Owner(), View: homePage(owner)},
		{Name: "passkeys", Visit: uitest.Employee(), View: passkeysPage(passkeysView{Making: making, Passkeys: []login.Passkey{
			{ID: "crd_a", Name: "Windows Hello", CreatedAt: ago(90 * 24 * time.Hour), LastUsedAt: ago(2 * time.Hour)},
			{ID: "crd_b", Name: "Apple Passwords", CreatedAt: ago(3 * time.Hour), Synced: true},
			{ID: "crd_c", Name: uitest.Bait, CreatedAt: ago(400 * 24 * time.Hour)},
		}})},
		{Name: "passkeys-full", Visit: uitest.Employee(), View: passkeysPage(passkeysView{
			None: "You have 20 passkeys, and more are not kept. Remove one first.", Error: "This is the last thing you can sign in with. Add another passkey first.",
			Passkeys: []login.Passkey{{ID: "crd_a", Name: "Windows Hello", CreatedAt: ago(time.Hour)}},
		})},
		{Name: "passkey-offer", Visit: uitest.Employee(), View: passkeyOfferPage(making)},
		{Name: "passkey-remove", Visit: uitest.Employee(), View: removePage(removeView{Title: "Remove the passkey " + uitest.Bait + "?", Action: "/passkeys/crd_a/remove", Back: "/passkeys"})},
		{Name: "passkey-removed", Visit: uitest.Employee(), View: removedPage(`{"rpId":"x.example","userId":"AA","allAcceptedCredentialIds":[],"name":"grace","displayName":"Grace"}`)},
		{Name: "passkeys-by-mail", Visit: uitest.Employee(), View: passkeysPage(passkeysView{Prove: againFirst("/passkeys"), ByMail: true})},
		{Name: "by-mail", Visit: uitest.Employee(), View: byMailPage(againFirst("/codes"))},
		{Name: "password", Visit: uitest.Employee(), View: passwordPage(passwordView{Username: "grace", Has: true, Asks: true})},
		{Name: "password-wrong", Visit: uitest.Employee(), View: passwordPage(passwordView{Username: "grace", Has: true, Asks: true, Current: "This is not your current password."})},
		{Name: "password-changed", Visit: uitest.Employee(), View: passwordChangedPage()},
		{Name: "device-code", Visit: uitest.Employee(), View: deviceCodePage(deviceCodeView{})},
		{Name: "device-code-wrong", Visit: uitest.Employee(), View: deviceCodePage(deviceCodeView{
			UserCode: uitest.Bait, Error: "No device waits with this code. Look at the device again: a code works for ten minutes, once.",
		})},
		{Name: "device-confirm", Visit: uitest.Employee(), View: deviceConfirmPage(deviceConfirmView{
			UserCode: "WDJB-MJHT", App: "Wiki", Identifier: "wiki", Person: "Grace Hopper", Username: "grace",
			Learns: ui.Learns(context.Background(), idp.App{}, []string{"openid", "profile", "email", "groups"}), ComesBack: true, Address: "203.0.113.7", AskedAt: ago(time.Minute),
		})},
		{Name: "device-confirm-long", Visit: uitest.Employee(), View: deviceConfirmPage(deviceConfirmView{
			UserCode: uitest.Bait, App: "Payroll and Time Tracking for Contractors of the Northern Region", Identifier: "https://payroll.example/a-client-id-without-any-place-to-break-it", Person: uitest.Bait, Username: "grace",
			Learns: ui.Learns(context.Background(), idp.App{}, []string{"openid"}), Address: "2001:db8:85a3::8a2e:370:7334", AskedAt: ago(time.Minute),
		})},
		{Name: "device-allowed", Visit: uitest.Employee(), View: deviceDonePage(deviceDoneView{App: "Wiki", Allowed: true})},
		{Name: "device-denied", Visit: uitest.Employee(), View: deviceDonePage(deviceDoneView{App: "Wiki"})},
		{Name: "device-disown", Visit: uitest.Employee(), View: disownPage(disownView{newDevice: full.New[0]})},
		{Name: "device-disown-asks", Visit: uitest.Employee(), View: disownPage(disownView{
			newDevice: full.New[1], Username: "grace", Elsewhere: againFirst("/devices/kdv_b/disown"),
			Asks: login.DisownAsks{Password: true, Code: true, Passkey: true},
		})},
		{Name: "device-disown-wrong", Visit: uitest.Employee(), View: disownPage(disownView{
			newDevice: full.New[0], Username: "grace", Asks: login.DisownAsks{Password: true}, Current: "This is not your current password.",
		})},
		{Name: "portal-empty", Visit: uitest.Employee(), View: homePage(empty)},
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
