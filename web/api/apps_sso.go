package api

import (
	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// readSSO takes from the wire how a service provider's people sign on.
func readSSO(s *idp.SAMLSettings, in client.SAML) {
	s.NameIDSource, s.IdPInitiated, s.RelayState = in.NameIDSource, in.IdPInitiated, in.RelayState
	if in.AttributeServices != nil {
		s.AttributeServices = each(in.AttributeServices, func(a client.AttributeService) idp.AttributeService { return idp.AttributeService(a) })
	}
}

// writeSSO is the way back.
func writeSSO(out *client.SAML, s *idp.SAMLSettings) {
	out.NameIDSource, out.IdPInitiated, out.RelayState = s.NameIDSource, s.IdPInitiated, s.RelayState
	out.AttributeServices = each(s.AttributeServices, func(a idp.AttributeService) client.AttributeService { return client.AttributeService(a) })
}
