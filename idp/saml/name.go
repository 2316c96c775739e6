package saml

import (
	"cmp"
	"context"
	"crypto/rand"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// name proposes the NameID by which app shall know u: the gate replaces its
// value by the one that app knows already. Everything that speaks against it
// is said here, before anything is written.
func (p *Provider) name(ctx context.Context, app idp.App, req *request, u idp.User) (idp.NameID, error) {
	n := idp.NameID{Format: cmp.Or(req.Format, app.SAML.NameIDFormat, wire.NameIDPersistent)}
	known := ""
	if n.Format == wire.NameIDEmail || req.MustExist || req.Subject != nil {
		var err error
		if known, err = p.known(ctx, app.ID, u.ID, n.Format); err != nil {
			return n, err
		}
	}
	if req.MustExist && known == "" {
		return n, badPolicy(wire.StatusRequester, "The person has no account there yet, and the request allows none to be made.")
	}
	var err error
	if n.Format == wire.NameIDEmail {
		n.Value, err = p.address(ctx, u, known)
	} else {
		// Pairwise and meaningless (SAML Core §8.3.7). Ours and theirs, so
		// that two providers' values cannot meet in one account.
		n.Value = cmp.Or(known, rand.Text())
		n.NameQualifier, n.SPNameQualifier = p.EntityID, app.Identifier
	}
	if err == nil && req.Subject != nil && !names(*req.Subject, n) {
		err = unknownPrincipal()
	}
	return n, err
}

// known returns the NameID value by which app knows a user; "" for none.
func (p *Provider) known(ctx context.Context, app idp.AppID, user idp.UserID, format string) (string, error) {
	accounts, err := p.Store.Accounts(ctx, user)
	if err != nil {
		return "", err
	}
	for _, a := range accounts {
		if a.AppID == app && a.Format == format {
			return a.Subject, nil
		}
	}
	return "", nil
}

// address is the e-mail address by which app knows u. An account keeps the one
// it was made with, until that address belongs to somebody else: then it would
// let the one into the account of the other.
func (p *Provider) address(ctx context.Context, u idp.User, known string) (string, error) {
	if u.Email == "" {
		return "", badPolicy(wire.StatusResponder, "The person has no e-mail address, by which the app wants to know people.")
	}
	if known == "" || known == u.Email {
		return u.Email, nil
	}
	_, err := p.Store.UserByName(ctx, known)
	switch {
	case idp.IsKind(err, idp.NotFound):
		return known, nil
	case err != nil:
		return "", err
	}
	return "", badPolicy(wire.StatusResponder, "The address by which the app knows the person belongs to somebody else now.")
}

// names reports whether a request's Subject is n. What it leaves out is
// anything; qualifiers left out are ours (SAML Core §2.2.2).
func names(subject wire.NameID, n idp.NameID) bool {
	return subject.Value == n.Value &&
		(subject.Format == "" || subject.Format == wire.NameIDUnspecified || subject.Format == n.Format) &&
		(subject.NameQualifier == "" || subject.NameQualifier == n.NameQualifier) &&
		(subject.SPNameQualifier == "" || subject.SPNameQualifier == n.SPNameQualifier)
}
