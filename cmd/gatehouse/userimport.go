package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"gatehouse/web/api/client"
)

// maxImportLine is the longest line of an import, in bytes.
const maxImportLine = 16 << 10

type userImportCmd struct {
	remote
	File string `arg:"" help:"JSON objects, one a line, with the fields of POST /api/v1/users; - is the standard input."`
}

// Run adds the people of the file, each by itself, and says at the end who was
// not. Who is there already is not touched.
func (c userImportCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxImportLine)
	added, refused := 0, 0
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		who, err := importLine(ctx, api, line)
		if err != nil {
			refused++
			fmt.Fprintf(os.Stderr, "line %d, %s: %v\n", n, or(who, "nobody"), err)
			continue
		}
		added++
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", c.File, err)
	}
	fmt.Printf("%d added, %d not.\n", added, refused)
	if refused > 0 {
		return errors.New("some lines were refused; they can be mended and the whole file given again")
	}
	return nil
}

func importLine(ctx context.Context, api *client.Client, line []byte) (who string, err error) {
	var p client.Person
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return "", fmt.Errorf("this is no person: %w", err)
	}
	_, err = api.AddUser(ctx, p)
	return p.Username, err
}
