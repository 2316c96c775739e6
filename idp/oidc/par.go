package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/idp"
)

const (
	// pushedTTL is how long the address of a pushed request is good (RFC 9126
	// §2.2): the app sends the browser there at once.
	pushedTTL = 90 * time.Second
	// pushedRemembered is how long it is known to be spent: longer than any
	// sign-in that began with it.
	pushedRemembered = time.Hour
	// maxPushed bounds what is pushed, as a query: sealed, it travels in a URL.
	maxPushed = 5 << 10

	purposePushed = "oidc.pushed"
	spentPushed   = "oidc.pushed"
	requestURN    = "urn:ietf:params:oauth:request_uri:" // RFC 9126 §2.2
)

// pushed is what the address of a pushed request carries, sealed: nothing is
// stored while a request is on its way, and what comes back was judged here.
type pushed struct {
	ID       string    `json:"i"` // what is spent when a code is given for it
	App      idp.AppID `json:"a"`
	Params   string    `json:"p"`  // a query
	IssuedAt int64     `json:"ia"` // microseconds
}

// push takes an authorization request from the app itself (RFC 9126 §2), and
// refuses there and then what the authorization endpoint would refuse.
func (p *Provider) push(w http.ResponseWriter, r *http.Request) {
	answer, err := p.pushRequest(r)
	if err != nil {
		writeError(w, r, err)
		return
	}
	if err := answerJSON(w, http.StatusCreated, answer); err != nil {
		writeError(w, r, err)
	}
}

// pushedAnswer is the answer of RFC 9126 §2.2.
type pushedAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int    `json:"expires_in"` // seconds
}

func (p *Provider) pushRequest(r *http.Request) (pushedAnswer, error) {
	app, err := p.authenticate(r.Context(), r.Header, r.PostForm)
	if err != nil {
		return pushedAnswer{}, err
	}
	q, err := p.requested(r.Context(), app, r.PostForm)
	if err != nil {
		return pushedAnswer{}, err
	}
	proof, err := p.proofAt(r.Context(), app, r.Header, pathPAR)
	if err == nil && app.OIDC.AuthMethod != string(oidc.AuthMethodNone) {
		// One of an app that does not authenticate is anybody's, and says no more
		// than a dpop_jkt would.
		err = p.spendAt(r.Context(), app, proof)
	}
	switch {
	case err != nil:
		return pushedAnswer{}, err
	case proof.jkt != "" && q.Has("dpop_jkt") && !same(q.Get("dpop_jkt"), proof.jkt): // RFC 9449 §10.1
		return pushedAnswer{}, p.refusePushed(r.Context(), app, invalidRequest("dpop_jkt is not the key of the proof."))
	case proof.jkt != "":
		q.Set("dpop_jkt", proof.jkt)
	}
	req := addressed(q)
	if !registered(*app.OIDC, req.RedirectURI) {
		return pushedAnswer{}, p.refusePushed(r.Context(), app, invalidRequest("redirect_uri is missing or not registered."))
	}
	if err := p.readAll(&req, q, app); err != nil {
		return pushedAnswer{}, p.refusePushed(r.Context(), app, err)
	}
	if err := p.meant(r.Context(), &req, q.Get("id_token_hint"), app); err != nil {
		if e, ours := errors.AsType[*oidc.Error](err); ours {
			return pushedAnswer{}, p.refusePushed(r.Context(), app, e)
		}
		return pushedAnswer{}, fault(err)
	}
	params := q.Encode()
	if len(params) > maxPushed {
		return pushedAnswer{}, p.refusePushed(r.Context(), app, invalidRequest("The request is too long."))
	}
	plain, err := json.Marshal(pushed{ID: rand.Text(), App: app.ID, Params: params, IssuedAt: p.now().UnixMicro()})
	if err != nil {
		return pushedAnswer{}, fault(err)
	}
	return pushedAnswer{requestURN + p.Box.Seal(purposePushed, plain), int(pushedTTL / time.Second)}, nil
}

func (p *Provider) refusePushed(ctx context.Context, app idp.App, e *oidc.Error) error {
	p.note(ctx, idp.Event{Kind: "oidc.par.refuse", AppID: app.ID, Detail: map[string]string{
		"error": string(e.ErrorType), "reason": e.Description,
	}})
	return e
}

// requested returns the parameters of a pushed request, without those that
// authenticate its client: as they were posted, or as the client signed them.
func (p *Provider) requested(ctx context.Context, app idp.App, form url.Values) (url.Values, error) {
	q := url.Values{}
	for name, values := range form {
		switch name {
		case "client_secret", "client_assertion", "client_assertion_type":
		default:
			q[name] = values
		}
	}
	if q.Has("request_uri") {
		return nil, p.refusePushed(ctx, app, invalidRequest("request_uri cannot be pushed."))
	}
	if q.Has("request") {
		var err error
		if q, err = p.readObject(ctx, app, q.Get("request")); err != nil {
			return nil, err
		}
	}
	q.Set("client_id", app.Identifier)
	return q, nil
}

// pulled puts a pushed request in the place of the query that names it: of
// that, nothing but client_id counts (RFC 9101 §5). id is what will be spent;
// "" for a request that was not pushed. Whoever holds the address may load it
// again until a code was given for it (FAPI 2.0 Security Profile §5.3.2.2,
// note 3), since a browser loads a page again.
func (p *Provider) pulled(q url.Values) (full url.Values, id string, err error) {
	sealed, ok := strings.CutPrefix(q.Get("request_uri"), requestURN)
	if !ok {
		return q, "", nil
	}
	stale := idp.Errorf(idp.Invalid, "This sign-in was not begun in time, or not by this app. Go back to the app and start again.")
	plain, err := p.Box.Open(purposePushed, sealed)
	if err != nil {
		return nil, "", stale.Because(err)
	}
	var pushed pushed
	if err := json.Unmarshal(plain, &pushed); err != nil {
		return nil, "", stale.Because(err)
	}
	if full, err = url.ParseQuery(pushed.Params); err != nil {
		return nil, "", stale.Because(err)
	}
	if p.now().Sub(time.UnixMicro(pushed.IssuedAt)) >= pushedTTL {
		return nil, "", stale
	}
	if full.Get("client_id") != q.Get("client_id") {
		return nil, "", stale
	}
	return full, pushed.ID, nil
}

// spendPushed spends a pushed request as a code is given for it: idp.Conflict
// the second time. No ID, no request that was pushed, is never spent.
func (p *Provider) spendPushed(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	err := p.Gate.SpendOnce(ctx, spentPushed, id, p.now().Add(pushedRemembered))
	if idp.IsKind(err, idp.Conflict) {
		return idp.Errorf(idp.Invalid, "This sign-in was finished before. Go back to the app and start again.").Because(err)
	}
	return err
}
