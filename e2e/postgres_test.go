package e2e

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresDSN makes a database for this test alone, removed at its end.
func postgresDSN(t testing.TB) string {
	t.Helper()
	server := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if server == "" {
		t.Fatal("GATEHOUSE_TEST_POSTGRES names no PostgreSQL: run `make test`, or e2e/with-services.sh go test ./e2e/")
	}
	dsn, err := url.Parse(server)
	if err != nil {
		t.Fatal("GATEHOUSE_TEST_POSTGRES is no URL") // its text holds a password
	}
	name := "e2e_" + strings.ToLower(rand.Text()[:12])
	asAdmin(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { asAdmin(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	dsn.Path = "/" + name
	return dsn.String()
}

func asAdmin(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestEachTestGetsItsOwnDatabase(t *testing.T) {
	t.Parallel()
	a, b := postgresDSN(t), postgresDSN(t)
	asAdmin(t, a, "CREATE TABLE only_here (n int)")
	asAdmin(t, a, "SELECT n FROM only_here")
	asAdmin(t, b, "CREATE TABLE only_here (n int)")
}
