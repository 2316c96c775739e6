package idp

import (
	"encoding/json"
	"strconv"
	"time"
)

// Protocol is the tongue an App speaks.
type Protocol string

const (
	ProtocolOIDC Protocol = "oidc"
	ProtocolSAML Protocol = "saml"
)

// The kinds of relying parties. web and native are those of OpenID Connect
// Dynamic Client Registration 1.0 §2; the others are of ours.
const (
	ApplicationWeb        = "web"         // runs on a server, keeps a secret
	ApplicationSinglePage = "single_page" // runs in the browser, keeps none
	ApplicationNative     = "native"      // runs on a person's device, keeps none (RFC 8252)
	ApplicationMachine    = "machine"     // acts for nobody but itself (RFC 6749 §4.4); no person signs in to it
)

// App is a system people sign in to through Gatehouse: a relying party (OIDC)
// or a service provider (SAML). Exactly one of OIDC and SAML is set.
type App struct {
	ID       AppID
	Name     string
	Protocol Protocol
	// Identifier is what the app calls itself in its tongue: client_id or
	// entityID. Unique.
	Identifier string
	LaunchURL  string // where the portal's tile leads; may be empty
	ProbeURL   string // where the app says whether a subject has a session; may be empty
	// WholeUserLogout says that the app ends all sessions of a subject on one
	// logout token with sub only, or one LogoutRequest without SessionIndex.
	WholeUserLogout bool
	OIDC            *OIDCSettings
	SAML            *SAMLSettings
	// Attributes maps what we know to what the app is told, on top of the
	// standard claims (OIDC) or as the whole AttributeStatement (SAML).
	Attributes []AttributeRule
	// Template is the template that the app was registered from (package jit);
	// its limits hold for what the app is told. Empty: none.
	Template string
	// Epoch counts how often everything the app held was ended; it only goes up.
	Epoch     int64
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// Removed reports that it is no app any more: its row is for those who ask what
// a receipt is about.
func (a App) Removed() bool {
	return a.OIDC != nil && a.OIDC.Removed || a.SAML != nil && a.SAML.Removed
}

// KnownAs is what the app calls itself: its Identifier, or what that was before
// the app was removed and another was registered by it.
func (a App) KnownAs() string {
	if a.SAML != nil && a.SAML.Was != "" {
		return a.SAML.Was
	}
	return a.Identifier
}

// OIDCSettings is the registration of a relying party (OpenID Connect Dynamic
// Client Registration 1.0 §2 has the words).
type OIDCSettings struct {
	ApplicationType        string   // ApplicationWeb ...
	AuthMethod             string   // client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none
	SecretHashes           []string // hex SHA-256 of 256-bit random secrets; at most two
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackchannelLogoutURI   string
	// FrontchannelLogoutURI is where a person's own browser is led when they
	// sign out, if nobody else can tell the app; may be empty.
	FrontchannelLogoutURI string
	// PKCEExempt lets a confidential client leave PKCE out. Off by default.
	PKCEExempt      bool
	IDTokenAlg      string        // RS256 (what a registration without an algorithm means) or ES256
	ClaimsInIDToken bool          // put the scopes' claims into the ID token too, for apps that do not call userinfo
	AccessTokenTTL  time.Duration // 0: 5 minutes
	// HonoursSessionExpiry: the app ends its own session at session_expiry, as
	// its admin says; nobody can see it from here.
	HonoursSessionExpiry bool
	RefreshTTL           time.Duration // absolute life of a token family with refresh; 0: 30 days
	AllowOfflineAccess   bool
	// InitiateLoginURI is where the app begins a sign-on that the person starts
	// in the portal (OIDC Core §4); may be empty.
	InitiateLoginURI string
	// Resources are the URIs that the app may name as whom its access tokens
	// are for (RFC 8707).
	Resources []string
	// ThirdParty: the app is somebody else's, so each person is asked before it
	// learns of them. An organisation need not ask about its own apps.
	ThirdParty bool
	// AccessTokenFormat is jwt for access tokens by RFC 9068, which an API can
	// read by itself; empty: opaque, which only Gatehouse can read.
	AccessTokenFormat string
	// JWTUntil is until when a JWT access token can live that was handed out
	// under settings before these; zero: none was.
	JWTUntil time.Time
	// Scopes are what an app of type machine may ask for itself.
	Scopes []string
	// Audiences are the client_ids of the APIs that tokens of a machine are meant
	// for; empty: the app itself.
	Audiences []string
	// JWKS is the app's public keys, a JWK set as text, or JWKSURI is where it
	// publishes them; at most one of them. It signs its assertions and request
	// objects with these.
	JWKS, JWKSURI string
	// RequirePAR refuses requests that the app did not push (RFC 9126 §6).
	RequirePAR bool
	// DPoPBound refuses tokens to the app without a proof that they are bound
	// to (RFC 9449 §5.2).
	DPoPBound bool
	// CertificateBound refuses tokens to the app without a client certificate
	// that they are bound to (RFC 8705 §3.4).
	CertificateBound bool
	// TLSSubject is whom the certificate of an app that authenticates by
	// tls_client_auth must name.
	TLSSubject TLSSubject `json:",omitzero"`
	// FAPI2 holds the app to the FAPI 2.0 Security Profile.
	FAPI2 bool
	// RegisteredBy is the initial access token with which the app registered
	// itself (RFC 7591); empty: an owner did.
	RegisteredBy InitialTokenID `json:",omitempty"`
	// RegistrationTokenHash is of the token with which it manages that
	// registration (RFC 7592), as sessions hashes secrets.
	RegistrationTokenHash string `json:",omitempty"`
	// Removed: it is no app any more; what is left is told what ended.
	Removed bool `json:",omitempty"`
	// DeviceGrant lets the app ask for a person on a device without a browser
	// (RFC 8628).
	DeviceGrant bool
	// SubjectType is pairwise for an app that is to know people by a sub that
	// nobody else knows them by; empty: public.
	SubjectType string
	// Exchanges are those that the app may make (RFC 8693); none by default.
	Exchanges []Exchange
}

// TLSSubject names a certificate by one of these (RFC 8705 §2.1.2).
type TLSSubject struct {
	DN                  string // RFC 4514, in the order of openssl's RFC2253
	DNS, URI, IP, Email string // a subjectAltName
}

// Exchange lets an app trade a person's access token of one app for one by
// which it acts for them at another, by client_id.
type Exchange struct {
	From string // whose token
	To   string // the audience
}

// What is signed of an answer to a service provider. Never neither: nothing else
// vouches for it.
const (
	SignAssertion = "assertion"
	SignResponse  = "response"
	SignBoth      = "both"
)

// How it is signed: the last parts of the URIs in RFC 6931 §2.3.
const (
	SignRSASHA256   = "rsa-sha256"
	SignRSASHA384   = "rsa-sha384"
	SignRSASHA512   = "rsa-sha512"
	SignECDSASHA256 = "ecdsa-sha256"
)

// How an assertion is encrypted: the last parts of the URIs in XML Encryption 1.1
// §5.2. CBC is for apps that know nothing better.
const (
	EncryptAES256GCM = "aes256-gcm"
	EncryptAES128GCM = "aes128-gcm"
	EncryptAES256CBC = "aes256-cbc"
	EncryptAES128CBC = "aes128-cbc"
)

// How its key travels (XML Encryption 1.1 §5.5.2): OAEP with the digest and mask
// function SHA-1 and SHA-1, SHA-256 and SHA-1, SHA-256 and SHA-256.
const (
	TransportMGF1P       = "rsa-oaep-mgf1p"
	TransportMGF1PSHA256 = "rsa-oaep-mgf1p-sha256"
	TransportOAEPSHA256  = "rsa-oaep-sha256"
)

// SAMLSettings is what we know of a service provider.
type SAMLSettings struct {
	ACS                []AssertionConsumer
	SOAPLogoutURL      string // SingleLogoutService with the SOAP binding; may be empty
	FrontLogoutURL     string // SingleLogoutService to which a person's own browser is led; may be empty
	FrontLogoutBinding string // of FrontLogoutURL: redirect or post
	// FrontLogoutResponseURL is where the answer to the app's own logout request
	// goes, by the same binding (ResponseLocation); empty: FrontLogoutURL.
	FrontLogoutResponseURL string
	SigningCerts           []string      // PEM; keys that may sign this provider's requests
	RequireSigned          bool          // refuse an AuthnRequest without a signature
	NameIDFormat           string        // URN; what is issued when a request leaves it open
	NameIDSource           string        // what a NameID of that format says: username, email or id; empty: what the format says
	Sign                   string        // what is signed: SignAssertion ...; empty: the Assertion
	SignatureAlg           string        // SignRSASHA256 ...; empty: that one
	SessionTTL             time.Duration // caps SessionNotOnOrAfter; 0: the session's own end
	AssertionValidity      time.Duration // NotOnOrAfter of the confirmation; 0: 60 seconds
	MetadataXML            string        // as imported; may be empty
	IdPInitiated           bool          // the portal's tile signs people in without a request of the app (SAML Profiles §4.1.5)
	RelayState             string        // told with such an answer; at most 1 KiB, may be empty
	AttributeServices      []AttributeService
	OneTimeUse             bool // says that an assertion is for one use (SAML Core §2.5.1.5)

	EncryptAssertion bool   // only the app can read what it is told
	EncryptionCert   string // PEM; RSA
	// EncryptionMethods are the URIs of its metadata, in their order; the digest
	// and the mask function of a transport stand right after it.
	EncryptionMethods []string
	EncryptionAlg     string // EncryptAES256GCM ...; empty: by EncryptionMethods
	KeyTransport      string // TransportMGF1P ...; empty: by EncryptionMethods

	// SigningKey is the key that signs for this app while keys are rolled over;
	// empty, or gone: the one that signs for all.
	SigningKey KeyID `json:",omitempty"`
	// Metadata is where the app publishes what stands here, and until when it holds.
	Metadata MetadataSource `json:",omitzero"`
	// Removed: it is no app any more; what is left is told what ended.
	Removed bool `json:",omitempty"`
	// Was is its entityID, where another app has that since it was removed.
	Was string `json:",omitempty"`
}

// UnmarshalJSON also reads settings from before Sign, when a flag said that the
// Response is signed too.
func (s *SAMLSettings) UnmarshalJSON(b []byte) error {
	type plain SAMLSettings
	was := struct {
		*plain
		SignResponse bool
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &was); err != nil {
		return err
	}
	if was.SignResponse && s.Sign == "" {
		s.Sign = SignBoth
	}
	return nil
}

// AttributeService is an AttributeConsumingService (SAML Metadata §2.4.4.1):
// the attributes that a request with its index asks for.
type AttributeService struct {
	Index int
	Names []string
}

// KeyAlgorithm is that of the house's key which signs for the app (RFC 7518 §3.1).
func (s *SAMLSettings) KeyAlgorithm() string {
	if s.SignatureAlg == SignECDSASHA256 {
		return "ES256"
	}
	return "RS256"
}

// AssertionConsumer is one AssertionConsumerService with the HTTP-POST binding.
type AssertionConsumer struct {
	URL     string
	Index   int
	Default bool
}

// AttributeRule tells one attribute or claim to an app.
type AttributeRule struct {
	Name         string // attribute Name, or claim
	NameFormat   string // SAML only: basic (also empty), uri, unspecified, or a URI
	FriendlyName string // SAML only
	Type         string // SAML only: the xsi:type of values, xs:string (also empty), xs:boolean, xs:integer, xs:anyURI or none
	Source       string // see package jit: username, email, display_name, given_name, family_name, groups, role, id, or const:TEXT
}

// Grant says that a user, or everyone in a group, may use an app. Exactly one
// of UserID and GroupID is set.
type Grant struct {
	ID        GrantID
	AppID     AppID
	UserID    UserID
	GroupID   GroupID
	Role      string    // the role inside the app, told as attribute source role; may be empty
	FromAt    time.Time // zero: at once
	UntilAt   time.Time // zero: no end
	CreatedAt time.Time
	Version   int64
}

// Covers reports whether g holds at this moment.
func (g Grant) Covers(now time.Time) bool {
	return (g.FromAt.IsZero() || !now.Before(g.FromAt)) && (g.UntilAt.IsZero() || now.Before(g.UntilAt))
}

// UntilKey is the key of the ending that g's own end brings about: one, however
// many nodes see that it has come, and another when it comes again after g was
// changed.
func (g Grant) UntilKey() string {
	return "until:" + string(g.ID) + ":" + strconv.FormatInt(g.Version, 10)
}

// Access is why a user may use an app: the grant, and the group it goes
// through (zero for a grant to the user).
type Access struct {
	App   App
	Grant Grant
	Group Group
	// N is the number of the newest row of the log at that moment: what is issued
	// by it is refused once all that covered the user then has ended, whatever was
	// granted since.
	N int64
}

// Admission is an app, and whether a user may use it at that moment.
type Admission struct {
	App     App
	Granted bool
	Until   time.Time // of a grant that says so; zero: it has no end
	N       int64     // as in Access
}

// Entry is what a sign-on of a user to an app goes by, of one moment.
type Entry struct {
	Admission
	Role   string // inside the app, of the grant; may be empty
	User   User
	Groups []string // the names of those that the user is in, in order
}

// Account is a user's record in an app, as far as we know of it. We write it
// down when an assertion or token first makes it known.
type Account struct {
	ID          AccountID
	AppID       AppID
	UserID      UserID
	Subject     string // the subject or NameID the app knows the user by
	Format      string // NameID format URN; empty for OIDC
	FirstSeenAt time.Time
	LastSeenAt  time.Time
	// Follows: the newest Subject is kept, not the first. It is not kept itself.
	Follows bool
}
