package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

const (
	// skew is how far the clock of an app may be from ours.
	skew = time.Minute
	// longestAssertion is how far ahead an assertion may expire: its jti must
	// be remembered for so long.
	longestAssertion = 5 * time.Minute
	// clocksApart is for how much longer what was used is remembered than this
	// node takes it: the clock of another node may be behind, and that of one
	// that sweeps ahead.
	clocksApart = 5 * time.Minute
	// longestJTI bounds what is remembered of a jti.
	longestJTI = 512

	typeAssertion  = "client-authentication+jwt" // draft-ietf-oauth-rfc7523bis
	spentAssertion = "oidc.assertion"
)

// assertionAlgs are what clients may sign with (FAPI 2.0 Security Profile
// §5.4); others than those of that profile also with RS256, the one that every
// library has.
func assertionAlgs() []string { return []string{keys.PS256, keys.ES256, keys.EdDSA, keys.RS256} }

// algsOf is what this app may sign with: with FAPI 2.0 not RS256.
func algsOf(app idp.App) []string {
	if app.OIDC.FAPI2 {
		return slices.DeleteFunc(assertionAlgs(), func(alg string) bool { return alg == keys.RS256 })
	}
	return assertionAlgs()
}

// presentAssertion reads a client assertion (RFC 7523 §2.2). Whose it is, is
// what it says itself until it is verified.
func presentAssertion(form url.Values) (presented, error) {
	assertion := form.Get("client_assertion")
	id := keys.SubjectOf(assertion)
	switch {
	case form.Get("client_assertion_type") != oidc.ClientAssertionTypeJWTAssertion:
		return presented{}, invalidClient(errors.New("client_assertion_type is not jwt-bearer"))
	case id == "":
		return presented{}, invalidClient(errors.New("the client assertion names no client"))
	case form.Has("client_id") && form.Get("client_id") != id:
		return presented{}, invalidClient(errors.New("client_id differs from the sub of the client assertion"))
	}
	return presented{oidc.AuthMethodPrivateKeyJWT, id, assertion}, nil
}

// assertionClaims are the claims of a client assertion (OIDC Core §9). A claim
// of another JSON type does not decode.
type assertionClaims struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	ID        string          `json:"jti"`
	Expires   numericDate     `json:"exp"`
	NotBefore numericDate     `json:"nbf"`
	IssuedAt  numericDate     `json:"iat"`
}

// checkAssertion verifies a client assertion and spends it: each counts once,
// on whichever node (RFC 7523 §3, FAPI 2.0 Security Profile §5.3.2.1).
func (p *Provider) checkAssertion(ctx context.Context, app idp.App, assertion string) error {
	claims, err := p.verifyBy(ctx, app, assertion, typeAssertion)
	if idp.IsKind(err, idp.Unavailable) {
		return fault(err)
	}
	if errors.Is(err, errRS256) {
		_ = p.refuseClient(ctx, app, "its assertion: "+reason(err)) // the line; what is said to it has the name
		return op.NewStatusError(oidc.ErrInvalidClient().
			WithDescription("The client assertion is signed with RS256. FAPI 2.0 takes PS256, ES256 and EdDSA.").WithParent(err), http.StatusUnauthorized)
	}
	if err != nil {
		return p.refuseClient(ctx, app, "its assertion: "+reason(err))
	}
	var c assertionClaims
	if err := json.Unmarshal(claims, &c); err != nil {
		return p.refuseClient(ctx, app, "its assertion has a claim of another type than it should")
	}
	if why := c.wrong(app, p.Issuer, p.now()); why != "" {
		return p.refuseClient(ctx, app, "its assertion: "+why)
	}
	until := c.Expires.time().Add(skew + clocksApart)
	switch err := p.Gate.SpendOnce(ctx, spentAssertion, string(app.ID)+"|"+c.ID, until); {
	case idp.IsKind(err, idp.Conflict):
		return p.refuseClient(ctx, app, "its assertion was used before")
	case err != nil:
		return fault(err)
	}
	return nil
}

// wrong says what is not as it must be; "" for nothing. The audience is the
// issuer and nothing else: an assertion that another server could be sent too
// would let that server be the client here.
func (c assertionClaims) wrong(app idp.App, issuer string, now time.Time) string {
	switch {
	case c.Issuer != app.Identifier || c.Subject != app.Identifier:
		return "iss and sub are not its client_id"
	case !onlyFor(c.Audience, issuer):
		return "aud is not the issuer alone"
	case c.ID == "" || len(c.ID) > longestJTI:
		return "jti is missing or absurdly long"
	case c.Expires == 0:
		return "exp is missing"
	case c.Expires.time().After(now.Add(longestAssertion + skew)):
		return "exp is more than five minutes ahead"
	}
	return untimely(c.Expires, c.NotBefore, c.IssuedAt, now)
}

// onlyFor reports whether an aud claim is this one text.
func onlyFor(aud json.RawMessage, want string) bool {
	var one string
	return json.Unmarshal(aud, &one) == nil && one == want
}

// untimely judges times that somebody else's clock has set: as far as they are
// there, exp not in the past, nbf and iat not in the future, give or take skew.
func untimely(exp, nbf, iat numericDate, now time.Time) string {
	switch {
	case exp != 0 && !now.Before(exp.time().Add(skew)):
		return "exp has passed"
	case nbf != 0 && nbf.time().After(now.Add(skew)):
		return "nbf is in the future"
	case iat != 0 && iat.time().After(now.Add(skew)):
		return "iat is in the future"
	}
	return ""
}

// numericDate is a NumericDate of a JWT (RFC 7519 §2), in seconds; 0: not
// there.
type numericDate float64

func (d numericDate) time() time.Time {
	// Beyond these bounds a float has no exact second, and a Time may wrap.
	const bound = 1 << 40
	return time.Unix(int64(min(max(float64(d), -bound), bound)), 0)
}

// reason is what an audit line says of an error: its cause, which is ours to
// read, and at most the words that people get.
func reason(err error) string {
	if e, ok := errors.AsType[*idp.Error](err); ok && e.Cause != nil {
		return clip(e.Cause.Error())
	}
	return clip(err.Error())
}
