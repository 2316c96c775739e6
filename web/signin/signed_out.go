package signin

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

const (
	purposeLeft = "sign-out"
	// leftFor is how long a browser may ask what became of its sign-out.
	leftFor = 10 * time.Minute
	// turnsFor is how long the page looks again by itself. An app that has not
	// answered by then is tried on, and the page says so.
	turnsFor = 2 * time.Minute
	// listedApps bounds the list.
	listedApps = 100
)

// Left has this browser, and no other, see at /signed-out what became of a
// sign-out.
func (s *SignIn) Left(w http.ResponseWriter, r idp.Receipt) {
	s.Cookies.SetLeft(w, s.Box.Seal(purposeLeft, []byte(r.ID)), leftFor)
}

// SignedOut shows that nobody is signed in here any more, and what became of the
// apps; to somebody who is signed in again, the portal.
func (s *SignIn) SignedOut(w http.ResponseWriter, r *http.Request) error {
	if ui.VisitOf(r.Context()).SignedIn() {
		return ui.SeeOther(w, r, "/")
	}
	v, err := s.readLeft(r)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, signedOutPage(v))
}

func (s *SignIn) readLeft(r *http.Request) (signedOutView, error) {
	id, err := s.Box.Open(purposeLeft, s.Cookies.Left(r))
	if err != nil {
		return signedOutView{}, nil // nothing that we gave out: nothing is known
	}
	receipt, err := s.Store.Receipt(r.Context(), idp.ReceiptID(id))
	now := s.Now()
	switch {
	case idp.IsKind(err, idp.NotFound):
		return signedOutView{}, nil
	case err != nil:
		return signedOutView{}, err
	case receipt.Kind != idp.EndSession || now.Sub(receipt.CutAt) > leftFor:
		return signedOutView{}, nil
	}
	return s.left(r.Context(), receipt, now)
}

// left reads how the apps stand that were opened from the session. They are
// those it was cut from, not the lines: these come a moment later, and nothing
// on the page is to move.
func (s *SignIn) left(ctx context.Context, r idp.Receipt, now time.Time) (signedOutView, error) {
	participants, _, err := s.Store.CutParticipants(ctx, r, "", 500)
	if err != nil {
		return signedOutView{}, err
	}
	lines, err := s.Store.Deliveries(ctx, r.ID)
	if err != nil {
		return signedOutView{}, err
	}
	v := signedOutView{Known: true, More: max(0, len(participants)-listedApps), Live: r.Listing()}
	for _, p := range participants[:min(len(participants), listedApps)] {
		app, err := s.Store.App(ctx, p.AppID)
		switch {
		case idp.IsKind(err, idp.NotFound):
			continue // registered no more
		case err != nil:
			return signedOutView{}, err
		}
		told := toldApp{Name: app.Name, Stands: waiting, Words: ui.T(ctx, "Is being told.")}
		for i, d := range slices.DeleteFunc(slices.Clone(lines), func(d idp.Delivery) bool { return d.AppID != p.AppID }) {
			if stand, words := toldWords(ctx, d, now); i == 0 || stand > told.Stands {
				told.Stands, told.Words = stand, words
			}
		}
		v.Live = v.Live || told.Stands == waiting
		v.Apps = append(v.Apps, told)
	}
	slices.SortStableFunc(v.Apps, func(a, b toldApp) int { return cmp.Compare(a.Name, b.Name) })
	v.Live = v.Live && now.Sub(r.CutAt) < turnsFor
	return v, nil
}

// stands is how an app stands: what is worse for the person is more.
type stands int

const (
	out stands = iota // it has said so, or its own session is over
	waiting
	in // it may still be open there
)

// toldWords says in plain words how a line of a sign-out stands.
func toldWords(ctx context.Context, d idp.Delivery, now time.Time) (stands, string) {
	switch {
	case d.State == idp.DeliveryVerified, d.State == idp.DeliveryAcknowledged, !d.AckedAt.IsZero() && d.State != idp.DeliveryFailed:
		return out, ui.T(ctx, "Has signed you out.")
	case d.State == idp.DeliveryEnded:
		return out, ui.T(ctx, "What was open there has run out.")
	case d.State == idp.DeliveryPending:
		return waiting, ui.T(ctx, "Is being told.")
	case d.State == idp.DeliveryRetrying:
		return waiting, ui.T(ctx, "Has not answered yet. We go on trying.")
	case d.State == idp.DeliveryAlive && d.Lever != idp.LeverNone:
		return in, ui.T(ctx, "Asked by your browser. Look there, to be sure.")
	case d.State == idp.DeliveryAlive && d.Ceiling.After(now):
		return in, ui.T(ctx, "Cannot be told. May be open until %s.", ui.MomentIn(ctx, d.Ceiling, now))
	}
	return in, ui.T(ctx, "Could not be told. Sign out there.")
}

// words is the sentence above the list.
func (v signedOutView) words(ctx context.Context) string {
	count := map[stands]int{}
	for _, a := range v.Apps {
		count[a.Stands]++
	}
	switch {
	case !v.Known:
		return ui.T(ctx, "Nobody is signed in to %s in this browser.", ui.House(ctx))
	case len(v.Apps) == 0:
		return ui.T(ctx, "Your session at %s has ended. No app was open from it.", ui.House(ctx))
	case count[in] > 0:
		return ui.T(ctx, "Your session at %s has ended. Look after what may still be open:", ui.House(ctx))
	case count[waiting] > 0:
		return ui.T(ctx, "Your session at %s has ended. The apps that were open from it are being told:", ui.House(ctx))
	case v.More > 0:
		return ui.T(ctx, "Your session at %s has ended. Of the apps that were open from it, the first %d, and %d more are told:", ui.House(ctx), len(v.Apps), v.More)
	}
	return ui.T(ctx, "Your session at %s has ended, and so has what was open from it:", ui.House(ctx))
}
