package saml

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// Kinds of audit lines about refusals.
const (
	kindRequestRefused = "saml.request.refuse"
	kindLogoutRefused  = "saml.logout.refuse"
	// Of a document that was read at an app's address.
	kindMetadataRefused = "app.metadata.refuse"
)

// refusal is a decision not to assert. Anything else that goes wrong is a
// fault, and no decision.
type refusal struct {
	rule string // the first rule that failed, for the audit line
	// status is what the app is told. Its zero value: the app is not told, the
	// person is.
	status wire.Status
	err    *idp.Error
	user   idp.UserID // whom it is about, where that is known
}

func (r *refusal) Error() string { return r.rule + ": " + r.err.Error() }

func (r *refusal) Unwrap() error { return r.err }

// turnAway is a refusal for the person. detail says what to do.
func turnAway(rule, detail string, cause error) *refusal {
	return &refusal{rule: rule, err: &idp.Error{Kind: idp.Invalid, Detail: detail, Cause: cause}}
}

// decline is a refusal for the app: top is the first status code, sub the one
// below it. text is a constant of ours: never the text of an error, never what
// was sent.
func decline(rule, top, sub, text string) *refusal {
	return &refusal{
		rule:   rule,
		status: wire.Status{Code: top, SubCode: sub, Message: text},
		err:    &idp.Error{Kind: idp.Invalid, Detail: text},
	}
}

// because adds what the audit line shall say.
func (r *refusal) because(cause error) *refusal {
	r.err = r.err.Because(cause)
	return r
}

// startAgain is for a browser whose sign-in leads nowhere any more.
func startAgain(rule string, cause error) *refusal {
	return turnAway(rule, "This sign-in began in another browser, was used already, or took too long. Go back to the app and start again.", cause)
}

// refuse gives the browser the answer to a request that gets no assertion, and
// writes it down. A fault is shown as what it is.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, app idp.App, req *request, err error) {
	no, ok := errors.AsType[*refusal](err)
	if !ok {
		p.Browser.Problem(w, r, err)
		return
	}
	p.noteRefusal(r.Context(), app, req, no)
	if req.ID == "" && no.status.Code != "" {
		p.Browser.Problem(w, r, toPerson(no))
		return
	}
	if no.status.Code == "" || req.ACS == "" {
		p.Browser.Problem(w, r, no.err)
		return
	}
	p.respond(w, r, app, req, no.status, nil)
}

func (p *Provider) noteRefusal(ctx context.Context, app idp.App, req *request, no *refusal) {
	detail := map[string]string{"rule": no.rule, "reason": clip(no.err.Error())}
	for name, value := range map[string]string{
		"issuer": clip(req.Issuer), "request": clip(req.ID), "status": no.status.SubCode,
	} {
		if value != "" {
			detail[name] = value
		}
	}
	e := idp.Event{Kind: kindRequestRefused, AppID: app.ID, UserID: no.user, Detail: detail}
	p.noteRefused(ctx, e, req.message(), req.proven || no.user != "")
}

// cause is a reason for the audit line and the log.
type cause string

func (c cause) Error() string { return string(c) }
