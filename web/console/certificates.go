package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

type certificatesView struct {
	Problem      string // why a step was not taken
	Expiring     []expiryRow
	Certificates []certificateRow
	Apps         []appKeyRow
	// Waits: a certificate is published and signs for nobody yet; Rest is how many
	// apps would follow it, Keep who would have to stay.
	Waits bool
	Rest  int
	Keep  []appKeyRow
	Old   bool // one before the present is still published
}

type expiryRow struct {
	Whose, Href, For string
	At               time.Time
}

type certificateRow struct {
	ID, Algorithm, State string
	Made, Expires        time.Time
	Retire               bool
}

type appKeyRow struct {
	ID, Name, Signed string
	// Has says what is known of the app having the certificate that comes next,
	// Note by whom; Ask: nothing is, and an owner may say so.
	Has, Note string
	Ask       bool
	Over      bool   // it can be led over to what comes next
	Back      string // the key to which it can be led back; empty: none
}

// certificates shows our SAML certificates and the way to the next one.
func (c *Console) certificates(w http.ResponseWriter, r *http.Request) error {
	return c.certificatesPage(w, r, http.StatusOK, "")
}

func (c *Console) certificatesPage(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	now, err := c.Directory.SAMLKeys(r.Context())
	if err != nil {
		return err
	}
	v := certificatesView{Problem: problem}
	if v.Expiring, err = c.expiryRows(r.Context()); err != nil {
		return err
	}
	at := ui.VisitOf(r.Context()).Now
	for _, k := range now.Keys {
		row := certificateRow{ID: string(k.ID), Algorithm: k.Algorithm, State: certificateWords(k, now.Keys, at), Made: k.CreatedAt, Expires: expiry(k)}
		state, _, _ := k.State(now.Keys, at)
		row.Retire = state != idp.KeyCurrent
		v.Waits, v.Old = v.Waits || k.Waits(), v.Old || state == idp.KeyRetired
		v.Certificates = append(v.Certificates, row)
	}
	for _, a := range now.Apps {
		row := appKeys(a, now.Keys, at)
		v.Apps = append(v.Apps, row)
		if standard := idp.Signer(now.Keys, a.Signs.Use, a.Signs.Algorithm, at); a.Next != nil && a.Next.Waits() && standard.ID == a.Signs.ID {
			v.Rest++
			if row.Ask {
				v.Keep = append(v.Keep, row)
			}
		}
	}
	return ui.Render(w, r, status, certificatesPage(v))
}

// expiryRows are the certificates and metadata that come to their end.
func (c *Console) expiryRows(ctx context.Context) ([]expiryRow, error) {
	all, err := c.Directory.Expiring(ctx)
	rows := make([]expiryRow, len(all))
	for i, e := range all {
		rows[i] = expiryRow{Whose: "Ours, " + string(e.KeyID), Href: "#ours", For: e.Purpose, At: e.NotAfter}
		if e.AppID != "" {
			rows[i].Whose, rows[i].Href = e.App, "/console/apps/"+string(e.AppID)
		}
	}
	return rows, err
}

// expiry is when the certificate of a key is over; zero where it cannot be read.
func expiry(k idp.SigningKey) time.Time {
	if c := idp.ReadCertificate(k.Certificate); c != nil {
		return c.NotAfter
	}
	return time.Time{}
}

// certificateWords says where one of our certificates stands.
func certificateWords(k idp.SigningKey, keys []idp.SigningKey, now time.Time) string {
	switch state, _, _ := k.State(keys, now); state {
	case idp.KeyNext:
		return "The next: signs for the apps that are led over"
	case idp.KeyRetired:
		return "One before: signs for the apps that stayed"
	}
	return "The present: signs for all others"
}

func appKeys(a idp.AppKeys, keys []idp.SigningKey, now time.Time) appKeyRow {
	row := appKeyRow{ID: string(a.App.ID), Name: a.App.Name}
	state, _, _ := a.Signs.State(keys, now)
	row.Signed = map[idp.KeyState]string{idp.KeyNext: "the next", idp.KeyCurrent: "the present", idp.KeyRetired: "one before"}[state]
	if a.Next != nil {
		read, known := a.Has(a.Next.ID)
		row.Over, row.Ask = known, !known
		row.Has, row.Note = hadWords(read, known)
	}
	if b := before(a.Signs, keys); b != nil {
		row.Back = string(b.ID)
	}
	return row
}

func hadWords(read idp.KeyRead, known bool) (has, note string) {
	switch {
	case !known:
		return "Not known", "Nobody has read it at the app's address yet"
	case !read.SaidAt.IsZero():
		return "Yes", "An owner said so, " + ui.Exact(read.SaidAt)
	}
	by := read.Agent
	if by == "" {
		by = "a reader without a name"
	}
	return "Read " + ui.Exact(read.LastAt), "by " + by + " from " + read.Address
}

// before is the newest key before k that is published; nil for none.
func before(k idp.SigningKey, keys []idp.SigningKey) (found *idp.SigningKey) {
	for i, other := range keys { // oldest first
		if other.Algorithm == k.Algorithm && other.CreatedAt.Before(k.CreatedAt) {
			found = &keys[i]
		}
	}
	return found
}

func (c *Console) certificateNext(w http.ResponseWriter, r *http.Request) error {
	_, err := c.Directory.NextSAMLKeys(r.Context())
	return c.stepped(w, r, err)
}

func (c *Console) certificateHad(w http.ResponseWriter, r *http.Request) error {
	_, err := c.Directory.SayAppHasKey(r.Context(), idp.AppID(r.FormValue("app")))
	return c.stepped(w, r, err)
}

func (c *Console) certificateSwitch(w http.ResponseWriter, r *http.Request) error {
	_, err := c.Directory.SwitchApp(r.Context(), idp.AppID(r.FormValue("app")), idp.KeyID(r.FormValue("key")))
	return c.stepped(w, r, err)
}

func (c *Console) certificateRest(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return idp.Errorf(idp.Invalid, "The form cannot be read. Send it again.")
	}
	var keep []idp.AppID
	for _, id := range r.PostForm["keep"] {
		keep = append(keep, idp.AppID(id))
	}
	_, err := c.Directory.SwitchRest(r.Context(), keep)
	return c.stepped(w, r, err)
}

// certificateRetireConfirm asks before a certificate is taken out of our
// metadata, and says which apps still need it.
func (c *Console) certificateRetireConfirm(w http.ResponseWriter, r *http.Request) error {
	now, err := c.Directory.SAMLKeys(r.Context())
	if err != nil {
		return err
	}
	id, users := idp.KeyID(r.PathValue("id")), []string{}
	for _, a := range now.Apps {
		if a.Signs.ID == id {
			users = append(users, a.App.Name)
		}
	}
	v := confirmView{
		Title: "Retire this certificate?", Action: r.URL.Path, Button: "Retire it", Danger: true, Section: "apps",
		BackHref: "/console/certificates", Back: "Certificates", Facts: []ui.Pair{{Key: "Key", Value: string(id)}},
		Meaning: []string{"It is taken out of our metadata, and no node signs with its key. Nothing ends, and nobody is signed out."},
	}
	if len(users) > 0 {
		v.Meaning = append(v.Meaning, "It still signs for "+list(users)+". From then on the present certificate does: where the app does not have that one, nobody can sign in to it.")
		v.Button = "Retire it all the same"
		v.Hidden = []ui.Pair{{Key: "force", Value: "yes"}}
	}
	return ui.Render(w, r, http.StatusOK, confirmPage(v))
}

func (c *Console) certificateRetire(w http.ResponseWriter, r *http.Request) error {
	_, err := c.Directory.RetireSAMLKey(r.Context(), idp.KeyID(r.PathValue("id")), r.FormValue("force") == "yes")
	return c.stepped(w, r, err)
}

// stepped shows how things stand after a step, or why it was not taken.
func (c *Console) stepped(w http.ResponseWriter, r *http.Request, err error) error {
	refused, ok := errors.AsType[*idp.Error](err)
	switch {
	case err == nil:
		return ui.SeeOther(w, r, "/console/certificates")
	case ok && (refused.Kind == idp.Invalid || refused.Kind == idp.Conflict):
		return c.certificatesPage(w, r, http.StatusUnprocessableEntity, refused.Detail)
	}
	return err
}
