package saml

import (
	"encoding/json"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/idp/saml/wire"
)

// How a browser is led to an app's single logout service.
const (
	bindRedirect = "redirect"
	bindPost     = "post"
)

// FrontLogout leads a person's browser with a signed LogoutRequest to the app's
// single logout service (SAML Profiles §4.4, by HTTP-Redirect or HTTP-POST). The
// app's answer comes to [Provider] by the same browser. It is an outbox.Front.
type FrontLogout struct {
	EntityID string
	Ring     *keys.Ring
	Box      *keys.Box
	Now      func() time.Time
}

// Name and Reaches say what it is; see outbox.Front.
func (l *FrontLogout) Name() idp.Lever { return idp.LeverSAMLFront }
func (l *FrontLogout) Reaches(app idp.App) bool {
	return app.SAML != nil && app.SAML.FrontLogoutURL != ""
}

// Call implements outbox.Front.
func (l *FrontLogout) Call(app idp.App, d idp.Delivery) (idp.FrontCall, error) {
	now := l.Now()
	id, err := l.askedID(app, d, now)
	if err != nil {
		return idp.FrontCall{}, err
	}
	el := wire.LogoutRequest{
		ID: id, Issuer: l.EntityID, Destination: app.SAML.FrontLogoutURL,
		IssueInstant: now, NotOnOrAfter: now.Add(logoutTTL),
		NameID: wire.NameID(d.NameID), SessionIndexes: d.SessionIndexes,
	}.Element()
	sign, err := signer(l.Ring, app)
	if err != nil {
		return idp.FrontCall{}, err
	}
	call := idp.FrontCall{URL: app.SAML.FrontLogoutURL, Answers: len(app.SAML.SigningCerts) > 0}
	if app.SAML.FrontLogoutBinding == bindPost {
		if err := sign.Sign(el); err != nil {
			return idp.FrontCall{}, err
		}
		call.Fields = [][2]string{{wire.ParamRequest, wire.EncodePOST(wire.Serialize(el))}}
		return call, nil
	}
	call.URL, err = sign.RedirectURL(app.SAML.FrontLogoutURL, wire.ParamRequest, wire.Serialize(el), "")
	return call, err
}

// asked is what the ID of a LogoutRequest by browser says to nobody but us: for
// which line of a receipt it was sent, to whom, and how long its answer is
// waited for. So the request is remembered by the answer itself, and nobody can
// answer one that was never asked.
type asked struct {
	Delivery idp.DeliveryID `json:"d"`
	App      idp.AppID      `json:"a"`
	Until    int64          `json:"x"` // Unix time
}

const (
	purposeLogout = "saml.logout"
	// answerLife is for a person who has to click something there.
	answerLife = 10 * time.Minute
)

func (l *FrontLogout) askedID(app idp.App, d idp.Delivery, now time.Time) (string, error) {
	plain, err := json.Marshal(asked{d.ID, app.ID, now.Add(answerLife).Unix()})
	if err != nil {
		return "", err
	}
	return "_" + l.Box.Seal(purposeLogout, plain), nil
}

// readAsked reads the ID of a request of ours; idp.Invalid for any other.
func readAsked(box *keys.Box, id string) (asked, error) {
	var a asked
	if len(id) < 2 || id[0] != '_' {
		return a, idp.Errorf(idp.Invalid, "This is not the ID of a request from here.")
	}
	plain, err := box.Open(purposeLogout, id[1:])
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(plain, &a)
}
