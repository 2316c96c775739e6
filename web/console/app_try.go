package console

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// tryView is the page on which an app is tried out with somebody's eyes.
type tryView struct {
	AppID, App string
	SAML       bool
	User       string // as typed
	Error      string
	Person     string          // whom it is about; empty: nobody yet
	Preview    *idp.AppPreview // nil: not asked for
	Test       *idp.AppTest    // nil: not asked for
}

// appTry asks whose eyes to see the app with.
func (c *Console) appTry(w http.ResponseWriter, r *http.Request) error {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, tryPage(tryViewOf(a, r.URL.Query().Get("user"))))
}

func tryViewOf(a idp.App, user string) tryView {
	return tryView{AppID: string(a.ID), App: a.Name, SAML: a.SAML != nil, User: strings.TrimSpace(user)}
}

// appPreview shows what the app would be told of somebody.
func (c *Console) appPreview(w http.ResponseWriter, r *http.Request) error {
	return c.try(w, r, func(v *tryView, a idp.App, u idp.User) error {
		got, err := c.Preview(r.Context(), a, u)
		v.Preview = &got
		return err
	})
}

// appTest plays a sign-on of somebody at the app.
func (c *Console) appTest(w http.ResponseWriter, r *http.Request) error {
	return c.try(w, r, func(v *tryView, a idp.App, u idp.User) error {
		got, err := c.Test(r.Context(), a, u)
		v.Test = &got
		return err
	})
}

// try finds whom it is about, and shows the page with what came of it.
func (c *Console) try(w http.ResponseWriter, r *http.Request, try func(v *tryView, a idp.App, u idp.User) error) error {
	a, err := c.Store.App(r.Context(), idp.AppID(r.PathValue("id")))
	if err != nil {
		return err
	}
	v := tryViewOf(a, r.PostFormValue("user"))
	status, err := c.tried(r, &v, a, try)
	if err != nil {
		return err
	}
	return ui.Render(w, r, status, tryPage(v))
}

// tried tries an app out, and returns with which status to show what v says of it.
func (c *Console) tried(r *http.Request, v *tryView, a idp.App, try func(v *tryView, a idp.App, u idp.User) error) (int, error) {
	u, err := c.somebody(r.Context(), v.User)
	if err == nil && u.ID == "" {
		err = idp.Errorf(idp.Invalid, "Type whose eyes to see it with.")
	}
	if err == nil {
		v.Person = u.Name()
		err = try(v, a, u)
	}
	if e, ok := errors.AsType[*idp.Error](err); ok && (e.Kind == idp.Invalid || e.Kind == idp.NotFound) {
		v.Error, v.Preview, v.Test = e.Detail, nil, nil
		return http.StatusBadRequest, nil
	}
	return http.StatusOK, err
}

// testTitle says what came of a sign-on that was played.
func testTitle(v tryView) string {
	if v.Test.Accepted {
		return v.Test.Played + " would let " + v.Person + " in"
	}
	return v.Test.Played + " would not let " + v.Person + " in"
}

// told says the values of an attribute or claim.
func told(t idp.Told) string {
	switch {
	case t.In == "":
		return "left out: nothing is known"
	case len(t.Values) == 0:
		return "none"
	}
	return strings.Join(t.Values, ", ")
}
