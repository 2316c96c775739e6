package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/e2e/ports"
	"gatehouse/web/api/client"
)

// The security suite: docs/security-cases.md says which case is tested where.
// Every case runs against two nodes of the built binary on one PostgreSQL over
// https, so that __Host- cookies and HSTS are what a user gets. A request goes
// to the node that did not get the one before, unless the case names a node.

// securedURL is the issuer. Its name leads nowhere: the suite's own dialer
// stands for whatever hands connections to the nodes.
const securedURL = "https://idp.localhost"

// secured is the house under test, with what a tester may know from outside:
// the admin API, the database and the logs.
type secured struct {
	t     testing.TB // what goes wrong at any time fails the whole
	nodes [2]*proc
	dsn   string
	env   map[string]string // of each node
	roots *x509.CertPool
	admin *client.Client
	db    *pgx.Conn

	turn   atomic.Uint32
	outage atomic.Bool // 503 is what a node shall say

	mu       sync.Mutex
	canaries map[string]string // a raw secret: what it is
}

// newSecured starts a house, with more settings. At the end of t nothing alarming may
// stand in the logs, and no raw secret that was seen on the way in logs or database.
func newSecured(t *testing.T, more ...map[string]string) *secured {
	t.Helper()
	h := &secured{t: t, dsn: postgresDSN(t), canaries: map[string]string{}}
	cert, key := h.certificate(t)
	env := map[string]string{
		"PATH":                  os.Getenv("PATH"),
		"GATEHOUSE_URL":         securedURL,
		"GATEHOUSE_DATABASE":    h.dsn,
		"GATEHOUSE_SECRET":      h.secret("root key", rand.Text()+rand.Text()),
		"GATEHOUSE_ADMIN_TOKEN": h.secret("bootstrap token", rand.Text()+rand.Text()),
		"GATEHOUSE_TLS_CERT":    cert,
		"GATEHOUSE_TLS_KEY":     key,
	}
	for _, m := range more {
		maps.Copy(env, m)
	}
	h.env = env
	var begun sync.WaitGroup
	for i := range h.nodes {
		begun.Go(func() { h.nodes[i] = h.begin(t, env) })
	}
	begun.Wait()
	if t.Failed() {
		t.FailNow()
	}
	h.admin = &client.Client{URL: securedURL, Token: env["GATEHOUSE_ADMIN_TOKEN"], HTTP: h.client(-1, true)}
	conn, err := pgx.Connect(t.Context(), h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	h.db = conn
	t.Cleanup(func() { h.db.Close(context.Background()) })
	t.Cleanup(func() { h.keptNoSecret(t) })
	return h
}

// begin starts one node that ends TLS itself.
func (h *secured) begin(t *testing.T, env map[string]string) *proc {
	addr, err := ports.Free()
	if err != nil {
		t.Error(err)
		return nil
	}
	dir := t.TempDir()
	p := &proc{
		URL: securedURL, Addr: addr, Dir: dir, Log: &logbook{}, path: binary(t), args: []string{"serve"},
		env: maps.Clone(env), done: make(chan struct{}),
	}
	metrics, err := ports.Free()
	if err != nil {
		t.Error(err)
		return nil
	}
	p.env["HOME"], p.env["GATEHOUSE_LISTEN"], p.env["GATEHOUSE_DATA"], p.env["GATEHOUSE_METRICS"] = dir, addr, filepath.Join(dir, "data"), metrics
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.Log, p.Log
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		p.cmd.Env = append(p.cmd.Env, name+"="+p.env[name])
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	go func() {
		p.cmd.Wait() // how it ended stands in ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		for _, line := range p.Log.alarms() {
			t.Errorf("a node logged: %s", line)
		}
	})
	web := &http.Client{Transport: h.transport(func() string { return addr }, false), Timeout: time.Second}
	for deadline := time.Now().Add(2 * readyWithin); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if answer, err := web.Get(securedURL + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return p
			}
		}
	}
	t.Errorf("a node was not ready in time; its log:\n%s", p.Log)
	return p
}

// certificate makes a CA and a certificate of it for the house, and returns
// the files of the certificate and its key.
func (h *secured) certificate(t *testing.T) (cert, key string) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, pub *ecdsa.PublicKey, by *ecdsa.PrivateKey) *x509.Certificate {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, by)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	caKey, leafKey := newKey(t), newKey(t)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca = sign(ca, ca, &caKey.PublicKey, caKey)
	leaf := sign(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"idp.localhost"}}, ca, &leafKey.PublicKey, caKey)
	h.roots = x509.NewCertPool()
	h.roots.AddCert(ca)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: leaf.Raw}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// transport connects to whatever node says, whichever name is asked for.
func (h *secured) transport(node func() string, keep bool) *http.Transport {
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, node())
		},
		TLSClientConfig:   &tls.Config{RootCAs: h.roots, ServerName: "idp.localhost"},
		DisableKeepAlives: !keep,
		MaxConnsPerHost:   64,
	}
	h.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// client speaks to node 0 or 1, or with -1 to each in turn. Every answer is
// looked at: see watch. keep keeps connections open, which a client of both
// nodes needs not to be shared evenly.
func (h *secured) client(node int, keep bool) *http.Client {
	pick := func() string {
		if node >= 0 {
			return h.nodes[node].Addr
		}
		return h.nodes[h.turn.Add(1)%2].Addr
	}
	return &http.Client{
		Transport: &watch{h, h.transport(pick, keep)}, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// visitor is a browser that meets the other node with every request.
func (h *secured) visitor(t testing.TB) *visitor { return h.visitorAt(t, -1) }

func (h *secured) visitorAt(t testing.TB, node int) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{Header: http.Header{}, http: h.client(node, false)}
	v.http.Jar = jar
	return v
}

// call is a request of a program, which has no cookies. A header Host goes
// where HTTP has it.
func (h *secured) call(t testing.TB, method, path string, header http.Header, body string) *answer {
	t.Helper()
	return h.callBy(t, h.client(-1, false), method, path, header, body)
}

func (h *secured) callBy(t testing.TB, by *http.Client, method, path string, header http.Header, body string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, securedURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := by.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, res)
}

// secret remembers a raw secret that must not be found anywhere, and hands it on.
func (h *secured) secret(what, raw string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(raw) >= 12 {
		h.canaries[raw] = what
	}
	return raw
}

// events are the newest audit lines, newest first.
func (h *secured) events(t testing.TB) []client.Event {
	t.Helper()
	var page client.Page[client.Event]
	if err := h.admin.Do(context.WithoutCancel(t.Context()), http.MethodGet, "/events?limit=500", nil, &page); err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// stands is a digest of each table, but for what the notary adds to a row: it
// signs and seals when it comes round.
func (h *secured) stands(t testing.TB) map[string]string {
	t.Helper()
	rows, err := h.db.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	stands := map[string]string{}
	for _, table := range tables {
		row := "to_jsonb(r)"
		if table == "receipts" {
			row += " - ARRAY['version', 'signed_at', 'signed_final', 'sign_after', 'sign_by', 'sign_until']"
		}
		if table == "deliveries" {
			row += " - 'signed'"
		}
		stands[table] = h.ask(t, fmt.Sprintf(`SELECT count(*) || ' ' || coalesce(md5(string_agg((%s)::text, '|' ORDER BY (%s)::text)), '') FROM %q r`, row, row, table))
	}
	return stands
}

// ask asks the database for one text.
func (h *secured) ask(t testing.TB, sql string, args ...any) string {
	t.Helper()
	var text string
	if err := h.db.QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// set changes the database behind the nodes' back: it is how time passes here.
func (h *secured) set(t testing.TB, sql string, args ...any) {
	t.Helper()
	tag, err := h.db.Exec(t.Context(), sql, args...)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %v, %s", sql, err, tag)
	}
}

// leaves runs f, which must leave exactly these audit lines (by kind) and
// change no table but events, throttles, what nodes write by the clock (when a
// secret was last used is such) and those in may.
func (h *secured) leaves(t testing.TB, kinds []string, may []string, f func()) {
	t.Helper()
	before, known := h.stands(t), map[string]bool{}
	for _, e := range h.events(t) {
		known[e.ID] = true
	}
	f()
	var got []string
	for _, e := range h.events(t) {
		if !known[e.ID] && e.Kind != "receipt.sign" {
			got = append(got, e.Kind)
			if e.CorrelationID == "" {
				t.Errorf("the event %s has no correlation ID", e.Kind)
			}
		}
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(kinds)); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	after := h.stands(t)
	for _, table := range slices.Sorted(maps.Keys(after)) {
		if after[table] != before[table] && !slices.Contains(append(may, "events", "refused_messages", "throttles", "nodes", "client_secrets", "chain", "checkpoints", "receipt_versions"), table) {
			t.Errorf("the table %s changed", table)
		}
	}
}

// keptNoSecret is AU-04: no raw secret that the suite has seen stands in the
// logs or in the database, in clear or in another spelling. What Redis holds is
// looked at where the crowd has filled it.
func (h *secured) keptNoSecret(t testing.TB) {
	kept := map[string]string{"database": h.dump(t), "log of node 0": h.nodes[0].Log.String(), "log of node 1": h.nodes[1].Log.String()}
	h.mu.Lock()
	defer h.mu.Unlock()
	kinds := map[string]int{}
	for _, what := range h.canaries {
		kinds[what]++
	}
	for _, leak := range leaks(h.canaries, kept) {
		t.Errorf("AU-04: %s", leak)
	}
	t.Logf("AU-04: looked for %d secrets %v in %d bytes of database and logs", len(h.canaries), kinds,
		len(kept["database"])+len(kept["log of node 0"])+len(kept["log of node 1"]))
}

// leaks says which secret is kept where.
func leaks(secrets, kept map[string]string) (found []string) {
	for raw, what := range secrets {
		for where, text := range kept {
			if slices.ContainsFunc(spellings(raw), func(spelled string) bool { return strings.Contains(text, spelled) }) {
				found = append(found, "the "+where+" holds a raw "+what)
			}
		}
	}
	return found
}

func TestLeaksAreFoundInEverySpelling(t *testing.T) {
	t.Parallel()
	const raw = "correct+horse/battery=staple"
	secrets := map[string]string{raw: "password", "another secret": "token"}
	for _, spelled := range append(spellings(raw), raw) {
		if found := leaks(secrets, map[string]string{"log": "level=INFO msg=" + spelled + "\n"}); len(found) != 1 || found[0] != "the log holds a raw password" {
			t.Errorf("%q: %v", spelled, found)
		}
	}
	if found := leaks(secrets, map[string]string{"log": "nothing of it"}); len(found) != 0 {
		t.Error(found)
	}
}

// dump is every row of every table as text.
func (h *secured) dump(t testing.TB) string {
	ctx := context.Background() // the test's own has ended
	conn, err := pgx.Connect(ctx, h.dsn)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	if err != nil {
		t.Error(err)
		return ""
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Errorf("tables %v: %v", tables, err)
	}
	var all strings.Builder
	for _, table := range tables {
		var text string
		if err := conn.QueryRow(ctx, fmt.Sprintf(`SELECT coalesce(string_agg(r::text, E'\n'), '') FROM %q r`, table)).Scan(&text); err != nil {
			t.Error(err)
		}
		all.WriteString(text)
	}
	return all.String()
}

// postgresServer is the server on which each test has a database.
func postgresServer(t testing.TB) string {
	t.Helper()
	server := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if server == "" {
		t.Fatal("GATEHOUSE_TEST_POSTGRES names no PostgreSQL")
	}
	return server
}

// reconnect replaces a connection to the database that was cut.
func (h *secured) reconnect(t testing.TB) {
	t.Helper()
	h.db.Close(context.Background())
	conn, err := pgx.Connect(t.Context(), h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	h.db = conn
}
