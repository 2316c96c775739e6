package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

const (
	pathRegister = "/oauth/register"
	// maxTries is how many requests of one address are answered in a minute.
	maxTries = 30
)

// Registration lets apps register themselves (RFC 7591) and manage that
// registration (RFC 7592), with an initial access token of an owner. Nobody may
// use such an app until an owner grants it.
type Registration struct {
	Directory *directory.Directory
	// Spend accepts an initial access token for one registration; *sessions.Gate does.
	Spend func(ctx context.Context, raw string) (idp.InitialToken, error)
	// Count counts one more try under a name; *store.Store does.
	Count func(ctx context.Context, name string, window time.Duration, now time.Time) (n int, resetAt time.Time, err error)
}

// registeredClient is the answer that a client keeps (RFC 7591 §3.2.1).
type registeredClient struct {
	ClientID                string `json:"client_id"`
	ClientSecret            string `json:"client_secret,omitempty"`
	ClientSecretExpiresAt   *int64 `json:"client_secret_expires_at,omitempty"` // 0: never; with a secret alone
	ClientIDIssuedAt        int64  `json:"client_id_issued_at"`
	RegistrationAccessToken string `json:"registration_access_token"`
	RegistrationClientURI   string `json:"registration_client_uri"`
	clientMetadata
}

func (p *Provider) answerOf(a idp.App, secret, token string) registeredClient {
	out := registeredClient{
		ClientID: a.Identifier, ClientSecret: secret, ClientIDIssuedAt: a.CreatedAt.Unix(), RegistrationAccessToken: token,
		RegistrationClientURI: p.Issuer + pathRegister + "/" + a.Identifier, clientMetadata: metadataOf(a),
	}
	if secret != "" {
		out.ClientSecretExpiresAt = new(int64)
	}
	return out
}

// RegistrationEndpoint is where apps register themselves; empty where they may
// not.
func (p *Provider) RegistrationEndpoint() string {
	if p.Registration == nil {
		return ""
	}
	return p.Issuer + pathRegister
}

// registrations serves the registration endpoint and, below it, the client
// configuration endpoints.
func (p *Provider) registrations() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", nothingThere)
	mux.HandleFunc(pathRegister, func(w http.ResponseWriter, r *http.Request) { refuseMethod(w, r, http.MethodPost) })
	mux.HandleFunc(pathRegister+"/{client}", func(w http.ResponseWriter, r *http.Request) { refuseMethod(w, r, "GET, PUT, DELETE") })
	mux.HandleFunc("POST "+pathRegister, p.registering(p.register))
	mux.HandleFunc("GET "+pathRegister+"/{client}", p.registering(p.configured(p.readClient)))
	mux.HandleFunc("PUT "+pathRegister+"/{client}", p.registering(p.configured(p.updateClient)))
	mux.HandleFunc("DELETE "+pathRegister+"/{client}", p.registering(p.configured(p.deleteClient)))
	return mux
}

// registering is what all of these have in common: nothing is kept on the way,
// bodies are bounded, a token is there, and nobody tries without end.
func (p *Provider) registering(h func(w http.ResponseWriter, r *http.Request, token string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		noStore(w.Header())
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		err := p.mayTry(w, r)
		if err == nil {
			scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "Bearer") || token == "" {
				w = &challenger{ResponseWriter: w, challenges: []string{challengeBearer("")}}
				err = op.NewStatusError(invalidRequest("A token is needed: Authorization: Bearer."), http.StatusUnauthorized)
			} else {
				w = &challenger{ResponseWriter: w, challenges: []string{challengeBearer(invalidToken)}}
				err = h(w, r, token)
			}
		}
		if err != nil {
			p.refuseRegistration(w, r, err)
		}
	}
}

func (p *Provider) mayTry(w http.ResponseWriter, r *http.Request) error {
	now := p.now()
	n, until, err := p.Registration.Count(r.Context(), "oidc.register:"+idp.ActorOf(r.Context()).Address, time.Minute, now)
	switch {
	case err != nil:
		return fault(err)
	case n > maxTries:
		w.Header().Set("Retry-After", strconv.Itoa(int(until.Sub(now)/time.Second)+1))
		return op.NewStatusError((&oidc.Error{ErrorType: temporarilyUnavailable}).WithDescription("Too many tries. Wait a minute."), http.StatusTooManyRequests)
	}
	return nil
}

// refuseRegistration translates an error of the house into one of RFC 7591
// §3.2.2, and writes it down.
func (p *Provider) refuseRegistration(w http.ResponseWriter, r *http.Request, err error) {
	if _, ours := errors.AsType[*oidc.Error](err); !ours {
		err = registrationError(err)
	}
	p.note(r.Context(), idp.Event{Kind: "oidc.register.refuse", Detail: map[string]string{
		"reason": clip(err.Error()), "method": r.Method, "client_id": clip(r.PathValue("client")),
	}})
	writeError(w, r, err)
}

func registrationError(err error) error {
	e, ok := errors.AsType[*idp.Error](err)
	if !ok || e.Kind != idp.Invalid && e.Kind != idp.Conflict {
		return fault(err)
	}
	out := badMetadata(strings.Map(describable, e.Detail)).WithParent(err)
	if e.Fields["redirect_uris"] != "" {
		out.ErrorType = invalidRedirectURI
	}
	return out
}

// describable leaves out what an error_description may not hold (RFC 6749 §5.2).
func describable(r rune) rune {
	if r < ' ' || r > '~' || r == '"' || r == '\\' {
		return -1
	}
	return r
}

// register answers a registration request (RFC 7591 §3.1). What cannot be
// registered costs the token no use.
func (p *Provider) register(w http.ResponseWriter, r *http.Request, token string) error {
	m, err := readBody(r)
	if err != nil {
		return err
	}
	o := m.settings()
	managing, hash := directory.NewSecret()
	o.RegistrationTokenHash = hash
	secret := giveSecret(&o)
	a := idp.App{Name: m.ClientName, Protocol: idp.ProtocolOIDC, Identifier: directory.NewClientID(), OIDC: &o}
	if a.Name == "" {
		a.Name = a.Identifier
	}
	if err := p.Registration.Directory.CheckApp(a); err != nil {
		return err
	}
	by, err := p.Registration.Spend(r.Context(), token)
	if idp.IsKind(err, idp.Unauthenticated) {
		return refusedBearer(err)
	} else if err != nil {
		return fault(err)
	}
	owner, err := p.Store.User(r.Context(), by.UserID)
	switch {
	case err != nil:
		return fault(err)
	case owner.Role != idp.RoleOwner:
		return refusedBearer(errors.New("who made the token is no owner any more"))
	}
	actor := idp.ActorOf(r.Context())
	actor.Kind, actor.UserID = "registration", by.UserID
	// Whoever registers itself is not the organisation's own: people are asked.
	o.RegisteredBy, o.ThirdParty = by.ID, true
	if a, err = p.addClient(idp.WithActor(r.Context(), actor), a); err != nil {
		return err
	}
	return answerJSON(w, http.StatusCreated, p.answerOf(a, secret, managing))
}

// addClient registers the app; a name that is taken is told apart by the
// client_id, because an app's name is unique here and a client's is not.
func (p *Provider) addClient(ctx context.Context, a idp.App) (idp.App, error) {
	added, err := p.Registration.Directory.AddApp(ctx, a)
	if idp.IsKind(err, idp.Conflict) {
		a.Name += " (" + a.Identifier[:8] + ")"
		added, err = p.Registration.Directory.AddApp(ctx, a)
	}
	return added, err
}

// configured is what the client configuration endpoints have in common: the
// registration access token is of this very client (RFC 7592 §2). An unknown
// client and a wrong token look alike.
func (p *Provider) configured(h func(w http.ResponseWriter, r *http.Request, a idp.App, token string) error) func(http.ResponseWriter, *http.Request, string) error {
	return func(w http.ResponseWriter, r *http.Request, token string) error {
		a, err := p.app(r.Context(), r.PathValue("client"))
		if a.OIDC != nil && r.Method == http.MethodDelete {
			err = nil // a removal that broke off is finished by another
		}
		if err != nil && !idp.IsKind(err, idp.NotFound) {
			return fault(err)
		}
		hash := ""
		if err == nil {
			hash = a.OIDC.RegistrationTokenHash
		}
		if !same(directory.HashSecret(token), hash) {
			return refusedBearer(errors.New("not the registration access token of this client"))
		}
		actor := idp.ActorOf(r.Context())
		actor.Kind = "registration"
		return h(w, r.WithContext(idp.WithActor(r.Context(), actor)), a, token)
	}
}

func (p *Provider) readClient(w http.ResponseWriter, _ *http.Request, a idp.App, token string) error {
	return answerJSON(w, http.StatusOK, p.answerOf(a, "", token))
}

// updateClient replaces the registration (RFC 7592 §2.2). The secret stays
// while the client authenticates with one.
func (p *Provider) updateClient(w http.ResponseWriter, r *http.Request, a idp.App, token string) error {
	m, err := readBody(r)
	if err != nil {
		return err
	}
	switch {
	case m.ClientID != a.Identifier:
		return badMetadata("client_id must be that of the client.")
	case m.RegistrationAccessToken != nil || m.RegistrationClientURI != nil || m.ClientSecretExpiresAt != nil || m.ClientIDIssuedAt != nil:
		return badMetadata("An update leaves out registration_access_token, registration_client_uri, client_secret_expires_at and client_id_issued_at.")
	}
	if _, ok := matching(m.ClientSecret, a.OIDC.SecretHashes); m.ClientSecret != "" && !ok {
		return badMetadata("client_secret must be that of the client: it cannot be chosen.")
	}
	o, err := m.update(*a.OIDC)
	if err != nil {
		return err
	}
	secret := giveSecret(&o)
	if m.ClientName != "" {
		a.Name = m.ClientName
	}
	a.OIDC = &o
	if a, err = p.Registration.Directory.ChangeApp(r.Context(), a); err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, p.answerOf(a, secret, token))
}

// deleteClient takes the client out of the house (RFC 7592 §2.3); what it held
// ends, with a receipt.
func (p *Provider) deleteClient(w http.ResponseWriter, r *http.Request, a idp.App, _ string) error {
	if _, err := p.Registration.Directory.RemoveApp(r.Context(), a.ID, "removed by the client itself (RFC 7592)"); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// giveSecret gives a client that authenticates by a secret and has none its
// first, and takes those of any other away.
func giveSecret(o *idp.OIDCSettings) (raw string) {
	if !directory.NeedsSecret(*o) {
		o.SecretHashes = nil
		return ""
	}
	if len(o.SecretHashes) > 0 {
		return ""
	}
	raw, hash := directory.NewSecret()
	o.SecretHashes = []string{hash}
	return raw
}

func readBody(r *http.Request) (presentedMetadata, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return presentedMetadata{}, badMetadata("The body is too large, or cannot be read.").WithParent(err)
	}
	return readMetadata(body)
}
