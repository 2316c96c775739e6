package oidc

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
)

const scopeGroups = "groups"

// scopes are those that mean something here. Others are ignored (OIDC Core
// §3.1.2.1), which the answer's scope parameter says.
func scopes() []string {
	return []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, scopeGroups, oidc.ScopeOfflineAccess}
}

// request is an authorization request whose client and redirect URI are
// proven. It is kept in the SignIn as JSON.
type request struct {
	oidc.AuthRequest
	// HintSubject is the person whom a verified id_token_hint names; may be empty.
	HintSubject string `json:"hint_subject,omitempty"`
	// What readWishes takes in.
	Wanted    wanted   `json:"wanted,omitzero"`
	Subjects  []string `json:"subjects,omitempty"` // one of whom shall answer; none: anybody
	ACR       classes  `json:"acr,omitzero"`
	Resources []string `json:"resources,omitempty"` // whom the access token is for; none: the app
	// Pushed is what is spent when a code is given for a pushed request; empty
	// for one that was not pushed.
	Pushed string `json:"pushed,omitempty"`
	// Languages are those that the app wishes for the pages, best first
	// (OpenID Connect Core 1.0 §3.1.2.1, ui_locales).
	Languages []string `json:"languages,omitempty"`
	// DPoPJKT is the key that must be proven to be held to exchange the code
	// (RFC 9449 §10); may be empty.
	DPoPJKT string `json:"dpop_jkt,omitempty"`

	likesMore bool // a passkey is liked, and the session has but one factor
}

// offered are those of the scopes asked for that mean something here, in our
// order, for an app that may have them.
func offered(asked []string, app idp.OIDCSettings) (out []string) {
	for _, scope := range scopes() {
		if slices.Contains(asked, scope) && (scope != oidc.ScopeOfflineAccess || app.AllowOfflineAccess) {
			out = append(out, scope)
		}
	}
	return out
}

// addressed reads what is needed to answer an app at all, errors included:
// where, how and with which state.
func addressed(q url.Values) request {
	return request{AuthRequest: oidc.AuthRequest{
		ClientID:     q.Get("client_id"),
		RedirectURI:  q.Get("redirect_uri"),
		State:        q.Get("state"),
		ResponseType: oidc.ResponseType(q.Get("response_type")),
		ResponseMode: oidc.ResponseMode(q.Get("response_mode")),
	}}
}

// readAll takes in the whole request and judges it for this app. The error goes
// back to the app.
func (p *Provider) readAll(req *request, q url.Values, app idp.App) *oidc.Error {
	if err := req.read(q, *app.OIDC); err != nil {
		return err
	}
	if err := req.readWishes(q, app); err != nil {
		return err
	}
	if p.NoPasskeys && req.ACR.passkey() {
		return unmet() // whoever were sent to prove it could not
	}
	return nil
}

// read takes in the rest and judges it for this app. The error goes back to
// the app. Unknown parameters, and hints that we cannot follow, are no error.
func (req *request) read(q url.Values, app idp.OIDCSettings) *oidc.Error {
	if err := req.checkShape(q); err != nil {
		return err
	}
	if err := req.readPrompt(q); err != nil {
		return err
	}
	if err := req.readChallenge(q, app); err != nil {
		return err
	}
	if req.DPoPJKT = q.Get("dpop_jkt"); req.DPoPJKT != "" && !isSHA256(req.DPoPJKT) {
		return invalidRequest("dpop_jkt is not the thumbprint of a key.")
	}
	asked := strings.Fields(q.Get("scope"))
	if !slices.Contains(asked, oidc.ScopeOpenID) {
		return oidc.ErrInvalidScope().WithDescription("The scope openid is needed.")
	}
	req.Scopes = offered(asked, app)
	req.Nonce = q.Get("nonce")
	req.LoginHint = q.Get("login_hint")
	req.Languages = languages(q.Get("ui_locales"))
	return nil
}

// languages reads ui_locales: a wish, of which what is too much is left out.
func languages(s string) []string {
	tags := strings.Fields(s)
	tags = tags[:min(len(tags), 8)]
	return slices.DeleteFunc(tags, func(tag string) bool { return len(tag) > 35 }) // RFC 5646 §4.4.1
}

func (req *request) checkShape(q url.Values) *oidc.Error {
	switch {
	case q.Has("request"):
		return oidc.ErrRequestNotSupported().WithDescription("Request objects are not supported.")
	case q.Has("request_uri"):
		return (&oidc.Error{ErrorType: requestURINotSupported}).WithDescription("Request objects are not supported.")
	case q.Has("registration"):
		return (&oidc.Error{ErrorType: registrationNotSupported}).WithDescription("No client says what it is in a request.")
	case req.ResponseType == "":
		return invalidRequest("response_type is missing.")
	case req.ResponseType != oidc.ResponseTypeCode:
		return (&oidc.Error{ErrorType: unsupportedResponseType}).WithDescription("Only response_type code is supported.")
	}
	switch req.ResponseMode {
	case "", oidc.ResponseModeQuery:
		return nil
	case oidc.ResponseModeFormPost:
		if strings.HasPrefix(req.RedirectURI, "http") {
			return nil
		}
	}
	req.ResponseMode = ""
	return invalidRequest("Only the response modes query and, for a web address, form_post are supported.")
}

func (req *request) readPrompt(q url.Values) *oidc.Error {
	if q.Has("max_age") {
		n, err := strconv.ParseUint(q.Get("max_age"), 10, 31)
		if err != nil {
			return invalidRequest("max_age is not a number of seconds.")
		}
		req.MaxAge = oidc.NewMaxAge(uint(n))
	}
	req.Prompt = strings.Fields(q.Get("prompt"))
	for _, prompt := range req.Prompt {
		if !slices.Contains(prompts(), prompt) && prompt != promptCreate {
			return invalidRequest("A value of prompt is not supported.")
		}
	}
	var err error
	if req.MaxAge, err = op.ValidateAuthReqPrompt(req.Prompt, req.MaxAge); err != nil {
		return invalidRequest("prompt none stands alone.")
	}
	return nil
}

func (req *request) readChallenge(q url.Values, app idp.OIDCSettings) *oidc.Error {
	challenge, method := q.Get("code_challenge"), oidc.CodeChallengeMethod(q.Get("code_challenge_method"))
	switch {
	case challenge == "" && method == "" && app.PKCEExempt && app.AuthMethod != string(oidc.AuthMethodNone):
		return nil
	case challenge == "":
		return invalidRequest("code_challenge is missing (RFC 7636).")
	case method != oidc.CodeChallengeMethodS256:
		return invalidRequest("code_challenge_method must be S256.")
	case !isSHA256(challenge):
		return invalidRequest("code_challenge is not the S256 of a verifier.")
	}
	req.CodeChallenge, req.CodeChallengeMethod = challenge, method
	return nil
}

// isSHA256 reports whether s is written like a SHA-256 in base64url.
func isSHA256(s string) bool { return len(s) == 43 && strings.Trim(s, base64urlAlphabet) == "" }

const base64urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// prompts are the values of prompt that mean something here.
func prompts() []string {
	return []string{oidc.PromptNone, oidc.PromptLogin, oidc.PromptConsent, oidc.PromptSelectAccount}
}

// promptCreate asks for the page on which somebody makes an account (Initiating
// User Registration 1.0). There is none: accounts are the organisation's to
// make. They are shown the sign-in, which says whom to ask.
const promptCreate = "create"

// anew: whoever sits there is to say who they are, signed in or not. A browser
// has one session: to select an account is to sign in.
func (req *request) anew() bool {
	return slices.ContainsFunc(req.Prompt, func(prompt string) bool {
		return prompt == oidc.PromptLogin || prompt == oidc.PromptSelectAccount || prompt == promptCreate
	})
}

// silent: nothing may be shown (prompt=none).
func (req *request) silent() bool { return slices.Contains(req.Prompt, oidc.PromptNone) }

// unreadableHint is the answer to an id_token_hint that names nobody. Where
// nobody may be asked it is the one that such a request is made for: the app goes
// on as with somebody who is not signed in.
func (req *request) unreadableHint() *oidc.Error {
	if req.silent() {
		return oidc.ErrLoginRequired().WithDescription(hintRefused)
	}
	return invalidRequest(hintRefused)
}

const hintRefused = "id_token_hint is not an ID token that was issued here to this client."

// fits reports whether a live session answers the request without asking
// anybody, but for the class of authentication.
func (req *request) fits(s idp.Session, now time.Time) bool {
	if req.MaxAge != nil {
		oldest := now.Add(-time.Duration(*req.MaxAge) * time.Second)
		if *req.MaxAge == 0 || s.AuthTime.Before(oldest) {
			return false
		}
	}
	return !req.anew() && req.means(s.UserID)
}

// means reports whether the request is for this person, as far as it names
// anybody.
func (req *request) means(id idp.UserID) bool {
	return (req.HintSubject == "" || req.HintSubject == string(id)) &&
		(len(req.Subjects) == 0 || slices.Contains(req.Subjects, string(id)))
}

func (req *request) encode() ([]byte, error) {
	b, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode authorization request: %w", err)
	}
	return b, nil
}

func decodeRequest(b []byte) (request, error) {
	var req request
	if err := json.Unmarshal(b, &req); err != nil {
		return request{}, fmt.Errorf("decode authorization request: %w", err)
	}
	return req, nil
}
