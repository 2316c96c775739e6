package login

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/login/password"
)

// link issues a link and accepts it, as its page does.
func (h *house) link(u idp.User, purpose idp.LinkPurpose) idp.Link {
	h.Helper()
	generation, err := h.store.Generation(h.Context())
	h.ok(err)
	raw, _, err := h.gate.NewLink(h.Context(), idp.Proof{UserID: u.ID, Epoch: u.Epoch, Generation: generation}, purpose)
	h.ok(err)
	l, err := h.gate.Link(h.Context(), raw)
	h.ok(err)
	return l
}

// signedIn returns the raw secret of a session of this user.
func (h *house) signedIn(username string) string {
	h.Helper()
	in, err := h.Password(h.Context(), h.begin(), username, secret)
	h.ok(err)
	raw, _, err := h.gate.Start(h.Context(), in, "", "")
	h.ok(err)
	return raw
}

func TestLinkSetsTheFirstPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mailRecovers() // else an invitation beside a password is refused before it is found to be used
	anna := h.user("anna", "")
	l := h.link(anna, idp.LinkPassword)
	h.is(h.set(t.Context(), l, "short", ""), idp.Invalid)
	h.is(h.set(t.Context(), l, "anna@example.org", ""), idp.Invalid)
	h.ok(h.set(h.from("192.0.2.1"), l, secret, ""))
	h.ok(h.try("", "anna", secret))
	h.is(h.set(t.Context(), l, "another password", ""), idp.Unauthenticated)
	h.ok(h.try("", "anna", secret))

	e := h.events("password.set")
	if len(e) != 1 || e[0].UserID != anna.ID || e[0].Actor.UserID != anna.ID || e[0].Actor.Address != "192.0.2.1" {
		t.Errorf("events %+v", e)
	}
	if _, err := h.store.LastReceipt(t.Context(), anna.ID, idp.EndPasses); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("a first password ended something: %v", err)
	}
}

func TestRT09NewPasswordEndsWhatTheOldOneOpened(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	session := h.signedIn("anna")
	unfinished, err := h.Password(t.Context(), h.begin(), "anna", secret)
	h.ok(err)
	other := h.link(anna, idp.LinkReset)

	h.ok(h.set(t.Context(), h.link(anna, idp.LinkReset), "another password", ""))

	_, err = h.gate.Session(t.Context(), session)
	h.is(err, idp.Unauthenticated)
	_, err = h.gate.SignIn(t.Context(), unfinished.ID, bind)
	h.is(err, idp.Unauthenticated)
	h.is(h.set(t.Context(), other, "yet another password", ""), idp.Unauthenticated)
	h.is(h.try("", "anna", secret), idp.Unauthenticated)
	h.ok(h.try("", "anna", "another password"))

	receipt, err := h.store.LastReceipt(t.Context(), anna.ID, idp.EndPasses)
	h.ok(err)
	if receipt.UserID != anna.ID || receipt.Epoch != anna.Epoch+1 || receipt.Actor.UserID != anna.ID {
		t.Errorf("receipt %+v", receipt)
	}
}

// TestPR03ANewLinkReplacesTheOld: whoever finds the one that was replaced must
// not get to choose the password, before or after the other was used.
func TestPR03ANewLinkReplacesTheOld(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.mailRecovers()
	anna := h.user("anna", "")
	first := h.link(anna, idp.LinkPassword)
	h.clock.pass(time.Second)
	second := h.link(anna, idp.LinkPassword)
	h.is(h.set(t.Context(), first, "the finder's password", ""), idp.Unauthenticated)
	h.ok(h.set(t.Context(), second, secret, ""))
	h.is(h.set(t.Context(), first, "the finder's password", ""), idp.Unauthenticated)
	h.ok(h.try("", "anna", secret))
}

func TestNewPasswordNeedNotWaitForWhatOthersTried(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	for range 11 {
		_ = h.try("", "anna", "wrong")
	}
	h.is(h.try("", "anna", secret), idp.Throttled)
	h.ok(h.set(t.Context(), h.link(anna, idp.LinkReset), "another password", ""))
	h.ok(h.try("", "anna", "another password"))
}

func TestSuspendedPersonSetsNoPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", "")
	l := h.link(anna, idp.LinkPassword)
	h.suspend(anna)
	h.is(h.set(t.Context(), l, secret, ""), idp.Unauthenticated)
	if _, err := h.store.Credential(t.Context(), anna.ID, idp.CredentialPassword); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("a password was written: %v", err)
	}
}

func TestFirstOwnerIsMadeOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, second := h.link(idp.User{}, idp.LinkFirstOwner), h.link(idp.User{}, idp.LinkFirstOwner)
	newUser := func(name string) idp.User {
		return idp.User{ID: idp.NewUserID(), Username: name, Role: idp.RoleEmployee, Status: idp.UserActive, Epoch: 1,
			CreatedAt: idp.Time(h.clock.now()), UpdatedAt: idp.Time(h.clock.now())}
	}
	_, err := h.FirstOwner(t.Context(), first, newUser("olga"), "short")
	h.is(err, idp.Invalid)
	olga, err := h.FirstOwner(t.Context(), first, newUser("olga"), secret)
	h.ok(err)
	stored, err := h.store.User(t.Context(), olga.ID)
	h.ok(err)
	if stored != olga || stored.Role != idp.RoleOwner {
		t.Errorf("answered %+v, stored %+v", olga, stored)
	}
	h.ok(h.try("", "olga", secret))

	_, err = h.FirstOwner(t.Context(), first, newUser("mallory"), secret)
	h.is(err, idp.Unauthenticated)
	_, err = h.FirstOwner(t.Context(), second, newUser("mallory"), secret)
	h.is(err, idp.Conflict)
	if _, err := h.store.UserByName(t.Context(), "mallory"); !idp.IsKind(err, idp.NotFound) {
		t.Errorf("a second owner: %v", err)
	}
}

func TestLinkIsForItsPurposeOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna := h.user("anna", secret)
	owner, password := h.link(idp.User{}, idp.LinkFirstOwner), h.link(anna, idp.LinkPassword)
	h.is(h.set(t.Context(), owner, secret, ""), idp.Invalid)
	_, err := h.FirstOwner(t.Context(), password, idp.User{ID: idp.NewUserID(), Username: "mallory", Epoch: 1}, secret)
	h.is(err, idp.Invalid)
}

func TestExpiredLinkSetsNoPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.link(h.user("anna", ""), idp.LinkPassword)
	h.clock.pass(100 * time.Hour)
	h.is(h.set(t.Context(), l, secret, ""), idp.Unauthenticated)
}

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	anna := idp.User{Username: "anna.longname", Email: "anna@example.org", DisplayName: "Anna van Leeuwen"}
	for chosen, ok := range map[string]bool{
		"":                                  false,
		"elevenchars":                       false,
		"twelve chars":                      true,
		"zwölf Zeichen":                     true,
		"éééééé":                            false, // 12 bytes, 6 characters
		"长城上的十二个汉字很好记":                      true,
		"anna.longname":                     false,
		"ANNA.longname":                     false,
		" anna.longname ":                   false,
		"anna@example.org":                  false,
		"Anna van Leeuwen":                  false,
		"anna.longname2":                    true,
		"bad \xff\xfe utf8 text":            false,
		"with a nul \x00 in it":             false,
		strings.Repeat("p", 1020) + "four":  true,
		strings.Repeat("p", 1020) + "fifth": false,
	} {
		err := new(Login).checkFor(anna, chosen)
		if (err == nil) != ok || err != nil && !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%.30q: %v", chosen, err)
		}
		if err != nil && chosen != "" && strings.Contains(err.Error(), chosen) {
			t.Errorf("the error repeats %q", chosen)
		}
	}
}

func TestABreachedPasswordIsNotSet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	list := filepath.Join(t.TempDir(), "breached.txt")
	h.ok(os.WriteFile(list, fmt.Appendf(nil, "%X:12\r\n", sha1.Sum([]byte("breached password 42"))), 0o600))
	var err error
	h.Breached, err = password.OpenBreached(list)
	h.ok(err)
	anna := h.user("anna", secret)
	l := h.link(anna, idp.LinkReset)
	h.is(h.set(t.Context(), l, "breached password 42", ""), idp.Invalid)
	h.ok(h.set(t.Context(), l, "breached password 100", ""))
}
