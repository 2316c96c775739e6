package sessions_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/sessions"
	"gatehouse/store"
)

// TestNoWayInBeforeARestoreIsConfirmed: each way in works before the restore,
// is refused while nobody has confirmed it, stays refused for what was made
// before, and works anew after that.
func TestNoWayInBeforeARestoreIsConfirmed(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		for _, p := range paths {
			t.Run(string(p.pass), func(t *testing.T) {
				w := newWorld(t, s)
				if err := p.prepare(w)(); err != nil {
					t.Fatalf("before the restore: %v", err)
				}
				attempt := p.prepare(w)
				_, err := s.RestoredInPlace(w.ctx)
				w.must(err)
				if err := attempt(); !idp.IsKind(err, idp.Unauthenticated) {
					t.Errorf("unconfirmed: got %v, want a refusal", err)
				}
				w.must(s.ConfirmRestore(w.ctx))
				if err := attempt(); !idp.IsKind(err, idp.Unauthenticated) {
					t.Errorf("made before the restore, used after it was confirmed: got %v, want a refusal", err)
				}
				if err := p.prepare(w)(); err != nil {
					t.Errorf("made after it was confirmed: %v", err)
				}
			})
		}
	})
}

// TestNothingIsIssuedBeforeARestoreIsConfirmed: who proves themselves while the
// house has no generation gets nothing by it, then or later.
func TestNothingIsIssuedBeforeARestoreIsConfirmed(t *testing.T) {
	backends(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		_, err := s.RestoredInPlace(w.ctx)
		w.must(err)
		proof, in := w.proof(), w.begun()
		session := idp.Session{ID: idp.NewSessionID(), Proof: proof, CreatedAt: w.now, LastSeenAt: w.now, ExpiresAt: w.now.Add(w.gate.Idle)}
		for name, issue := range map[sessions.Pass]func() error{
			sessions.SignInProven:       func() error { _, err := w.gate.Prove(w.ctx, in, proof, idp.Witness{}, "pwd"); return err },
			sessions.SessionStarted:     func() error { return s.StartSession(w.ctx, session, "hash", "") },
			sessions.LinkIssued:         func() error { _, _, err := w.gate.NewLink(w.ctx, proof, idp.LinkPassword); return err },
			sessions.APITokenIssued:     func() error { _, _, err := w.gate.NewAPIToken(w.ctx, proof, "t", 0); return err },
			sessions.InitialTokenIssued: func() error { _, _, err := w.gate.NewInitialToken(w.ctx, proof, "t", 1, time.Hour); return err },
			"first owner":               func() error { _, _, err := w.gate.NewLink(w.ctx, idp.Proof{}, idp.LinkFirstOwner); return err },
		} {
			if err := issue(); !idp.IsKind(err, idp.Unauthenticated) {
				t.Errorf("%s: got %v, want a refusal", name, err)
			}
		}
	})
}
