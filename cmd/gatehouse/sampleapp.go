package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"gatehouse/jit/saas"
)

// sampleAppCmd runs one of the small SaaS apps alone, against any issuer.
type sampleAppCmd struct {
	Protocol     string `arg:"" enum:"oidc,saml" help:"oidc: a wiki; saml: a CRM."`
	Issuer       string `default:"http://localhost:8080" help:"Issuer (OIDC); its metadata is at ISSUER/saml/metadata (SAML)."`
	URL          string `name:"url" help:"Where browsers reach the app (default: http://wiki.localhost:8081 or http://crm.localhost:8082)."`
	Listen       string `help:"Address to listen on (default: 127.0.0.1 and the port of the URL)."`
	Name         string `help:"What its pages call it."`
	ClientID     string `default:"wiki" help:"client_id (OIDC)."`
	ClientSecret string `env:"SAMPLE_APP_SECRET" help:"client_secret (OIDC); better in the environment than here."`
	Encrypted    bool   `help:"Publish a key, so that assertions can be encrypted to the app (SAML)."`
	Inspect      bool   `help:"Serve /accounts.json without a session, for tests."`
	Verbose      bool   `help:"Log."`
}

// Run serves the app until ctx ends.
func (s sampleAppCmd) Run(ctx context.Context) error {
	if s.URL == "" {
		s.URL = map[string]string{"oidc": "http://wiki.localhost:8081", "saml": "http://crm.localhost:8082"}[s.Protocol]
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	if s.Listen == "" {
		s.Listen = "127.0.0.1:" + u.Port()
	}
	cfg := saas.Config{BaseURL: s.URL, Name: s.Name, Inspect: s.Inspect}
	if s.Verbose {
		cfg.Log = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	if s.Protocol == "oidc" {
		cfg.OIDC = &saas.OIDC{Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: s.ClientSecret}
	} else {
		cfg.SAML = &saas.SAML{EntityID: entityID(s.Issuer), Encrypted: s.Encrypted, ProbeIssuer: s.Issuer, SLOURLs: []string{s.URL + saas.SLOPath, "http://" + s.Listen + saas.SLOPath}}
	}
	app, err := saas.New(cfg)
	if err != nil {
		return err
	}
	door, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	fmt.Printf("The sample app is at %s\n", s.URL)
	return serveApp(ctx, door, app.Handler())
}

// serveApp serves a sample app at the door, which it closes, until ctx ends.
func serveApp(ctx context.Context, door net.Listener, h http.Handler) error {
	server := newServer(h)
	done := make(chan error, 1)
	go func() { done <- server.Serve(door) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
