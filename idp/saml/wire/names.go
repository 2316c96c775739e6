package wire

// XML namespaces.
const (
	NSAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	NSProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	NSMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	NSSOAP      = "http://schemas.xmlsoap.org/soap/envelope/"
	NSSignature = "http://www.w3.org/2000/09/xmldsig#"
	NSEncrypt   = "http://www.w3.org/2001/04/xmlenc#"
	nsEncrypt11 = "http://www.w3.org/2009/xmlenc11#"
	nsXML       = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS     = "http://www.w3.org/2000/xmlns/"
)

// Binding is the URN of a SAML binding (SAML Bindings §3).
type Binding string

// The bindings that this package knows.
const (
	Redirect Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	POST     Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	SOAP     Binding = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"

	Artifact Binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact" // never read or written
)

// The two names under which a message travels in a query or form.
const (
	ParamRequest  = "SAMLRequest"
	ParamResponse = "SAMLResponse"
)

// Status codes (SAML Core §3.2.2.2): the first four are top-level, the others
// stand below one of them.
const (
	StatusSuccess         = "urn:oasis:names:tc:SAML:2.0:status:Success"
	StatusRequester       = "urn:oasis:names:tc:SAML:2.0:status:Requester"
	StatusResponder       = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	StatusVersionMismatch = "urn:oasis:names:tc:SAML:2.0:status:VersionMismatch"

	StatusAuthnFailed              = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
	StatusInvalidAttrNameOrValue   = "urn:oasis:names:tc:SAML:2.0:status:InvalidAttrNameOrValue"
	StatusInvalidNameIDPolicy      = "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"
	StatusNoAuthnContext           = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
	StatusNoPassive                = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
	StatusPartialLogout            = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
	StatusRequestDenied            = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
	StatusRequestUnsupported       = "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported"
	StatusUnknownPrincipal         = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
	StatusUnsupportedBinding       = "urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding"
	StatusTooManyResponses         = "urn:oasis:names:tc:SAML:2.0:status:TooManyResponses"
	StatusProxyCountExceeded       = "urn:oasis:names:tc:SAML:2.0:status:ProxyCountExceeded"
	StatusNoSupportedIDP           = "urn:oasis:names:tc:SAML:2.0:status:NoSupportedIDP"
	StatusNoAvailableIDP           = "urn:oasis:names:tc:SAML:2.0:status:NoAvailableIDP"
	StatusRequestVersionTooHigh    = "urn:oasis:names:tc:SAML:2.0:status:RequestVersionTooHigh"
	StatusRequestVersionTooLow     = "urn:oasis:names:tc:SAML:2.0:status:RequestVersionTooLow"
	StatusRequestVersionDeprecated = "urn:oasis:names:tc:SAML:2.0:status:RequestVersionDeprecated"
)

// NameID formats (SAML Core §8.3).
const (
	NameIDUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	NameIDEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	NameIDPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	NameIDTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	NameIDEntity      = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
)
