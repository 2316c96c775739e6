package saml

import "gatehouse/idp"

// Connect returns what a service provider has to be told so that it can be
// connected. Most read all of it from the metadata: from an address of the app's
// own, so that it is seen who has read which certificate.
func Connect(baseURL string, app idp.App) []idp.Setting {
	return []idp.Setting{
		{Name: "SAML_IDP_METADATA_URL", Value: MetadataURL(baseURL, app.ID)},
		{Name: "SAML_IDP_ENTITY_ID", Value: baseURL + pathMetadata},
		{Name: "SAML_IDP_SSO_URL", Value: baseURL + pathSSO},
		{Name: "SAML_IDP_SLO_URL", Value: baseURL + pathSLO},
	}
}

// MetadataURL is where one app reads our metadata.
func MetadataURL(baseURL string, id idp.AppID) string {
	return baseURL + pathMetadata + "/" + string(id)
}
