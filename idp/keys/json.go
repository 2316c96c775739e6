package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// maxDepth is how deep claims may nest.
const maxDepth = 16

// parseHeader reads a header of ours: an object of the three strings, each at
// most once, nothing more.
func parseHeader(raw []byte) (header, error) {
	var h header
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return h, errors.New("the header is no JSON object")
	}
	fields := map[string]*string{"alg": &h.Algorithm, "kid": &h.KeyID, "typ": &h.Type}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return h, fmt.Errorf("read the header: %w", err)
		}
		value, err := d.Token()
		if err != nil {
			return h, fmt.Errorf("read the header: %w", err)
		}
		text, isText := value.(string)
		field := fields[name.(string)]
		if field == nil || !isText {
			return h, fmt.Errorf("header %q refused", clip(name.(string)))
		}
		*field = text
		delete(fields, name.(string))
	}
	return h, end(d)
}

// end reads the closing brace and demands that nothing follows.
func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// unambiguous demands one JSON object in which no object names a member
// twice. Names that differ by case count as the same: encoding/json fills a
// struct field from either.
func unambiguous(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("the claims are no JSON object")
	}
	if err := members(d, 1); err != nil {
		return err
	}
	return end(d)
}

// members reads an object up to its closing brace.
func members(d *json.Decoder, depth int) error {
	seen := make(map[string]bool)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("read the claims: %w", err)
		}
		name := strings.Map(foldRune, t.(string))
		if seen[name] {
			return fmt.Errorf("claim %q is there twice", clip(name))
		}
		seen[name] = true
		if err := value(d, depth); err != nil {
			return err
		}
	}
	return nil
}

// value reads one value, whatever it is.
func value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("read the claims: %w", err)
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errors.New("the claims nest too deep")
	}
	if open == '{' {
		err = members(d, depth+1)
	} else {
		for err == nil && d.More() {
			err = value(d, depth+1)
		}
	}
	if err != nil {
		return err
	}
	if _, err := d.Token(); err != nil { // the closing delimiter
		return fmt.Errorf("read the claims: %w", err)
	}
	return nil
}

// foldRune maps all runes that simple folding calls equal to the same one.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}
