package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"strings"
	"sync/atomic"

	"gatehouse/idp"
)

// waitingPerSlot bounds the queue: what waits longest waits about 3 seconds, where a
// hash costs the default; for one that costs more, fewer wait.
const waitingPerSlot = 100

// doors is how many browsers are looked up at once that may be known, while strangers
// are refused.
const doors = 4

const (
	saltSize = 16
	keySize  = 32
)

// Hasher computes password hashes, a bounded number at once: a hash keeps a
// core and 19 MiB busy for tens of milliseconds, and one core stays free for
// everybody who is signed in already. What memory was taken for a hash is kept for
// the next. Safe for concurrent use.
type Hasher struct {
	// Computes is told, in its turn, of the stored hash that one is computed to be
	// compared with, "" for a new one and for that of nobody. May be nil.
	Computes func(stored string)

	cost   Cost
	slots  chan struct{} // held while a hash is computed
	places chan struct{} // held from entering the queue on
	doors  chan struct{} // held while a browser is looked up for which there may be a place
	memory *memories
	hashes atomic.Int64 // computed so far
	// population are the shapes of the hashes that the house holds; nil: today's alone.
	population atomic.Pointer[[]shape]
}

// NewHasher returns a Hasher whose hashes cost c, which computes as many at once as
// leave one core of GOMAXPROCS free, at least one, and lets a bounded number wait.
func NewHasher(c Cost) *Hasher {
	waiting := max(waitingPerSlot/10, int(waitingPerSlot*DefaultCost().work()/c.work()))
	return New(c, max(1, (runtime.GOMAXPROCS(0)-1)/int(c.Lanes)), min(waiting, waitingPerSlot))
}

// New returns a Hasher that computes so many hashes at once, slots, and lets so many
// wait for each of these.
func New(c Cost, slots, waitingPerSlot int) *Hasher {
	h := &Hasher{
		cost: c, slots: make(chan struct{}, slots), places: make(chan struct{}, slots*(1+waitingPerSlot)), doors: make(chan struct{}, doors),
		memory: &memories{blocks: c.Memory},
	}
	runtime.AddCleanup(h, (*memories).release, h.memory)
	return h
}

// Warm computes a hash of nothing, in the memory that the next is computed in: the
// first person who signs in after a start does not wait for that. It is not counted,
// and answers as Hash does.
func (h *Hasher) Warm(ctx context.Context) error {
	nothing := encoded{Cost: h.cost, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	return h.inTurn(ctx, func(m memory) { m.key(nothing, "") })
}

// Hash returns the PHC string of a password under a fresh salt. It answers
// idp.Unavailable when too many wait already, or ctx ends before its turn.
func (h *Hasher) Hash(ctx context.Context, password string) (phc string, err error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	c := encoded{Cost: h.cost, salt: salt, key: make([]byte, keySize)}
	if c.key, err = h.compute(ctx, "", c, password); err != nil {
		return "", err
	}
	return c.String(), nil
}

// Verify reports whether password is the one phc was made of, and whether phc
// was made in another way than today's. An empty phc is nobody's
// password: it costs the same hash and is never right. It answers
// idp.Unavailable like Hash, and another error for a phc it cannot read.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (right, outdated bool, err error) {
	want := encoded{Cost: h.cost, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	if phc != "" && !strings.HasPrefix(phc, "$argon2id$") {
		return h.verifyForeign(ctx, phc, password)
	}
	if phc != "" {
		if want, err = parsePHC(phc); err != nil {
			return false, false, err
		}
	}
	got, err := h.compute(ctx, phc, want, password)
	if err != nil {
		return false, false, err
	}
	right = subtle.ConstantTimeCompare(got, want.key) == 1 && phc != "" && len(password) <= MaxLength
	return right, right && want.Cost != h.cost, nil
}

// verifyForeign does the same for a hash that another program made.
func (h *Hasher) verifyForeign(ctx context.Context, stored, password string) (right, outdated bool, err error) {
	f, err := parseForeign(stored)
	if err != nil {
		return false, false, err
	}
	err = h.queue(ctx, stored, func(m memory) {
		right = f.matches(m, password[:min(len(password), MaxLength)]) && len(password) <= MaxLength
	})
	return right, right, err
}

// Load says how many hashes are computed at this moment, how many wait for
// their turn, and how many were computed since the start.
func (h *Hasher) Load() (computing, waiting int, computed int64) {
	computing = len(h.slots)
	return computing, max(0, len(h.places)-computing), h.hashes.Load()
}

// place is one in the queue, which is left once.
type place struct {
	queue chan struct{}
	left  atomic.Bool
}

func (p *place) leave() {
	if p.left.CompareAndSwap(false, true) {
		<-p.queue
	}
}

type placeKey struct{}

// Enter takes a place in the queue, before anything else is asked for a sign-in: of a
// crowd that presses at once, only so many cost a look into the database. A browser
// that the house has given a device secret (device) goes in without one where strangers
// find none, a few at a time, to be looked up: the last quarter of the places is for
// who is known by it. A hash with the context that it returns is computed in that
// place, and leaves it; who asks for none calls leave. It reports whether they are in.
func (h *Hasher) Enter(ctx context.Context, device bool) (inside context.Context, leave func(), ok bool) {
	if p, is := ctx.Value(placeKey{}).(*place); is {
		return ctx, p.leave, true
	}
	p := h.take(false)
	if p == nil && device && len(h.places) < cap(h.places) {
		select {
		case h.doors <- struct{}{}:
			p = &place{queue: h.doors}
		case <-ctx.Done():
		}
	}
	if p == nil {
		return ctx, nil, false
	}
	return context.WithValue(ctx, placeKey{}, p), p.leave, true
}

// Seat is the place of who came in to be looked up, which they leave the door for where
// they are known; it reports whether there is one.
func (h *Hasher) Seat(ctx context.Context, known bool) (inside context.Context, leave func(), ok bool) {
	p, is := ctx.Value(placeKey{}).(*place)
	if is && p.queue == h.places {
		return ctx, p.leave, true
	}
	if is {
		p.leave()
	}
	if !known {
		return ctx, nil, false
	}
	if p = h.take(true); p == nil {
		return ctx, nil, false
	}
	return context.WithValue(ctx, placeKey{}, p), p.leave, true
}

func (h *Hasher) take(known bool) *place {
	if !known && len(h.places) >= cap(h.places)-cap(h.places)/4 { // a crowd of strangers fills three quarters
		return nil
	}
	select {
	case h.places <- struct{}{}:
		return &place{queue: h.places}
	default:
		return nil
	}
}

// compute waits for its turn and computes the key of a password.
func (h *Hasher) compute(ctx context.Context, stored string, c encoded, password string) (key []byte, err error) {
	err = h.queue(ctx, stored, func(m memory) { key = m.key(c, password[:min(len(password), MaxLength)]) })
	return key, err
}

// queue runs a hash in its turn, and counts it.
func (h *Hasher) queue(ctx context.Context, stored string, hash func(memory)) error {
	return h.inTurn(ctx, func(m memory) {
		h.hashes.Add(1)
		if h.Computes != nil {
			h.Computes(stored)
		}
		hash(m)
	})
}

// inTurn waits for a slot and lends its memory.
func (h *Hasher) inTurn(ctx context.Context, hash func(memory)) error {
	p, _ := ctx.Value(placeKey{}).(*place)
	if p == nil || p.queue != h.places || p.left.Load() {
		if p = h.take(false); p == nil {
			return Busy()
		}
	}
	defer p.leave()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return Busy().Because(ctx.Err())
	}
	m := h.memory.take()
	defer h.memory.give(m)
	hash(m.memory)
	return nil
}

// Busy is the refusal of who finds no place, idp.Unavailable.
func Busy() *idp.Error {
	return idp.Errorf(idp.Unavailable, "Very many people are signing in right now. Try again in a few seconds.")
}
