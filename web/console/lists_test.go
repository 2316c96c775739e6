package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/idp"
	"gatehouse/web/ui/uitest"
)

// app registers an app that nobody can reach.
func (h *house) app(name string) idp.App {
	h.t.Helper()
	a := idp.App{ID: idp.NewAppID(), Name: name, Protocol: idp.ProtocolOIDC, Identifier: name,
		OIDC: &idp.OIDCSettings{RedirectURIs: []string{"https://x.example/cb"}}, CreatedAt: idp.Time(time.Now())}
	if _, err := h.store.Commit(h.t.Context(), idp.Change{Apps: []idp.App{a}}); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// lines adds lines in this state to a receipt as a worker would, and leaves
// the receipt open for more.
func (h *house) lines(r idp.Receipt, a idp.App, state idp.DeliveryState, n int) (ids []string) {
	h.t.Helper()
	now := idp.Time(time.Now())
	var lines []idp.Delivery
	for range n {
		d := idp.Delivery{ID: idp.NewDeliveryID(), UserID: r.UserID, AppID: a.ID, Lever: idp.LeverBackchannel, State: state,
			Attempts: 7, Answer: "It answered 503.", CreatedAt: now, NextAt: now.Add(time.Hour)}
		if state.Final() {
			d.FinishedAt = now
		}
		lines, ids = append(lines, d), append(ids, string(d.ID))
	}
	_, _, err := h.store.ClaimReceipt(h.t.Context(), "test", now, 0)
	if err == nil {
		err = h.store.ListPage(h.t.Context(), r.ID, "test", lines, "", false, now)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return ids
}

func TestSessionsNowAreNarrowedAndEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	grace, id := h.employee(ada)
	a := h.app("Wiki")

	ada.open("/console/sessions").wants(200, "/console/sessions", "Ada Lovelace", "Grace Hopper", "this browser", "just now")
	ada.open("/console/sessions?user=GRACE").wants(200, "/console/sessions", "Grace Hopper", "End all sessions of Grace Hopper")
	for n := range ada.page.Descendants() {
		if n.Data == "table" && strings.Contains(uitest.Text(n), "Ada") {
			t.Error("narrowed to Grace, and Ada is listed")
		}
	}
	ada.open("/console/sessions?address=127.0.0.0/8").wants(200, "/console/sessions", "Grace Hopper")
	ada.open("/console/sessions?app="+string(a.ID)).wants(200, "/console/sessions", "Nobody is signed in like this")
	ada.open("/console/sessions?older=1h").wants(200, "/console/sessions", "Nobody is signed in like this")
	ada.open("/console/sessions?user=nobody&address=home&older=old").wants(400, "/console/sessions", "Nobody has the username", "Nothing to show")
	ada.open("/console/sessions?address=home&older=old").wants(400, "/console/sessions", "no address")
	ada.open("/console/sessions?after=nonsense").wants(400, "/console/sessions", "does not exist")

	live, err := h.store.Sessions(t.Context(), idp.UserID(id), time.Now())
	if err != nil || len(live) != 1 {
		t.Fatalf("%d sessions (%v)", len(live), err)
	}
	ada.open("/console/sessions/"+string(live[0].ID)+"/end").wants(200, "/console/sessions/", "End this session of Grace Hopper?")
	ada.submit("/end").wants(200, "/console/receipts/", "End of a session")
	grace.open("/").wants(200, "/signin/")
	ada.open("/console/sessions?user=grace").wants(200, "/console/sessions", "Nobody is signed in like this")
}

func TestADeadDeliveryIsTriedAgainFromTheList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	ada.open("/console/deliveries").wants(200, "/console/deliveries", "Nothing waits")
	r, err := h.dir.Suspend(t.Context(), idp.UserID(id), "")
	if err != nil {
		t.Fatal(err)
	}
	dead := h.lines(r, h.app("Wiki"), idp.DeliveryFailed, 1)[0]
	ada.open("/console/receipts?state=failed").wants(200, "/console/receipts", "Grace Hopper")
	ada.open("/console/receipts?state=failed&kind=passes").wants(200, "/console/receipts", "No receipt is like this")
	ada.open("/console/deliveries?state=failed&user=grace").wants(200, "/console/deliveries", "Wiki", "failed", "It answered 503.")
	ada.submit("/retry").wants(200, "/console/deliveries", "Nothing waits like this")
	if ada.query != "state=failed&user=grace" {
		t.Errorf("came back to %q", ada.query)
	}
	ada.open("/console/deliveries?state=retrying").wants(200, "/console/deliveries", "Wiki", "now")
	ada.submit("/retry").wants(200, "/console/deliveries", "retrying") // twice is once
	ada.open("/console/users/"+id).wants(200, "/console/users/", "An app is told again, by hand")

	form := url.Values{"csrf": {csrf(ada.page)}, "list": {"%zz"}}
	if _, err := h.dir.Restore(t.Context(), idp.UserID(id)); err != nil {
		t.Fatal(err)
	}
	ada.open("/console")
	form.Set("csrf", csrf(ada.page))
	ada.show(ada.client.PostForm(h.url+"/console/deliveries/"+dead+"/retry", form)).wants(http.StatusConflict, "/console/deliveries/", "restored")
	ada.open("/console/deliveries?state=verified").wants(400, "/console/deliveries")
}

func TestTheAlarmStandsOnEveryPageUntilSomebodyTakesNote(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	const alarm = "an app could not be told that access has ended."
	ada.open("/console/users").lacks(alarm)
	r, err := h.dir.Suspend(t.Context(), idp.UserID(id), "")
	if err != nil {
		t.Fatal(err)
	}
	a := h.app("Wiki")
	h.lines(r, a, idp.DeliveryFailed, 3)
	h.console.ForgetAlarm() // the count is five seconds old otherwise
	for _, page := range []string{"/console/users", "/console/apps", "/console/receipts/" + string(r.ID), "/console/emergency"} {
		ada.open(page).wants(200, page, "3 times "+alarm)
	}
	ada.open("/").lacks(alarm)
	ada.open("/console/deliveries?state=failed")
	ada.submit("/retry").wants(200, "/console/deliveries", "2 times "+alarm)
	ada.submit("/note").wants(200, "/console/deliveries", "One app could not be told", "An owner has taken note.", "Take note of all")
	ada.submit("/note-failed").wants(200, "/console/deliveries", "failed", "Wiki").lacks("could not be told that")
	ada.open("/console/users/"+id).wants(200, "/console/users/", "An owner took note that an app could not be told")
	form := url.Values{"csrf": {csrf(ada.page)}, "by": {"tomorrow"}}
	ada.show(ada.client.PostForm(h.url+"/console/deliveries/note-failed", form)).wants(400, "/console/deliveries/note-failed")
}

// TestAFailedMailIsOnEveryPageForADay, and one that was sent, or that nobody may get any
// more, is on none.
func TestAFailedMailIsOnEveryPageForADay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.Mails = true
	ada := h.owner()
	_, id := h.employee(ada)
	u, err := h.store.User(t.Context(), idp.UserID(id))
	if err != nil {
		t.Fatal(err)
	}
	ends := func(state idp.MailState, at time.Time) {
		t.Helper()
		m := idp.NewMail(idp.MailPasswordChanged, u, at.Add(-time.Minute))
		if _, err := h.store.Commit(t.Context(), idp.Change{Mails: []idp.Mail{m}}); err != nil {
			t.Fatal(err)
		}
		hand := string(idp.NewEventID())
		claimed, err := h.store.ClaimMails(t.Context(), hand, time.Now().Add(time.Hour), time.Hour, 1)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %v, %v", claimed, err)
		}
		claimed[0].State, claimed[0].FinishedAt = state, idp.Time(at)
		if err := h.store.SaveMail(t.Context(), claimed[0], hand); err != nil {
			t.Fatal(err)
		}
	}
	const alarm = "could not be delivered within the last day"
	now := time.Now()
	ends(idp.MailSent, now)
	ends(idp.MailDropped, now)
	ends(idp.MailFailed, now.Add(-25*time.Hour))
	h.console.ForgetAlarm()
	ada.open("/console/users").wants(200, "/console/users").lacks(alarm)
	ends(idp.MailFailed, now.Add(-23*time.Hour))
	h.console.ForgetAlarm()
	ada.open("/console/apps").wants(200, "/console/apps", "A mail "+alarm, "what the mail server answered")
	ada.open("/").lacks(alarm)
	ends(idp.MailFailed, now)
	h.console.ForgetAlarm()
	ada.open("/console/users").wants(200, "/console/users", "2 mails "+alarm)
}

// TestTheBannersLeadToWhatTheyAreAbout: whoever reads that mails failed, or that names
// are tried, finds whose and from where, and nothing older than the banner.
func TestTheBannersLeadToWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	ada.open("/console/alarms").wants(200, "/console/alarms", "None failed", "No alarm")
	note := func(kind string, ago time.Duration, detail map[string]string, who string) {
		t.Helper()
		e := idp.Event{ID: idp.NewEventID(), At: idp.Time(time.Now().Add(-ago)), Kind: kind, Actor: idp.Actor{Kind: "system", CorrelationID: "0123456789abcdef"}, UserID: idp.UserID(who), Detail: detail}
		if err := h.store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	note("mail.fail", time.Hour, map[string]string{"kind": "new_device", "reason": "550 no such user"}, id)
	note("mail.fail", 25*time.Hour, map[string]string{"kind": "invitation", "reason": "451 of yesterday"}, id)
	note("mail.fail", time.Hour, map[string]string{"kind": "code", "reason": "a day went by"}, string(idp.NewUserID()))
	note("signin.stuffing", time.Hour, map[string]string{"by": "address", "place": "203.0.113.9/32", "until": "x"}, "")
	note("signin.stuffing", time.Hour, map[string]string{"by": "house", "failures": "240", "usual": "4"}, "")
	ada.open("/console/alarms").wants(200, "/console/alarms", "Grace Hopper new device · 550 no such user", "Somebody who was removed", "Many names were tried from 203.0.113.9/32", "240 sign-ins failed within five minutes").lacks("451 of yesterday")
}

func TestALiveListTurnsAndKeepsFocusAndScroll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.owner()
	_, id := h.employee(ada)
	r, err := h.dir.Suspend(t.Context(), idp.UserID(id), "")
	if err != nil {
		t.Fatal(err)
	}
	a := h.app("Wiki")
	ids := h.lines(r, a, idp.DeliveryRetrying, 30)
	ctx, complaints := uitest.Browser(t)
	h.opensIn(ctx, ada, "/console/deliveries")
	in := func(script string) bool {
		t.Helper()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	comesTrue := func(what, script string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(time.Minute))); err != nil {
			state, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.outerHTML.slice(0, 300) + scrollY + location.href`))
			t.Fatalf("%s: %v; %s", what, err, state)
		}
	}
	mine := fmt.Sprintf(`document.querySelector("#%s button")`, ids[17])
	in(`window.sameDocument = true`)
	in(mine + `.focus(); ` + mine + `.scrollIntoView({block: "center"}); window.place = ` + mine + `.getBoundingClientRect().top; true`)

	news := h.lines(r, a, idp.DeliveryFailed, 2)
	comesTrue("new lines are not shown", fmt.Sprintf(`!!document.getElementById(%q)`, news[0]))
	if !in(`window.sameDocument && document.activeElement === ` + mine) {
		t.Error("the focus was lost")
	}
	if !in(`Math.abs(` + mine + `.getBoundingClientRect().top - window.place) < 2 && scrollY > 0`) {
		t.Error("the page jumped")
	}
	in(mine + `.click(); true`)
	comesTrue("the click is not shown", fmt.Sprintf(`document.querySelector("#%s [data-label='Next try']").textContent.trim() === "now"`, ids[17]))
	if !in(`window.sameDocument && document.activeElement === ` + mine) {
		t.Error("a click on Retry now left the page or lost the focus")
	}
	if _, err := h.dir.Restore(t.Context(), idp.UserID(id)); err != nil {
		t.Fatal(err)
	}
	comesTrue("settled lines stay", `document.querySelectorAll(".delivery-lines tbody tr").length === 2`)
	select {
	case c := <-complaints:
		t.Errorf("complaint: %s", c)
	default:
	}
}

// opensIn opens a page in Chromium as the one who is signed in.
func (h *house) opensIn(ctx context.Context, who *browser, path string) {
	h.t.Helper()
	for _, c := range who.client.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(h.url, "http://"), Path: "/"}) {
		if _, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: h.url}); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 600), chromedp.Navigate(h.url+path), chromedp.WaitReady("[data-live]")); err != nil {
		h.t.Fatal(err)
	}
}
