package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/web/api/client"
)

// remote is what every command that speaks to a server takes.
type remote struct {
	URL   string `env:"GATEHOUSE_URL" default:"http://localhost:8080" help:"Public URL of the server."`
	Token string `env:"GATEHOUSE_TOKEN" help:"API token (better in the environment than here)."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

func (r remote) client() (*client.Client, error) {
	if r.Token == "" {
		return nil, errors.New("no API token: set GATEHOUSE_TOKEN. Make one in the console under API tokens, or, before the first owner exists, use the server's GATEHOUSE_ADMIN_TOKEN")
	}
	return &client.Client{URL: r.URL, Token: r.Token}, nil
}

// print writes v as JSON when asked for, else what text writes.
func (r remote) print(v any, text func(w *tabwriter.Writer)) error {
	if r.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// row writes one line of a table.
func row(w *tabwriter.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, clean(fmt.Sprint(c)))
	}
	fmt.Fprintln(w)
}

// clean keeps a terminal safe from what names may hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func at(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
