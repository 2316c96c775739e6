package api

import (
	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// readTokens takes in what an app may have from the token endpoint.
func readTokens(o *idp.OIDCSettings, in client.OIDC) {
	o.AccessTokenFormat, o.SubjectType = in.AccessTokenFormat, in.SubjectType
	o.Scopes, o.Audiences, o.DeviceGrant = in.Scopes, in.Audiences, in.DeviceGrant
	for _, e := range in.Exchanges {
		o.Exchanges = append(o.Exchanges, idp.Exchange(e))
	}
}

// writeTokens is the way back.
func writeTokens(out *client.OIDC, o *idp.OIDCSettings) {
	out.AccessTokenFormat, out.SubjectType = o.AccessTokenFormat, o.SubjectType
	out.Scopes, out.Audiences, out.DeviceGrant = o.Scopes, o.Audiences, o.DeviceGrant
	out.Exchanges = each(o.Exchanges, func(e idp.Exchange) client.Exchange { return client.Exchange(e) })
}
