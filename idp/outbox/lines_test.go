package outbox

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
)

var (
	cut  = time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)
	wins = windows{code: 5 * time.Minute, skew: 3 * time.Minute}
)

func wiki() idp.App {
	return idp.App{ID: "app_wiki", Protocol: idp.ProtocolOIDC, OIDC: &idp.OIDCSettings{BackchannelLogoutURI: "https://wiki.example/bc", HonoursSessionExpiry: true}}
}

func crm() idp.App {
	return idp.App{ID: "app_crm", Protocol: idp.ProtocolSAML, SAML: &idp.SAMLSettings{SOAPLogoutURL: "https://crm.example/slo"}}
}

func with[T any](v T, change func(*T)) T { change(&v); return v }

// levers is the first lever that reaches app.
func levers(app idp.App) idp.Lever {
	return (&Worker{Levers: posters(nil)}).LeversOf(app)[0]
}

func TestDeliveryIDIsOneOfOursAndStable(t *testing.T) {
	t.Parallel()
	seen := map[idp.DeliveryID]bool{}
	for _, r := range []idp.ReceiptID{"rcp_a", "rcp_b"} {
		for _, a := range []idp.AppID{"app_a", "app_b"} {
			for _, s := range []idp.SessionID{"", "ses_a", "ses_b"} {
				alice := idp.NameID{Value: "alice"}
				id := deliveryID(r, a, idp.LeverSOAP, s, alice)
				if !idp.ValidID("dlv", string(id)) {
					t.Errorf("%q has not the shape of a delivery's ID", id)
				}
				if seen[id] {
					t.Errorf("%q twice", id)
				}
				seen[id] = true
				if other := deliveryID(r, a, idp.LeverSOAP, s, idp.NameID{Value: "alice", Format: "urn:mail"}); (other == id) != (s != "") {
					t.Errorf("session %q: %q for one subject, %q for another", s, id, other)
				}
				if again := deliveryID(r, a, idp.LeverSOAP, s, alice); again != id {
					t.Errorf("%q, then %q", id, again)
				}
			}
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	sessionEnd, now := cut.Add(8*time.Hour), cut.Add(time.Second)
	suspend := idp.Receipt{ID: "rcp_1", Kind: idp.EndUser, UserID: "usr_1", CutAt: cut}
	part := idp.Participant{
		SessionID: "ses_1", UserID: "usr_1", SessionIndex: "_idx", NameID: idp.NameID{Value: "alice"},
		LastAnswerAt: cut.Add(-time.Hour),
	}
	plain := idp.Delivery{
		ReceiptID: "rcp_1", UserID: "usr_1", SessionID: "ses_1", NameID: idp.NameID{Value: "alice"}, SessionIndexes: []string{"_idx"},
		State: idp.DeliveryPending, CreatedAt: now, NextAt: now, Ceiling: sessionEnd,
	}
	whole := func(a idp.App) idp.App { a.WholeUserLogout = true; return a }
	asks := idp.Receipt{ID: "rcp_1", Kind: idp.EndSession, UserID: "usr_1", CutAt: cut, Actor: idp.Actor{Kind: "app", AppID: "app_crm"}}
	ago := func(d time.Duration) idp.Participant { p := part; p.LastAnswerAt = cut.Add(-d); return p }
	tests := []struct {
		name    string
		receipt idp.Receipt
		app     idp.App
		part    idp.Participant
		change  func(*idp.Delivery) // from plain
	}{
		{"one line per session", suspend, wiki(), part, func(d *idp.Delivery) { d.Lever = idp.LeverBackchannel }},
		{"over SOAP", suspend, crm(), part, func(d *idp.Delivery) { d.Lever = idp.LeverSOAP }},
		{"one line per app for a whole-user logout", suspend, whole(wiki()), part, func(d *idp.Delivery) {
			d.Lever, d.SessionID, d.SessionIndexes = idp.LeverBackchannel, "", nil
		}},
		{"the end of one session is never a whole-user logout", with(suspend, func(r *idp.Receipt) { r.Kind = idp.EndSession }), whole(crm()), part,
			func(d *idp.Delivery) { d.Lever = idp.LeverSOAP }},
		{"all passes ended is a whole-user logout", with(suspend, func(r *idp.Receipt) { r.Kind = idp.EndPasses }), whole(crm()), part,
			func(d *idp.Delivery) { d.Lever, d.SessionID, d.SessionIndexes = idp.LeverSOAP, "", nil }},
		{"no lever: alive until its ceiling", suspend, with(wiki(), func(a *idp.App) { a.OIDC = &idp.OIDCSettings{HonoursSessionExpiry: true} }), ago(time.Minute), func(d *idp.Delivery) {
			d.Lever, d.State, d.NextAt = idp.LeverNone, idp.DeliveryAlive, sessionEnd
		}},
		{"no lever, and nothing says until when", suspend, with(wiki(), func(a *idp.App) { a.OIDC = &idp.OIDCSettings{} }), ago(time.Minute), func(d *idp.Delivery) {
			d.Lever, d.State, d.NextAt, d.Ceiling, d.Answer = idp.LeverNone, idp.DeliveryAlive, sessionEnd, time.Time{}, noEndKnown
		}},
		{"a lever that may fail, and nothing says until when", suspend, with(wiki(), func(a *idp.App) { a.OIDC = &idp.OIDCSettings{BackchannelLogoutURI: "x"} }), ago(time.Minute), func(d *idp.Delivery) {
			d.Lever, d.AgainAt, d.Ceiling = idp.LeverBackchannel, cut.Add(4*time.Minute), time.Time{}
		}},
		{"an app registered no more has a line", suspend, idp.App{ID: "app_gone"}, part, func(d *idp.Delivery) {
			d.Lever, d.State, d.NextAt, d.Ceiling, d.Answer = idp.LeverNone, idp.DeliveryAlive, sessionEnd, time.Time{}, noEndKnown
		}},
		{"a code answer of 4:59 ago can still land", suspend, wiki(), ago(299 * time.Second), func(d *idp.Delivery) {
			d.Lever, d.AgainAt = idp.LeverBackchannel, cut.Add(time.Second)
		}},
		{"one of 5:00 ago cannot", suspend, wiki(), ago(300 * time.Second), func(d *idp.Delivery) { d.Lever = idp.LeverBackchannel }},
		{"an assertion of 3:59 ago can still land", suspend, crm(), ago(239 * time.Second), func(d *idp.Delivery) {
			d.Lever, d.AgainAt = idp.LeverSOAP, cut.Add(time.Second)
		}},
		{"one of 4:00 ago cannot", suspend, crm(), ago(240 * time.Second), func(d *idp.Delivery) { d.Lever = idp.LeverSOAP }},
		{"who asked for the sign-out has ended it", asks, crm(), part, func(d *idp.Delivery) {
			d.Lever, d.State, d.Answer, d.AckedAt, d.FinishedAt, d.NextAt = idp.LeverSOAP, idp.DeliveryAcknowledged, askedItself, cut, now, time.Time{}
		}},
		{"and is told once what can still land", asks, crm(), ago(time.Minute), func(d *idp.Delivery) {
			d.Lever, d.Answer, d.AckedAt = idp.LeverSOAP, askedItself, cut
			d.AgainAt, d.NextAt = cut.Add(3*time.Minute), cut.Add(3*time.Minute)
		}},
		{"or, with no lever, alive until it cannot", asks, with(crm(), func(a *idp.App) { a.SAML = &idp.SAMLSettings{} }), ago(time.Minute), func(d *idp.Delivery) {
			d.Lever, d.State, d.Answer, d.AckedAt = idp.LeverNone, idp.DeliveryAlive, askedItself, cut
			d.Ceiling, d.NextAt = cut.Add(3*time.Minute), cut.Add(3*time.Minute)
		}},
		{"another app is told", asks, wiki(), part, func(d *idp.Delivery) { d.Lever = idp.LeverBackchannel }},
		{"the app's own validity counts", suspend, with(crm(), func(a *idp.App) { a.SAML.AssertionValidity = 10 * time.Minute }), ago(5 * time.Minute), func(d *idp.Delivery) {
			d.Lever, d.AgainAt = idp.LeverSOAP, cut.Add(8*time.Minute)
		}},
		{"SessionTTL caps the ceiling", suspend, with(crm(), func(a *idp.App) { a.SAML.SessionTTL = 2 * time.Hour }), part, func(d *idp.Delivery) {
			d.Lever, d.Ceiling = idp.LeverSOAP, cut.Add(time.Hour)
		}},
		{"SessionTTL does not lengthen it", suspend, with(crm(), func(a *idp.App) { a.SAML.SessionTTL = 200 * time.Hour }), part, func(d *idp.Delivery) {
			d.Lever = idp.LeverSOAP
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.part.AppID = tt.app.ID
			want := plain
			tt.change(&want)
			want.AppID = tt.app.ID
			want.ID = deliveryID("rcp_1", tt.app.ID, want.Lever, want.SessionID, want.NameID)
			if diff := cmp.Diff(want, line(tt.receipt, tt.app, tt.part, levers(tt.app), sessionEnd, wins, now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingIsCalledEndedWhileAnAnswerMayLand(t *testing.T) {
	t.Parallel()
	noLever := with(wiki(), func(a *idp.App) { a.OIDC = &idp.OIDCSettings{HonoursSessionExpiry: true} })
	p := idp.Participant{SessionID: "ses_1", AppID: "app_wiki", LastAnswerAt: cut.Add(-time.Minute)}
	almostOver := cut.Add(time.Second)
	d := line(idp.Receipt{ID: "rcp_1", CutAt: cut}, noLever, p, idp.LeverNone, almostOver, wins, cut)
	if want := cut.Add(4 * time.Minute); !d.Ceiling.Equal(want) {
		t.Errorf("alive until %s, want %s", d.Ceiling, want)
	}
	d = line(idp.Receipt{ID: "rcp_1", CutAt: cut}, idp.App{OIDC: &idp.OIDCSettings{}}, p, idp.LeverNone, almostOver, wins, cut)
	if want := cut.Add(4 * time.Minute); !d.Ceiling.IsZero() || !d.NextAt.Equal(want) {
		t.Errorf("alive until %s, left to somebody at %s, want no end and %s", d.Ceiling, d.NextAt, want)
	}
}

func TestLinesWithoutASession(t *testing.T) {
	t.Parallel()
	r := idp.Receipt{ID: "rcp_1", Kind: idp.EndUser, UserID: "usr_1", CutAt: cut}
	alice := idp.NameID{Value: "alice"}
	id := deliveryID("rcp_1", "app_wiki", idp.LeverNone, "", alice)
	f := idp.TokenFamily{AppID: "app_wiki", Proof: idp.Proof{UserID: "usr_1"}, Offline: true}
	ended := idp.Delivery{ID: id, ReceiptID: "rcp_1", UserID: "usr_1", AppID: "app_wiki", Lever: idp.LeverNone,
		NameID: alice, State: idp.DeliveryEnded, CreatedAt: cut, FinishedAt: cut}
	told := ended
	told.Lever, told.State, told.NextAt, told.FinishedAt = idp.LeverBackchannel, idp.DeliveryPending, cut, time.Time{}
	told.ID, told.Answer = deliveryID("rcp_1", "app_wiki", idp.LeverBackchannel, "", alice), ""

	p := idp.Participant{NameID: alice, SessionIndex: "i"}
	ofSession := with(r, func(r *idp.Receipt) { r.Kind, r.SessionID = idp.EndSession, "ses_1" })
	f.SessionID = "ses_1"
	tests := []struct {
		name      string
		got, want idp.Delivery
	}{
		{"an account alone has ended", accountLine(r, idp.Account{AppID: "app_wiki", UserID: "usr_1", Subject: "alice"}, cut),
			with(ended, func(d *idp.Delivery) { d.Answer = accountRemains })},
		{"a token family's app is told", familyLine(r, wiki(), f, p, idp.LeverBackchannel, cut), told},
		{"of the end of one session it is told that one", familyLine(ofSession, wiki(), f, p, idp.LeverBackchannel, cut),
			with(told, func(d *idp.Delivery) {
				d.ID, d.SessionID, d.SessionIndexes = deliveryID("rcp_1", "app_wiki", idp.LeverBackchannel, "ses_1", alice), "ses_1", []string{"i"}
			})},
		{"not one without a lever", familyLine(r, with(wiki(), func(a *idp.App) { a.OIDC = nil }), f, p, idp.LeverNone, cut),
			with(ended, func(d *idp.Delivery) { d.Answer = familyRefused })},
		{"nor about nobody", familyLine(r, wiki(), f, idp.Participant{}, idp.LeverBackchannel, cut),
			with(ended, func(d *idp.Delivery) {
				d.ID, d.Answer, d.NameID = deliveryID("rcp_1", "app_wiki", idp.LeverNone, "", idp.NameID{}), familyRefused, idp.NameID{}
			})},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestMergeKeepsTheLatestAndAllIndexes(t *testing.T) {
	t.Parallel()
	a := idp.Delivery{ID: "dlv_a", AgainAt: cut, Ceiling: cut.Add(2), SessionIndexes: []string{"1"}}
	b := idp.Delivery{ID: "dlv_a", AgainAt: cut.Add(1), Ceiling: cut, SessionIndexes: []string{"1", "2"}}
	other := idp.Delivery{ID: "dlv_b"}
	want := []idp.Delivery{{ID: "dlv_a", AgainAt: cut.Add(1), Ceiling: cut.Add(2), SessionIndexes: []string{"1", "2"}}, other}
	if diff := cmp.Diff(want, merge([]idp.Delivery{a, other, b})); diff != "" {
		t.Error(diff)
	}
}
