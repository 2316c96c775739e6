package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/idp/fetch"
	"gatehouse/idp/keys"
	"gatehouse/idp/login"
	"gatehouse/idp/login/password"
	"gatehouse/idp/mail"
	"gatehouse/idp/notary"
	"gatehouse/idp/oidc"
	"gatehouse/idp/outbox"
	"gatehouse/idp/saml"
	"gatehouse/jit"
	"gatehouse/sessions"
	"gatehouse/sessions/redis"
	"gatehouse/store"
	"gatehouse/web"
	"gatehouse/web/api"
	"gatehouse/web/console"
	"gatehouse/web/portal"
	"gatehouse/web/signin"
	"gatehouse/web/ui"
)

// How long a session lives: idle, and at most.
const (
	sessionIdle     = 2 * time.Hour
	sessionAbsolute = 12 * time.Hour
	// The gate writes a session's last use with a tenth of the limit's delay.
	sessionUnused = sessionIdle + sessionIdle/10
)

// house is everything wired together: the handler that answers requests and
// the worker that tells apps.
type house struct {
	node      node // whose file stays open
	ring      *keys.Ring
	out       *fetch.Client
	store     *store.Store
	redis     *redis.Redis
	gate      *sessions.Gate
	directory *directory.Directory
	login     *login.Login
	door      *signin.SignIn
	worker    *outbox.Worker
	notary    *notary.Notary
	handler   http.Handler
	cuts      *cuts
	// secretUses writes down which secrets apps have used here.
	secretUses func(context.Context) error
	metrics    *metrics // nil: nobody counts
	rehearsals *rehearsals
	mails      *mail.Worker  // nil: no mail is sent
	closing    chan struct{} // closed when the house stops
	refresher  *saml.Refresher
	faces      *ui.Faces
	rules      *rules
	rotation   time.Duration // how long a signing key signs; 0: until somebody rotates it
}

// build wires the house. Data flows down: web and the tongues stand on the
// verbs, the verbs on the store.
func build(ctx context.Context, c Config, log *slog.Logger) (*house, error) {
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	h, err := wire(ctx, c, db, log)
	if err != nil {
		return nil, closing(db, err)
	}
	return h, nil
}

// closing keeps the error that matters.
func closing(db *store.Store, err error) error {
	_ = db.Close()
	return err
}

func wire(ctx context.Context, c Config, db *store.Store, log *slog.Logger) (*house, error) {
	db.Now, db.Mails = wallTime, c.Mail != nil
	if err := refuseNewHouse(ctx, c, db); err != nil {
		return nil, err
	}
	if _, err := jit.Templates(); err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var counting *metrics
	if c.Metrics != "" {
		counting = newMetrics()
	}
	kept, err := keepCuts(ctx, c, db, counting, log)
	if err != nil {
		return nil, err
	}
	box, err := keys.NewBox(c.Secret)
	if err != nil {
		return nil, err
	}
	ring := &keys.Ring{Store: db, Box: box, Now: wallTime, Subject: c.URL.Hostname(), Lease: keys.DefaultLease}
	if err := ring.Load(ctx); err != nil {
		return nil, fmt.Errorf("load the signing keys: %w", err)
	}
	salt, err := box.Salt(ctx, db, "pairwise")
	if err != nil {
		return nil, err
	}
	transient, err := box.Salt(ctx, db, "transient")
	if err != nil {
		return nil, err
	}
	devices, err := box.Salt(ctx, db, "known devices")
	if err != nil {
		return nil, err
	}
	out, err := fetch.New(c.OutboundAllow)
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_OUTBOUND_ALLOW: %w", err)
	}
	passkeys, err := keepPasskeys(ctx, c, box, db, log)
	if err != nil {
		return nil, err
	}
	node := newNode(c.Data, log)
	if _, err := db.Position(ctx, node.name, c.Redis != ""); err != nil {
		log.Warn("the clock of this node was not compared with the database's yet", "error", err)
	}
	fast, err := redis.New(c.Redis, db, node.name, log)
	if err != nil {
		return nil, err
	}
	asked := &rules{store: db}
	gate := &sessions.Gate{Backend: &witnessed{fast.Backend(db), counting}, Now: wallTime, Idle: sessionIdle, Absolute: sessionAbsolute, Policy: asked.policy}
	truth := &forced{Store: db, commits: fast.Commits(db), redis: fast, metrics: counting}
	people := &directory.Directory{Store: truth, Passes: gate, Keys: ring, CheckRules: jit.CheckRules, Now: wallTime, CheckURL: out.CheckURL, CheckKeys: keys.CheckPeerKeys, Mails: c.Mail != nil}
	people.Sessions.Idle, people.Sessions.Absolute = sessionIdle, sessionAbsolute
	h := &house{
		node:  node,
		store: db, ring: ring, out: out, redis: fast, gate: gate, directory: people, closing: make(chan struct{}), metrics: counting,
		rotation: c.KeyRotation, faces: new(ui.Faces), rules: asked,
		login: &login.Login{Store: &counted{truth, &redis.Counts{SQL: db, Redis: fast}}, Gate: gate, Hasher: password.NewHasher(c.PasswordHash), Spellings: directory.Spellings, Box: box, Demand: asked.demand, Policy: asked.policy, Mails: c.Mail != nil, Log: log, Now: wallTime},
	}
	h.login.Passkeys, people.Passkeys = passkeys, passkeys != nil
	if h.login.MailCodeKey, err = box.Salt(ctx, db, "mail codes"); err != nil {
		return nil, err
	}
	if h.login.NobodyKey, err = box.Salt(ctx, db, "names of nobody"); err != nil {
		return nil, err
	}
	h.login.MailCodes = func() bool { return c.Mail != nil && asked.policy().EmailCode }
	people.TakeOver = h.login.TakeOver
	if c.Breached != "" {
		if h.login.Breached, err = password.OpenBreached(c.Breached); err != nil {
			return nil, fmt.Errorf("GATEHOUSE_BREACHED_PASSWORDS: %w", err)
		}
	}
	if c.Mail != nil {
		h.mails = h.postman(c, log)
	}
	issuer := c.URL.String()
	h.worker = &outbox.Worker{
		Store: db, Name: node.name, Now: wallTime, Log: log,
		Levers: []outbox.Lever{
			&oidc.Backchannel{Issuer: issuer, Signer: ring, Fetch: out, Now: wallTime},
			&saml.SOAPLogout{EntityID: entityID(issuer), Ring: ring, Fetch: out, Now: wallTime},
		},
		Probe: &outbox.Probe{Issuer: issuer, Signer: ring, Fetch: out, Now: wallTime},
		Tried: counting.tried,
		Alarm: func(_ context.Context, failed []idp.Delivery) {
			log.Error("deliveries failed for good; see the receipts", "count", len(failed))
		},
	}
	h.notary = &notary.Notary{Store: db, Keys: ring, Issuer: issuer, Now: wallTime, Log: log}
	h.login.Wake = h.worker.Wake
	people.Wake, people.Reaches, people.Looks, people.Ruled = h.worker.Wake, h.worker.Reaches, h.faces.Show, asked.follow
	if err := h.look(ctx); err != nil {
		return nil, err
	}
	if err := asked.read(ctx); err != nil {
		return nil, err
	}
	h.cuts, kept.behind = kept, fast.Behind
	if counting != nil {
		counting.registry.MustRegister(&gauges{house: h})
	}
	return h, h.face(c, box, salts{salt, transient, devices}, ring, log)
}

// attributes is jit.Attributes in the words of the SAML tongue.
func attributes(p saml.Person, app idp.App) ([]saml.Attribute, error) {
	told, err := jit.Attributes(jit.Person(p), app)
	if err != nil {
		return nil, err
	}
	out := make([]saml.Attribute, len(told))
	for i, a := range told {
		out[i] = saml.Attribute(a)
	}
	return out, nil
}

func entityID(issuer string) string { return issuer + "/saml/metadata" }

// salts are what names of people are made with, and devices are signed by.
type salts struct{ pairwise, transient, devices []byte }

// face builds the handler: tongues, rooms and API under one mux.
func (h *house) face(c Config, box *keys.Box, salt salts, ring *keys.Ring, log *slog.Logger) error {
	issuer := c.URL.String()
	cookies := web.Cookies{HTTPS: c.URL.Scheme == "https", DeviceKey: salt.devices}
	pages := &ui.Pages{Log: log}
	fronts := &outbox.Fronts{
		Store: h.store, Worker: h.worker, Now: wallTime, Log: log,
		Fronts: []outbox.Front{
			&oidc.Frontchannel{Issuer: issuer},
			&saml.FrontLogout{EntityID: entityID(issuer), Ring: ring, Box: box, Now: wallTime},
		},
	}
	where, err := openPlaces(c.GeoIP)
	if err != nil {
		return err
	}
	door := &signin.SignIn{Fronts: fronts, Gate: h.gate, Login: h.login, Directory: h.directory, Store: h.store, Cookies: cookies, Box: box, Log: log, Now: wallTime, Place: where.of}
	h.door = door
	browser := &web.Browser{Gate: h.gate, SignOuts: h.directory, Fronts: fronts, Cookies: cookies, Pages: pages, Out: door, Consent: door}
	records := &audited{Store: h.store, log: log, metrics: h.metrics}
	known := &remembered{records, &redis.Apps{SQL: h.store, Redis: h.redis}}
	certificates, err := c.mtls()
	if err != nil {
		return err
	}
	provider := &oidc.Provider{
		Issuer: issuer, Store: known, Gate: h.gate, SignIns: h.login, Endings: h.directory, Consents: h.directory,
		Tries: &redis.Counts{SQL: h.store, Redis: h.redis}, Ring: ring, Box: box, Salt: salt.pairwise, Browser: browser,
		Claims: func(p oidc.Person, app idp.App, scopes []string) map[string]any {
			return jit.Claims(jit.Person(p), app, scopes)
		},
		Evidence: func(ctx context.Context, app idp.AppID, session idp.SessionID, what string, byApp bool) error {
			return h.store.RecordEvidence(ctx, app, session, what, byApp, wallTime())
		},
		Fetch: h.out, MTLS: certificates, ProofNonces: c.ProofNonces, NoPasskeys: h.login.Passkeys == nil, Log: log, Now: wallTime,
	}
	if c.Registration {
		provider.Registration = &oidc.Registration{Directory: h.directory, Spend: h.gate.SpendInitialToken, Count: h.store.Count}
	}
	h.secretUses = func(ctx context.Context) error { return provider.WriteSecretUses(ctx, h.store.UseSecret) }
	idps := &saml.Provider{
		EntityID: entityID(issuer), BaseURL: issuer, Store: known, Gate: h.gate, SignIns: h.login, Ring: ring, Box: box, Salt: salt.transient, Browser: browser,
		Attributes: attributes, Answered: fronts.Answered, Endings: h.directory, About: c.About, Validity: c.MetadataValidity, Log: log, Now: wallTime,
	}
	documents := &saml.Documents{Fetch: h.out, Now: wallTime}
	h.refresher = &saml.Refresher{Documents: documents, Store: h.store, Directory: h.directory, Log: log}
	h.rehearsals = &rehearsals{oidc: provider, saml: &saml.Rehearsals{Provider: idps, SessionLife: sessionAbsolute}, record: records.Record}
	admin, err := (&api.API{
		Preview: h.rehearsals.preview, Test: h.rehearsals.test, ResetFactors: h.login.RemoveSecondFactors,
		Directory: h.directory, Outbox: h.worker, Store: records, Gate: h.gate, URL: c.URL, Bootstrap: c.AdminToken, Documents: documents, Refresher: h.refresher, Connect: connect(issuer, certificates), Explain: explanation, RemoveCredential: h.login.RemoveCredential, Log: log, Now: wallTime,
		Idle: sessionUnused,
	}).Handler()
	if err != nil {
		return err
	}
	routes := slices.Concat(
		door.Routes(),
		(&portal.Portal{Store: h.store, Directory: h.directory, Login: h.login, Issuer: c.URL.Hostname(), Devices: provider, Newcomers: h.login, Cookies: cookies, Launch: launch(issuer), Place: where.of}).Routes(),
		(&console.Console{
			Preview: h.rehearsals.preview, Test: h.rehearsals.test, ResetFactors: h.login.RemoveSecondFactors,
			Store: h.store, Directory: h.directory, Outbox: h.worker, Documents: documents, Refresher: h.refresher, URL: issuer, Registration: provider.RegistrationEndpoint(), Connect: connect(issuer, certificates), Explain: explanation, SessionLife: sessionAbsolute, Closing: h.closing, Idle: sessionUnused, RemoveCredential: h.login.RemoveCredential, Stuffing: h.login.FarOverUsual,
		}).Routes(),
	)
	related, err := relatedOrigins(h.login.Passkeys)
	if err != nil {
		return err
	}
	h.handler, err = (&web.Server{
		Gate: h.gate, Users: h.store, Cookies: cookies, Pages: pages, Faces: h.faces, Routes: routes, API: admin, Ready: (&readiness{ping: h.store.Ping, closed: h.cuts.closed, stopped: h.closing}).check, Closed: h.cuts.closed, Record: h.login.Store.Record, Suffices: h.login.Suffices, ByMailAlone: h.login.ByMailAlone,
		Tongues:        append(tongues(provider.Handler(), idps.Handler(), http.HandlerFunc(h.notary.PublishKeys)), related...),
		TrustedProxies: c.TrustedProxies, Answered: h.metrics.answer, Log: log, Now: wallTime,
	}).Handler()
	return err
}
