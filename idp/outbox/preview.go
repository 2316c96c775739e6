package outbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gatehouse/idp"
)

// Preview returns the lines that the receipt of a suspension of u would have,
// were it made now. Nothing is written; the IDs are of no receipt.
func (w *Worker) Preview(ctx context.Context, u idp.User) ([]idp.Delivery, error) {
	l := &listing{Worker: w, apps: map[idp.AppID]idp.App{}, receipt: idp.Receipt{
		Kind: idp.EndUser, UserID: u.ID, Epoch: u.Epoch + 1, N: math.MaxInt64, CutAt: idp.Time(w.Now()),
	}}
	var lines []idp.Delivery
	for cursor := ""; ; {
		page, next, err := l.page(ctx, cursor)
		if err != nil {
			return nil, err
		}
		lines = append(lines, page...)
		if cursor = next; next == "" {
			break
		}
	}
	lines = merge(lines)
	rest, err := l.rest(ctx, lines)
	return append(lines, rest...), err
}

// Exposure returns how long u would keep access, app by app, were they
// suspended now: what the lines of the receipt would say. Apps where nothing is
// open are left out.
func (w *Worker) Exposure(ctx context.Context, u idp.User) ([]idp.Exposure, error) {
	lines, err := w.Preview(ctx, u)
	if err != nil {
		return nil, err
	}
	troubled, err := w.Store.AppsInTrouble(ctx, idp.Time(w.Now().Add(-deadline)))
	if err != nil {
		return nil, fmt.Errorf("read which apps did not take what they were told: %w", err)
	}
	apps := map[idp.AppID]idp.App{}
	for _, d := range lines {
		if _, known := apps[d.AppID]; known {
			continue
		}
		a, err := w.Store.App(ctx, d.AppID)
		if err != nil && !idp.IsKind(err, idp.NotFound) {
			return nil, fmt.Errorf("read app %s: %w", d.AppID, err)
		}
		apps[d.AppID] = a
	}
	return w.exposures(lines, apps, troubled), nil
}

// exposures sums lines up by app: of the levers that reach one session the
// best counts, of the sessions the one that lasts longest.
func (w *Worker) exposures(lines []idp.Delivery, apps map[idp.AppID]idp.App, troubled []idp.AppID) []idp.Exposure {
	type place struct {
		app     idp.AppID
		session idp.SessionID
		subject idp.NameID
		tokens  bool // which no lever reaches
	}
	best := map[place]idp.Exposure{}
	var order []place
	for _, d := range lines {
		in := place{d.AppID, d.SessionID, d.NameID, d.Lever == idp.LeverExpiry}
		e := w.exposure(d, apps[d.AppID], slices.Contains(troubled, d.AppID))
		if known, ok := best[in]; !ok {
			order = append(order, in)
		} else if !known.Worse(e) {
			continue
		}
		best[in] = e
	}
	var out []idp.Exposure
	at := map[idp.AppID]int{}
	for _, in := range order {
		e := best[in]
		i, known := at[in.app]
		switch {
		case e.Basis == idp.BasisClosed:
		case !known:
			at[in.app] = len(out)
			out = append(out, e)
		default:
			out[i] = worst(out[i], e)
		}
	}
	return out
}

// worst joins the exposures of one app. What a lever ends is not what counts
// where tokens live on that nobody can take back, however long the lever takes.
func worst(a, b idp.Exposure) idp.Exposure {
	if b.Worse(a) {
		a, b = b, a
	}
	if a.Basis == idp.BasisLever && b.Basis == idp.BasisJWT {
		b.Within = a.Within
		return b
	}
	return a
}

// exposure is that of one line which has just been made.
func (w *Worker) exposure(d idp.Delivery, a idp.App, troubled bool) idp.Exposure {
	e := idp.Exposure{UserID: d.UserID, AppID: d.AppID, Lever: d.Lever, Verified: a.ProbeURL != ""}
	switch {
	case d.State.Final():
		e.Basis = idp.BasisClosed
	case d.Lever == idp.LeverExpiry:
		e.Basis, e.Within = idp.BasisJWT, max(0, d.Ceiling.Sub(d.CreatedAt))
	case d.Lever != idp.LeverNone && !troubled:
		e.Basis, e.Within = idp.BasisLever, w.sendTimeout()
		if !d.AgainAt.IsZero() {
			e.Within += d.AgainAt.Sub(d.CreatedAt)
		}
	default:
		e.Distrusted = d.Lever != idp.LeverNone
		e.Basis, e.Within = ownEnd(a), max(0, d.Ceiling.Sub(d.CreatedAt))
		if d.Ceiling.IsZero() {
			e.Basis = idp.BasisNothing
		}
	}
	return e
}

// ownEnd is what makes a session in an app end by itself.
func ownEnd(a idp.App) idp.Basis {
	switch {
	case a.SAML != nil:
		return idp.BasisAssertion
	case a.OIDC != nil && a.OIDC.HonoursSessionExpiry:
		return idp.BasisSessionExpiry
	}
	return idp.BasisNothing
}

// Ceiling is the worst case that an app's settings allow, whoever has a session
// there: one that was opened a moment ago, in a session here that has just
// begun and lasts for session.
func (w *Worker) Ceiling(ctx context.Context, a idp.App, session time.Duration) (idp.Exposure, error) {
	troubled, err := w.Store.AppsInTrouble(ctx, idp.Time(w.Now().Add(-deadline)))
	if err != nil {
		return idp.Exposure{}, fmt.Errorf("read which apps did not take what they were told: %w", err)
	}
	now := idp.Time(w.Now())
	if a.OIDC != nil && a.OIDC.ApplicationType == idp.ApplicationMachine {
		e := idp.Exposure{AppID: a.ID, Basis: idp.BasisClosed}
		for _, jwts := range jwtLines(idp.Receipt{Kind: idp.EndApp, CutAt: now}, a, idp.Delivery{}, now, now) {
			e = w.exposure(jwts, a, false)
		}
		return e, nil
	}
	p := idp.Participant{AppID: a.ID, LastAnswerAt: now}
	var lines []idp.Delivery
	for _, lever := range w.LeversOf(a) {
		lines = append(lines, line(idp.Receipt{Kind: idp.EndUser, CutAt: now.Add(-1)}, a, p, lever, now.Add(session), w.windows(), now))
	}
	lines = append(lines, jwtLines(idp.Receipt{Kind: idp.EndUser, CutAt: now}, a, lines[0], now, now)...)
	return w.exposures(lines, map[idp.AppID]idp.App{a.ID: a}, troubled)[0], nil
}

// Destroys reports whether the lever of this name deletes something in the app
// that a restore does not bring back.
func (w *Worker) Destroys(name idp.Lever) bool {
	l := w.lever(name)
	return l != nil && l.Destroys()
}
