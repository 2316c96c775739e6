package oidc

import (
	"context"
	"encoding/json"
	"errors"

	"gatehouse/idp"
)

// hintClaims are the claims of an ID token of ours that comes back as a hint.
type hintClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	SID      string `json:"sid"`
}

// readHint verifies an ID token of ours. It may have expired: a hint says who
// was meant, it proves nothing (OIDC Core §3.1.2.1, RP-Initiated Logout §2).
// idp.Invalid for anything else, an access token or a logout token of ours too.
func (p *Provider) readHint(raw string) (hintClaims, error) {
	b, err := p.Ring.Verify(raw, "")
	if err != nil {
		return hintClaims{}, err
	}
	var c hintClaims
	if err := json.Unmarshal(b, &c); err != nil {
		return hintClaims{}, noHint(err)
	}
	if c.Issuer != p.Issuer || c.Subject == "" || c.SID == "" {
		return hintClaims{}, noHint(errors.New("iss, sub or sid is not that of an ID token of ours"))
	}
	return c, nil
}

func noHint(cause error) error {
	return idp.Errorf(idp.Invalid, "This is no ID token of ours.").Because(cause)
}

// nobody is the ID of no person: of whom an app means that it knows none of.
const nobody idp.UserID = "-"

// meant takes in whom the id_token_hint and the claims parameter of a request
// name, as the IDs of people. A hint that names nobody, because it is no ID token
// of ours for this app, is refused: whoever answered it might be somebody else
// than was meant (OIDC Core §3.1.2.1). An *oidc.Error goes back to the app.
func (p *Provider) meant(ctx context.Context, req *request, hint string, app idp.App) error {
	for i, sub := range req.Subjects {
		id, err := p.subjectOf(ctx, app, sub)
		if err != nil {
			return err
		}
		req.Subjects[i] = string(id)
	}
	if hint == "" {
		return nil
	}
	c, err := p.readHint(hint)
	switch {
	case idp.IsKind(err, idp.Unavailable):
		return err
	case err != nil, c.Audience != app.Identifier:
		return req.unreadableHint()
	}
	id, err := p.subjectOf(ctx, app, c.Subject)
	req.HintSubject = string(id)
	return err
}

// subjectOf returns the person whom an app knows by this sub; nobody where there
// is none.
func (p *Provider) subjectOf(ctx context.Context, app idp.App, sub string) (idp.UserID, error) {
	id, err := p.person(ctx, app, sub)
	if err == nil && id == "" {
		id = nobody
	}
	return id, err
}
