// Package ui is the hand every page of Gatehouse comes from: layout, tokens
// and parts as templ views, the assets behind them, the security headers, the
// adapter that turns a handler's error into a page, and the pages that the
// tongues ask for (post this form to that URL, show this problem).
//
// It owns how a page looks and what every page must carry. It leaves what a
// page says about people and apps to web/signin, web/portal and web/console,
// and the mux, the cookies and the session lookup to web, which hands what it
// found to the views as a Visit.
//
// The invariant: no page carries an inline style, an inline handler or
// anything from outside the house, so that the content security policy needs
// no exception but the hash of the one script that submits a form.
package ui
