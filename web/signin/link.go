package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/login"
	"gatehouse/idp/login/password"
	"gatehouse/sessions"
	"gatehouse/web/ui"
)

// link shows the page behind a one-time link. Looking at it spends nothing:
// mail scanners follow links too.
func (s *SignIn) link(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Gate.Link(r.Context(), r.PathValue("secret"))
	if err != nil {
		return s.deadLink(w, r, err)
	}
	return s.showLink(w, r, http.StatusOK, l, nil)
}

// useLink spends the link: a new password, or the first owner, and then a sign-in
// that knows the name already.
func (s *SignIn) useLink(w http.ResponseWriter, r *http.Request) error {
	l, err := s.Gate.Link(r.Context(), r.PathValue("secret"))
	if err != nil {
		return s.deadLink(w, r, err)
	}
	var (
		wish  idp.SignIn
		after idp.Proof
	)
	if login.ForOwner(l) {
		wish.ResumeURL, wish.LoginHint = "/console", strings.TrimSpace(r.PostFormValue("username"))
		after, err = s.firstOwner(r, l)
	} else {
		after, err = s.Login.SetPassword(r.Context(), l, s.Cookies.Device(r), r.PostFormValue("password"), r.PostFormValue("code"))
	}
	if _, slow := errors.AsType[*login.ThrottledError](err); slow {
		status, words := s.refusal(w, r, err, "")
		return s.showLink(w, r, status, l, map[string]string{"slow": words})
	}
	switch {
	case idp.IsKind(err, idp.Invalid):
		return s.showLink(w, r, http.StatusBadRequest, l, fieldErrors(r.Context(), err))
	case idp.IsKind(err, idp.Denied):
		return s.showLink(w, r, http.StatusForbidden, l, nil) // its page says why
	case err != nil:
		return s.deadLink(w, r, err)
	}
	return s.leadOn(w, r, l, after, wish, madePassword)
}

// makePasskey spends the link for a passkey in place of a password, and leads to the
// sign-in that knows the name already, and asks for it.
func (s *SignIn) makePasskey(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	l, err := s.Gate.Link(ctx, r.PathValue("secret"))
	if err != nil {
		return s.deadLink(w, r, err)
	}
	after, err := s.Login.AddPasskeyByLink(ctx, l, s.Cookies.Device(r), r.PostFormValue("state"), r.PostFormValue("response"), ui.DeviceIn(ctx, r.UserAgent()))
	if e, ok := errors.AsType[*idp.Error](err); ok && (e.Kind == idp.Invalid || e.Kind == idp.Denied) {
		problems := map[string]string{"passkey": ui.Said(ctx, e)}
		if e.Kind == idp.Invalid { // one that was made and is not kept is taken off the device again
			problems["unknown"] = s.Login.Passkeys.Unknown(r.PostFormValue("response"))
		}
		return s.showLink(w, r, e.Kind.Status(), l, problems)
	}
	if err != nil {
		return s.deadLink(w, r, err)
	}
	return s.leadOn(w, r, l, after, idp.SignIn{}, madePasskey)
}

// What somebody has made who has used a link.
const (
	madePassword = "password"
	madePasskey  = "passkey"
)

// leadOn leads whoever has used a link to the sign-in that comes after it, which says
// what they have made.
func (s *SignIn) leadOn(w http.ResponseWriter, r *http.Request, l idp.Link, after idp.Proof, wish idp.SignIn, made string) error {
	if err := s.knowByLink(w, r, after); err != nil { // the link is used, and this is no word of it
		s.Log.LogAttrs(r.Context(), slog.LevelError, "a browser is not known by the link that was used in it",
			slog.String("correlation_id", idp.ActorOf(r.Context()).CorrelationID), slog.String("error", err.Error()))
	}
	if l.UserID != "" {
		u, err := s.Store.User(r.Context(), l.UserID)
		if err != nil {
			return fmt.Errorf("read whose link it was: %w", err)
		}
		wish.LoginHint = u.Username
	}
	in, err := s.Login.Begin(r.Context(), wish, s.Cookies.Bind(w, r))
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/signin/"+string(in.ID)+"?made="+made)
}

// knowByLink has the browser known in which somebody has just used a link: where the
// policy asks by risk, a link shows as much as a code by mail does. Without it, who can
// be mailed none would get in nowhere.
func (s *SignIn) knowByLink(w http.ResponseWriter, r *http.Request, after idp.Proof) error {
	if !s.Login.AsksByRisk() {
		return nil
	}
	browser := sessions.Browser{Address: idp.ActorOf(r.Context()).Address, UserAgent: r.UserAgent()}
	seen, err := s.Gate.KnowDevice(r.Context(), after, s.Cookies.Device(r), browser, idp.VouchMail)
	if err != nil {
		return err
	}
	s.Cookies.SetDevice(w, seen.Secret)
	return nil
}

// firstOwner makes an owner of who has typed their names. A name that is taken is
// idp.Invalid under its field, as long as the link works: another one will do.
func (s *SignIn) firstOwner(r *http.Request, l idp.Link) (idp.Proof, error) {
	u, err := s.Directory.NewUser(directory.Person{
		Username: r.PostFormValue("username"), Email: r.PostFormValue("email"),
		DisplayName: r.PostFormValue("name"), Role: idp.RoleOwner,
	})
	if err != nil {
		return idp.Proof{}, err
	}
	made, err := s.Login.FirstOwner(r.Context(), l, u, r.PostFormValue("password"))
	if idp.IsKind(err, idp.Conflict) {
		err = s.takenName(r.Context(), l, u, err)
	}
	return idp.Proof{UserID: made.ID, Epoch: made.Epoch, Generation: l.Generation}, err
}

// takenName is what stands in the way of u becoming an owner: a name that is taken,
// as idp.Invalid, or that the link is of no use any more.
func (s *SignIn) takenName(ctx context.Context, l idp.Link, u idp.User, conflict error) error {
	came, err := s.ownerCame(ctx, l)
	if err != nil || came {
		return cmp.Or(err, conflict)
	}
	err = s.Directory.NobodyElse(ctx, u)
	if taken, ok := errors.AsType[*idp.Error](err); ok && taken.Kind == idp.Conflict {
		taken.Kind = idp.Invalid
	}
	return cmp.Or(err, conflict)
}

// ownerCame reports whether a link makes the first owner of a house that has one by
// now: whatever is typed, it is of no use any more.
func (s *SignIn) ownerCame(ctx context.Context, l idp.Link) (bool, error) {
	if l.Purpose != idp.LinkFirstOwner {
		return false, nil
	}
	owners, err := s.Directory.Store.Owners(ctx)
	return len(owners) > 0, err
}

// showLink renders the form of a link, bound to this browser.
func (s *SignIn) showLink(w http.ResponseWriter, r *http.Request, status int, l idp.Link, problems map[string]string) error {
	visit := ui.VisitOf(r.Context())
	visit.Secret = s.Cookies.Bind(w, r)
	r = r.WithContext(ui.WithVisit(r.Context(), visit))
	if login.ForOwner(l) {
		if words := problems["slow"]; words != "" {
			problems = map[string]string{"password": words}
		}
		return ui.Render(w, r, status, firstOwnerPage(firstOwnerView{
			Action: r.URL.Path, MinLength: password.MinLength, Until: l.ExpiresAt, Errors: problems,
			Name: r.PostFormValue("name"), Username: r.PostFormValue("username"), Email: r.PostFormValue("email"),
		}))
	}
	u, err := s.Store.User(r.Context(), l.UserID)
	if err != nil {
		return fmt.Errorf("read the person of a link: %w", err)
	}
	beside, err := s.Login.Beside(r.Context(), l, s.Cookies.Device(r))
	if err != nil {
		return err
	}
	if beside.Stranger {
		return ui.Render(w, r, status, elsewherePage(l.ExpiresAt))
	}
	if beside.Only() {
		return ui.Render(w, r, status, passkeyFirstPage(u.Name(), u.Username))
	}
	making, err := s.Login.PasskeyByLink(r.Context(), l, s.Cookies.Device(r))
	if err != nil {
		return err
	}
	page := "/link/" + r.PathValue("secret")
	v := setPasswordView{
		Action: page, Passkey: passkeyView{Ceremony: making, Action: page + "/passkey", Page: page}, PasskeyError: problems["passkey"], Unknown: problems["unknown"], Name: u.Name(), Username: u.Username, MinLength: password.MinLength,
		Until: l.ExpiresAt, Error: problems["password"], Beside: beside, CodeError: problems["code"],
	}
	if v.Unknown != "" {
		known, err := json.Marshal(s.Login.Passkeys.Known(u, nil))
		if err != nil {
			return fmt.Errorf("write what passkeys there are: %w", err)
		}
		v.Known = string(known)
	}
	if beside.Code() {
		v.CodeError = cmp.Or(v.CodeError, problems["slow"])
	} else {
		v.Error = cmp.Or(v.Error, problems["slow"])
	}
	return ui.Render(w, r, status, setPasswordPage(v))
}

// deadLink answers for a link that no longer works; any other trouble stays
// what it is.
func (s *SignIn) deadLink(w http.ResponseWriter, r *http.Request, err error) error {
	switch idp.KindOf(err) {
	case idp.Unauthenticated, idp.Conflict, idp.NotFound:
		return ui.Render(w, r, http.StatusGone, deadLinkPage(s.Directory.Mails))
	}
	return err
}

// fieldErrors says which field an idp.Invalid is about; the password, when it
// names none. The form calls the display name just a name.
func fieldErrors(ctx context.Context, err error) map[string]string {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for field, words := range e.Fields {
		if words == e.Detail {
			words = ui.Said(ctx, e)
		} else {
			words = ui.Said(ctx, &idp.Error{Detail: words})
		}
		if field == "display_name" {
			field = "name"
		}
		out[field] = words
	}
	if len(out) == 0 {
		out["password"] = ui.Said(ctx, e)
	}
	return out
}
