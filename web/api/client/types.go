package client

import "time"

// User is a person.
type User struct {
	ID          string     `json:"id"`
	Username    string     `json:"username"`
	Email       string     `json:"email,omitempty"`
	DisplayName string     `json:"display_name,omitempty"`
	GivenName   string     `json:"given_name,omitempty"`
	FamilyName  string     `json:"family_name,omitempty"`
	Role        string     `json:"role"`   // owner or employee
	Status      string     `json:"status"` // active or suspended
	Groups      []string   `json:"groups,omitempty"`
	SuspendedAt *time.Time `json:"suspended_at,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
}

// Person is what can be said of a user when adding or changing one.
type Person struct {
	Username    string `json:"username" yaml:"username"`
	Email       string `json:"email,omitempty" yaml:"email,omitempty"`
	DisplayName string `json:"display_name,omitempty" yaml:"display_name,omitempty"`
	GivenName   string `json:"given_name,omitempty" yaml:"given_name,omitempty"`
	FamilyName  string `json:"family_name,omitempty" yaml:"family_name,omitempty"`
	Role        string `json:"role,omitempty" yaml:"role,omitempty"`
	// PasswordHash is of the password that a new person had elsewhere, as the
	// program there wrote it (docs/passwords.md); of a known one it says nothing.
	PasswordHash string `json:"password_hash,omitempty" yaml:"password_hash,omitempty"`
}

// Invite asks for a one-time link; with Mail, one that is mailed to the person
// and shown to nobody else.
type Invite struct {
	Mail bool `json:"mail,omitempty"`
}

// Invitation is a one-time link with which a person sets a password. It is
// shown once; without a Link it is Mailed.
type Invitation struct {
	User      User      `json:"user"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
	Mailed    bool      `json:"mailed,omitempty"`
}

// Group is a named set of users.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// App is a relying party or a service provider.
type App struct {
	ID              string      `json:"id,omitempty" yaml:"-"`
	Name            string      `json:"name" yaml:"name"`
	Protocol        string      `json:"protocol" yaml:"protocol"`                         // oidc or saml
	Identifier      string      `json:"identifier,omitempty" yaml:"identifier,omitempty"` // client_id or entityID; empty: the server makes a client_id
	LaunchURL       string      `json:"launch_url,omitempty" yaml:"launch_url,omitempty"`
	ProbeURL        string      `json:"probe_url,omitempty" yaml:"probe_url,omitempty"`
	WholeUserLogout bool        `json:"whole_user_logout,omitempty" yaml:"whole_user_logout,omitempty"`
	OIDC            *OIDC       `json:"oidc,omitempty" yaml:"oidc,omitempty"`
	SAML            *SAML       `json:"saml,omitempty" yaml:"saml,omitempty"`
	Attributes      []Attribute `json:"attributes,omitempty" yaml:"attributes,omitempty"`
	// Template is what the app is registered from, with the answers to its
	// questions in Set; what is said beside it wins.
	Template string            `json:"template,omitempty" yaml:"template,omitempty"`
	Set      map[string]string `json:"set,omitempty" yaml:"set,omitempty"`
	// Secret is shown once, when the app was registered with a secret made
	// by the server.
	Secret string `json:"secret,omitempty" yaml:"-"`
	// Connect is what the app has to be told to be connected, in the answer to
	// its registration.
	Connect []Setting `json:"connect,omitempty" yaml:"-"`
	// RegisteredBy is the initial access token with which the app registered
	// itself, and ManagesItself whether it can still change that registration.
	RegisteredBy  string `json:"registered_by,omitempty" yaml:"-"`
	ManagesItself bool   `json:"manages_itself,omitempty" yaml:"-"`
	// Removed: it is no app any more.
	Removed bool `json:"removed,omitempty" yaml:"-"`
}

// Setting is one line of what an app has to be told; the name is fit for an
// environment variable.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ClientSecret is one of the at most two secrets of an app. Secret is shown
// once, when it is made.
type ClientSecret struct {
	ID     string     `json:"id"`
	MadeAt *time.Time `json:"made_at,omitempty"` // absent: before this was written down
	UsedAt *time.Time `json:"used_at,omitempty"` // to the minute or so; absent: never, as far as is known
	Secret string     `json:"secret,omitempty"`
}

// OIDC is the registration of a relying party. Durations are Go durations.
type OIDC struct {
	ApplicationType        string   `json:"application_type,omitempty" yaml:"application_type,omitempty"` // web, single_page, native, machine; the others' defaults follow it
	AuthMethod             string   `json:"auth_method,omitempty" yaml:"auth_method,omitempty"`           // client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth, none
	SecretHashes           []string `json:"secret_hashes,omitempty" yaml:"secret_hashes,omitempty"`       // hex SHA-256; empty: the server makes a secret
	RedirectURIs           []string `json:"redirect_uris,omitempty" yaml:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty" yaml:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string   `json:"backchannel_logout_uri,omitempty" yaml:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI  string   `json:"frontchannel_logout_uri,omitempty" yaml:"frontchannel_logout_uri,omitempty"`
	PKCEExempt             bool     `json:"pkce_exempt,omitempty" yaml:"pkce_exempt,omitempty"`
	IDTokenAlg             string   `json:"id_token_alg,omitempty" yaml:"id_token_alg,omitempty"` // RS256 or ES256
	HonoursSessionExpiry   bool     `json:"honours_session_expiry,omitempty" yaml:"honours_session_expiry,omitempty"`
	ClaimsInIDToken        bool     `json:"claims_in_id_token,omitempty" yaml:"claims_in_id_token,omitempty"`
	AccessTokenTTL         string   `json:"access_token_ttl,omitempty" yaml:"access_token_ttl,omitempty"`
	RefreshTTL             string   `json:"refresh_ttl,omitempty" yaml:"refresh_ttl,omitempty"`
	AllowOfflineAccess     bool     `json:"allow_offline_access,omitempty" yaml:"allow_offline_access,omitempty"`
	InitiateLoginURI       string   `json:"initiate_login_uri,omitempty" yaml:"initiate_login_uri,omitempty"`
	Resources              []string `json:"resources,omitempty" yaml:"resources,omitempty"`     // RFC 8707; what the app may name as resource
	ThirdParty             bool     `json:"third_party,omitempty" yaml:"third_party,omitempty"` // each person is asked before it learns of them

	AccessTokenFormat string `json:"access_token_format,omitempty" yaml:"access_token_format,omitempty"` // opaque (the default) or jwt
	SubjectType       string `json:"subject_type,omitempty" yaml:"subject_type,omitempty"`               // public (the default) or pairwise

	Scopes      []string   `json:"scopes,omitempty" yaml:"scopes,omitempty"`             // what a machine may ask for itself
	DeviceGrant bool       `json:"device_grant,omitempty" yaml:"device_grant,omitempty"` // devices without a browser may ask for a person (RFC 8628)
	Exchanges   []Exchange `json:"exchanges,omitempty" yaml:"exchanges,omitempty"`       // of tokens that the app may make (RFC 8693)
	Audiences   []string   `json:"audiences,omitempty" yaml:"audiences,omitempty"`       // client_ids of the APIs that a machine's tokens are meant for
	// JWKS is the app's public keys, a JWK set (RFC 7517 §5), or JWKSURI is
	// where it publishes them; not both.
	JWKS    map[string]any `json:"jwks,omitempty" yaml:"jwks,omitempty"`
	JWKSURI string         `json:"jwks_uri,omitempty" yaml:"jwks_uri,omitempty"`
	// Whom the certificate of tls_client_auth must name, by one of these (RFC
	// 8705 §2.1.2).
	TLSSubjectDN string `json:"tls_client_auth_subject_dn,omitempty" yaml:"tls_client_auth_subject_dn,omitempty"`
	TLSDNS       string `json:"tls_client_auth_san_dns,omitempty" yaml:"tls_client_auth_san_dns,omitempty"`
	TLSURI       string `json:"tls_client_auth_san_uri,omitempty" yaml:"tls_client_auth_san_uri,omitempty"`
	TLSIP        string `json:"tls_client_auth_san_ip,omitempty" yaml:"tls_client_auth_san_ip,omitempty"`
	TLSEmail     string `json:"tls_client_auth_san_email,omitempty" yaml:"tls_client_auth_san_email,omitempty"`
	// The names of these are those of RFC 9126 §6, RFC 9449 §5.2 and RFC 8705 §3.4.
	RequirePAR       bool `json:"require_pushed_authorization_requests,omitempty" yaml:"require_pushed_authorization_requests,omitempty"`
	DPoPBound        bool `json:"dpop_bound_access_tokens,omitempty" yaml:"dpop_bound_access_tokens,omitempty"`
	CertificateBound bool `json:"tls_client_certificate_bound_access_tokens,omitempty" yaml:"tls_client_certificate_bound_access_tokens,omitempty"`
	// FAPI2 holds the app to the FAPI 2.0 Security Profile: it sets what the
	// profile demands, and refuses what it forbids.
	FAPI2 bool `json:"fapi2,omitempty" yaml:"fapi2,omitempty"`
}

// Exchange lets an app trade a token of one app for one at another, by
// client_id.
type Exchange struct {
	From string `json:"from" yaml:"from"`
	To   string `json:"to" yaml:"to"`
}

// SAML is what is known of a service provider. Metadata, when given, is the
// provider's metadata document and fills in what is left out.
type SAML struct {
	Metadata           string `json:"metadata,omitempty" yaml:"metadata,omitempty"`
	ACS                []ACS  `json:"acs,omitempty" yaml:"acs,omitempty"`
	SOAPLogoutURL      string `json:"soap_logout_url,omitempty" yaml:"soap_logout_url,omitempty"`
	FrontLogoutURL     string `json:"front_logout_url,omitempty" yaml:"front_logout_url,omitempty"`
	FrontLogoutBinding string `json:"front_logout_binding,omitempty" yaml:"front_logout_binding,omitempty"` // redirect or post
	// FrontLogoutResponseURL is where answers to the app's own logout requests go;
	// empty: front_logout_url.
	FrontLogoutResponseURL string   `json:"front_logout_response_url,omitempty" yaml:"front_logout_response_url,omitempty"`
	SigningCerts           []string `json:"signing_certs,omitempty" yaml:"signing_certs,omitempty"` // PEM
	RequireSigned          bool     `json:"require_signed,omitempty" yaml:"require_signed,omitempty"`
	NameIDFormat           string   `json:"name_id_format,omitempty" yaml:"name_id_format,omitempty"`
	NameIDSource           string   `json:"name_id_source,omitempty" yaml:"name_id_source,omitempty"` // username, email or id
	Sign                   string   `json:"sign,omitempty" yaml:"sign,omitempty"`                     // assertion (the default), response or both
	SignResponse           bool     `json:"sign_response,omitempty" yaml:"sign_response,omitempty"`   // what was written before there was sign: both
	SignatureAlg           string   `json:"signature_alg,omitempty" yaml:"signature_alg,omitempty"`   // rsa-sha256 (the default), rsa-sha384, rsa-sha512 or ecdsa-sha256
	SessionTTL             string   `json:"session_ttl,omitempty" yaml:"session_ttl,omitempty"`
	AssertionValidity      string   `json:"assertion_validity,omitempty" yaml:"assertion_validity,omitempty"`
	OneTimeUse             bool     `json:"one_time_use,omitempty" yaml:"one_time_use,omitempty"`

	EncryptAssertion  bool     `json:"encrypt_assertion,omitempty" yaml:"encrypt_assertion,omitempty"`
	EncryptionCert    string   `json:"encryption_cert,omitempty" yaml:"encryption_cert,omitempty"`       // PEM
	EncryptionMethods []string `json:"encryption_methods,omitempty" yaml:"encryption_methods,omitempty"` // URIs of md:EncryptionMethod; a digest and a mask function right after their transport
	EncryptionAlg     string   `json:"encryption_alg,omitempty" yaml:"encryption_alg,omitempty"`         // aes256-gcm, aes128-gcm, aes256-cbc or aes128-cbc; empty: by its methods
	KeyTransport      string   `json:"key_transport,omitempty" yaml:"key_transport,omitempty"`           // rsa-oaep-mgf1p, rsa-oaep-mgf1p-sha256 or rsa-oaep-sha256; empty: by its methods

	// IdPInitiated lets the portal's tile sign people in without a request of
	// the app; RelayState is told then.
	IdPInitiated      bool               `json:"idp_initiated,omitempty" yaml:"idp_initiated,omitempty"`
	RelayState        string             `json:"relay_state,omitempty" yaml:"relay_state,omitempty"`
	AttributeServices []AttributeService `json:"attribute_services,omitempty" yaml:"attribute_services,omitempty"`

	// MetadataURL is where the metadata is read again, and MetadataPin (PEM) the
	// certificate that signs it there. An app that is added by its URL alone is
	// read there first.
	MetadataURL string `json:"metadata_url,omitempty" yaml:"metadata_url,omitempty"`
	MetadataPin string `json:"metadata_pin,omitempty" yaml:"metadata_pin,omitempty"`
}

// AttributeService is an AttributeConsumingService: the attributes, by name,
// that a request with its index asks for.
type AttributeService struct {
	Index int      `json:"index" yaml:"index"`
	Names []string `json:"names" yaml:"names"`
}

// ACS is an AssertionConsumerService with the HTTP-POST binding.
type ACS struct {
	URL     string `json:"url" yaml:"url"`
	Index   int    `json:"index" yaml:"index"`
	Default bool   `json:"default,omitempty" yaml:"default,omitempty"`
}

// Attribute tells one attribute or claim to an app.
type Attribute struct {
	Name         string `json:"name" yaml:"name"`
	NameFormat   string `json:"name_format,omitempty" yaml:"name_format,omitempty"`
	FriendlyName string `json:"friendly_name,omitempty" yaml:"friendly_name,omitempty"`
	Type         string `json:"type,omitempty" yaml:"type,omitempty"` // SAML: xs:string (the default), xs:boolean, xs:integer, xs:anyURI or none
	Source       string `json:"source" yaml:"source"`
}

// Grant lets a user or the members of a group use an app. Names stand for
// themselves: a username, a group's name, an app's name.
type Grant struct {
	ID    string     `json:"id,omitempty" yaml:"-"`
	App   string     `json:"app" yaml:"app"`
	User  string     `json:"user,omitempty" yaml:"user,omitempty"`
	Group string     `json:"group,omitempty" yaml:"group,omitempty"`
	Role  string     `json:"role,omitempty" yaml:"role,omitempty"`
	From  *time.Time `json:"from,omitempty" yaml:"from,omitempty"`
	Until *time.Time `json:"until,omitempty" yaml:"until,omitempty"`
}

// Session is a signed-in browser.
type Session struct {
	ID         string    `json:"id"`
	UserID     string    `json:"user_id"`
	User       string    `json:"user,omitempty"` // username
	Address    string    `json:"address,omitempty"`
	UserAgent  string    `json:"user_agent,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Apps       []string  `json:"apps,omitempty"` // its participants, by name
}

// Preview is what a suspension would end, were it made now.
type Preview struct {
	UserID   string    `json:"user_id"`
	Username string    `json:"username"`
	Lines    []Line    `json:"lines"` // of the receipt
	Sessions []Session `json:"sessions"`
	Families []Family  `json:"token_families"` // those that outlive a sign-out
	Accounts []Account `json:"accounts"`       // they remain
	Tokens   []Token   `json:"api_tokens"`
}

// Family is a refresh token of an app with its descendants.
type Family struct {
	App       string    `json:"app"`
	Scopes    []string  `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Account is a person's record in an app.
type Account struct {
	App         string    `json:"app"`
	Subject     string    `json:"subject"`
	FirstSeenAt time.Time `json:"first_seen_at"`
	LastSeenAt  time.Time `json:"last_seen_at"`
}

// Exposure is how long access to an app would outlive a suspension at most.
type Exposure struct {
	UserID   string `json:"user_id"`
	Username string `json:"username"`
	AppID    string `json:"app_id"`
	App      string `json:"app"`
	Basis    string `json:"basis"`             // lever, assertion, session_expiry, jwt or nothing
	Seconds  *int64 `json:"seconds,omitempty"` // absent: nothing bounds it
	Lever    string `json:"lever"`
	Verified bool   `json:"verified"` // the app will be asked for evidence
	// Distrusted: the app did not take the last thing it was told.
	Distrusted bool `json:"distrusted,omitempty"`
}

// Receipt is what an ending ended, and how.
type Receipt struct {
	ID        string     `json:"id"`
	Number    int64      `json:"number"`
	Kind      string     `json:"kind"`              // user, session, passes, grant, app, before or key
	UserID    string     `json:"user_id,omitempty"` // empty where it is of several people
	SessionID string     `json:"session_id,omitempty"`
	AppID     string     `json:"app_id,omitempty"`   // of a grant that has ended
	GroupID   string     `json:"group_id,omitempty"` // of a group's grant or a membership that has ended
	KeyID     string     `json:"key_id,omitempty"`
	Before    *time.Time `json:"before,omitempty"` // of kind before; absent: the cut itself
	Reason    string     `json:"reason,omitempty"`
	Actor     string     `json:"actor"`
	AskedAt   time.Time  `json:"asked_at"`
	CutAt     time.Time  `json:"cut_at"`
	ListedAt  *time.Time `json:"listed_at,omitempty"`
	Listing   bool       `json:"listing"`
	Version   int64      `json:"version"` // the newest that is signed; 0: none is yet
	SignedAt  *time.Time `json:"signed_at,omitempty"`
	Lines     []Line     `json:"lines,omitempty"`
}

// Key is a signing key of the house, without its private part.
type Key struct {
	ID        string     `json:"id"`
	Use       string     `json:"use"`       // oidc, saml or receipt
	Algorithm string     `json:"algorithm"` // RS256 or ES256
	State     string     `json:"state"`     // next, current, retired, gone or revoked
	Since     time.Time  `json:"since"`     // when it came to be that
	Until     *time.Time `json:"until,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	RetiredAt *time.Time `json:"retired_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// Line is one line of a receipt. State is one of listing, sent, retrying,
// acknowledged, verified, alive, failed, manual, superseded, ended.
type Line struct {
	ID         string     `json:"id"`
	App        string     `json:"app"`
	UserID     string     `json:"user_id"`
	Lever      string     `json:"lever"`
	Destroys   bool       `json:"destroys,omitempty"` // in a preview: the lever deletes what a restore does not bring back
	SessionID  string     `json:"session_id,omitempty"`
	State      string     `json:"state"`
	Final      bool       `json:"final"`
	Attempts   int        `json:"attempts"`
	LatencyMS  int64      `json:"latency_ms,omitempty"`
	Answer     string     `json:"answer,omitempty"`
	Evidence   string     `json:"evidence,omitempty"`
	Ceiling    *time.Time `json:"ceiling,omitempty"`
	AgainAt    *time.Time `json:"again_at,omitempty"`
	NextAt     *time.Time `json:"next_at,omitempty"`
	AckedAt    *time.Time `json:"acknowledged_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Token is an API token. Secret is shown once, when it is made.
type Token struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Secret    string     `json:"secret,omitempty"`
}

// Event is one audit line.
type Event struct {
	ID            string            `json:"id"`
	At            time.Time         `json:"at"`
	Kind          string            `json:"kind"`
	Actor         string            `json:"actor"`
	Address       string            `json:"address,omitempty"`
	CorrelationID string            `json:"correlation_id,omitempty"`
	UserID        string            `json:"user_id,omitempty"`
	AppID         string            `json:"app_id,omitempty"`
	SessionID     string            `json:"session_id,omitempty"`
	Detail        map[string]string `json:"detail,omitempty"`
}

// Page is a list, or a part of one. Next, when not empty, is the cursor of
// the next part.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Desired is what `gatehouse apply` makes so: whatever is named is added or
// changed; whatever is not named is left alone.
type Desired struct {
	Users  []DesiredUser `json:"users,omitempty" yaml:"users,omitempty"`
	Groups []string      `json:"groups,omitempty" yaml:"groups,omitempty"`
	Apps   []App         `json:"apps,omitempty" yaml:"apps,omitempty"`
	Grants []Grant       `json:"grants,omitempty" yaml:"grants,omitempty"`
	House  *Look         `json:"house,omitempty" yaml:"house,omitempty"`   // nil: as it is
	Policy *Policy       `json:"policy,omitempty" yaml:"policy,omitempty"` // nil: as it is
}

// DesiredUser is a person and the groups they are in; other memberships are
// left alone.
type DesiredUser struct {
	Person `yaml:",inline"`
	Groups []string `json:"groups,omitempty" yaml:"groups,omitempty"`
}

// Applied says what apply did, or would do: one line per difference.
type Applied struct {
	DryRun  bool     `json:"dry_run"`
	Changes []Change `json:"changes"`
}

// Change is one difference. Secret and Link are shown once.
type Change struct {
	Verb   string `json:"verb"` // add, change, join, grant or end
	Kind   string `json:"kind"` // user, group, app or grant
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
	Secret string `json:"secret,omitempty"` // that was made for an app
	// Identifier is the client_id or entityID of an app.
	Identifier string `json:"identifier,omitempty"`
	Link       string `json:"link,omitempty"` // of a new user
}

// Problem is an error of the API (RFC 9457). It is an error itself.
type Problem struct {
	Type          string            `json:"type"`
	Title         string            `json:"title"`
	Status        int               `json:"status"`
	Detail        string            `json:"detail,omitempty"`
	Kind          string            `json:"kind"`
	CorrelationID string            `json:"correlation_id,omitempty"`
	Fields        map[string]string `json:"fields,omitempty"`
}

// Error returns the plain words and the correlation ID.
func (p *Problem) Error() string {
	s := p.Title
	if p.Detail != "" {
		s = p.Detail
	}
	if p.CorrelationID != "" {
		s += " (correlation ID " + p.CorrelationID + ")"
	}
	return s
}
