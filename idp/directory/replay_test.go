package directory_test

import (
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/keys"
)

// TestReplayMakesEachCutOnce: what became of every kind of cut, and that a
// second reading of the same journal changes nothing.
func TestReplayMakesEachCutOnce(t *testing.T) {
	d, s := newDirectory(t)
	ctx := t.Context()
	ada, alan, owner := add(t, d, "ada", idp.RoleEmployee), add(t, d, "alan", idp.RoleEmployee), add(t, d, "grace", idp.RoleOwner)
	gone := add(t, d, "gone", idp.RoleEmployee)
	if _, err := d.Suspend(ctx, gone.ID, ""); err != nil {
		t.Fatal(err)
	}
	wiki := must[idp.App](t)(d.AddApp(ctx, idp.App{Name: "Wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki",
		OIDC: &idp.OIDCSettings{AuthMethod: "none", RedirectURIs: []string{"https://app.example/cb"}}}))
	staff := must[idp.Group](t)(d.AddGroup(ctx, "staff"))
	must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: wiki.ID, UserID: alan.ID}))
	must[idp.Grant](t)(d.Grant(ctx, idp.Grant{AppID: wiki.ID, GroupID: staff.ID}))
	if err := d.AddMember(ctx, staff.ID, alan.ID); err != nil {
		t.Fatal(err)
	}
	ring := &keys.Ring{Store: s, Box: must[*keys.Box](t)(keys.NewBox([]byte("a root key of thirty-two characters"))), Now: time.Now, Subject: "id.example"}
	if err := ring.Load(ctx); err != nil {
		t.Fatal(err)
	}
	d.Keys = ring
	signing := must[[]idp.SigningKey](t)(s.SigningKeys(ctx))[0]
	cases := []struct {
		cut  idp.Cut
		want idp.ReplayOutcome
	}{
		{idp.Cut{Kind: idp.EndUser, UserID: ada.ID, Reason: "left"}, idp.ReplayedAgain},
		{idp.Cut{Kind: idp.EndUser, UserID: gone.ID}, idp.ReplayedBefore},
		{idp.Cut{Kind: idp.EndUser, UserID: idp.NewUserID()}, idp.ReplayedUnknown},
		{idp.Cut{Kind: idp.EndUser, UserID: owner.ID}, idp.ReplayedByHand}, // the last one here
		{idp.Cut{Kind: idp.EndGrant, UserID: alan.ID, AppID: wiki.ID}, idp.ReplayedAgain},
		{idp.Cut{Kind: idp.EndGrant, GroupID: staff.ID, AppID: wiki.ID}, idp.ReplayedAgain},
		{idp.Cut{Kind: idp.EndGrant, GroupID: staff.ID, UserID: alan.ID}, idp.ReplayedAgain},
		{idp.Cut{Kind: idp.EndGrant, UserID: ada.ID, AppID: idp.NewAppID()}, idp.ReplayedBefore},
		{idp.Cut{Kind: idp.EndGrant, UserID: ada.ID, AppID: wiki.ID, Key: "until:grt_x:1"}, idp.ReplayedNothing},
		{idp.Cut{Kind: idp.EndPasses, UserID: alan.ID, Key: "password/lnk_x"}, idp.ReplayedByHand},
		{idp.Cut{Kind: idp.EndPasses, UserID: alan.ID}, idp.ReplayedNothing},
		{idp.Cut{Kind: idp.EndKey, KeyID: "kid"}, idp.ReplayedBefore}, // made and revoked after the backup
		{idp.Cut{Kind: idp.EndKey, KeyID: signing.ID}, idp.ReplayedAgain},
		{idp.Cut{Kind: idp.EndSession, UserID: alan.ID}, idp.ReplayedNothing},
	}
	var cuts []idp.Cut
	for i, c := range cases {
		c.cut.N, c.cut.Era = int64(i+1), "era"
		cuts = append(cuts, c.cut)
	}
	for round := range 2 {
		done, err := d.Replay(ctx, cuts)
		if err != nil || len(done) != len(cases) {
			t.Fatalf("%d of %d: %v", len(done), len(cases), err)
		}
		for i, c := range cases {
			want := c.want
			if round == 1 && want == idp.ReplayedAgain {
				want = idp.ReplayedBefore
			}
			if done[i].Outcome != want {
				t.Errorf("round %d, %s of %s: %s, want %s", round, c.cut.Kind, c.cut.UserID, done[i].Outcome, want)
			}
		}
	}
	if u, err := s.User(ctx, ada.ID); err != nil || u.Status != idp.UserSuspended || u.Epoch != ada.Epoch+1 {
		t.Errorf("ada is %+v, %v", u, err)
	}
	if grants, err := s.Grants(ctx, wiki.ID); err != nil || len(grants) != 0 {
		t.Errorf("grants %v, %v", grants, err)
	}
	if groups, err := s.GroupsOf(ctx, alan.ID); err != nil || len(groups) != 0 {
		t.Errorf("groups %v, %v", groups, err)
	}
	// Restored and suspended once more, it is a suspension of its own.
	if _, err := d.Restore(ctx, ada.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Suspend(ctx, ada.ID, "again"); err != nil {
		t.Fatal(err)
	}
	if u, err := s.User(ctx, ada.ID); err != nil || u.Status != idp.UserSuspended {
		t.Errorf("ada is %+v, %v", u, err)
	}
}
