package outbox

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/idp"
	"gatehouse/idp/fetch"
)

// account is a lever that this version does not have: it deletes.
type account struct {
	to    string
	fetch *fetch.Client
}

func (account) Name() idp.Lever        { return "account" }
func (account) Reaches(a idp.App) bool { return a.Name == "wiki" }
func (account) Destroys() bool         { return true }
func (a account) Send(ctx context.Context, _ idp.App, d idp.Delivery) (string, error) {
	return poster{idp.LeverBackchannel, a.fetch}.Send(ctx, idp.App{OIDC: &idp.OIDCSettings{BackchannelLogoutURI: a.to + "/logout"}}, d)
}

// TestAnAppIsToldByEveryLeverThatReachesIt: two levers are two lines, told side
// by side; one that is dead holds up nothing.
func TestAnAppIsToldByEveryLeverThatReachesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r, dead := newRemote(t, nil), newRemote(t, status(http.StatusInternalServerError))
	app := h.app("wiki", r.URL)
	u := h.person("ada", app)
	h.signIn(u, app)
	w := h.worker("w")
	w.Levers = append([]Lever{account{dead.URL, h.fetch}}, w.Levers...)
	if got := w.LeversOf(app); !slices.Equal(got, []idp.Lever{"account", idp.LeverSOAP}) {
		t.Errorf("the levers of the app are %v", got)
	}
	h.run(w)
	lines := h.eventually(h.suspend(u), "told by both", func(d idp.Delivery) bool {
		return d.State == map[idp.Lever]idp.DeliveryState{"account": idp.DeliveryRetrying, idp.LeverSOAP: idp.DeliveryAcknowledged}[d.Lever]
	})
	if len(lines) != 2 || r.told.Load() != 1 {
		t.Errorf("%d lines, told %d times: %s", len(lines), r.told.Load(), states(lines))
	}
	other := h.person("bob", app)
	h.signIn(other, app)
	if e, err := w.Exposure(t.Context(), other); err != nil || len(e) != 1 || !e[0].Distrusted {
		t.Errorf("an app that does not take what it is told is counted on: %+v, %v", e, err)
	}
}

// TestAPreviewIsTheReceipt: what is said before a suspension is what then
// stands on the receipt, line for line, and saying it writes nothing.
func TestAPreviewIsTheReceipt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newRemote(t, nil)
	wiki, chat, crm, mute, known := h.app("wiki", r.URL, slowly, speaksOIDC), h.app("chat", r.URL, wholly, probing), h.app("crm", r.URL, leverOff),
		h.app("mute", "", speaksOIDC, func(a *idp.App) { a.OIDC.BackchannelLogoutURI = "" }), h.app("known", r.URL)
	u := h.person("ada", wiki, chat, crm, mute, known)
	w := h.worker("w")
	stop := h.run(w)
	h.eventually(h.end(idp.Ending{Kind: idp.EndSession, SessionID: h.signIn(u, known).ID}), "final", final)
	stop()
	h.move(11 * time.Minute) // nothing of it can land any more
	h.signIn(u, wiki, chat, crm)
	h.signIn(u, wiki, chat, mute)
	h.offline(h.signIn(u), u, wiki)

	preview, err := w.Preview(t.Context(), u)
	h.must(err)
	again, err := w.Preview(t.Context(), u)
	h.must(err)
	exposures, err := w.Exposure(t.Context(), u)
	h.must(err)

	id := h.suspend(u)
	jobs, err := w.claimReceipts(t.Context(), t.Context(), 4) // list, and tell nobody
	h.must(err)
	for _, list := range jobs {
		list()
	}
	plain := cmp.Options{
		cmpopts.IgnoreFields(idp.Delivery{}, "ID", "ReceiptID", "CreatedAt", "NextAt", "FinishedAt"), cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b idp.Delivery) bool {
			return string(a.AppID)+string(a.SessionID) < string(b.AppID)+string(b.SessionID)
		}),
	}
	if diff := cmp.Diff(preview, again, plain); diff != "" {
		t.Errorf("a preview changed something: %s", diff)
	}
	if diff := cmp.Diff(preview, h.lines(id), plain); diff != "" {
		t.Errorf("the receipt (+) is not what was said before (-): %s", diff)
	}

	endless := map[idp.AppID]bool{}
	for _, d := range preview {
		endless[d.AppID] = endless[d.AppID] || d.State == idp.DeliveryAlive && d.Ceiling.IsZero()
	}
	for _, e := range exposures {
		if (e.Basis == idp.BasisNothing) != endless[e.AppID] {
			t.Errorf("the exposure of %s rests on %s, and a line of it without an end is %v", e.AppID, e.Basis, endless[e.AppID])
		}
	}
	got := map[idp.AppID]idp.Exposure{}
	for _, e := range exposures {
		got[e.AppID] = e
	}
	for name, c := range map[string]struct {
		app   idp.App
		basis idp.Basis
		is    func(idp.Exposure) bool
	}{
		"a lever, and what can still land": {wiki, idp.BasisLever, func(e idp.Exposure) bool { return e.Within >= w.sendTimeout() && !e.Verified }},
		"a lever and a probe":              {chat, idp.BasisLever, func(e idp.Exposure) bool { return e.Verified }},
		"its assertion's end":              {crm, idp.BasisAssertion, func(e idp.Exposure) bool { return e.Within > 11*time.Hour && !e.Bounded(time.Hour) }},
		"nothing":                          {mute, idp.BasisNothing, func(e idp.Exposure) bool { return !e.Bounded(1000 * time.Hour) }},
	} {
		if e := got[c.app.ID]; e.Basis != c.basis || !c.is(e) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if _, open := got[known.ID]; open || len(got) != 4 {
		t.Errorf("%d exposures: %+v", len(got), got)
	}
}
