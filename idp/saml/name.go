package saml

import (
	"cmp"
	"context"
	"crypto/rand"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// named is a NameID before the gate has issued it. follows: the app knows the
// person by the newest one, not by the first.
type named struct {
	idp.NameID
	follows bool
}

// issuable are the formats that are issued to any app. Each app may have one
// more, of its own.
var issuable = []string{wire.NameIDPersistent, wire.NameIDTransient, wire.NameIDEmail}

// formatOf is the format of the NameID that answers a request: the one asked
// for, or the app's own.
func formatOf(app idp.App, req *request) string {
	return cmp.Or(req.Format, app.SAML.NameIDFormat, wire.NameIDPersistent)
}

// name proposes the NameID by which the app shall know u: the gate replaces its
// value by the one that app knows already, unless it follows. Everything that
// speaks against it is said here, before anything is written.
func (p *Provider) name(ctx context.Context, s statement, role string, u idp.User) (named, error) {
	app, req := s.app, s.req
	n := named{NameID: idp.NameID{Format: formatOf(app, req)}}
	fromSource := n.Format == app.SAML.NameIDFormat && app.SAML.NameIDSource != ""
	known := ""
	if fromSource || n.Format == wire.NameIDEmail || req.MustExist || req.Subject != nil {
		var err error
		if known, err = p.known(ctx, app.ID, u.ID, n.Format); err != nil {
			return n, err
		}
	}
	// What is transient makes no account (SAML Core §3.4.1.1, errata E14).
	if req.MustExist && known == "" && n.Format != wire.NameIDTransient {
		return n, badPolicy(wire.StatusRequester, "The person has no account there yet, and the request allows none to be made.")
	}
	var err error
	switch {
	case fromSource:
		n.follows = true
		n.Value, err = p.sourced(ctx, app, role, u, known)
	case n.Format == wire.NameIDEmail:
		n.Value, err = p.address(ctx, app.ID, u, known)
	case n.Format == wire.NameIDTransient:
		n.NameID, n.follows = p.pairwise(n.Format, transient(p.Salt, s.session.ID, app.ID), app), true
	default:
		n.NameID = p.pairwise(n.Format, cmp.Or(known, rand.Text()), app)
	}
	if err == nil && req.Subject != nil && !names(*req.Subject, n.NameID) {
		err = unknownPrincipal()
	}
	return n, err
}

// pairwise qualifies what is meaningless (SAML Core §8.3.7, §8.3.8) with our
// name and the app's, so that two providers' values cannot meet in one account.
func (p *Provider) pairwise(format, value string, app idp.App) idp.NameID {
	return idp.NameID{Value: value, Format: format, NameQualifier: p.EntityID, SPNameQualifier: app.Identifier}
}

// sourced is what the app's own source says of u today.
func (p *Provider) sourced(ctx context.Context, app idp.App, role string, u idp.User, known string) (string, error) {
	told, err := p.Attributes(Person{User: u, Role: role}, idp.App{
		Protocol: app.Protocol, Attributes: []idp.AttributeRule{{Name: "NameID", Source: app.SAML.NameIDSource}},
	})
	switch {
	case idp.IsKind(err, idp.Invalid):
		return "", badPolicy(wire.StatusResponder, "The name by which the app is to know the person cannot be sent. An admin can correct it.").because(err)
	case err != nil:
		return "", err
	case len(told) == 0 || len(told[0].Values) == 0:
		return "", badPolicy(wire.StatusResponder, "The person has no "+app.SAML.NameIDSource+", by which the app wants to know people.")
	}
	return p.unused(ctx, app.ID, u, told[0].Values[0], known)
}

// unused returns value where app does not know somebody else by it: that would
// let the one into the account of the other. known is by what it knows u.
func (p *Provider) unused(ctx context.Context, app idp.AppID, u idp.User, value, known string) (string, error) {
	if value == known {
		return value, nil
	}
	theirs, err := p.Store.AccountBySubject(ctx, app, value)
	switch {
	case idp.IsKind(err, idp.NotFound) || err == nil && theirs.UserID == u.ID:
		return value, nil
	case err != nil:
		return "", err
	}
	return "", badPolicy(wire.StatusResponder, "The app knows somebody else by the name that the person has now.")
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
// let the one into the account of the other. A new one is never an address by
// which app knows somebody else, who may have had it before.
func (p *Provider) address(ctx context.Context, app idp.AppID, u idp.User, known string) (string, error) {
	if u.Email == "" {
		return "", badPolicy(wire.StatusResponder, "The person has no e-mail address, by which the app wants to know people.")
	}
	if known == "" || known == u.Email {
		return p.unused(ctx, app, u, u.Email, known)
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
