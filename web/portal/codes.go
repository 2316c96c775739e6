package portal

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"net/http"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"

	"gatehouse/idp"
	"gatehouse/idp/login"
	"gatehouse/web/ui"
)

// codes shows the person's authenticator app and recovery codes; who has no
// authenticator app is offered one.
func (p *Portal) codes(w http.ResponseWriter, r *http.Request) error {
	v := ui.VisitOf(r.Context())
	if led, err := p.ledToSecond(w, r); led || err != nil {
		return err
	}
	all, err := p.Store.Credentials(r.Context(), v.User.ID)
	if err != nil {
		return err
	}
	if stands := standing(all); stands.App != nil {
		return ui.Render(w, r, http.StatusOK, codesPage(stands))
	}
	offer, err := p.Login.OfferTOTP(v.User, p.Issuer)
	if err != nil {
		return err
	}
	return p.showOffer(w, r, http.StatusOK, offer, "")
}

// ledToSecond leads somebody who has a second factor past proving it, before they
// change what they sign in with; who came in by a mail alone and has a password, to that.
func (p *Portal) ledToSecond(w http.ResponseWriter, r *http.Request) (led bool, err error) {
	s := ui.VisitOf(r.Context()).Session
	may, err := p.Login.MayChange(r.Context(), s)
	if may || err != nil {
		return false, err
	}
	where, byMail, err := p.proveFirst(r.Context(), s, r.URL.Path)
	switch {
	case err != nil:
		return false, err
	case byMail:
		return true, ui.Render(w, r, http.StatusForbidden, byMailPage(where))
	}
	return true, ui.SeeOther(w, r, where)
}

// proveFirst is where somebody shows, on the way to a page, what their session lacks to
// change what they sign in with; byMail: that is their password.
func (p *Portal) proveFirst(ctx context.Context, s idp.Session, path string) (where string, byMail bool, err error) {
	if login.ByMail(s.Methods) {
		second, _, err := p.Login.HasSecond(ctx, s.UserID)
		if err != nil || !second {
			return againFirst(path), true, err
		}
	}
	return secondFirst(path), false, nil
}

// againFirst is where somebody signs in once more on the way to a page.
func againFirst(path string) string { return "/signin?again=1&return_to=" + url.QueryEscape(path) }

// secondFirst is where a second factor is proven on the way to a page.
func secondFirst(path string) string { return "/signin?second=1&return_to=" + url.QueryEscape(path) }

// addTOTP keeps the offered secret, once a code has shown that the app has it,
// and shows the recovery codes, which is done once.
func (p *Portal) addTOTP(w http.ResponseWriter, r *http.Request) error {
	ctx, u := r.Context(), ui.VisitOf(r.Context()).User
	sealed := r.PostFormValue("offer")
	shown, err := p.Login.AddTOTP(ctx, ui.VisitOf(ctx).Session, sealed, r.PostFormValue("code"))
	if wrong, ok := errors.AsType[*idp.Error](err); ok && wrong.Fields["code"] != "" {
		offer, err := p.Login.SameOffer(u, p.Issuer, sealed)
		if err != nil {
			return err
		}
		return p.showOffer(w, r, http.StatusBadRequest, offer, ui.T(ctx, "This code is not right. Type the one that the app shows now."))
	}
	if idp.IsKind(err, idp.Conflict) { // sent twice: what there is, and how to have new recovery codes
		return ui.SeeOther(w, r, "/codes")
	}
	if err != nil {
		return err
	}
	return p.showRecovery(w, r, shown)
}

// renewRecovery replaces the recovery codes and shows the new ones, once.
func (p *Portal) renewRecovery(w http.ResponseWriter, r *http.Request) error {
	shown, err := p.Login.RenewRecovery(r.Context(), ui.VisitOf(r.Context()).Session)
	if err != nil {
		return err
	}
	return p.showRecovery(w, r, shown)
}

// showRecovery shows recovery codes, the one time.
func (p *Portal) showRecovery(w http.ResponseWriter, r *http.Request, codes []string) error {
	ctx := r.Context()
	head := ui.T(ctx, "Recovery codes of %s at %s (%s)", ui.VisitOf(ctx).User.Username, ui.House(ctx), p.Issuer)
	return ui.Render(w, r, http.StatusOK, recoveryPage(recoveryView{
		Codes: codes, File: head + "\n\n" + strings.Join(codes, "\n") + "\n",
	}))
}

// askRemoveCodes says what ends with the authenticator app.
func (p *Portal) askRemoveCodes(w http.ResponseWriter, r *http.Request) error {
	if led, err := p.ledToSecond(w, r); led || err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, removePage(removeView{
		Title: ui.T(r.Context(), "Remove the authenticator app?"), Action: "/codes/remove", Back: "/codes",
	}))
}

// removeCodes takes the authenticator app and the recovery codes away, and this
// browser is signed out with all others.
func (p *Portal) removeCodes(w http.ResponseWriter, r *http.Request) error {
	if err := p.Login.RemoveOwnFactors(r.Context(), ui.VisitOf(r.Context()).Session); err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, removedPage(""))
}

func (p *Portal) showOffer(w http.ResponseWriter, r *http.Request, status int, offer login.TOTPOffer, problem string) error {
	code, err := drawQR(offer.URI)
	if err != nil {
		return err
	}
	return ui.Render(w, r, status, offerPage(offerView{Secret: grouped(offer.Secret), URI: offer.URI, Sealed: offer.Sealed, QR: code, Error: problem}))
}

// standing is what the person has of codes.
func standing(all []idp.Credential) codesView {
	var v codesView
	for _, c := range all {
		switch {
		case c.Kind == idp.CredentialTOTP:
			v.App = &c
		case c.Kind == idp.CredentialRecovery && c.Mark == 0:
			v.Left++
		case c.Kind == idp.CredentialPasskey:
			v.Passkeys++
		}
	}
	return v
}

// grouped puts a space after every fourth letter, for eyes.
func grouped(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// drawQR is the QR code of a text as the path of an SVG, in modules.
func drawQR(text string) (qrView, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrView{}, fmt.Errorf("draw a QR code: %w", err)
	}
	var path strings.Builder
	side := code.Bounds().Dx()
	for y := range side {
		for x := 0; x < side; x++ {
			from := x
			for x < side && code.At(x, y) == color.Black {
				x++
			}
			if n := x - from; n > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+qrMargin, y+qrMargin, n, n)
			}
		}
	}
	return qrView{Side: side + 2*qrMargin, Path: path.String()}, nil
}

// qrMargin is the quiet zone around a QR code, in modules (ISO/IEC 18004).
const qrMargin = 4

func codesWords(ctx context.Context, v codesView) string {
	switch {
	case v.App == nil && v.Passkeys > 0:
		return ui.T(ctx, "You have %d passkeys. Each signs you in by itself, and is asked for where your password is not enough.", v.Passkeys)
	case v.App == nil:
		return ui.T(ctx, "Your password lets you in by one step. An authenticator app on your phone makes it two, and keeps others out who know it.")
	case v.Left == 0:
		return ui.T(ctx, "Your authenticator app is asked after your password. You have no recovery codes left: make new ones before you need one.")
	case v.few():
		return ui.T(ctx, "Your authenticator app is asked after your password. You have only %d recovery codes left: make new ones before you need one.", v.Left)
	}
	return ui.T(ctx, "Your authenticator app is asked after your password. You have %d recovery codes left.", v.Left)
}
