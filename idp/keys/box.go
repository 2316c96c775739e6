package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"gatehouse/idp"
)

const (
	minRoot = 32
	// maxSealed bounds what Open looks at. The largest thing sealed is a
	// request of a sign-in, 256 KiB.
	maxSealed = 512 << 10

	version    = 1
	headerSize = 1 + keyIDSize // version and key ID
	keyIDSize  = 4
)

// base64url is strict: bits that carry nothing must be zero, so that two
// different texts never mean the same bytes.
var base64url = base64.RawURLEncoding.Strict()

// Box seals bytes under the root key, for one purpose each. A purpose is a
// short constant, or one of a bounded number of names: its keys are kept for
// the life of the Box. Safe for concurrent use.
//
// Sealed text is base64url without padding of: version, ID of the root key,
// nonce of 192 bits, ciphertext and tag of XAES-256-GCM (C2SP): AES-256-GCM
// with a key for every nonce, so that random nonces do not run out however
// many tokens the house issues. Version, key ID and purpose are the
// associated data.
type Box struct {
	newest *root
	all    map[[keyIDSize]byte]*root
}

// root is one root key and what was derived of it.
type root struct {
	id     [keyIDSize]byte
	secret []byte
	seals  sync.Map // purpose to *xaes
}

// NewBox returns a Box that seals under newest and opens under all: older
// root keys only open. Each has at least 32 bytes of full entropy, else
// idp.Invalid.
func NewBox(newest []byte, older ...[]byte) (*Box, error) {
	b := &Box{all: make(map[[keyIDSize]byte]*root, 1+len(older))}
	for i, secret := range append([][]byte{newest}, older...) {
		r, err := newRoot(secret)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			b.newest = r
		}
		if have, ok := b.all[r.id]; ok {
			if string(have.secret) != string(r.secret) {
				return nil, idp.Errorf(idp.Invalid, "two root keys have the same ID: replace one of them")
			}
			continue
		}
		b.all[r.id] = r
	}
	return b, nil
}

func newRoot(secret []byte) (*root, error) {
	if len(secret) < minRoot {
		return nil, idp.Errorf(idp.Invalid, "a root key needs at least %d bytes, this one has %d", minRoot, len(secret))
	}
	r := &root{secret: append([]byte(nil), secret...)}
	id, err := r.derive("id", keyIDSize)
	if err != nil {
		return nil, err
	}
	copy(r.id[:], id)
	return r, nil
}

// derive is HKDF-SHA256 (RFC 5869) of the root key.
func (r *root) derive(info string, size int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, r.secret, []byte("gatehouse root key"), info, size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return key, nil
}

func (r *root) seal(purpose string) *xaes {
	if x, ok := r.seals.Load(purpose); ok {
		return x.(*xaes)
	}
	key, err := r.derive("seal\x00"+purpose, xaesKeySize)
	if err != nil {
		// Only an absurd length or FIPS mode refusing SHA-256 gets here.
		panic(err)
	}
	x, _ := r.seals.LoadOrStore(purpose, newXAES(key))
	return x.(*xaes)
}

// Seal returns plain, readable and changeable by nobody without the root key.
// Sealing the same twice gives different texts.
func (b *Box) Seal(purpose string, plain []byte) string {
	buf := make([]byte, headerSize+xaesNonceSize, headerSize+xaesNonceSize+len(plain)+xaesTagSize)
	buf[0] = version
	copy(buf[1:], b.newest.id[:])
	nonce := buf[headerSize:]
	rand.Read(nonce)
	return base64url.EncodeToString(b.newest.seal(purpose).seal(buf, nonce, plain, aad(buf, purpose)))
}

// Open returns what was sealed for this purpose. Anything else, be it changed
// in one bit, longer, shorter, spelled differently or sealed for another
// purpose, is idp.Invalid.
func (b *Box) Open(purpose, sealed string) ([]byte, error) {
	raw, err := decodeExact(sealed, maxSealed)
	if err != nil {
		return nil, notOurs(err)
	}
	if len(raw) < headerSize+xaesNonceSize+xaesTagSize || raw[0] != version {
		return nil, notOurs(errors.New("not a sealed text"))
	}
	r, ok := b.all[[keyIDSize]byte(raw[1:headerSize])]
	if !ok {
		return nil, notOurs(errors.New("unknown root key"))
	}
	nonce, box := raw[headerSize:headerSize+xaesNonceSize], raw[headerSize+xaesNonceSize:]
	plain, err := r.seal(purpose).open(nonce, box, aad(raw, purpose))
	if err != nil {
		return nil, notOurs(err)
	}
	return plain, nil
}

func aad(raw []byte, purpose string) []byte {
	return append(append(make([]byte, 0, headerSize+len(purpose)), raw[:headerSize]...), purpose...)
}

func notOurs(cause error) error {
	return idp.Errorf(idp.Invalid, "This value was not made here, or was changed on the way.").Because(cause)
}

// decodeExact decodes base64url that has exactly one spelling: encoding/base64
// skips line breaks even when strict.
func decodeExact(s string, limit int) ([]byte, error) {
	if len(s) > limit {
		return nil, errors.New("too long")
	}
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line break in base64url")
	}
	return base64url.DecodeString(s)
}
