package oidc

import "gatehouse/idp"

// Frontchannel leads a person's browser to an app's frontchannel_logout_uri
// (OpenID Connect Front-Channel Logout 1.0), always with iss and sid, so that
// the app ends the one session that is meant. It is an outbox.Front. The app
// gives no answer this way.
type Frontchannel struct{ Issuer string }

// Name and Reaches say what it is; see outbox.Front.
func (f *Frontchannel) Name() idp.Lever { return idp.LeverFrontchannel }
func (f *Frontchannel) Reaches(app idp.App) bool {
	return app.OIDC != nil && app.OIDC.FrontchannelLogoutURI != ""
}

// Call implements outbox.Front.
func (f *Frontchannel) Call(app idp.App, d idp.Delivery) (idp.FrontCall, error) {
	params := [][2]string{{"iss", f.Issuer}}
	for _, sid := range d.SessionIndexes {
		params = append(params, [2]string{"sid", sid})
	}
	return idp.FrontCall{URL: withParams(app.OIDC.FrontchannelLogoutURI, params)}, nil
}
