package web

import (
	"context"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// SignOuts ends a session at the person's own wish; *directory.Directory does.
type SignOuts interface {
	SignOut(ctx context.Context, s idp.Session) (idp.Receipt, error)
}

// SignOutPages shows the pages around a sign-out; web/signin does.
type SignOutPages interface {
	ConfirmSignOut(w http.ResponseWriter, r *http.Request, appName string, carry [][2]string, stays bool) error
	// Left has this browser, and no other, see at /signed-out what became of it.
	Left(w http.ResponseWriter, receipt idp.Receipt)
	SignedOut(w http.ResponseWriter, r *http.Request) error
	// SigningOut leads the browser through these apps, and then to the address
	// to, which may be empty.
	SigningOut(w http.ResponseWriter, r *http.Request, calls []idp.FrontCall, to string) error
}

// ConsentPage asks a person what an app may learn of them; web/signin does.
type ConsentPage interface {
	AskConsent(w http.ResponseWriter, r *http.Request, q idp.ConsentQuestion) error
}

// Fronts says to which apps the browser of somebody who has signed out is to
// be led; *outbox.Fronts does.
type Fronts interface {
	Calls(ctx context.Context, r idp.Receipt) []idp.FrontCall
}

// Browser is what the tongues may ask of a browser: each has its own small
// interface that this satisfies. Cookies and pages stay here.
type Browser struct {
	Gate     Gate
	SignOuts SignOuts
	Fronts   Fronts
	Cookies  Cookies
	Pages    *ui.Pages
	Out      SignOutPages
	Consent  ConsentPage
}

// Session returns the browser's live session, idp.Unauthenticated when it has
// none.
func (b *Browser) Session(r *http.Request) (idp.Session, error) {
	return b.Gate.Session(r.Context(), b.Cookies.Session(r))
}

// Bind returns the raw secret that binds this browser; it sets the cookie when
// there is none.
func (b *Browser) Bind(w http.ResponseWriter, r *http.Request) string { return b.Cookies.Bind(w, r) }

// Bound returns that secret, "" when there is none.
func (b *Browser) Bound(r *http.Request) string { return b.Cookies.Bound(r) }

// SignIn sends the browser to the page of a SignIn.
func (b *Browser) SignIn(w http.ResponseWriter, r *http.Request, id idp.SignInID) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/signin/"+string(id), http.StatusSeeOther)
}

// PostForm answers with a page that posts fields to action by itself.
func (b *Browser) PostForm(w http.ResponseWriter, r *http.Request, app, action string, fields [][2]string) {
	form := make([]ui.FormField, len(fields))
	for i, f := range fields {
		form[i] = ui.FormField{Name: f[0], Value: f[1]}
	}
	if err := b.Pages.PostForm(w, r, app, action, form); err != nil {
		b.Pages.Problem(w, r, err)
	}
}

// Problem shows the page for a refusal that cannot go back to the app.
func (b *Browser) Problem(w http.ResponseWriter, r *http.Request, err error) {
	b.Pages.Problem(w, r, err)
}

// visit puts the browser's session secret into the request, for the forms that
// a tongue asks for.
func (b *Browser) visit(r *http.Request) *http.Request {
	return r.WithContext(ui.WithVisit(r.Context(), ui.Visit{Secret: b.Cookies.Session(r)}))
}

// Speak has the pages of this request in the first of these languages that there
// is.
func (b *Browser) Speak(r *http.Request, languages []string) { ui.Speak(r.Context(), languages...) }

// ConfirmSignOut asks the person whether to sign out; the answer is posted to
// the same path with carry. stays: they will not be led where the app wants.
func (b *Browser) ConfirmSignOut(w http.ResponseWriter, r *http.Request, appName string, carry [][2]string, stays bool) {
	if err := b.Out.ConfirmSignOut(w, b.visit(r), appName, carry, stays); err != nil {
		b.Pages.Problem(w, r, err)
	}
}

// ConfirmedSignOut reports whether r is that answer, from a form of ours in
// this very browser.
func (b *Browser) ConfirmedSignOut(r *http.Request) bool { return b.OwnForm(r) }

// OwnForm reports whether r is a form of a page of ours, shown to this browser
// in its session.
func (b *Browser) OwnForm(r *http.Request) bool {
	return r.Method == http.MethodPost && ui.CSRFValid(b.visit(r))
}

// AskConsent asks the person what an app may learn of them.
func (b *Browser) AskConsent(w http.ResponseWriter, r *http.Request, q idp.ConsentQuestion) {
	if err := b.Consent.AskConsent(w, b.visit(r), q); err != nil {
		b.Pages.Problem(w, r, err)
	}
}

// SignOut ends the session and takes the cookie away, in this order. answered:
// it leads the browser through the apps that nobody else can tell, or, with no
// address to go to, to the page that says what became of the apps. That is an
// address of its own: the one of the tongue holds what an app sent, and would be
// asked again with it.
func (b *Browser) SignOut(w http.ResponseWriter, r *http.Request, s idp.Session, to string) (answered bool, err error) {
	receipt, err := b.SignOuts.SignOut(r.Context(), s)
	if err != nil {
		return false, err
	}
	return b.Leave(w, r, receipt, to)
}

// Leave is what is left to do in a browser whose own session receipt has ended:
// it takes the cookie away, and goes on as SignOut does.
func (b *Browser) Leave(w http.ResponseWriter, r *http.Request, receipt idp.Receipt, to string) (answered bool, err error) {
	b.Cookies.ClearSession(w)
	b.Out.Left(w, receipt)
	calls := b.Fronts.Calls(r.Context(), receipt)
	switch {
	case len(calls) > 0:
		return true, b.Out.SigningOut(w, r, calls, to)
	case to == "":
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
		return true, nil
	}
	return false, nil
}

// LogoutAnswered shows how an app's answer to a logout was taken.
func (b *Browser) LogoutAnswered(w http.ResponseWriter, r *http.Request, done bool, words string) {
	if err := b.Pages.LogoutAnswered(w, r, done, words); err != nil {
		b.Pages.Problem(w, r, err)
	}
}

// SignedOut shows that nobody is signed in here any more.
func (b *Browser) SignedOut(w http.ResponseWriter, r *http.Request) {
	if err := b.Out.SignedOut(w, r); err != nil {
		b.Pages.Problem(w, r, err)
	}
}
