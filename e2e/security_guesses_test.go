package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/web/api/client"
)

// guessing is a house whose two nodes share a Redis, and strangers who come from
// as many addresses as they like.
type guessing struct {
	*secured
	strangers int
}

// stranger is a browser that nobody has signed in with, at an address of its own.
func (h *guessing) stranger(t testing.TB) *visitor {
	t.Helper()
	h.strangers++
	v := h.visitor(t)
	v.Header.Set("X-Forwarded-For", fmt.Sprintf("2001:db8:%x::1", h.strangers))
	return v
}

// named is the page that asks a stranger who said that name for the password.
func (h *guessing) named(t testing.TB, name string) *answer {
	t.Helper()
	return submit(t, h.stranger(t).get(t, securedURL+"/signin").follow(t), "/identifier", url.Values{"username": {name}})
}

// hashes is how many password hashes each node has computed.
func (h *secured) hashes(t testing.TB) (all [2]int) {
	t.Helper()
	for i, node := range h.nodes {
		got := newVisitor(t).get(t, "http://"+node.env["GATEHOUSE_METRICS"]+"/metrics")
		m := regexp.MustCompile(`(?m)^gatehouse_password_hashes_total (\d+)$`).FindStringSubmatch(got.Body)
		if m == nil {
			t.Fatalf("the metrics of node %d answered %d", i, got.Status)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		all[i] = n
	}
	return all
}

// computed is how many both have computed since.
func (h *secured) computed(t testing.TB, before [2]int) int {
	t.Helper()
	after := h.hashes(t)
	return after[0] + after[1] - before[0] - before[1]
}

// plain is what somebody gets to see who tried a name: the status, every header and the
// page, without what is new each time and without the name.
func plain(got *answer, name string) string {
	head := got.Header.Clone()
	// How long a page is depends on what is sealed in it, and that on the time of day:
	// what is in it is compared below.
	for _, own := range []string{"Date", "X-Correlation-Id", "Content-Length"} {
		head.Set(own, "its own")
	}
	if head.Get("Retry-After") != "" {
		head.Set("Retry-After", "some seconds")
	}
	for i, c := range head["Set-Cookie"] {
		cookie, rest, _ := strings.Cut(c, ";")
		before, _, _ := strings.Cut(cookie, "=")
		head["Set-Cookie"][i] = before + "=its own;" + rest
	}
	var lines []string
	for _, field := range slices.Sorted(maps.Keys(head)) {
		lines = append(lines, field+": "+strings.Join(head[field], ", "))
	}
	body := got.Body
	for _, own := range []*regexp.Regexp{
		regexp.MustCompile(`sin_[a-z0-9]{26}`), regexp.MustCompile(`name="(?:csrf|state)" value="[^"]+"`), regexp.MustCompile(`challenge&#34;:&#34;[^&]+&#34;`),
		regexp.MustCompile(`\d\d:\d\d:\d\d UTC, in [^.<]+`), regexp.MustCompile(`tone-\d`), // the colour of a name
	} {
		body = own.ReplaceAllString(body, "ITS OWN")
	}
	body = strings.ReplaceAll(body, name, "NAME") // after those, in which it may be by chance
	return fmt.Sprintf("%d\n%s\n\n%s", got.Status, strings.Join(lines, "\n"), body)
}

// differ shows where two texts begin to differ; "" where they do not.
func differ(a, b string) string {
	if a == b {
		return ""
	}
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	around := func(s string) string { return s[max(0, at-60):min(len(s), at+60)] }
	return fmt.Sprintf("%q and %q", around(a), around(b))
}

func TestSecurityOfGuesses(t *testing.T) {
	t.Parallel()
	h := &guessing{secured: newSecured(t, map[string]string{"GATEHOUSE_REDIS": startRedis(t).url(), "GATEHOUSE_TRUSTED_PROXIES": "127.0.0.0/8"})}
	people := h.staff(t, "alma", "away", "berta", "clara", "doris", "edith")
	alma, away, berta, clara, doris := people[0], people[1], people[2], people[3], people[4]
	if _, err := h.admin.AddUser(t.Context(), client.Person{Username: "atto", Email: "atto@example.com"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.admin.Suspend(t.Context(), away.ID, "Left the company"); err != nil {
		t.Fatal(err)
	}
	t.Run("EN-01 every refusal is the same", func(t *testing.T) { h.refusals(t, alma, away) })
	t.Run("EN-04 BF-01 spellings of a person count together", func(t *testing.T) { h.spellings(t, berta, clara) })
	t.Run("BF-02 a crowd of guesses at two nodes", func(t *testing.T) { h.crowdOfGuesses(t, doris) })
	h.secondStep(t, people[5])
}

// refusals is EN-01: eleven wrong passwords for each kind of name, of which the last
// is one too many. Names that are as long as each other: a page is as long as its name.
func (h *guessing) refusals(t *testing.T, alma, away somebody) {
	names := []string{alma.Username, "anon", away.Username, "atto", "a;;;"}
	kinds := map[string]string{alma.Username: "a wrong password", "anon": "nobody", away.Username: "somebody suspended", "atto": "somebody without a password", "a;;;": "what is no name"}
	pages := map[string]*answer{}
	for _, name := range names {
		pages[name] = h.named(t, name)
		if d := differ(plain(pages[name], name), plain(pages[names[0]], names[0])); d != "" {
			t.Errorf("asked for the password, %s is told apart: %s", kinds[name], d)
		}
	}
	for try := range 11 {
		want, until := "", 0
		for _, name := range names {
			before := h.hashes(t)
			password := "wrong"
			if name == away.Username {
				password = away.Password
			}
			got := submit(t, pages[name], "/password", url.Values{"password": {password}})
			pages[name] = got
			status, hashes := http.StatusUnauthorized, 1
			if try == 10 {
				status, hashes = http.StatusTooManyRequests, 0
			}
			if n := h.computed(t, before); got.Status != status || n != hashes {
				t.Fatalf("try %d, %s: %d at %d hashes, want %d at %d", try, kinds[name], got.Status, n, status, hashes)
			}
			seen := plain(got, name)
			if want == "" {
				want = seen
			}
			if d := differ(seen, want); d != "" {
				t.Errorf("try %d, %s is told apart: %s", try, kinds[name], d)
			}
			wait, _ := strconv.Atoi(got.Header.Get("Retry-After"))
			if until == 0 {
				until = wait
			}
			if try == 10 && (wait == 0 || max(wait, until)-min(wait, until) > 60) { // as far as the tries lie apart
				t.Errorf("%s is to come back after %d s, others after %d s", kinds[name], wait, until)
			}
		}
	}
}

// spellings is EN-04 and BF-01, at both nodes in turn and from an address of its own
// each time.
func (h *guessing) spellings(t *testing.T, who, other somebody) {
	try := func(name, password string) int {
		t.Helper()
		return submit(t, h.named(t, name), "/password", url.Values{"password": {password}}).Status
	}
	spelled := []string{"berta", "BERTA", "berta ", " Berta", "berta@example.com", "BERTA@Example.COM", "berta@example.com ", "\uff42\uff45rta"}
	before := h.hashes(t)
	for i := range 10 {
		if got := try(spelled[i%len(spelled)], "wrong"); got != http.StatusUnauthorized {
			t.Errorf("try %d, as %q, answered %d", i, spelled[i%len(spelled)], got)
		}
	}
	for _, name := range spelled {
		if got := try(name, who.Password); got != http.StatusTooManyRequests {
			t.Errorf("after ten tries, as %q with the right password: %d", name, got)
		}
	}
	if n := h.computed(t, before); n != 10 {
		t.Errorf("%d hashes for ten tries and %d that were too many", n, len(spelled))
	}
	if got := try(other.Username, other.Password); got != http.StatusSeeOther {
		t.Errorf("somebody else gets %d", got)
	}

	// What stands after a + makes another address (RFC 5321 §2.3.11: the local part is
	// for its host alone to read): it finds nobody, and is counted by itself.
	const tagged = "berta+tag@example.com"
	for i := range 10 {
		if got := try(tagged, who.Password); got != http.StatusUnauthorized {
			t.Errorf("try %d, as %q, answered %d", i, tagged, got)
		}
	}
	if got := try(tagged, who.Password); got != http.StatusTooManyRequests {
		t.Errorf("after ten tries, as %q: %d", tagged, got)
	}
	if got := try("clara+tag@example.com", other.Password); got != http.StatusUnauthorized {
		t.Errorf("an address with a tag finds who has it without: %d", got)
	}
	dora := h.join(t, client.Person{Username: "dora", Email: "clara+work@example.com"})
	if got := try("clara+work@example.com", other.Password); got != http.StatusUnauthorized {
		t.Errorf("the password of whoever has the address without its tag: %d", got)
	}
	if got := try("clara+work@example.com", dora.Password); got != http.StatusSeeOther {
		t.Errorf("whose address that is gets %d", got)
	}
}

// crowdOfGuesses is BF-02: 200 at once, half of them at each node.
func (h *guessing) crowdOfGuesses(t *testing.T, who somebody) {
	page := h.named(t, who.Username)
	f := formTo(t, page, "/password")
	cookies := []string{}
	for name, value := range page.visitor.cookies(t, securedURL) {
		cookies = append(cookies, name+"="+value)
	}
	h.outage.Store(true) // a node that is full says 503, and counts nothing
	defer h.outage.Store(false)
	before := h.hashes(t)
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	both := []*http.Client{h.client(0, true), h.client(1, true)}
	for i := range 200 {
		fields := maps.Clone(f.fields)
		fields.Set("password", fmt.Sprint("guess ", i))
		all.Go(func() {
			got := h.callBy(t, both[i%2], http.MethodPost, f.action, http.Header{
				"Cookie": {strings.Join(cookies, "; ")}, "Origin": {securedURL}, "X-Forwarded-For": {fmt.Sprintf("2001:db8:ffff:%x::1", i)},
			}, fields.Encode())
			mu.Lock()
			statuses[got.Status]++
			mu.Unlock()
		})
	}
	all.Wait()
	for range 20 { // until it is shut: those who were told to come back
		got := submit(t, h.named(t, who.Username), "/password", url.Values{"password": {"wrong"}})
		if statuses[got.Status]++; got.Status == http.StatusTooManyRequests {
			break
		}
	}
	if n := h.computed(t, before); n != 10 || statuses[http.StatusUnauthorized] != 10 || statuses[http.StatusTooManyRequests] == 0 {
		t.Errorf("%d hashes, and answers %v: want ten that are looked at", n, statuses)
	}
	for k := range statuses {
		if !slices.Contains([]int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable}, k) {
			t.Errorf("answers %v", statuses)
		}
	}
}

// offered is an authenticator app that the page offers: its key and its form.
type offered struct {
	page *answer
	key  string
}

var keyOffered = regexp.MustCompile(`<code[^>]*>([A-Z2-7 ]{20,})</code>`)

func (h *secured) offersApp(t testing.TB, v *visitor) offered {
	t.Helper()
	page := v.get(t, securedURL+"/codes")
	m := keyOffered.FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("no key is offered: %d to %q\n%s", page.Status, page.Header.Get("Location"), page.Body)
	}
	return offered{page, h.secret("TOTP key", strings.ReplaceAll(m[1], " ", ""))}
}

var recoveryCode = regexp.MustCompile(`<code[^>]*>([^<]{8,40})</code>`)

// codesOn are the recovery codes that a page shows.
func (h *secured) codesOn(page *answer) (codes []string) {
	_, list, _ := strings.Cut(page.Body, "recovery-codes")
	for _, m := range recoveryCode.FindAllStringSubmatch(list, -1) {
		codes = append(codes, h.secret("recovery code", m[1]))
	}
	return codes
}

// takes adds the app, and returns the recovery codes.
func (h *secured) takes(t testing.TB, o offered) []string {
	t.Helper()
	shown := submit(t, o.page, "/codes/app", url.Values{"code": {oathtool(t, o.key, "now")}})
	codes := h.codesOn(shown)
	if shown.Status != http.StatusOK || len(codes) != 10 {
		t.Fatalf("the app was not taken: %d, %d codes\n%s", shown.Status, len(codes), shown.Body)
	}
	return codes
}

// posts sends a form as a page of the house would.
func (h *secured) posts(t testing.TB, v *visitor, path string, form url.Values) *answer {
	t.Helper()
	return v.with(t, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": securedURL}, func() *answer { return v.postForm(t, securedURL+path, form) })
}

// secondStep is SE-01, MF-02 and BF-05 of somebody with an authenticator app.
func (h *guessing) secondStep(t *testing.T, who somebody) {
	const cookie = "__Host-gatehouse"
	home := &url.URL{Scheme: "https", Host: "idp.localhost", Path: "/"}
	web := h.register(t, "web", client.OIDC{RedirectURIs: []string{"https://app.example/cb"}})
	good := func(t *testing.T, value string, want bool) {
		t.Helper()
		for node := range h.nodes {
			v := h.visitorAt(t, node)
			v.http.Jar.SetCookies(home, []*http.Cookie{{Name: cookie, Value: value, Path: "/", Secure: true}})
			if got := v.get(t, securedURL+"/").Status == http.StatusOK; got != want {
				t.Errorf("on node %d the cookie is good: %t", node, got)
			}
		}
	}
	enter := func(t *testing.T) *visitor {
		t.Helper()
		v := h.stranger(t)
		h.signIn(t, v, who)
		return v
	}
	stepping, half, first := enter(t), enter(t), enter(t) // by the password alone
	spare := h.offersApp(t, first)
	recovery := h.takes(t, h.offersApp(t, first))
	spend := func() url.Values {
		code := recovery[0]
		recovery = recovery[1:]
		return url.Values{"code": {code}}
	}

	t.Run("SE-01 the second step changes the identifier", func(t *testing.T) {
		v := h.stranger(t)
		planted := strings.Repeat("B", 43)
		v.http.Jar.SetCookies(home, []*http.Cookie{{Name: cookie, Value: planted, Path: "/", Secure: true}})
		page := h.prove(t, v.get(t, securedURL+"/signin").follow(t), who).follow(t)
		if now := v.cookies(t, securedURL)[cookie]; now != planted && now != "" {
			t.Errorf("half a sign-in has the identifier %q", now)
		}
		good(t, planted, false)
		if got := submit(t, page, "/code", spend()); got.Status != http.StatusSeeOther {
			t.Fatalf("the second step answered %d\n%s", got.Status, got.Body)
		}
		first := v.cookies(t, securedURL)[cookie]
		if first == planted || len(first) < 40 {
			t.Fatalf("after the second step the identifier is %q", first)
		}
		good(t, planted, false)
		good(t, first, true)

		// A session by the password alone that becomes one by both.
		v = h.sameBrowserAt(t, stepping, -1)
		before := v.cookies(t, securedURL)[cookie]
		good(t, before, true)
		page = v.get(t, securedURL+"/signin?second=1&return_to=%2Fcodes").follow(t)
		if got := submit(t, page, "/code", spend()); got.Status != http.StatusSeeOther {
			t.Fatalf("the step up answered %d\n%s", got.Status, got.Body)
		}
		after := v.cookies(t, securedURL)[cookie]
		if after == before || len(after) < 40 {
			t.Errorf("the step up kept the identifier: %t", after == before)
		}
		good(t, before, false)
		good(t, after, true)
	})
	t.Run("MF-02 half a sign-in adds nothing", func(t *testing.T) {
		if _, err := h.admin.SetPolicy(t.Context(), client.Policy{Rules: []client.PolicyRule{{SecondFactor: true}}}, true, false); err != nil {
			t.Fatal(err)
		}
		for node := range h.nodes {
			until(t, readyWithin, "the node goes by the policy", func() bool {
				to := h.sameBrowserAt(t, half, node).get(t, h.attempt(web).url()).location(t)
				return to.Host == "idp.localhost"
			})
		}
		atCode := h.stranger(t)
		page := h.prove(t, atCode.get(t, securedURL+"/signin").follow(t), who).follow(t)
		formTo(t, page, "/code")
		h.enrolsNothing(t, "a sign-in at its second step", atCode, csrfOn(t, page.Body), who, web, spare)
		h.enrolsNothing(t, "a session by the password alone", half, csrfOn(t, half.get(t, securedURL+"/").Body), who, web, spare)

		// What they sent does what it says for who has shown both.
		submit(t, page, "/code", spend())
		token := csrfOn(t, atCode.get(t, securedURL+"/").Body)
		for _, path := range []string{"/codes", "/passkeys", "/password", "/my-data"} {
			if got := atCode.get(t, securedURL+path); got.Status != http.StatusOK {
				t.Errorf("with both, %s answered %d", path, got.Status)
			}
		}
		shown := h.posts(t, atCode, "/codes/recovery", url.Values{"csrf": {token}})
		if n := strings.Count(shown.Body, "<code"); shown.Status != http.StatusOK || n < 10 {
			t.Errorf("with both, new recovery codes: %d, %d of them", shown.Status, n)
		}
		recovery = h.codesOn(shown)
	})
	t.Run("BF-05 codes are counted over nodes, sign-ins and kinds", func(t *testing.T) {
		// A right password forgets what was tried of it, and nothing of the codes.
		refused := 0
		for i := range 20 {
			page := h.prove(t, h.stranger(t).get(t, securedURL+"/signin").follow(t), who).follow(t)
			code := fmt.Sprintf("%06d", 123450+i)
			if i%2 == 1 {
				code = fmt.Sprintf("abcd-efgh-%04d", i)
			}
			got := submit(t, page, "/code", url.Values{"code": {code}})
			switch got.Status {
			case http.StatusTooManyRequests:
				refused++
			case http.StatusUnauthorized:
				if refused > 0 {
					t.Errorf("guess %d was looked at after one that was not", i)
				}
			default:
				t.Errorf("guess %d answered %d", i, got.Status)
			}
		}
		if refused < 10 {
			t.Errorf("%d of 20 guesses were too many", refused)
		}
		for range h.nodes {
			page := h.prove(t, h.stranger(t).get(t, securedURL+"/signin").follow(t), who).follow(t)
			if got := submit(t, page, "/code", url.Values{"code": recovery[:1]}); got.Status != http.StatusTooManyRequests {
				t.Errorf("the right code of whoever has guessed answered %d", got.Status)
			}
		}
	})
}

// enrolsNothing is MF-02: the policy asks for a second factor, and what came by the
// password alone posts whatever adds one or stands in for it, with all that its forms
// hold, and opens the pages where that is done.
func (h *guessing) enrolsNothing(t *testing.T, what string, v *visitor, token string, who somebody, web party, spare offered) {
	t.Helper()
	offer := formTo(t, spare.page, "/codes/app").fields.Get("offer")
	if token == "" || offer == "" {
		t.Fatal("there is nothing to send")
	}
	before := h.stands(t)
	for path, fields := range map[string]url.Values{
		"/codes/app":      {"offer": {offer}, "code": {oathtool(t, spare.key, "now")}},
		"/codes/recovery": {}, "/codes/remove": {},
		"/passkeys": {"state": {offer}, "response": {`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}`}},
		"/password": {"current": {who.Password}, "password": {"a password of the thief's own"}},
		"/passkeys/crd_00000000000000000000000000/remove": {},
	} {
		fields.Set("csrf", token)
		got := h.posts(t, v, path, fields)
		led := got.Status == http.StatusSeeOther && strings.HasPrefix(got.Header.Get("Location"), "/signin")
		none := path == "/passkeys" && got.Status == http.StatusBadRequest // no ceremony is to be had, see below
		if !led && !none && got.Status != http.StatusForbidden && got.Status != http.StatusUnauthorized {
			t.Errorf("%s: a POST to %s answered %d to %q\n%.600s", what, path, got.Status, got.Header.Get("Location"), got.Body)
		}
	}
	for _, path := range []string{"/codes", "/codes/remove", "/password", "/passkeys"} {
		got := v.get(t, securedURL+path)
		led := got.Status == http.StatusSeeOther && strings.HasPrefix(got.Header.Get("Location"), "/signin")
		if !led && strings.Contains(got.Body, "data-passkey=") || !led && path != "/passkeys" { // which says that it is for who has shown both
			t.Errorf("%s: %s answered %d", what, path, got.Status)
		}
	}
	if to := v.get(t, h.attempt(web).url()).location(t); to.Host != "idp.localhost" || to.Query().Get("code") != "" {
		t.Errorf("%s: an app is opened at %s", what, to)
	}
	after := h.stands(t)
	for _, table := range []string{"credentials", "users", "sessions", "known_devices", "links", "mails"} {
		if stood, ok := before[table]; !ok || after[table] != stood {
			t.Errorf("%s: the table %s changed", what, table)
		}
	}
}
