package e2e

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"

	"gatehouse/web/api/client"
)

// mailbox is a mail server that keeps what it is given.
type mailbox struct {
	addr string
	mu   sync.Mutex
	kept []letter
	// greylists: every recipient is to be tried again later (RFC 6647).
	greylists atomic.Bool
}

type letter struct{ to, subject, text string }

func newMailbox(t testing.TB) *mailbox {
	t.Helper()
	m := &mailbox{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &handover{box: m}, nil }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = l.Addr().String()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return m
}

type handover struct {
	box *mailbox
	to  []string
}

func (h *handover) Mail(string, *smtp.MailOptions) error { return nil }
func (h *handover) Rcpt(to string, _ *smtp.RcptOptions) error {
	if h.box.greylists.Load() {
		return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted, come again later"}
	}
	h.to = append(h.to, to)
	return nil
}
func (h *handover) Reset()        { h.to = nil }
func (h *handover) Logout() error { return nil }

func (h *handover) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return err
	}
	h.box.mu.Lock()
	defer h.box.mu.Unlock()
	h.box.kept = append(h.box.kept, letter{strings.Join(h.to, ","), m.Header.Get("Subject"), string(raw)})
	return nil
}

// next is the nth letter to an address, when it has come.
func (m *mailbox) next(t testing.TB, to string, n int) letter {
	t.Helper()
	var found []letter
	until(t, readyWithin, "a mail to "+to+" comes", func() bool { found = m.to(to); return len(found) > n })
	return found[n]
}

func (m *mailbox) to(to string) (found []letter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.kept {
		if l.to == to {
			found = append(found, l)
		}
	}
	return found
}

var linkInMail = regexp.MustCompile(`https?://[^\s"<>]+/link/[\w-]+`)

func (l letter) link(t testing.TB) string {
	t.Helper()
	found := linkInMail.FindString(l.text)
	if found == "" {
		t.Fatalf("no link in\n%s", l.text)
	}
	return found
}

// TestMailBringsPeopleInAndBack: an invitation, a forgotten password, and what
// strangers try with both, against the running binary and a mail server.
func TestMailBringsPeopleInAndBack(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	token := strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_SMTP": "smtp://" + box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
	})
	api := &client.Client{URL: p.URL, Token: token}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	invite := func(name string) string {
		t.Helper()
		_, err := api.AddUser(t.Context(), client.Person{Username: name, Email: name + "@example.org"})
		must(err)
		in, err := api.MailInvitation(t.Context(), name)
		must(err)
		if !in.Mailed || in.Link != "" {
			t.Errorf("the invitation of %s shows %+v", name, in)
		}
		return box.next(t, name+"@example.org", 0).link(t)
	}
	choose := func(v *visitor, link, password string, want int) {
		t.Helper()
		page := v.get(t, link)
		if page.Status != http.StatusOK {
			if page.Status != want {
				t.Fatalf("the link answered %d, want %d", page.Status, want)
			}
			return
		}
		if got := submit(t, page, "/link/", url.Values{"password": {password}}); got.Status != want {
			t.Fatalf("the link's form answered %d, want %d:\n%s", got.Status, want, got.Body)
		}
	}
	link := invite("anna")
	hers := newVisitor(t)
	choose(hers, link, "correct horse battery", http.StatusSeeOther)
	choose(newVisitor(t), link, "correct horse battery", http.StatusGone)
	page := submit(t, hers.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"anna"}})
	if in := submit(t, page, "/password", url.Values{"password": {"correct horse battery"}}); in.Status != http.StatusSeeOther {
		t.Fatalf("she is not let in: %d\n%s", in.Status, in.Body)
	}

	ask := func(header http.Header, names ...string) *answer {
		t.Helper()
		v := newVisitor(t)
		page := v.get(t, p.URL+"/signin/trouble")
		if !strings.Contains(page.Body, `href="/signin/recover"`) {
			t.Fatalf("the page does not offer a mail:\n%s", page.Body)
		}
		page = v.get(t, p.URL+"/signin/recover")
		for name, values := range header {
			v.Header[name] = values
		}
		return submit(t, page, "/signin/recover", url.Values{"username": names})
	}
	t.Run("EN-02 the same for everybody", func(t *testing.T) {
		known, unknown := ask(nil, "anna"), ask(nil, "nobody@example.org")
		if known.Status != http.StatusOK || known.Status != unknown.Status || known.Body != unknown.Body {
			t.Errorf("answered %d and %d:\n%s\n%s", known.Status, unknown.Status, known.Body, unknown.Body)
		}
		for name := range known.Header {
			if name != "Date" && name != "X-Correlation-Id" && known.Header.Get(name) != unknown.Header.Get(name) && !strings.Contains(name, "Content-Security-Policy") {
				t.Errorf("%s differs: %q, %q", name, known.Header.Get(name), unknown.Header.Get(name))
			}
		}
	})
	link = box.next(t, "anna@example.org", 1).link(t)
	t.Run("PR-01 the link is of this house whatever the request says", func(t *testing.T) {
		if !strings.HasPrefix(link, p.URL+"/link/") {
			t.Errorf("the link is %s", link)
		}
		for i, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Original-Url"} {
			person := fmt.Sprint("iris", i)
			invite(person)
			ask(http.Header{name: {"evil.example"}, "X-Forwarded-Proto": {"http"}}, person)
			if mailed := box.next(t, person+"@example.org", 1).link(t); !strings.HasPrefix(mailed, p.URL+"/link/") {
				t.Errorf("with %s the link is %s", name, mailed)
			}
		}
	})
	for range 5 { // who asks while it works gets no other, and it stays good
		ask(nil, "anna@example.org")
	}
	t.Run("PR-02 one name, one mail", func(t *testing.T) {
		for _, names := range [][]string{{"anna", "eve@evil.example"}, {}, {""}} {
			if got := ask(nil, names...); got.Status != http.StatusBadRequest {
				t.Errorf("%q answered %d", names, got.Status)
			}
		}
		for _, name := range []string{"anna@example.org,eve@evil.example", "anna@example.org\r\nBcc: eve@evil.example", "anna@example.org eve@evil.example",
			"anna@example.org;eve@evil.example", "anna,eve@evil.example", "anna@example.org%0aeve@evil.example", "Anna <anna@example.org>", "anna\x00"} {
			if got := ask(nil, name); got.Status != http.StatusBadRequest {
				t.Errorf("%q answered %d", name, got.Status)
			}
		}
	})
	t.Run("UN-01 an address in any script", func(t *testing.T) {
		const wire, password = "ivan@xn--e1afmkfd.xn--p1ai", "correct horse battery"
		ivan, err := api.AddUser(t.Context(), client.Person{Username: "ivan", Email: "Ivan@Пример.рф"})
		must(err)
		if ivan.User.Email != "ivan@пример.рф" {
			t.Errorf("kept as %q", ivan.User.Email)
		}
		for _, same := range []string{"ivan@пример.рф", wire, "\uff49van@пример。рф"} {
			if _, err := api.AddUser(t.Context(), client.Person{Username: "eve", Email: same}); err == nil || !strings.Contains(err.Error(), "Another person signs in by this email already.") {
				t.Errorf("%q: %v", same, err)
			}
		}
		_, err = api.MailInvitation(t.Context(), wire)
		must(err)
		choose(newVisitor(t), box.next(t, wire, 0).link(t), password, http.StatusSeeOther)
		for i, typed := range []string{"ivan@пример.рф", wire, "IVAN@ПРИМЕР.РФ"} {
			v := newVisitor(t)
			page := submit(t, v.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {typed}})
			if in := submit(t, page, "/password", url.Values{"password": {password}}); in.Status != http.StatusSeeOther {
				t.Errorf("%q is not let in: %d", typed, in.Status)
			}
			ask(nil, typed)
			if i == 0 {
				box.next(t, wire, 1+i)
			}
		}
	})
	t.Run("PR-04 no new password without the link", func(t *testing.T) {
		v := newVisitor(t)
		page := v.get(t, p.URL+"/signin/recover")
		f := formTo(t, page, "/signin/recover")
		f.fields.Set("password", "correct horse battery 2")
		for _, path := range []string{"/link/" + strings.Repeat("a", 43), "/link/anna", "/signin/recover/password"} {
			v.Header.Set("Sec-Fetch-Site", "same-origin")
			if got := v.postForm(t, p.URL+path, f.fields); got.Status < 400 {
				t.Errorf("%s answered %d", path, got.Status)
			}
		}
	})
	t.Run("PR-03 a mailbox alone opens nothing", func(t *testing.T) {
		if got := newVisitor(t).get(t, link); got.Status != http.StatusOK || !strings.Contains(got.Body, "Open this link where you have signed in before") || strings.Contains(got.Body, `name="password"`) {
			t.Errorf("in another browser the link answered %d:\n%s", got.Status, got.Body)
		}
	})
	choose(hers, link, "staple battery horse", http.StatusSeeOther)
	if told := box.next(t, "anna@example.org", 2); !strings.Contains(told.subject, "was recovered") {
		t.Errorf("after the recovery she is told %q", told.subject)
	}
	// Who comes from elsewhere with a password keeps it.
	sum := sha1.Sum([]byte("a password of before" + "salt"))
	people := fmt.Sprintf(`{"username": "dora", "password_hash": "{SSHA}%s"}`+"\n"+`{"username": "emil", "password_hash": "secret"}`+"\n",
		base64.StdEncoding.EncodeToString(append(sum[:], "salt"...)))
	imports := exec.CommandContext(t.Context(), p.path, "user", "import", "-", "--url", p.URL, "--token", token)
	imports.Stdin = strings.NewReader(people)
	if out, err := imports.CombinedOutput(); err == nil || !strings.Contains(string(out), "1 added, 1 not") || !strings.Contains(string(out), "line 2, emil") {
		t.Errorf("%v\n%s", err, out)
	}
	for range 2 { // by the old hash, then by ours
		page := newVisitor(t).get(t, p.URL+"/signin").follow(t)
		page = submit(t, page, "/identifier", url.Values{"username": {"dora"}})
		if got := submit(t, page, "/password", url.Values{"password": {"a password of before"}}); got.Status != http.StatusSeeOther {
			t.Errorf("her password of before is refused: %d", got.Status)
		}
	}
	// A suspension ends what is in a mailbox, and sends nothing more there.
	dead := invite("bert")
	_, err := api.Suspend(t.Context(), "bert", "left")
	must(err)
	choose(newVisitor(t), dead, "correct horse battery", http.StatusGone)
	ask(nil, "bert")
	ask(nil, "anna@example.org")
	ask(nil, "fresh")
	fresh := invite("cleo")
	if n := len(box.to("bert@example.org")); n != 1 {
		t.Errorf("bert got %d mails", n)
	}
	for _, l := range box.kept {
		if strings.Contains(l.to, "evil.example") || strings.Contains(l.text, "evil.example") {
			t.Errorf("a mail to or of a stranger: %+v", l)
		}
	}
	// Nothing that was mailed rests anywhere.
	for _, secret := range []string{link, fresh, dead} {
		if raw := secret[strings.LastIndex(secret, "/")+1:]; bytes.Contains([]byte(p.Log.String()), []byte(raw)) {
			t.Errorf("the log holds a link")
		}
	}
}

var codeInMail = regexp.MustCompile(`\b\d{4} \d{4}\b`)

// TestACodeByMailSignsIn, without scripts, against the running binary and a mail
// server, where the policy says so: in the browser that asked for it and in no other,
// with the same answers for every name.
func TestACodeByMailSignsIn(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	token := strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_SMTP": "smtp://" + box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
	})
	api := &client.Client{URL: p.URL, Token: token}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"anna", "bert"} {
		_, err := api.AddUser(t.Context(), client.Person{Username: name, Email: name + "@example.org"})
		must(err)
	}
	named := func(v *visitor, name string) *answer {
		t.Helper()
		return submit(t, v.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {name}})
	}
	// Off by default: it is not offered, and not there.
	page := named(newVisitor(t), "anna")
	if strings.Contains(page.Body, "Email me a code") {
		t.Fatal("a code by mail is offered before anybody allowed it")
	}
	f := formTo(t, page, "/password")
	f.fields.Set("username", "anna")
	v := page.visitor
	v.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, path := range []string{"/mail", "/mailed"} {
		if got := v.postForm(t, p.URL+strings.TrimSuffix(f.action, "/password")+path, f.fields); got.Status != http.StatusForbidden {
			t.Errorf("%s answered %d before anybody allowed it", path, got.Status)
		}
	}
	set, err := api.SetPolicy(t.Context(), client.Policy{EmailCode: true}, false, false)
	must(err)
	if !set.EmailCode || len(set.Sentences) != 1 || !strings.Contains(set.Sentences[0], "mailed") {
		t.Errorf("the policy is %+v", set)
	}

	hers := newVisitor(t)
	asked := submit(t, named(hers, "anna"), "/mail", nil).follow(t)
	for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`, "Code from the mail"} {
		if !strings.Contains(asked.Body, want) {
			t.Errorf("the page has no %s:\n%s", want, asked.Body)
		}
	}
	letter := box.next(t, "anna@example.org", 0)
	code := codeInMail.FindString(letter.text)
	if code == "" || strings.Contains(letter.subject, code) {
		t.Fatalf("the mail %q:\n%s", letter.subject, letter.text)
	}
	t.Run("EN-02 the same for everybody", func(t *testing.T) {
		answers := map[string]*answer{}
		for _, name := range []string{"anna", "nobody"} {
			sent := submit(t, named(newVisitor(t), name), "/mail", nil)
			page := sent.follow(t)
			answers[name+" asks"] = page
			answers[name+" types"] = submit(t, page, "/mailed", url.Values{"code": {"1234 5678"}})
		}
		strip := regexp.MustCompile(`sin_\w+|value="[^"]*"|nonce-[^']+|nonce="[^"]*"|` + `(?i)anna|nobody`)
		for _, what := range []string{" asks", " types"} {
			known, unknown := answers["anna"+what], answers["nobody"+what]
			clean := func(a *answer) string {
				return regexp.MustCompile(`class="initial[^>]*>[^<]*<`).ReplaceAllString(strip.ReplaceAllString(a.Body, "x"), "x")
			}
			if known.Status != unknown.Status || clean(known) != clean(unknown) {
				t.Errorf("%s: %d and %d:\n%s\n%s", what, known.Status, unknown.Status, clean(known), clean(unknown))
			}
		}
	})
	// In another browser the code is worth nothing, be it in a sign-in of its own or
	// at the address of this one.
	thief := newVisitor(t)
	theirs := submit(t, named(thief, "anna"), "/mail", nil).follow(t)
	if got := submit(t, theirs, "/mailed", url.Values{"code": {code}}); got.Status != http.StatusUnauthorized {
		t.Errorf("in another browser the code answered %d", got.Status)
	}
	if got := thief.get(t, asked.URL.String()); got.Status != http.StatusBadRequest {
		t.Errorf("another browser at this sign-in gets %d", got.Status)
	}
	done := submit(t, asked, "/mailed", url.Values{"code": {code}})
	if done.Status != http.StatusSeeOther {
		t.Fatalf("the code answered %d:\n%s", done.Status, done.Body)
	}
	if got := hers.get(t, p.URL+"/"); got.Status != http.StatusOK || !strings.Contains(got.Body, "Hello, anna") {
		t.Errorf("her page answers %d:\n%s", got.Status, got.Body)
	}
	if got := submit(t, theirs, "/mailed", url.Values{"code": {code}}); got.Status != http.StatusUnauthorized {
		t.Errorf("a code that was used answered %d", got.Status)
	}
	// A suspension ends a code in a mailbox.
	late := newVisitor(t)
	waits := submit(t, named(late, "bert"), "/mail", nil).follow(t)
	dead := codeInMail.FindString(box.next(t, "bert@example.org", 0).text)
	_, err = api.Suspend(t.Context(), "bert", "left")
	must(err)
	if got := submit(t, waits, "/mailed", url.Values{"code": {dead}}); got.Status != http.StatusUnauthorized {
		t.Errorf("after a suspension the code answered %d", got.Status)
	}
	for _, secret := range []string{code, dead, strings.ReplaceAll(code, " ", "")} {
		if strings.Contains(p.Log.String(), secret) {
			t.Error("the log holds a code")
		}
	}
}

// TestRecoveryTakesTwoProofs: who has an authenticator app gives a code of it beside
// the link, against the running binary, with oathtool's codes; the link alone, and a
// wrong code, change nothing.
func TestRecoveryTakesTwoProofs(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	token := strings.Repeat("token ", 5)[:26]
	p := start(t, []string{"serve"}, map[string]string{
		"GATEHOUSE_ADMIN_TOKEN": token, "GATEHOUSE_SMTP": "smtp://" + box.addr, "GATEHOUSE_MAIL_FROM": "gatehouse@example.com",
	})
	api := &client.Client{URL: p.URL, Token: token}
	if _, err := api.AddUser(t.Context(), client.Person{Username: "anna", Email: "anna@example.org"}); err != nil {
		t.Fatal(err)
	}
	in, err := api.Invite(t.Context(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t)
	submit(t, v.get(t, in.Link), "/link/", url.Values{"password": {"correct horse battery"}})
	signs := func(v *visitor, password string) *answer {
		t.Helper()
		page := submit(t, v.get(t, p.URL+"/signin").follow(t), "/identifier", url.Values{"username": {"anna"}})
		return submit(t, page, "/password", url.Values{"password": {password}})
	}
	signs(v, "correct horse battery")
	offer := v.get(t, p.URL+"/codes")
	key := strings.ReplaceAll(regexp.MustCompile(`<code>([A-Z2-7 ]+)</code>`).FindStringSubmatch(offer.Body)[1], " ", "")
	if got := submit(t, offer, "/codes/app", url.Values{"code": {oathtool(t, key, "now")}}); got.Status != http.StatusOK {
		t.Fatalf("the app answered %d:\n%s", got.Status, got.Body)
	}
	if told := box.next(t, "anna@example.org", 0); !strings.Contains(told.subject, "authenticator app was set up") {
		t.Errorf("she is told %q", told.subject)
	}

	asks := newVisitor(t)
	submit(t, asks.get(t, p.URL+"/signin/recover"), "/signin/recover", url.Values{"username": {"anna"}})
	link := box.next(t, "anna@example.org", 1).link(t)
	page := newVisitor(t).get(t, link)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "Code from your authenticator app") {
		t.Fatalf("the link answered %d:\n%s", page.Status, page.Body)
	}
	for _, code := range []string{"", "000000"} {
		if got := submit(t, page, "/link/", url.Values{"password": {"staple battery horse"}, "code": {code}}); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `id="code-error"`) {
			t.Errorf("with %q the link answered %d:\n%s", code, got.Status, got.Body)
		}
	}
	if got := v.get(t, p.URL+"/"); got.Status != http.StatusOK {
		t.Errorf("a try that was refused has ended her session: %d", got.Status)
	}
	done := submit(t, page, "/link/", url.Values{"password": {"staple battery horse"}, "code": {oathtool(t, key, "now + 30 seconds")}})
	if done.Status != http.StatusSeeOther || len(done.Header.Values("Set-Cookie")) > 0 {
		t.Fatalf("with the code the link answered %d, %v:\n%s", done.Status, done.Header, done.Body)
	}
	if got := v.get(t, p.URL+"/"); got.Status == http.StatusOK {
		t.Error("a session of before goes on")
	}
	if told := box.next(t, "anna@example.org", 2); !strings.Contains(told.subject, "was recovered") {
		t.Errorf("she is told %q", told.subject)
	}
	if got := signs(newVisitor(t), "staple battery horse").follow(t); !strings.Contains(got.Body, "Second step") {
		t.Errorf("after the new password comes no second step: %d\n%s", got.Status, got.Body)
	}
	if got := newVisitor(t).get(t, link); got.Status != http.StatusGone {
		t.Errorf("the link answers %d once more", got.Status)
	}
}
