package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assetBundle is the style sheets and the script as they are served: the parts of
// each sheet joined in the order of their layers, under a path that changes with
// any byte of them. The first sheet is all that a narrow column needs, the pages
// around a sign-in; the others have both.
type assetBundle struct {
	path  string
	files map[string]asset
}

type asset struct {
	mime string
	body []byte
	gzip []byte // the same, compressed; nil: it is sent as it is
}

// text is an asset that is sent compressed to whoever takes that: it is the same
// for everybody, so its length tells nothing.
func text(mime string, body []byte) asset {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err)
	}
	// A buffer takes everything.
	_, _ = w.Write(body)
	_ = w.Close()
	return asset{mime: mime, body: body, gzip: b.Bytes()}
}

var bundle = newBundle()

func newBundle() assetBundle {
	gate := lean(join("assets/tokens.css", "assets/base.css", "assets/gate.css"))
	house := lean(join("assets/parts.css", "assets/pages.css"))
	script := lean(join("assets/gatehouse.js"))
	icon := join("assets/icon.svg")
	sum := sha256.Sum256(bytes.Join([][]byte{gate, house, script, icon}, nil))
	return assetBundle{
		path: "/assets/" + hex.EncodeToString(sum[:8]) + "/",
		files: map[string]asset{
			"gate.css":     text("text/css; charset=utf-8", gate),
			"house.css":    text("text/css; charset=utf-8", house),
			"gatehouse.js": text("text/javascript; charset=utf-8", script),
			"icon.svg":     {mime: "image/svg+xml", body: icon},
		},
	}
}

// comments are those that fill their lines: a sheet's, and a script's.
var comments = regexp.MustCompile(`(?m)^[ \t]*(?:/\*[^*]*(?:\*[^/*][^*]*)*\*+/|//.*)[ \t]*$`)

// lean leaves out of a sheet or a script what only those who write it read: the
// comments, the indents, the empty lines. Every statement stays on its line.
func lean(source []byte) []byte {
	var out []byte
	for line := range bytes.Lines(comments.ReplaceAll(source, nil)) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(append(out, line...), '\n')
		}
	}
	return out
}

// join reads embedded files that the build has put there: a missing one is an
// impossible state.
func join(names ...string) []byte {
	var out []byte
	for _, name := range names {
		b, err := assetFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		out = append(out, b...)
	}
	return out
}

// asset returns the address of a file of the bundle.
func (b assetBundle) asset(name string) string { return b.path + name }

// AssetsPath is the mux pattern, without a method, at which Assets is mounted.
const AssetsPath = "/assets/{hash}/{name}"

// Assets serves the style sheet, the script and the icon. Their address holds
// a hash of their content, so they may be kept for ever; an address with
// another hash is not found.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		f, ok := bundle.files[name]
		if !ok || r.URL.Path != bundle.asset(name) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", f.mime)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		body := f.body
		if f.gzip != nil {
			w.Header().Set("Vary", "Accept-Encoding")
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				w.Header().Set("Content-Encoding", "gzip")
				body = f.gzip
			}
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	})
}
