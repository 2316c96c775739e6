package notary

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/keys"
	"gatehouse/store"
	"gatehouse/store/storetest"
)

// house is a real store with one app, and a notary whose time the test sets.
type house struct {
	*testing.T
	*store.Store
	notary *Notary
	ring   *keys.Ring
	app    idp.App
	now    time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, Store: storetest.SQLite(t), now: idp.Time(time.Now())}
	h.Store.Now = func() time.Time { return h.now }
	box, err := keys.NewBox(make([]byte, 32))
	h.must(err)
	h.ring = &keys.Ring{Store: h.Store, Box: box, Now: h.Store.Now, Subject: "id.example"}
	h.must(h.ring.Load(t.Context()))
	h.notary = &Notary{Store: h.Store, Keys: h.ring, Issuer: "https://id.example", Now: h.Store.Now, Log: slog.New(slog.DiscardHandler)}
	h.app = idp.App{ID: idp.NewAppID(), Name: "Wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", OIDC: &idp.OIDCSettings{}, CreatedAt: h.now}
	_, err = h.Commit(t.Context(), idp.Change{Apps: []idp.App{h.app}})
	h.must(err)
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// passes lets time go on and the notary come round.
func (h *house) passes(d time.Duration) {
	h.now = h.now.Add(d)
	h.notary.round(h.Context(), false)
}

func (h *house) public() keys.ReceiptKeys {
	h.Helper()
	public, err := keys.ParseReceiptKeys(h.ring.ReceiptJWKS())
	h.must(err)
	return public
}

// suspends ends all that a new person holds, with so many lines on the receipt.
func (h *house) suspends(name string, lines int) idp.ReceiptID {
	h.Helper()
	ctx := h.Context()
	u := idp.User{ID: idp.NewUserID(), Username: name, Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1, CreatedAt: h.now}
	_, err := h.Commit(ctx, idp.Change{Users: []idp.User{u}})
	h.must(err)
	id := idp.NewReceiptID()
	_, err = h.Commit(ctx, idp.Change{
		Ending: &idp.Ending{Kind: idp.EndUser, UserID: u.ID, Key: "suspend/" + name, Reason: "left", At: h.now, ReceiptID: id,
			Actor: idp.Actor{Kind: "user", UserID: u.ID}},
		Events: []idp.Event{{ID: idp.NewEventID(), At: h.now, Kind: "user.suspend", UserID: u.ID}},
	})
	h.must(err)
	_, _, err = h.ClaimReceipt(ctx, "w", h.now, time.Minute)
	h.must(err)
	list := make([]idp.Delivery, lines)
	for i := range list {
		list[i] = idp.Delivery{ID: idp.NewDeliveryID(), UserID: u.ID, AppID: h.app.ID, Lever: idp.LeverBackchannel, State: idp.DeliveryPending,
			CreatedAt: h.now, NextAt: h.now, Ceiling: h.now.Add(time.Hour)}
	}
	h.must(h.ListPage(ctx, id, "w", list, "", true, h.now))
	return id
}

// answers has up to n lines answered by their app.
func (h *house) answers(n int) {
	h.Helper()
	due, err := h.ClaimDeliveries(h.Context(), "w", h.now, time.Minute, n, n)
	h.must(err)
	for _, d := range due {
		d.Attempts, d.State, d.FinishedAt, d.AckedAt, d.LatencyMS = 1, idp.DeliveryAcknowledged, h.now, h.now, 42
		d.Answer = "It answered 200 with \"<&>\u2028ü\"."
		h.must(h.SaveDelivery(h.Context(), d, "w"))
	}
}

// versions downloads every version of the receipt.
func (h *house) versions(id idp.ReceiptID) (all []string) {
	h.Helper()
	head, err := h.Receipt(h.Context(), id)
	h.must(err)
	for n := int64(1); n <= head.Version; n++ {
		v, err := h.SignedReceipt(h.Context(), id, n)
		h.must(err)
		if v.Hash != hash(v.JWS) {
			h.Errorf("version %d is kept with the hash of another", n)
		}
		all = append(all, v.JWS)
	}
	return all
}

func TestAReceiptIsSignedAsItsLinesTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.suspends("ada", 3)
	h.passes(time.Second)
	h.passes(time.Hour) // nothing turned
	for range 3 {       // a storm within a second
		h.answers(1)
		h.passes(100 * time.Millisecond)
	}
	h.passes(time.Second)
	h.passes(time.Hour)
	signed := h.versions(id)
	proven, err := VerifyReceipts(h.public(), signed)
	h.must(err)
	var got []string
	for _, p := range proven {
		states := ""
		for _, l := range p.Lines {
			states += " " + l.State
		}
		got = append(got, states)
	}
	want := []string{" sent sent sent", " acknowledged sent sent", " acknowledged acknowledged acknowledged"}
	last := proven[len(proven)-1]
	got[1] = strings.Replace(got[1], " sent acknowledged sent", want[1], 1)
	got[1] = strings.Replace(got[1], " sent sent acknowledged", want[1], 1)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("versions (-want +got):\n%s", d)
	}
	if !last.Final || proven[0].Final || last.Issuer != "https://id.example" || last.User.Username != "ada" || last.Actor.Username != "ada" ||
		last.Reason != "left" || last.Lines[0].AppName != "Wiki" || last.Lines[0].LatencyMS != 42 || !strings.Contains(last.Lines[0].Answer, "<&>\u2028ü") {
		t.Errorf("the last version says %+v", last)
	}
	// Its ending stands in the audit log before the place that it names, and it
	// stands there itself.
	var rows []idp.AuditRow
	links, err := h.Links(t.Context(), 0, 500)
	h.must(err)
	for _, l := range links {
		rows = append(rows, *l.Row)
	}
	ended := false
	for _, r := range rows[:proven[0].Audit.Position] {
		ended = ended || r.Kind == "user.suspend"
	}
	if !ended || links[proven[0].Audit.Position-1].Hash != proven[0].Audit.Hash {
		t.Errorf("the receipt names place %+v of %+v", proven[0].Audit, rows)
	}
	for _, p := range proven {
		found := false
		for _, r := range rows {
			found = found || r.Kind == "receipt.sign" && strings.Contains(r.Detail, p.Hash)
		}
		if !found {
			t.Errorf("version %d is not in the audit log", p.Version)
		}
	}
}

// TestOneChangedByteOfAReceiptIsRefused changes every bit of a file with two
// versions, and cuts it at every length.
func TestOneChangedByteOfAReceiptIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.suspends("ada", 1)
	h.passes(time.Second)
	h.answers(1)
	h.passes(2 * time.Second)
	signed := h.versions(id)
	file := []byte(strings.Join(signed, "\n") + "\n")
	public := h.public()
	verify := func(file []byte) error {
		lines, err := Lines(file)
		if err == nil {
			_, err = VerifyReceipts(public, lines)
		}
		return err
	}
	if err := verify(file); err != nil || len(signed) != 2 {
		t.Fatalf("%d versions: %v", len(signed), err)
	}
	for i := range file {
		// What is cut between two versions is a whole file of fewer.
		if whole := i == len(signed[0])+1; !whole && !idp.IsKind(verify(file[:i]), idp.Invalid) {
			t.Fatalf("taken when cut at byte %d of %d", i, len(file))
		}
		for bit := range 8 {
			file[i] ^= 1 << bit
			if err := verify(file); !idp.IsKind(err, idp.Invalid) {
				t.Fatalf("taken with bit %d of byte %d of %d changed: %v", bit, i, len(file), err)
			}
			file[i] ^= 1 << bit
		}
	}
	t.Logf("%d bytes", len(file))
}

func TestVersionsHoldTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.suspends("ada", 2)
	h.passes(time.Second)
	h.answers(1)
	h.passes(2 * time.Second)
	h.answers(1)
	h.passes(2 * time.Second)
	v := h.versions(id)
	if len(v) != 3 {
		t.Fatalf("%d versions", len(v))
	}
	// The house itself, or who has its key, says something else.
	again := func(i int, change func(*Receipt)) string {
		p, err := VerifyReceipts(h.public(), v[i:i+1])
		h.must(err)
		change(&p[0].Receipt)
		jws, err := h.ring.SignReceipt(ReceiptType, p[0].Receipt)
		h.must(err)
		return jws
	}
	other := again(1, func(r *Receipt) { r.Reason = "another" })
	place, err := h.ring.SignReceipt(CheckpointType, checkpoint{"https://id.example", format, Place{1, "x"}, h.now})
	h.must(err)
	for _, c := range []struct {
		name   string
		signed []string
		says   string // "" where it is taken
	}{
		{"all", v, ""},
		{"in any order", []string{v[2], v[0], v[1]}, ""},
		{"one twice", []string{v[0], v[0]}, ""},
		{"one is missing", []string{v[0], v[2]}, ""},
		{"the newest alone", v[2:], ""},
		{"two of one number", []string{v[1], other}, "two different versions 2"},
		{"another in its place", []string{v[0], other, v[2]}, "does not follow from version 2"},
		{"a first that follows something", []string{again(0, func(r *Receipt) { r.Previous = "x" })}, "does not fit"},
		{"a second that follows nothing", []string{again(1, func(r *Receipt) { r.Previous = "" })}, "does not fit"},
		{"of a later Gatehouse", []string{again(0, func(r *Receipt) { r.Format = 2 })}, "has format 2"},
		{"a checkpoint", []string{place}, "gatehouse-checkpoint+jws"},
	} {
		_, err := VerifyReceipts(h.public(), c.signed)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	stranger := newHouse(t)
	if _, err := VerifyReceipts(stranger.public(), v); !idp.IsKind(err, idp.Invalid) || !strings.Contains(err.Error(), "not among those") {
		t.Errorf("with another house's key: %v", err)
	}
}

func TestOftenChangedReceiptsAreSignedLessOften(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version int64
		lines   int
		want    time.Duration
	}{{1, 5, time.Second}, {10, 999, time.Second}, {11, 5, 2 * time.Second}, {14, 2500, 18 * time.Second}, {1000, 0, 15 * time.Minute}} {
		if got := pause(c.version, c.lines); got != c.want {
			t.Errorf("after version %d with %d lines: %s, want %s", c.version, c.lines, got, c.want)
		}
	}
}

// TestWhatIsLeftIsSignedWhenTheNodeStops runs a notary for no time at all.
func TestWhatIsLeftIsSignedWhenTheNodeStops(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.notary.Poll = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { h.notary.Run(ctx); close(over) }()
	id := h.suspends("ada", 0)
	stop()
	<-over
	end, err := h.ChainEnd(t.Context())
	h.must(err)
	c, err := h.LastCheckpoint(t.Context())
	h.must(err)
	if c.Place != end || end.Position == 0 || len(h.versions(id)) != 1 {
		t.Errorf("signed at %+v of %+v, and %d versions", c.Place, end, len(h.versions(id)))
	}
	m, err := VerifyMark(h.public(), c.JWS)
	h.must(err)
	if m.Place != end || m.Issuer != "https://id.example" {
		t.Errorf("the checkpoint says %+v", m)
	}
	var text map[string]any
	claims, _, err := h.public().Verify(c.JWS, CheckpointType)
	h.must(err)
	h.must(json.Unmarshal(claims, &text))
	if len(text) != 5 {
		t.Errorf("a checkpoint says %v", text)
	}
}
