package oidc

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

// codeTTL is how long a code can be exchanged (RFC 6749 §4.1.2 allows ten
// minutes; clients do it at once).
const codeTTL = 60 * time.Second

const purposeCode = "oidc.code"

// code is what an authorization code carries, sealed. Its ID becomes that of
// the token family: writing the family is what spends the code.
type code struct {
	ID          idp.TokenFamilyID `json:"i"`
	User        idp.UserID        `json:"u"`
	Epoch       int64             `json:"e"`
	Generation  string            `json:"g"`
	Session     idp.SessionID     `json:"s"`
	SessionEnds int64             `json:"se"` // Unix time
	App         idp.AppID         `json:"a"`
	AppEpoch    int64             `json:"ae,omitempty"`
	GrantedN    int64             `json:"gn"`
	RedirectURI string            `json:"r"`
	Challenge   string            `json:"c,omitempty"`
	Nonce       string            `json:"n,omitempty"`
	Scopes      []string          `json:"sc"`
	Wanted      wanted            `json:"w,omitzero"`
	Resources   []string          `json:"rs,omitempty"`
	AuthTime    int64             `json:"at"` // microseconds
	Methods     []string          `json:"m"`
	IssuedAt    int64             `json:"ia"`          // microseconds
	JKT         string            `json:"k,omitempty"` // the key that must be proven to be held to exchange it
	// Consent is what lets the app have this; none for an app of the house.
	Consent idp.ConsentID `json:"co,omitempty"`
}

// grant answers a request from a session that suffices: with a code when the
// person may use the app. The gate asks again when the code is exchanged.
func (p *Provider) grant(w http.ResponseWriter, r *http.Request, adm idp.Admission, req *request, s idp.Session) {
	app := adm.App
	if !adm.Granted {
		p.note(r.Context(), idp.Event{
			Kind: "oidc.authorize.deny", UserID: s.UserID, AppID: app.ID, SessionID: s.ID,
			Detail: map[string]string{"reason": "no grant for this app"},
		})
		p.respond(w, r, app, req, errorParams(oidc.ErrAccessDenied().WithDescription("The person may not use this app.")))
		return
	}
	consent, asked, err := p.agreed(r.Context(), app, req, s.UserID)
	switch {
	case err != nil:
		p.Browser.Problem(w, r, err)
		return
	case asked:
		p.askConsent(w, r, app, req, s)
		return
	}
	c := code{
		ID: idp.NewTokenFamilyID(), Consent: consent.ID,
		User: s.UserID, Epoch: s.Epoch, Generation: s.Generation,
		Session: s.ID, SessionEnds: s.ExpiresAt.Unix(),
		App: app.ID, AppEpoch: app.Epoch, GrantedN: adm.N, RedirectURI: req.RedirectURI, Challenge: req.CodeChallenge,
		Nonce: req.Nonce, Scopes: req.Scopes, Wanted: req.Wanted, Resources: req.Resources,
		AuthTime: s.AuthTime.UnixMicro(), Methods: req.ACR.told(s.Methods),
		IssuedAt: p.now().UnixMicro(), JKT: req.DPoPJKT,
	}
	plain, err := json.Marshal(c)
	if err != nil {
		p.Browser.Problem(w, r, err)
		return
	}
	if err := p.spendPushed(r.Context(), req.Pushed); err != nil {
		p.turnAway(w, r, err)
		return
	}
	p.respond(w, r, app, req, [][2]string{{"code", p.Box.Seal(purposeCode, plain)}})
}

// openCode opens what may be a code of ours; idp.Invalid if not, or too old.
func (p *Provider) openCode(sealed string) (code, error) {
	plain, err := p.Box.Open(purposeCode, sealed)
	if err != nil {
		return code{}, err
	}
	var c code
	if err := json.Unmarshal(plain, &c); err != nil {
		return code{}, err
	}
	if p.now().Sub(time.UnixMicro(c.IssuedAt)) > codeTTL {
		return code{}, idp.Errorf(idp.Invalid, "the code has expired")
	}
	return c, nil
}

// misused says what a client that presents the code got wrong; "" for nothing.
// A verifier is judged also where no challenge was sent: its presence then
// means that the challenge was stripped on the way (RFC 9700 §4.8.2).
func (c code) misused(app idp.AppID, asked *oidc.AccessTokenRequest, by confirmation) string {
	var challenge *oidc.CodeChallenge
	if c.Challenge != "" {
		challenge = &oidc.CodeChallenge{Challenge: c.Challenge, Method: oidc.CodeChallengeMethodS256}
	}
	switch {
	case c.App != app:
		return "presented by another client"
	case c.RedirectURI != asked.RedirectURI:
		return "presented with another redirect_uri"
	case op.AuthorizeCodeChallenge(asked.CodeVerifier, challenge) != nil:
		return "presented with a wrong code_verifier"
	case c.JKT != "" && !same(c.JKT, by.JKT): // RFC 9449 §10
		return "presented without a proof of the key it is bound to"
	}
	return ""
}

func (c code) proof() idp.Proof {
	return idp.Proof{UserID: c.User, Epoch: c.Epoch, Generation: c.Generation}
}

// family is the token family the code is exchanged for.
func (c code) family(now time.Time) idp.TokenFamily {
	return idp.TokenFamily{
		ID: c.ID, Proof: c.proof(), AppID: c.App, AppEpoch: c.AppEpoch, GrantedN: c.GrantedN, SessionID: c.Session,
		Scopes: c.Scopes, Nonce: c.Nonce,
		AuthTime: idp.Time(time.UnixMicro(c.AuthTime)), Methods: c.Methods,
		CreatedAt: now, RotatedAt: now,
	}
}

// participant and account record that the app now knows the session and the
// person, by this subject.
func (c code) participant(subject string, now time.Time) idp.Participant {
	return idp.Participant{
		SessionID: c.Session, AppID: c.App, UserID: c.User,
		SessionIndex: sid(c.Session, c.App), NameID: idp.NameID{Value: subject},
		FirstAt: now, LastAnswerAt: now,
	}
}

func (c code) account(subject string, now time.Time) idp.Account {
	return idp.Account{
		ID: idp.NewAccountID(), AppID: c.App, UserID: c.User, Subject: subject,
		FirstSeenAt: now, LastSeenAt: now,
	}
}
