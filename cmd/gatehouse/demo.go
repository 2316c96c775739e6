package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"

	"gatehouse/idp"
	"gatehouse/idp/directory"
	"gatehouse/jit/saas"
)

// demoPassword is that of all demo people.
const demoPassword = "correct horse battery"

// demoSites is where the demo lives: three ports in a row. Cookies ignore
// ports, so each app has a name of its own; every browser resolves
// *.localhost to this machine (RFC 6761 §6.3), and the house reaches the apps
// by address.
type demoSites struct{ house, wiki, crm site }

// site is where browsers reach something, and where it listens.
type site struct{ url, listen string }

func newDemoSites(port int) demoSites {
	at := func(host string, port int) site {
		return site{fmt.Sprintf("http://%s:%d", host, port), fmt.Sprintf("127.0.0.1:%d", port)}
	}
	return demoSites{at("localhost", port), at("wiki.localhost", port+1), at("crm.localhost", port+2)}
}

// demoPeople are Grace, an owner, and two employees.
var demoPeople = []directory.Person{
	{Username: "grace", Email: "grace@example.com", GivenName: "Grace", FamilyName: "Hopper", DisplayName: "Grace Hopper", Role: idp.RoleOwner},
	{Username: "ada", Email: "ada@example.com", GivenName: "Ada", FamilyName: "Lovelace", DisplayName: "Ada Lovelace"},
	{Username: "alan", Email: "alan@example.com", GivenName: "Alan", FamilyName: "Turing", DisplayName: "Alan Turing"},
}

type demoCmd struct {
	Data    string `help:"Keep the data in this directory; without it nothing is kept."`
	Port    int    `default:"8080" help:"First of three ports in a row: Gatehouse, the wiki, the CRM."`
	Verbose bool   `help:"Log requests."`
}

// Run plays the main job on this machine until ctx ends.
func (d demoCmd) Run(ctx context.Context) (err error) {
	if d.Port < 1 || d.Port > 65533 {
		return fmt.Errorf("--port: %d is not the first of three ports", d.Port)
	}
	at := newDemoSites(d.Port)
	data := d.Data
	if data == "" {
		if data, err = os.MkdirTemp("", "gatehouse-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	}
	c, err := loadConfig([]string{
		prefix + "URL=" + at.house.url, prefix + "LISTEN=" + at.house.listen, prefix + "DATA=" + data,
		// Only the ports of the two sample apps.
		prefix + "OUTBOUND_ALLOW=" + at.wiki.listen + "," + at.crm.listen,
	}, "")
	if err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	out := io.Discard
	if d.Verbose {
		out = os.Stderr
	}
	log := newLog(out)
	h, err := build(ctx, c, log)
	if err != nil {
		return err
	}
	defer h.store.Close()
	kept := "nothing is kept"
	if d.Data != "" {
		kept = "its data is kept in " + d.Data
	}
	return h.play(ctx, at, kept, log)
}

// play fills the house and runs it together with its two apps.
func (h *house) play(ctx context.Context, at demoSites, kept string, log *slog.Logger) error {
	secret, hash := directory.NewSecret()
	wiki, err := saas.New(saas.Config{BaseURL: at.wiki.url, Inspect: true, Log: log, OIDC: &saas.OIDC{
		Issuer: at.house.url, ClientID: "wiki", ClientSecret: secret,
	}})
	if err != nil {
		return err
	}
	crm, err := saas.New(saas.Config{BaseURL: at.crm.url, Inspect: true, Log: log, SAML: &saas.SAML{
		EntityID: entityID(at.house.url), ProbeIssuer: at.house.url, SLOURLs: []string{"http://" + at.crm.listen + saas.SLOPath},
	}})
	if err != nil {
		return err
	}
	if err := h.furnish(ctx, at, hash, crm); err != nil {
		return fmt.Errorf("fill the demo: %w", err)
	}
	listening, err := listenAll(ctx, at.house.listen, at.wiki.listen, at.crm.listen)
	if err != nil {
		return fmt.Errorf("%w; choose other ports with --port", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var tasks sync.WaitGroup
	for _, run := range []func() error{
		func() error { return h.serve(ctx, doors{main: listening[0]}, "", "") },
		func() error { return serveApp(ctx, listening[1], wiki.Handler()) },
		func() error { return serveApp(ctx, listening[2], crm.Handler()) },
	} {
		tasks.Go(func() {
			if err := run(); err != nil {
				stop(err)
			}
		})
	}
	announce(at, kept)
	tasks.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// listenAll opens every door, or none.
func listenAll(ctx context.Context, addrs ...string) ([]net.Listener, error) {
	var doors []net.Listener
	for _, addr := range addrs {
		door, err := listen(ctx, addr)
		if err != nil {
			for _, open := range doors {
				_ = open.Close() // nobody has come in yet
			}
			return nil, err
		}
		doors = append(doors, door)
	}
	return doors, nil
}

// announce says where to go. The doors are open: whoever comes early waits.
func announce(at demoSites, kept string) {
	fmt.Print(strings.TrimLeft(fmt.Sprintf(`
Gatehouse demo: everything runs on this machine, %s.

  Gatehouse   %-28s  sign in as grace (owner), ada or alan
  Wiki        %-28s  an app that trusts it by OpenID Connect
  CRM         %-28s  an app that trusts it by SAML

  Password of all three: %s

Sign in to both apps as ada. Then, in another browser or a private window,
sign in to Gatehouse as grace, open Ada Lovelace and suspend her: both apps
throw her out, and the receipt shows it app by app. Ctrl-C ends the demo.
`, kept, at.house.url, at.wiki.url, at.crm.url, demoPassword), "\n"))
}
