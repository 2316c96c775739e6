package console

import (
	"net/http"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

type emergencyView struct {
	Before, Error string
	Keys          []keyRow
}

type keyRow struct {
	ID, Signs, State string
	Made             time.Time
	Live             bool
}

// emergency shows what ends things of everybody.
func (c *Console) emergency(w http.ResponseWriter, r *http.Request) error {
	return c.emergencyPage(w, r, http.StatusOK, emergencyView{})
}

func (c *Console) emergencyPage(w http.ResponseWriter, r *http.Request, status int, v emergencyView) error {
	keys, err := c.Directory.SigningKeys(r.Context())
	if err != nil {
		return err
	}
	slices.Reverse(keys)
	for _, k := range keys {
		v.Keys = append(v.Keys, keyRow{ID: string(k.ID), Signs: signs(k), State: keyState(k, keys, ui.VisitOf(r.Context()).Now), Made: k.CreatedAt, Live: k.RevokedAt.IsZero()})
	}
	return ui.Render(w, r, status, emergencyPage(v))
}

func signs(k idp.SigningKey) string {
	switch k.Use {
	case "oidc":
		return "OpenID Connect tokens, " + k.Algorithm
	case "saml":
		return "SAML assertions, " + k.Algorithm
	}
	return "Receipts and the audit log, " + k.Algorithm
}

func keyState(k idp.SigningKey, keys []idp.SigningKey, now time.Time) string {
	state, since, until := k.State(keys, now)
	switch state {
	case idp.KeyNext:
		if until.IsZero() {
			return "published, signs for the apps that you lead over"
		}
		return "published, signs from " + ui.Exact(until)
	case idp.KeyRetired:
		if until.IsZero() {
			return "signs for apps that were left on it, published until you retire it"
		}
		return "retired " + ui.Exact(since) + ", published until " + ui.Exact(until)
	case idp.KeyGone:
		return "gone since " + ui.Exact(since)
	case idp.KeyRevoked:
		return "revoked " + ui.Exact(since)
	}
	if !until.IsZero() {
		return "in use until " + ui.Exact(until)
	}
	return "in use"
}

// moment reads the field before; zero where it is empty.
func moment(r *http.Request) (raw string, at time.Time, problem string) {
	if raw = r.FormValue("before"); raw == "" {
		return raw, at, ""
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, raw); err == nil {
			if at.After(ui.VisitOf(r.Context()).Now) {
				return raw, at, "This moment has not come yet."
			}
			return raw, at.UTC(), ""
		}
	}
	return raw, at, "Write the moment as year-month-day, T, hour:minute, like 2026-11-23T03:00."
}

// endBeforeConfirm asks before everything older than a moment is ended.
func (c *Console) endBeforeConfirm(w http.ResponseWriter, r *http.Request) error {
	raw, at, problem := moment(r)
	if problem != "" {
		return c.emergencyPage(w, r, http.StatusUnprocessableEntity, emergencyView{Before: raw, Error: problem})
	}
	title, button := "Sign everybody out now?", "Sign everybody out"
	if !at.IsZero() {
		title, button = "End everything made before "+ui.Exact(at)+"?", "End it"
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: title, Action: r.URL.RequestURI(), Button: button, Danger: true, Section: "receipts",
		BackHref: "/console/emergency", Back: "Emergency",
		Meaning: []string{
			"Every session, code, token, link and API token that is older stops working on every node, and every app is told.",
			"Nobody is suspended: people sign in again. Probably you are among them, and scripts need new API tokens.",
		},
	}))
}

// endBefore ends everything older and leads to the receipt.
func (c *Console) endBefore(w http.ResponseWriter, r *http.Request) error {
	_, at, problem := moment(r)
	if problem != "" {
		return idp.Errorf(idp.Invalid, "%s", problem)
	}
	receipt, err := c.Directory.EndBefore(r.Context(), at, "")
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}

// keyRevokeConfirm asks before a signing key is revoked.
func (c *Console) keyRevokeConfirm(w http.ResponseWriter, r *http.Request) error {
	keys, err := c.Directory.SigningKeys(r.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k idp.SigningKey) bool { return string(k.ID) == r.PathValue("id") })
	if i < 0 {
		return idp.Errorf(idp.NotFound, "There is no such signing key.")
	}
	k := keys[i]
	meaning := []string{"From the answer on no node signs with it, publishes it or takes what it signed. The apps that got something signed by it are told to end those sessions."}
	switch {
	case k.Use == "saml" && k.RetiredAt.IsZero():
		meaning = append(meaning, "A new key takes its place at once. SAML apps refuse sign-ins until they have our new metadata: have their admins at hand.")
	case k.Use == "receipt":
		meaning = []string{"From the answer on no node signs with it. What it has signed is not taken for proof any more, since whoever took the key could have signed the same: a receipt is then proven by its hash in the audit log alone."}
		if k.RetiredAt.IsZero() {
			meaning = append(meaning, "A new key takes its place at once. Give it to whoever verifies receipts.")
		}
	case k.RetiredAt.IsZero():
		meaning = append(meaning, "A new key takes its place at once. OpenID Connect apps read it from our key set by themselves; some keep the old set for a few minutes.")
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(confirmView{
		Title: "Revoke this signing key?", Action: r.URL.Path, Button: "Revoke the key", Danger: true, Section: "receipts",
		BackHref: "/console/emergency", Back: "Emergency", Meaning: meaning,
		Facts: []ui.Pair{{Key: "Key", Value: string(k.ID)}, {Key: "Signs", Value: signs(k)}, {Key: "Made", Value: ui.Exact(k.CreatedAt)}},
	}))
}

// keyRevoke revokes the key and leads to the receipt.
func (c *Console) keyRevoke(w http.ResponseWriter, r *http.Request) error {
	receipt, err := c.Directory.EndKey(r.Context(), idp.KeyID(r.PathValue("id")), "")
	if err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/receipts/"+string(receipt.ID))
}
