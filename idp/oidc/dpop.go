package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

const (
	// proofWindow is how far the time of a proof may be from ours, either way
	// (RFC 9449 §11.1; FAPI 2.0 Security Profile §5.3.2.1 wants at least 10 s).
	proofWindow = time.Minute

	headerDPoP       = "DPoP"
	typeDPoP         = "DPoP" // as a token_type and as a scheme of Authorization
	typeProof        = "dpop+jwt"
	spentProof       = "oidc.dpop"
	invalidDPoPProof = "invalid_dpop_proof"
)

// proofAlgs are what a proof may be signed with.
func proofAlgs() []string { return []string{keys.PS256, keys.ES256, keys.EdDSA} }

// proofClaims are the claims of a proof (RFC 9449 §4.2).
type proofClaims struct {
	ID        string      `json:"jti"`
	Method    string      `json:"htm"`
	URI       string      `json:"htu"`
	IssuedAt  numericDate `json:"iat"`
	Expires   numericDate `json:"exp"`
	NotBefore numericDate `json:"nbf"`
	TokenHash string      `json:"ath"`
	Nonce     string      `json:"nonce"`
}

// proof is one that is good, if it was not used before. Each counts once; it is
// spent after everything else is found good, because anybody can make one and
// spending writes.
type proof struct {
	jkt, id string
	until   time.Time // for how long it is remembered
}

// proofAt checks the proof that came with a client's POST to an endpoint of
// ours; the zero proof when none came. It is to be spent with spendAt.
func (p *Provider) proofAt(ctx context.Context, app idp.App, h http.Header, path string) (proof, error) {
	if len(h.Values(headerDPoP)) == 0 {
		return proof{}, nil
	}
	got, err := p.checkProof(h, http.MethodPost, path, "")
	return got, p.refuseProof(ctx, app, err)
}

// spendAt spends what proofAt returned.
func (p *Provider) spendAt(ctx context.Context, app idp.App, got proof) error {
	if got == (proof{}) {
		return nil
	}
	return p.refuseProof(ctx, app, p.spendProof(ctx, got))
}

// refuseProof is the answer to a client whose proof proves nothing; nil for nil.
func (p *Provider) refuseProof(ctx context.Context, app idp.App, err error) error {
	switch {
	case errors.Is(err, errNonce):
		return badProof(err)
	case idp.IsKind(err, idp.Invalid):
		p.note(ctx, idp.Event{Kind: "oidc.proof.refuse", AppID: app.ID, Detail: map[string]string{"reason": reason(err)}})
		return badProof(err)
	case err != nil:
		return fault(err)
	}
	return nil
}

// checkProof verifies a proof (RFC 9449 §4.3) for a call by this method to
// this path, with this access token unless it is empty. idp.Invalid for a proof
// that proves nothing; its cause says why.
func (p *Provider) checkProof(h http.Header, method, path, token string) (proof, error) {
	values := h.Values(headerDPoP)
	switch len(values) {
	case 0:
		return proof{}, noProof("the scheme is DPoP, and no proof came")
	case 1:
	default:
		return proof{}, noProof("more than one proof")
	}
	raw, jkt, err := keys.VerifyEmbedded(values[0], proofAlgs(), typeProof)
	if err != nil {
		return proof{}, err
	}
	var c proofClaims
	if err := json.Unmarshal(raw, &c); err != nil {
		return proof{}, noProof("a claim of another type than it should be")
	}
	if why := c.wrong(method, p.addresses(path), token, p.now()); why != "" {
		return proof{}, noProof(why)
	}
	if err := p.checkNonce(c.Nonce); err != nil {
		return proof{}, err
	}
	return proof{jkt, c.ID, c.IssuedAt.time().Add(proofWindow + clocksApart)}, nil
}

// spendProof spends a proof; idp.Invalid for one that was used before.
func (p *Provider) spendProof(ctx context.Context, got proof) error {
	err := p.Gate.SpendOnce(ctx, spentProof, got.jkt+"|"+got.id, got.until)
	if idp.IsKind(err, idp.Conflict) {
		return noProof("the proof was used before")
	}
	return err
}

// wrong says what is not as it must be; "" for nothing.
func (c proofClaims) wrong(method string, uris []string, token string, now time.Time) string {
	switch {
	case c.ID == "" || len(c.ID) > longestJTI:
		return "jti is missing or absurdly long"
	case c.Method != method:
		return "htm is another method"
	case !slices.ContainsFunc(uris, func(uri string) bool { return sameURI(c.URI, uri) }):
		return "htu is another address"
	case c.IssuedAt == 0:
		return "iat is missing"
	case c.IssuedAt.time().Before(now.Add(-proofWindow)) || c.IssuedAt.time().After(now.Add(proofWindow)):
		return "iat is not about now"
	case token != "" && !same(c.TokenHash, tokenHash(token)):
		return "ath is not of the access token"
	}
	return untimely(c.Expires, c.NotBefore, 0, now)
}

// addresses are those at which a path of ours answers.
func (p *Provider) addresses(path string) []string {
	if p.MTLS == nil {
		return []string{p.Issuer + path}
	}
	return []string{p.Issuer + path, p.MTLS.URL + path}
}

func noProof(why string) error {
	return idp.Errorf(idp.Invalid, "This is no proof that a key is held.").Because(errors.New(why))
}

// badProof is the answer of an endpoint for clients (RFC 9449 §5, §8).
func badProof(cause error) *oidc.Error {
	if errors.Is(cause, errNonce) {
		return (&oidc.Error{ErrorType: useDPoPNonce}).WithDescription("The DPoP proof needs the nonce in DPoP-Nonce.").WithParent(cause)
	}
	return (&oidc.Error{ErrorType: invalidDPoPProof}).
		WithDescription("The DPoP proof is not valid for this call, or was used before.").WithParent(cause)
}

// tokenHash is the ath of an access token (RFC 9449 §4.2).
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// sameURI compares an htu with an address of ours, without query and fragment
// (RFC 9449 §4.3), after the normalisation of RFC 3986 §6.2.2 and §6.2.3.
func sameURI(htu, ours string) bool {
	a, okA := normalURI(htu)
	b, okB := normalURI(ours)
	return okA && okB && a == b
}

func normalURI(raw string) (string, bool) {
	const longest = 2048
	u, err := url.Parse(raw)
	if err != nil || len(raw) > longest || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	// Escapes are decoded by parsing and made anew in one spelling; path
	// segments . and .. are resolved.
	clean := (&url.URL{Path: u.Path}).JoinPath().EscapedPath()
	if strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
		return "", false // an escaped slash is not a slash, and no path of ours has one
	}
	return scheme + "://" + host + "/" + strings.TrimPrefix(clean, "/"), true
}

// challengeDPoP tells a caller of a protected resource how it is done (RFC
// 9449 §7.1); code may be empty.
func challengeDPoP(code string) string {
	challenge := `DPoP realm="gatehouse", algs="` + strings.Join(proofAlgs(), " ") + `"`
	if code != "" {
		challenge += `, error="` + code + `"`
	}
	return challenge
}

// proven takes a call with the scheme DPoP to a protected resource: it checks
// the proof, and hands the token on as the library reads it. The proof is spent
// with a token of ours that is bound to its key, and no other: nothing else is
// taken with it, and a stranger makes nobody write.
func (p *Provider) proven(w http.ResponseWriter, r *http.Request, token string, next http.Handler) {
	got, err := p.checkProof(r.Header, r.Method, r.URL.Path, token)
	if t, none := p.openAccess(token); err == nil && none == nil && same(t.Confirm.JKT, got.jkt) {
		err = p.spendProof(r.Context(), got)
	}
	switch {
	case idp.IsKind(err, idp.Invalid):
		if !errors.Is(err, errNonce) {
			p.note(r.Context(), idp.Event{Kind: "oidc.proof.refuse", Detail: map[string]string{"reason": reason(err)}})
		}
		refused := badProof(err)
		w = &challenger{ResponseWriter: w, challenges: []string{challengeDPoP(string(refused.ErrorType))}}
		writeError(w, r, op.NewStatusError(refused, http.StatusUnauthorized))
		return
	case err != nil:
		writeError(&challenger{ResponseWriter: w}, r, fault(err))
		return
	}
	r = withHeld(r, held{jkt: got.jkt})
	r.Header = r.Header.Clone()
	r.Header.Set("Authorization", oidc.PrefixBearer+token)
	next.ServeHTTP(&challenger{
		ResponseWriter: w, challenges: []string{challengeDPoP(invalidToken)}, narrow: []string{challengeDPoP(insufficientScope) + `, scope="openid"`},
	}, r)
}
