package console

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// receiptShow shows a receipt as it stands.
func (c *Console) receiptShow(w http.ResponseWriter, r *http.Request) error {
	v, err := c.readReceipt(r.Context(), idp.ReceiptID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, receiptPage(v))
}

// readReceipt reads a receipt with its lines and the names on it.
func (c *Console) readReceipt(ctx context.Context, id idp.ReceiptID) (receiptView, error) {
	rc, err := c.Store.Receipt(ctx, id)
	if err != nil {
		return receiptView{}, err
	}
	lines, err := c.Store.Deliveries(ctx, id)
	if err != nil {
		return receiptView{}, err
	}
	apps, err := c.byID(ctx)
	if err != nil {
		return receiptView{}, err
	}
	who := c.names()
	about, err := c.about(ctx, who, rc)
	if err != nil {
		return receiptView{}, err
	}
	actor, err := who.actor(ctx, rc.Actor)
	if err != nil {
		return receiptView{}, err
	}
	said, err := c.subject(ctx, rc, about, apps)
	if err != nil {
		return receiptView{}, err
	}
	v := receiptView{
		ID: string(rc.ID), AboutURL: aboutURL(rc), Person: about, What: endingWords(rc.Kind),
		Title: endingWords(rc.Kind) + ": " + about, Subject: said, Whole: rc.Kind == idp.EndUser,
		Reason: rc.Reason, Actor: actor, AskedAt: rc.AskedAt, CutAt: rc.CutAt, Number: rc.N, Listing: rc.Listing(),
		SettledAt: settledAt(rc, lines), Version: rc.Version, SignedAt: rc.SignedAt, SignedFinal: rc.SignedFinal,
	}
	if rc.Kind == idp.EndUser {
		u, err := c.Store.User(ctx, rc.UserID)
		if err != nil {
			return receiptView{}, err
		}
		v.Restored = u.Status == idp.UserActive
	}
	for _, d := range lines {
		line := lineOf(d, apps[d.AppID])
		if rc.UserID == "" && len(v.Lines) < linesShown { // of several people
			name, err := who.of(ctx, d.UserID)
			if err != nil {
				return receiptView{}, err
			}
			if d.UserID == "" {
				name = "for itself"
			}
			line.App += ", " + name
		}
		v.Lines = append(v.Lines, line)
	}
	return v, nil
}

// linesShown bounds a page: the receipt of a whole app has a line for everybody.
const linesShown = 200

// shown are the lines that the page has room for.
func (v receiptView) shown() []receiptLine { return v.Lines[:min(len(v.Lines), linesShown)] }

// about is the name of whom or what a receipt is about: a person, an app, a
// key, everybody, or the group whose grant has ended.
func (c *Console) about(ctx context.Context, who *names, rc idp.Receipt) (string, error) {
	switch {
	case rc.UserID != "":
		return who.of(ctx, rc.UserID)
	case rc.Kind == idp.EndBefore:
		return "everybody", nil
	case rc.Kind == idp.EndKey:
		return string(rc.KeyID), nil
	case rc.Kind == idp.EndApp:
		a, err := c.Store.App(ctx, rc.AppID)
		if idp.IsKind(err, idp.NotFound) {
			return string(rc.AppID), nil
		}
		return a.Name, err
	}
	g, err := c.Store.Group(ctx, rc.GroupID)
	if idp.IsKind(err, idp.NotFound) {
		return string(rc.GroupID), nil
	}
	return g.Name, err
}

func aboutURL(rc idp.Receipt) string {
	switch {
	case rc.UserID != "":
		return "/console/users/" + string(rc.UserID)
	case rc.Kind == idp.EndApp:
		return "/console/apps/" + string(rc.AppID)
	case rc.Kind == idp.EndBefore, rc.Kind == idp.EndKey:
		return "/console/emergency"
	}
	return "/console/groups/" + string(rc.GroupID)
}

func endingWords(k idp.EndingKind) string {
	switch k {
	case idp.EndUser:
		return "Suspension"
	case idp.EndPasses:
		return "End of all sessions"
	case idp.EndSession:
		return "End of a session"
	case idp.EndFamily:
		return "End of tokens"
	case idp.EndGrant:
		return "End of access"
	case idp.EndApp:
		return "End of all sessions in an app"
	case idp.EndBefore:
		return "End of all older sessions"
	case idp.EndKey:
		return "Key revoked"
	}
	return string(k)
}

// subject is what is true at Gatehouse since the cut.
func (c *Console) subject(ctx context.Context, rc idp.Receipt, about string, apps map[idp.AppID]idp.App) (string, error) {
	switch {
	case rc.Kind == idp.EndApp:
		return "Nothing that " + about + " held is accepted any more", nil
	case rc.Kind == idp.EndKey:
		return "Nothing is signed by the key " + about + " any more", nil
	case rc.Kind == idp.EndBefore && rc.Before.IsZero():
		return "Everybody is signed out", nil
	case rc.Kind == idp.EndBefore:
		return "Everything made before " + ui.Exact(rc.Before) + " has ended", nil
	case rc.Kind != idp.EndGrant:
		return subject(rc.Kind, about), nil
	case rc.AppID != "":
		return about + " may not use " + apps[rc.AppID].Name + " by this grant any more", nil
	}
	g, err := c.Store.Group(ctx, rc.GroupID)
	return about + " is no longer in " + g.Name, err
}

func subject(k idp.EndingKind, name string) string {
	switch k {
	case idp.EndUser:
		return name + " is out"
	case idp.EndPasses:
		return "The sessions of " + name + " have ended"
	case idp.EndSession:
		return "The session of " + name + " has ended"
	case idp.EndFamily:
	}
	return "Tokens of " + name + " have ended"
}

func lineOf(d idp.Delivery, a idp.App) receiptLine {
	l := receiptLine{
		ID: string(d.ID), AppID: string(a.ID), App: a.Name, Lever: leverWords(d.Lever), State: ui.State(d.State),
		Attempts: d.Attempts, LatencyMS: d.LatencyMS, Answer: d.Answer,
		NextAt: d.NextAt, Ceiling: d.Ceiling, AgainAt: d.AgainAt,
	}
	if d.State == idp.DeliveryVerified {
		l.Evidence = d.Evidence
	}
	return l
}

// settledAt is when the last line became final; zero while one is open or
// lines are still being listed.
func settledAt(rc idp.Receipt, lines []idp.Delivery) time.Time {
	if rc.Listing() {
		return time.Time{}
	}
	at := rc.ListedAt
	for _, d := range lines {
		if !d.State.Final() {
			return time.Time{}
		}
		if d.FinishedAt.After(at) {
			at = d.FinishedAt
		}
	}
	return at
}
