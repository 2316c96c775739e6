package saml

import "gatehouse/idp"

// Connect returns what a service provider has to be told so that it can be
// connected. Most read all of it from the metadata.
func Connect(baseURL string) []idp.Setting {
	return []idp.Setting{
		{Name: "SAML_IDP_METADATA_URL", Value: baseURL + pathMetadata},
		{Name: "SAML_IDP_ENTITY_ID", Value: baseURL + pathMetadata},
		{Name: "SAML_IDP_SSO_URL", Value: baseURL + pathSSO},
		{Name: "SAML_IDP_SLO_URL", Value: baseURL + pathSLO},
	}
}
