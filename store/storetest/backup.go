package storetest

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store"
)

// RunBackup holds what was restored in one database against what was backed up
// in another: from and into may be of different kinds.
func RunBackup(t *testing.T, from, into *store.Store) {
	h := newHouse(t, from)
	ada, alan, wiki := h.user("ada"), h.user("alan"), h.app("wiki")
	h.grant(ada, wiki)
	h.grant(alan, wiki)
	session := h.session(ada)
	family := h.family(session, wiki, true)
	h.session(alan)
	h.suspend(alan)
	h.commit(idp.Change{Passwords: []idp.Credential{{ID: idp.NewCredentialID(), UserID: ada.ID, Kind: idp.CredentialPassword,
		Data: "$argon2id$\"<&>\u2028ü", CreatedAt: h.now, UpdatedAt: h.now}}})
	_, err := h.Register(h.ctx, idp.Registration{}, idp.Registration{RunID: "run", ReplID: "repl", Generation: "copies"})
	h.ok(err)

	sealed, err := h.Seal(h.ctx, h.now, 100)
	h.ok(err)
	end, err := h.ChainEnd(h.ctx)
	h.ok(err)
	h.ok(h.SaveCheckpoint(h.ctx, idp.Checkpoint{Place: end, SignedAt: h.now, JWS: "a.b.c"}))
	receipt, _, err := h.ClaimReceipt(h.ctx, "w", h.now, time.Minute)
	h.ok(err)
	h.ok(h.ListPage(h.ctx, receipt.ID, "w", nil, "", true, h.now))
	_, signed := h.sign(receipt.ID, h.now)
	scheduled := h.schedule(ada, h.now.Add(time.Hour))
	batch := h.batch(ada)

	file, b := h.backup()
	h.suspend(ada) // is not in it
	restored, err := into.Restore(h.ctx, bytes.NewReader(file))
	h.ok(err)
	if restored.N != b.N || restored.Era != idp.Era(h.generation) || restored.Rows != b.Rows || b.Rows < 10 {
		t.Errorf("backed up %+v, restored %+v", b, restored)
	}
	r := &house{T: t, Store: into, ctx: h.ctx, now: h.now}
	again, _ := r.sameState(idp.HouseUnconfirmed).backup()
	same(t, tablesOf(t, file), tablesOf(t, again))

	u, err := into.User(h.ctx, ada.ID)
	h.ok(err)
	if u.Status != idp.UserActive || u.Epoch != ada.Epoch {
		t.Errorf("ada was restored as %+v", u)
	}
	// What was to come is still to come, and is anybody's.
	kept, err := into.Schedule(h.ctx, scheduled.ID)
	h.ok(err)
	h.same(scheduled, kept)
	taken, err := into.ClaimBatch(h.ctx, "a new node", h.now, time.Minute)
	h.ok(err)
	h.same(batch.ID, taken.ID)
	h.ok(into.ReleaseClaims(h.ctx, "a new node"))
	p, err := into.Position(h.ctx, "node", true)
	h.ok(err)
	if p.N != b.N+1 || p.Registration != (idp.Registration{N: b.N + 1}) {
		t.Errorf("the log stands at %+v after a restore at %d: a Redis is trusted, or the number has a gap", p, b.N)
	}
	r.dead(session, family)

	// Nobody gets anything before it is confirmed, whatever proof they carry.
	for _, generation := range []string{"", h.generation} {
		s := h.newSession(idp.Proof{UserID: ada.ID, Epoch: ada.Epoch, Generation: generation})
		h.is(into.StartSession(h.ctx, s, string(s.ID), ""), idp.Unauthenticated)
	}
	h.ok(into.ConfirmRestore(h.ctx))
	h.is(into.ConfirmRestore(h.ctx), idp.Conflict)
	r.sameState(idp.HouseOpen).dead(session, family)
	if r.generation, err = into.Generation(h.ctx); err != nil || r.generation == h.generation || len(r.generation) < 20 {
		t.Errorf("generation %q after %q, %v", r.generation, h.generation, err)
	}
	r.session(ada) // a new one works

	// What was signed is as it was, and the chain goes on from where it stood.
	signed.NextAfter = time.Time{}
	version, err := into.SignedReceipt(h.ctx, receipt.ID, 1)
	h.ok(err)
	h.same(signed, version)
	_, err = into.Seal(h.ctx, h.now, 100)
	h.ok(err)
	if links := r.links(); sealed == 0 || len(links) <= sealed || links[sealed-1].Hash != end.Hash {
		t.Errorf("%d lines were sealed, and after the restore %d", sealed, len(links))
	}

	// It is nobody's empty database any more.
	_, err = into.Restore(h.ctx, bytes.NewReader(file))
	h.is(err, idp.Conflict)
}

// RunDamagedBackup refuses every damaged copy of a backup and writes nothing.
func RunDamagedBackup(t *testing.T, from, into *store.Store) {
	h := newHouse(t, from)
	h.user("ada")
	whole, _ := h.backup()
	refused := func(what string, n int, file []byte) {
		t.Helper()
		if _, err := into.Restore(h.ctx, bytes.NewReader(file)); !idp.IsKind(err, idp.Invalid) {
			t.Fatalf("%s at byte %d of %d: %v", what, n, len(whole), err)
		}
	}
	for n := range whole {
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1 << (n % 8)
		refused("flipped", n, flipped)
		refused("cut short", n, whole[:n])
	}
	refused("longer", len(whole), append(bytes.Clone(whole), 0))
	r := &house{T: t, Store: into, ctx: h.ctx}
	r.sameState(idp.HouseOpen)
	_, err := into.Restore(h.ctx, bytes.NewReader(whole))
	h.ok(err)
}

func (h *house) backup() ([]byte, idp.Backup) {
	h.Helper()
	var file bytes.Buffer
	b, err := h.Backup(h.ctx, &file, "test")
	h.ok(err)
	return file.Bytes(), b
}

func (h *house) sameState(want idp.HouseState) *house {
	h.Helper()
	is, err := h.House(h.ctx)
	h.ok(err)
	if is.State != want {
		h.Fatalf("the house is %q, want %q", is.State, want)
	}
	return h
}

// dead fails the test where the session or the family is still accepted.
func (h *house) dead(s idp.Session, f idp.TokenFamily) {
	h.Helper()
	found, st, err := h.SessionByHash(h.ctx, string(s.ID))
	h.ok(err)
	truth, err := h.FamilyByID(h.ctx, f.ID, h.now)
	h.ok(err)
	if found.Stands(st, found.CreatedAt) || truth.Family.Stands(truth.Standing, truth.Family.CreatedAt) {
		h.Error("a pass of before the restore stands")
	}
	_, err = h.Rotate(h.ctx, f.ID, f.Proof, f.Seq, h.now, time.Minute)
	h.is(err, idp.Unauthenticated)
	live, err := h.Sessions(h.ctx, s.UserID, h.now)
	h.ok(err)
	if len(live) != 0 {
		h.Errorf("%d sessions alive", len(live))
	}
}

// tablesOf unpacks a backup as any gunzip does: rows by table.
func tablesOf(t *testing.T, file []byte) map[string][]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	tables, name := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, `{"table"`) {
			name = line
		} else if strings.HasPrefix(line, "[") {
			tables[name] = append(tables[name], line)
		}
	}
	return tables
}

// same compares rows, but for what a restore itself changes.
func same(t *testing.T, a, b map[string][]string) {
	t.Helper()
	for name, rows := range a {
		switch {
		case strings.HasPrefix(name, `{"table":"house"`), strings.HasPrefix(name, `{"table":"counter"`):
		case strings.HasPrefix(name, `{"table":"endings"`), strings.HasPrefix(name, `{"table":"events"`):
			for _, r := range rows {
				if !slices.Contains(b[name], r) {
					t.Errorf("%slost %s", name, r)
				}
			}
		default:
			slices.Sort(rows)
			other := slices.Sorted(slices.Values(b[name]))
			if !slices.Equal(rows, other) {
				t.Errorf("%shas\n%v, had\n%v", name, other, rows)
			}
		}
	}
}

// RunBrokenRestore has a restore end in the middle: the house is closed, and
// the same once more brings it to its end.
func RunBrokenRestore(t *testing.T, from, into *store.Store) {
	h := newHouse(t, from)
	ada := h.user("ada")
	for range 20 {
		h.session(ada)
	}
	file, _ := h.backup()
	broken := &unplugged{Reader: bytes.NewReader(file)}
	if _, err := into.Restore(h.ctx, broken); err == nil {
		t.Fatal("restored from a disk that went away")
	}
	r := &house{T: t, Store: into, ctx: h.ctx, now: h.now}
	r.sameState(idp.HouseRestoring)
	if _, err := into.Backup(h.ctx, io.Discard, "test"); !idp.IsKind(err, idp.Unavailable) {
		t.Errorf("half a house was backed up: %v", err)
	}
	h.is(into.ConfirmRestore(h.ctx), idp.Conflict)
	_, err := into.Restore(h.ctx, bytes.NewReader(file))
	h.ok(err)
	r.sameState(idp.HouseUnconfirmed)
	_, err = into.User(h.ctx, ada.ID)
	h.ok(err)
}

// unplugged reads a file whole once, checks included, and then half of it.
type unplugged struct {
	*bytes.Reader
	starts int
	read   int64
}

func (u *unplugged) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		u.starts++ // to check the seal, and to read: twice
	}
	return u.Reader.Seek(offset, whence)
}

func (u *unplugged) Read(p []byte) (int, error) {
	if u.starts == 4 {
		p = p[:min(len(p), 64)]
		if u.read += int64(len(p)); u.read > u.Size()/2 {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return u.Reader.Read(p)
}
