package e2e

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/web/api/client"
)

// TestRV09AnAppThatIsTakenAwayIsTold: the end of a grant ends the person's
// sessions in that app and nothing else, whether somebody removed it or its
// time has come, and not while another grant covers them.
func TestRV09AnAppThatIsTakenAwayIsTold(t *testing.T) {
	t.Parallel()
	w := found(t, plan{})
	w.adaChoosesPassword()
	v := w.adaSignsIn()
	w.opens(v, w.Wiki)
	w.opens(v, w.CRM)
	grantOf := func(app string) string {
		t.Helper()
		grants, err := w.API.Grants(t.Context(), app)
		if err != nil || len(grants) != 1 {
			t.Fatalf("grants of %s: %+v, %v", app, grants, err)
		}
		return grants[0].ID
	}
	remove := func(app, grant string) client.Receipt {
		t.Helper()
		r, err := w.API.RemoveGrant(t.Context(), app, grant)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}

	r := remove("Wiki", grantOf("Wiki"))
	if r.Kind != "grant" || r.UserID != "" || r.GroupID == "" || r.AppID == "" {
		t.Errorf("the receipt is of %+v", r)
	}
	until(t, outWithin, "the wiki has ended her session", func() bool { return w.live(w.Wiki) == 0 })
	until(t, readyWithin, "the wiki's line says so", func() bool {
		r = w.receipt(r.ID)
		return !r.Listing && len(r.Lines) == 1 && r.Lines[0].AckedAt != nil
	}, func() any { return r })
	if l := r.Lines[0]; l.App != "Wiki" || l.UserID == "" || l.Lever != "oidc_backchannel" {
		t.Errorf("the line says %+v", l)
	}
	if n := w.live(w.CRM); n != 1 {
		t.Errorf("%d sessions in the CRM, which was not taken away", n)
	}

	// The group's grant goes, her own still covers her, for a moment.
	byGroup, end := grantOf("CRM"), time.Now().Add(10*time.Second)
	if _, err := w.API.AddGrant(t.Context(), client.Grant{App: "CRM", User: "ada", Until: &end}); err != nil {
		t.Fatal(err)
	}
	r = remove("CRM", byGroup)
	until(t, readyWithin, "the receipt is listed", func() bool { r = w.receipt(r.ID); return !r.Listing })
	if len(r.Lines) != 0 || w.live(w.CRM) != 1 {
		t.Errorf("%d sessions in the CRM while a grant covers her; %+v", w.live(w.CRM), r.Lines)
	}
	until(t, time.Until(end)+readyWithin, "the CRM has ended her session", func() bool { return w.live(w.CRM) == 0 })
	if early := time.Until(end); early > 0 {
		t.Errorf("it ended %s before its time", early)
	}
	receipts, err := w.API.Receipts(t.Context(), "ada")
	if err != nil || len(receipts) != 1 || receipts[0].Kind != "grant" || receipts[0].Actor == "" {
		t.Errorf("her receipts are %+v, %v", receipts, err)
	}
	if got := v.get(t, w.URL+"/"); got.Status != http.StatusOK || got.URL.Path != "/" {
		t.Errorf("she is out of the house: %d", got.Status)
	}
}
