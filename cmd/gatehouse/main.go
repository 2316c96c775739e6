// Command gatehouse is the identity provider and its command line: the server
// (serve, demo, migrate), the sample apps, and a client of the admin API.
//
// All wiring of the house is here (wire.go): rooms get their dependencies as
// fields, and only this package reads the environment or starts goroutines
// that live as long as the process.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "dev"

// commands is the whole command line.
type commands struct {
	Demo      demoCmd          `cmd:"" help:"Run everything on this machine with sample people and two sample apps; nothing is kept."`
	Serve     serveCmd         `cmd:"" help:"Run the server."`
	Migrate   migrateCmd       `cmd:"" help:"Bring the database to this version's schema."`
	Backup    backupCmd        `cmd:"" help:"Write everything the house remembers into a file, while it serves."`
	Restore   restoreBackupCmd `cmd:"" name:"restore-backup" help:"Restore a house from a backup, show what was cut after it, and confirm."`
	Admin     adminCmd         `cmd:"" help:"For who holds the machine: a way back in for an owner."`
	SampleApp sampleAppCmd     `cmd:"" help:"Run a small SaaS app that trusts an issuer, for trying things out."`
	Version   versionCmd       `cmd:"" help:"Print the version."`

	Apply    applyCmd    `cmd:"" group:"api" help:"Make users, groups, apps and grants what a file says."`
	User     userCmd     `cmd:"" group:"api" help:"People."`
	Group    groupCmd    `cmd:"" group:"api" help:"Groups."`
	App      appCmd      `cmd:"" group:"api" help:"Apps."`
	Grant    grantCmd    `cmd:"" group:"api" help:"Who may use what."`
	Session  sessionCmd  `cmd:"" group:"api" help:"Who is signed in."`
	Receipt  receiptCmd  `cmd:"" group:"api" help:"What was ended, app by app."`
	Audit    auditCmd    `cmd:"" group:"api" help:"The audit log, and whether it was changed."`
	Delivery deliveryCmd `cmd:"" group:"api" help:"What apps are still to be told."`
	Exposure exposureCmd `cmd:"" group:"api" help:"How long access would outlive a suspension, and what bounds it."`
	Explain  explainCmd  `cmd:"" group:"api" help:"Why something was refused, by its correlation ID, and what to change."`
	Policy   policyCmd   `cmd:"" group:"api" help:"What is asked of people who sign in, and how long that lasts."`
	Key      keyCmd      `cmd:"" group:"api" help:"Signing keys."`
	Token    tokenCmd    `cmd:"" group:"api" help:"API tokens."`
}

// coded is an error that ends the process with a code of its own, for scripts.
type coded interface {
	error
	exitCode() int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse: "+err.Error())
		if found, ok := errors.AsType[coded](err); ok {
			os.Exit(found.exitCode())
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var c commands
	parser, err := kong.New(&c, kong.Name("gatehouse"), kong.UsageOnError(),
		kong.Description("A self-hosted identity provider: sign in once, and out everywhere with a receipt."),
		kong.ExplicitGroups([]kong.Group{{Key: "api", Title: "Commands that speak to a running server (--url, --token):"}}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return parsed.Run()
}

type versionCmd struct{}

func (versionCmd) Run() error {
	_, err := fmt.Println("gatehouse " + version)
	return err
}
