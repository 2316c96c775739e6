package saml

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

const (
	// spentLogoutRequest: an app's LogoutRequest was taken.
	spentLogoutRequest = "saml.logout.request"

	purposeLeave  = "saml.logout.request"
	purposeAnswer = "saml.logout.response"

	// kindLogoutAnswered is the audit line of what an app was answered that had
	// asked for a logout.
	kindLogoutAnswered = "saml.logout.answer"

	// maxReceipts is of how many sessions the answer says what became of them:
	// their names go through a URL. With more it is PartialLogout.
	maxReceipts = 40
)

// departure is a logout that an app asked for and that is in force: what its
// answer needs. Sealed in a URL, while the browser is led through other apps.
type departure struct {
	Issuer     string
	Request    string // its ID
	RelayState string `json:",omitempty"`
	User       idp.UserID
	Receipts   []idp.ReceiptID `json:",omitempty"`
	More       bool            `json:",omitempty"` // there were more receipts
	Until      int64           // Unix time
}

// askedByBrowser takes a LogoutRequest by HTTP-Redirect or HTTP-POST (SAML
// Profiles §4.4.3.1). It is signed and says whom it is about, so that nobody is
// asked whether they mean it; and it ends nothing but what it names, whoever's
// browser brings it. A POST of another site comes without the SameSite=Lax
// cookie, by which we know whether this browser is one of those signed out: it
// goes on by GET, sealed.
func (p *Provider) askedByBrowser(w http.ResponseWriter, r *http.Request) {
	var app idp.App
	l := &logout{}
	m, err := wire.Decode(r, wire.ParamRequest)
	if err != nil {
		err = unreadable(err)
	} else {
		app, l, err = p.receiveLogout(r.Context(), m, p.sloURL())
	}
	switch {
	case err != nil:
		p.refuseLogout(w, r, app, l, err)
	case r.Method == http.MethodPost:
		p.passLogoutOn(w, r, l)
	default:
		p.leave(w, r, app, l)
	}
}

func (p *Provider) passLogoutOn(w http.ResponseWriter, r *http.Request, l *logout) {
	kept, err := l.encode()
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	seeOther(w, pathSLOGoOn+"?"+url.Values{"logout": {p.Box.Seal(purposeLeave, kept)}}.Encode())
}

// goOnLeaving is where passLogoutOn leads.
func (p *Provider) goOnLeaving(w http.ResponseWriter, r *http.Request) {
	var l *logout
	kept, err := p.Box.Open(purposeLeave, r.URL.Query().Get("logout"))
	if err == nil {
		l, err = decodeLogout(kept)
	}
	if err == nil && !p.now().Before(l.IssuedAt.Add(maxAge+continueLife)) {
		err = cause("it took too long")
	}
	if err != nil {
		p.refuseLogout(w, r, idp.App{}, &logout{}, turnAway("continue", "This sign-out was not finished: it took too long, or its address was changed. Sign out at the app again, or at Gatehouse.", err))
		return
	}
	app, err := p.app(r.Context(), l.Issuer)
	if err != nil {
		p.refuseLogout(w, r, app, l, err)
		return
	}
	p.leave(w, r, app, l)
}

// leave ends what a judged request names. Where this browser's own session is
// among it, the browser goes through the apps that only it can tell; others'
// browsers are never led anywhere, nor is the session of theirs touched.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, app idp.App, l *logout) {
	own, err := p.Browser.Session(r)
	if err != nil && !idp.IsKind(err, idp.Unauthenticated) {
		p.refuseLogout(w, r, app, l, err)
		return
	}
	receipts, user, err := p.end(r.Context(), app, l)
	if err != nil {
		p.refuseLogout(w, r, app, l, err)
		return
	}
	d := p.departs(l, user, receipts)
	at := slices.IndexFunc(receipts, func(r idp.Receipt) bool { return own.ID != "" && r.SessionID == own.ID })
	if at >= 0 {
		to, err := p.wayBack(app, d)
		if err != nil {
			p.Browser.Problem(w, r, err)
			return
		}
		answered, err := p.Browser.Leave(w, r, receipts[at], to)
		if err != nil {
			p.Browser.Problem(w, r, err)
			return
		}
		if answered {
			return
		}
	}
	p.answerLogout(w, r, app, d)
}

func (p *Provider) departs(l *logout, user idp.UserID, receipts []idp.Receipt) departure {
	d := departure{Issuer: l.Issuer, Request: l.ID, RelayState: l.RelayState, User: user, Until: p.now().Add(answerLife).Unix()}
	d.More = len(receipts) > maxReceipts
	for _, r := range receipts[:min(len(receipts), maxReceipts)] {
		d.Receipts = append(d.Receipts, r.ID)
	}
	return d
}

// wayBack is where a browser goes when it was led through the other apps; ""
// where the app has no address for an answer.
func (p *Provider) wayBack(app idp.App, d departure) (string, error) {
	if answersAt(app) == "" {
		return "", nil
	}
	plain, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	return pathSLOBack + "?" + url.Values{"logout": {p.Box.Seal(purposeAnswer, plain)}}.Encode(), nil
}

// sendBack is that address.
func (p *Provider) sendBack(w http.ResponseWriter, r *http.Request) {
	var d departure
	plain, err := p.Box.Open(purposeAnswer, r.URL.Query().Get("logout"))
	if err == nil {
		err = json.Unmarshal(plain, &d)
	}
	if err != nil || !p.now().Before(time.Unix(d.Until, 0)) {
		p.Browser.Problem(w, r, idp.Errorf(idp.Invalid, "You are signed out. The way back to the app is closed by now: open it anew.").Because(err))
		return
	}
	app, err := p.app(r.Context(), d.Issuer)
	if err != nil {
		p.refuseLogout(w, r, app, &logout{Issuer: d.Issuer, ID: d.Request}, err)
		return
	}
	p.answerLogout(w, r, app, d)
}

// end takes a judged request, once, and ends the sessions that it names: ours,
// with all that was opened from them (SAML Profiles §4.4.3.2). It returns when
// they are refused on every node, with their receipts: none where all of them
// had ended before.
func (p *Provider) end(ctx context.Context, app idp.App, l *logout) (receipts []idp.Receipt, user idp.UserID, err error) {
	err = p.Gate.SpendOnce(ctx, spentLogoutRequest, l.Issuer+"\t"+l.ID, l.IssuedAt.Add(maxAge+continueLife+time.Minute))
	if idp.IsKind(err, idp.Conflict) {
		err = turnAway("replay", "This request of the app was used already. If you are still signed in, sign out again.", nil)
	}
	if err != nil {
		return nil, "", err
	}
	named, err := p.named(ctx, app, l)
	if err != nil {
		return nil, "", err
	}
	user = named[0].UserID
	live, err := p.alive(ctx, named)
	if err != nil {
		return nil, user, err
	}
	ctx = idp.WithActor(ctx, byApp(idp.ActorOf(ctx), app))
	for _, id := range live {
		s, err := p.Store.SessionByID(ctx, id)
		if err != nil {
			return receipts, user, err
		}
		r, err := p.Endings.SignOut(ctx, s)
		if err != nil {
			return receipts, user, err
		}
		receipts = append(receipts, r)
	}
	if len(live) == 0 {
		err = p.over(ctx, app)
	}
	return receipts, user, err
}

// over returns when what was seen to have ended is refused on every node:
// somebody may still wait for it to be so.
func (p *Provider) over(ctx context.Context, app idp.App) error {
	_, n, err := p.Store.AppAt(ctx, app.ID)
	if err != nil {
		return err
	}
	return p.Endings.InForce(ctx, n)
}

// byApp is the actor of what app asks for.
func byApp(a idp.Actor, app idp.App) idp.Actor {
	a.Kind, a.AppID = "app", app.ID
	return a
}

// named returns what the app was told of the person and sessions that are named,
// at least one.
func (p *Provider) named(ctx context.Context, app idp.App, l *logout) (named []idp.Participant, err error) {
	other := func(g idp.Participant) bool { return !names(l.Name, g.NameID) }
	if named, err = p.Store.ParticipantsKnown(ctx, app.ID, l.Name.Value); err != nil {
		return nil, err
	}
	named = slices.DeleteFunc(named, other)
	also, err := p.Store.ParticipantsNamedAlso(ctx, app.ID, l.Name.Value)
	if err != nil {
		return nil, err
	}
	for _, g := range slices.DeleteFunc(also, other) {
		if !slices.ContainsFunc(named, func(k idp.Participant) bool { return k.SessionID == g.SessionID }) {
			named = append(named, g)
		}
	}
	if len(named) == 0 { // an ended session may have had a name that nothing else knows
		if named, err = p.Store.ParticipantsNamed(ctx, app.ID, l.Name.Value); err != nil {
			return nil, err
		}
		named = slices.DeleteFunc(named, other)
	}
	if len(named) == 0 {
		return nil, nobodyNamed()
	}
	if len(l.Indexes) > 0 {
		named = slices.DeleteFunc(named, func(g idp.Participant) bool { return !slices.Contains(l.Indexes, g.SessionIndex) })
	}
	if len(named) == 0 {
		return nil, noSuchSession()
	}
	return named, nil
}

// alive are the sessions among these that are still to be ended.
func (p *Provider) alive(ctx context.Context, named []idp.Participant) (live []idp.SessionID, err error) {
	asked := map[idp.UserID][]idp.Participant{}
	for _, g := range named {
		open, ok := asked[g.UserID]
		if !ok {
			if open, err = p.Store.Participants(ctx, g.UserID, p.now()); err != nil {
				return nil, err
			}
			asked[g.UserID] = open
		}
		if slices.ContainsFunc(open, func(o idp.Participant) bool { return o.SessionID == g.SessionID && o.AppID == g.AppID }) {
			live = append(live, g.SessionID)
		}
	}
	return live, nil
}

// refuseLogout gives the browser the answer to a logout that was not made: to
// the app, once it is proven and has an address for it, else to the person.
func (p *Provider) refuseLogout(w http.ResponseWriter, r *http.Request, app idp.App, l *logout, err error) {
	status, told := p.refusedStatus(r.Context(), app, l, err)
	if !told || answersAt(app) == "" {
		if no, ok := errors.AsType[*refusal](err); ok {
			err = no.err
		}
		p.Browser.Problem(w, r, err)
		return
	}
	p.respondLogout(w, r, app, l.ID, l.RelayState, status)
}

// refusedStatus writes down why a logout was not made. told: it is the app's to
// know, by this status.
func (p *Provider) refusedStatus(ctx context.Context, app idp.App, l *logout, err error) (status wire.Status, told bool) {
	no, refused := errors.AsType[*refusal](err)
	if !refused {
		if l.proven {
			p.Log.ErrorContext(ctx, "a logout that an app asked for was not made", "app", app.ID,
				"correlation", idp.ActorOf(ctx).CorrelationID, "error", err)
		}
		return wire.Status{Code: wire.StatusResponder, Message: "The sign-out could not be made at this moment."}, l.proven
	}
	detail := map[string]string{"rule": no.rule, "reason": clip(no.err.Error())}
	for name, value := range map[string]string{
		"issuer": clip(l.Issuer), "request": clip(l.ID), "status": no.status.SubCode,
	} {
		if value != "" {
			detail[name] = value
		}
	}
	p.noteRefused(ctx, idp.Event{Kind: kindLogoutRefused, AppID: app.ID, Detail: detail}, l.came, l.proven)
	return no.status, no.status.Code != ""
}

// answerLogout answers the app when the others have said what became of them,
// or had their time.
func (p *Provider) answerLogout(w http.ResponseWriter, r *http.Request, app idp.App, d departure) {
	status := p.outcome(r.Context(), app, d)
	if answersAt(app) == "" {
		p.Browser.SignedOut(w, r)
		return
	}
	p.respondLogout(w, r, app, d.Request, d.RelayState, status)
}

// answersAt is the registered address for answers to the app's logout requests;
// an address in a request is never one.
func answersAt(app idp.App) string {
	if app.SAML.FrontLogoutResponseURL != "" {
		return app.SAML.FrontLogoutResponseURL
	}
	return app.SAML.FrontLogoutURL
}

// respondLogout sends the signed LogoutResponse by the browser.
func (p *Provider) respondLogout(w http.ResponseWriter, r *http.Request, app idp.App, request, relayState string, status wire.Status) {
	to := answersAt(app)
	el := p.logoutResponse(request, to, status).Element()
	sign, err := signer(p.Ring, app)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	if app.SAML.FrontLogoutBinding != bindPost {
		if to, err = sign.RedirectURL(to, wire.ParamResponse, wire.Serialize(el), relayState); err != nil {
			p.Browser.Problem(w, r, err)
			return
		}
		seeOther(w, to)
		return
	}
	if err := sign.Sign(el); err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	fields := [][2]string{{wire.ParamResponse, wire.EncodePOST(wire.Serialize(el))}}
	if relayState != "" {
		fields = append(fields, [2]string{"RelayState", relayState})
	}
	p.Browser.PostForm(w, r, app.Name, to, fields)
}

func (p *Provider) logoutResponse(request, destination string, status wire.Status) wire.LogoutResponse {
	return wire.LogoutResponse{
		ID: wire.NewID(), InResponseTo: request, Issuer: p.EntityID, Destination: destination, IssueInstant: p.now(), Status: status,
	}
}

func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
