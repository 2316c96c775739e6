package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

// What a key is for, and the algorithms (RFC 7518 §3.1).
const (
	UseOIDC = "oidc" // ID tokens, logout tokens and what else is a JWS of the provider
	UseSAML = "saml" // XML signatures
	// UseReceipt signs receipts and where the audit log stands. Such keys are
	// published apart, and for ever: an app that trusts the house's tokens must
	// not take a receipt for one, and an old receipt must still be verified.
	UseReceipt = "receipt"

	RS256 = "RS256"
	ES256 = "ES256"
)

// wanted is what a house signs with: one of each is made when missing.
func wanted() []kind {
	return []kind{{UseOIDC, RS256}, {UseOIDC, ES256}, {UseSAML, RS256}, {UseSAML, ES256}, {UseReceipt, ES256}}
}

type kind struct{ use, alg string }

// Store remembers signing keys.
type Store interface {
	SigningKeys(ctx context.Context) ([]idp.SigningKey, error)
	// CreateSigningKey answers idp.Conflict when one of that use and
	// algorithm is there and not retired.
	CreateSigningKey(ctx context.Context, k idp.SigningKey) error
}

// Key is a signing key, ready to sign.
type Key struct {
	ID          string // the kid
	Algorithm   string // RS256 or ES256
	Signer      crypto.Signer
	Certificate *x509.Certificate // self-signed; SAML only
	row         idp.SigningKey
}

// Ring holds the signing keys of the house. Load it before use; its methods
// are safe for concurrent use.
//
// Which key signs is a matter of time alone (idp.SigningKey), so the moment at
// which the next one does needs nobody: every node knew it long before. A key
// that another has followed still verifies, and is published, until it retires;
// one that was revoked does not.
type Ring struct {
	Store Store
	Box   *Box
	Now   func() time.Time
	// Subject is the common name in the SAML certificate: the house's host
	// name.
	Subject string
	// Lease is how long what Load found may be used before it is read again:
	// a key that was revoked elsewhere signs nothing after that. Zero: for
	// ever, where nobody else changes keys.
	Lease time.Duration

	loading sync.Mutex
	loaded  atomic.Pointer[keySet]
}

// keySet is what one Load found; it never changes.
type keySet struct {
	rows     []idp.SigningKey // that are published or sign
	box      *Box             // that opened them
	at       time.Time        // when it was being read, on the monotonic clock
	signs    map[kind][]*Key
	verifies map[string]*Key // kid to oidc key
	jwks     []byte
	receipts []byte // the public receipt keys
}

// Load reads the signing keys and makes those that are missing. Nodes that
// start at once end with the same keys. It may be called again to see keys
// that another node made or retired.
func (r *Ring) Load(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	return r.load(ctx)
}

func (r *Ring) load(ctx context.Context) error {
	at := time.Now() // not r.Now: leases run on the clock that nobody sets
	rows, err := r.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	if missing := missingKinds(rows); len(missing) > 0 {
		if err := r.create(ctx, missing); err != nil {
			return err
		}
		at = time.Now()
		// Also when all were ours: what counts is what the store has.
		if rows, err = r.Store.SigningKeys(ctx); err != nil {
			return fmt.Errorf("read signing keys: %w", err)
		}
	}
	rows = slices.DeleteFunc(rows, func(k idp.SigningKey) bool {
		return k.Use != UseReceipt && k.Over(r.Now())
	})
	if old := r.loaded.Load(); old != nil && old.box == r.Box && slices.Equal(old.rows, rows) {
		set := *old
		set.at = at
		r.loaded.Store(&set)
		return nil
	}
	set, err := r.open(rows)
	if err != nil {
		return err
	}
	set.rows, set.box, set.at = rows, r.Box, at
	r.loaded.Store(set)
	return nil
}

func missingKinds(rows []idp.SigningKey) []kind {
	have := make(map[kind]bool)
	for _, row := range rows {
		if row.RetiredAt.IsZero() {
			have[kind{row.Use, row.Algorithm}] = true
		}
	}
	var missing []kind
	for _, k := range wanted() {
		if !have[k] {
			missing = append(missing, k)
		}
	}
	return missing
}

// create makes keys side by side (an RSA key takes a good part of a second)
// and stores each, unless another node was faster.
func (r *Ring) create(ctx context.Context, missing []kind) error {
	rows, errs := make([]idp.SigningKey, len(missing)), make([]error, len(missing))
	var making sync.WaitGroup
	for i, k := range missing {
		making.Go(func() { rows[i], errs[i] = r.generate(k) })
	}
	making.Wait()
	for i, row := range rows {
		if errs[i] != nil {
			return fmt.Errorf("make the %s %s key: %w", missing[i].use, missing[i].alg, errs[i])
		}
		err := r.Store.CreateSigningKey(ctx, row)
		if err != nil && !idp.IsKind(err, idp.Conflict) {
			return fmt.Errorf("store the %s %s key: %w", row.Use, row.Algorithm, err)
		}
	}
	return nil
}

func (r *Ring) open(rows []idp.SigningKey) (*keySet, error) {
	set := &keySet{signs: make(map[kind][]*Key), verifies: make(map[string]*Key)}
	var published, receipts []*Key
	for _, row := range rows {
		k, err := r.parse(row)
		if err != nil {
			return nil, fmt.Errorf("open signing key %s: %w", row.ID, err)
		}
		of := kind{row.Use, row.Algorithm}
		set.signs[of] = append(set.signs[of], k)
		switch row.Use {
		case UseOIDC:
			set.verifies[k.ID] = k
			published = append(published, k)
		case UseReceipt:
			receipts = append(receipts, k)
		}
	}
	for _, k := range wanted() {
		if set.signer(k, r.Now()) == nil {
			return nil, idp.Errorf(idp.Internal, "no %s key for %s", k.alg, k.use)
		}
	}
	var err error
	if set.jwks, err = jwks(published); err != nil {
		return nil, err
	}
	set.receipts, err = jwks(receipts)
	return set, err
}

// signer returns the key of this kind that signs now; nil when there is none.
func (s *keySet) signer(of kind, now time.Time) *Key {
	var signer *Key
	for _, k := range s.signs[of] {
		if !k.row.Over(now) && (signer == nil || k.row.SignsBefore(&signer.row, now)) {
			signer = k
		}
	}
	return signer
}

// Key returns the key that signs for this use ("oidc", "saml", "receipt") with this
// algorithm; idp.NotFound when there is none, or the ring is not loaded,
// idp.Unavailable when the lease has run out and cannot be renewed.
func (r *Ring) Key(use, alg string) (Key, error) {
	set, err := r.current()
	if err != nil {
		return Key{}, err
	}
	if set != nil {
		if k := set.signer(kind{use, alg}, r.Now()); k != nil {
			return *k, nil
		}
	}
	return Key{}, idp.Errorf(idp.NotFound, "no %s key for %s", alg, use)
}

// KeyOf is Key with a wish: the key with this ID, as long as it is one of this
// use and algorithm that is published. An app that is bound to a key that is
// gone gets what the others get: it is never left without a signature.
func (r *Ring) KeyOf(use, alg string, id idp.KeyID) (Key, error) {
	set, err := r.current()
	if err != nil {
		return Key{}, err
	}
	if set != nil && id != "" {
		now := r.Now()
		for _, k := range set.signs[kind{use, alg}] {
			if k.row.ID == id && !k.row.Over(now) {
				return *k, nil
			}
		}
	}
	return r.Key(use, alg)
}

// Published returns the keys for this use that are published: of each algorithm
// first the one that signs, then those that will, then those that did. The
// errors are those of Key.
func (r *Ring) Published(use string) ([]Key, error) {
	set, err := r.current()
	if err != nil {
		return nil, err
	}
	var published []Key
	for _, of := range wanted() {
		if of.use != use || set == nil {
			continue
		}
		now := r.Now()
		signer := set.signer(of, now)
		rank := func(k *Key) int {
			switch {
			case k == signer:
				return 0
			case k.row.SignsAt.After(now):
				return 1
			}
			return 2
		}
		all := slices.DeleteFunc(slices.Clone(set.signs[of]), func(k *Key) bool { return k.row.Over(now) })
		slices.SortStableFunc(all, func(a, b *Key) int { return rank(a) - rank(b) })
		for _, k := range all {
			published = append(published, *k)
		}
	}
	if len(published) == 0 {
		return nil, idp.Errorf(idp.NotFound, "no key for %s", use)
	}
	return published, nil
}

// JWKS returns the public oidc keys as a JWK set (RFC 7517 §5), as of the
// last Load. The caller must not change it. Nil before Load.
func (r *Ring) JWKS() []byte {
	if set := r.loaded.Load(); set != nil {
		return set.jwks
	}
	return nil
}

// ReceiptJWKS returns all public receipt keys that ever were, as JWKS does the
// oidc keys. One that was revoked says since when.
func (r *Ring) ReceiptJWKS() []byte {
	if set := r.loaded.Load(); set != nil {
		return set.receipts
	}
	return nil
}
