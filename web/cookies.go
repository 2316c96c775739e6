package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"gatehouse/sessions"
)

// Cookies names and writes the cookies of the house: the session, the secret
// that binds sign-ins to this browser, who has signed in on it and the secret by
// which it is known to be theirs, for some minutes after a sign-out which it
// was, and for a month that a passkey was offered. Over https all carry the
// __Host- prefix (RFC 6265bis §4.1.3.2): no Domain, Path=/, Secure.
type Cookies struct {
	HTTPS bool
	// DeviceKey is what a device's secret is signed by, the same on every node for
	// ever: nobody is asked about one that somebody has made up.
	DeviceKey []byte
}

func (c Cookies) name(base string) string {
	if c.HTTPS {
		return "__Host-" + base
	}
	return base
}

func (c Cookies) session() string { return c.name("gatehouse") }
func (c Cookies) browser() string { return c.name("gatehouse_browser") }
func (c Cookies) left() string    { return c.name("gatehouse_left") }
func (c Cookies) asked() string   { return c.name("gatehouse_asked") }
func (c Cookies) people() string  { return c.name("gatehouse_people") }
func (c Cookies) device() string  { return c.name("gatehouse_device") }

func (c Cookies) set(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(maxAge / time.Second),
		Secure: c.HTTPS, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// SetSession gives the browser its session. Its end is decided by the gate;
// the cookie lives as long as the browser runs. What became of the sign-out
// before it is forgotten: that may have been somebody else's.
func (c Cookies) SetSession(w http.ResponseWriter, raw string) {
	c.set(w, c.session(), raw, 0)
	c.set(w, c.left(), "", -time.Second)
}

// ClearSession takes the session cookie away.
func (c Cookies) ClearSession(w http.ResponseWriter) { c.set(w, c.session(), "", -time.Second) }

// Session returns the raw secret of the session cookie, "" when there is none.
func (c Cookies) Session(r *http.Request) string { return value(r, c.session()) }

// SetLeft remembers a sign-out, sealed, for so long.
func (c Cookies) SetLeft(w http.ResponseWriter, sealed string, life time.Duration) {
	c.set(w, c.left(), sealed, life)
}

// Left returns what was remembered of a sign-out, "" when nothing is.
func (c Cookies) Left(r *http.Request) string { return value(r, c.left()) }

// askedFor is how long a browser is not asked again.
const askedFor = 30 * 24 * time.Hour

// SetAsked remembers whom this browser has asked whether they would have a
// passkey; whom is no name.
func (c Cookies) SetAsked(w http.ResponseWriter, whom string) { c.set(w, c.asked(), whom, askedFor) }

// Asked returns whom this browser has asked, "" when nobody lately.
func (c Cookies) Asked(r *http.Request) string { return value(r, c.asked()) }

// SetPeople remembers who has signed in on this browser, sealed, for so long.
func (c Cookies) SetPeople(w http.ResponseWriter, sealed string, life time.Duration) {
	c.set(w, c.people(), sealed, life)
}

// People returns what was remembered of them, "" when nothing is.
func (c Cookies) People(r *http.Request) string { return bounded(r, c.people(), maxPeople) }

// maxPeople is more than five people are long, sealed, in bytes.
const maxPeople = 3 << 10

// SetDevice gives the browser the secret by which it is known, for as long as
// browsers keep a cookie (RFC 6265bis §5.5: 400 days). It is given to nobody
// but who has signed in.
func (c Cookies) SetDevice(w http.ResponseWriter, raw string) {
	c.set(w, c.device(), raw+"."+c.mark(raw), sessions.KnownDeviceLife)
}

// Device returns the raw secret by which this browser is known, "" when it has
// none that we have given it.
func (c Cookies) Device(r *http.Request) string {
	raw, mark, _ := strings.Cut(value(r, c.device()), ".")
	if !hmac.Equal([]byte(mark), []byte(c.mark(raw))) {
		return ""
	}
	return raw
}

// mark is 16 bytes of a MAC of a device's secret.
func (c Cookies) mark(raw string) string {
	mac := hmac.New(sha256.New, c.DeviceKey)
	mac.Write([]byte("known device\x00" + raw))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// Bound returns the raw secret that binds this browser, "" when it has none.
func (c Cookies) Bound(r *http.Request) string { return value(r, c.browser()) }

// Bind returns the raw secret that binds this browser, and gives it one when
// it has none.
func (c Cookies) Bind(w http.ResponseWriter, r *http.Request) string {
	if raw := c.Bound(r); raw != "" {
		return raw
	}
	var b [32]byte
	rand.Read(b[:])
	raw := base64.RawURLEncoding.EncodeToString(b[:])
	c.set(w, c.browser(), raw, 0)
	return raw
}

// value reads a cookie, and nothing when it came twice: one of the two would
// be somebody else's wish.
func value(r *http.Request, name string) string { return bounded(r, name, 128) }

func bounded(r *http.Request, name string, most int) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 || len(found[0].Value) > most {
		return ""
	}
	return found[0].Value
}
