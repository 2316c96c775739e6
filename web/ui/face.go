package ui

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"gatehouse/idp"
)

// face is what a house's own look adds to the pages: its name, and files under
// an address that changes with any byte of them.
type face struct {
	name, language, path string
	files                map[string]asset // house.css and logo, where there are such
}

const (
	sheetFile, logoFile = "house.css", "logo"
	ownName             = "Gatehouse"
)

var plainFace = newFace(idp.Look{})

func newFace(l idp.Look) *face {
	f := &face{name: cmp.Or(l.Name, ownName), language: l.Language, files: map[string]asset{}}
	if light, dark, err := idp.Accents(l.Accent); err == nil {
		sheet := fmt.Sprintf(":root{--accent:light-dark(%s,%s);--on-accent:light-dark(%s,%s)}\n", light, dark, idp.OnLight, idp.OnDark)
		f.files[sheetFile] = asset{mime: "text/css; charset=utf-8", body: []byte(sheet)}
	}
	if len(l.Logo.Data) > 0 {
		f.files[logoFile] = asset{mime: l.Logo.Type, body: l.Logo.Data}
	}
	sum := sha256.Sum256(bytes.Join([][]byte{f.files[sheetFile].body, f.files[logoFile].body}, []byte{0}))
	f.path = "/look/" + hex.EncodeToString(sum[:8]) + "/"
	return f
}

// address returns that of a file, "" where the look has no such file.
func (f *face) address(name string) string {
	if _, ok := f.files[name]; !ok {
		return ""
	}
	return f.path + name
}

// Faces is how the pages look now; nil and the zero value are Gatehouse's own
// look.
type Faces struct{ now atomic.Pointer[face] }

// Show has the pages look like l from now on.
func (f *Faces) Show(l idp.Look) { f.now.Store(newFace(l)) }

func (f *Faces) shown() *face {
	if f == nil {
		return plainFace
	}
	return cmp.Or(f.now.Load(), plainFace)
}

type faceKey struct{}

// Over returns a context whose pages look as they do now, and are in the
// language that the request asks for, as [WithLanguage] says.
func (f *Faces) Over(ctx context.Context, accept string) context.Context {
	now := f.shown()
	return WithLanguage(context.WithValue(ctx, faceKey{}, now), accept, now.language)
}

func faceOf(ctx context.Context) *face {
	if f, ok := ctx.Value(faceKey{}).(*face); ok {
		return f
	}
	return plainFace
}

// House is what the house calls itself on its pages: the name of the
// organisation, or else Gatehouse.
func House(ctx context.Context) string { return faceOf(ctx).name }

// LookPath is the mux pattern, without a method, at which a look's files are.
const LookPath = "/look/{hash}/{name}"

// Files serves the style sheet and the logo of the look. An address of another
// look, which a page may still have or another node may have first, answers with
// this one's, not to be kept. Whoever opens a logo by itself gets a picture in
// which nothing runs.
func (f *Faces) Files() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, name := f.shown(), r.PathValue("name")
		file, ok := now.files[name]
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		if !ok {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		if r.URL.Path == now.address(name) {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		h.Set("Content-Type", file.mime)
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.body))
	})
}
