package ui

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// A folder for each language, in which every file maps the English of a
// sentence to what is said. English itself has only what English says in two
// ways: of one, and of many.
//
//go:embed catalogue
var catalogueFiles embed.FS

// newVoices reads the catalogues, which the build has put there: one that
// cannot be read is an impossible state.
func newVoices() []voice {
	texts := catalog.NewBuilder(catalog.Fallback(language.English))
	for _, tag := range spoken {
		for _, file := range catalogueOf(tag) {
			for key, text := range file {
				if err := text.add(texts, tag, key); err != nil {
					panic(fmt.Sprintf("catalogue %s: %q: %v", tag, key, err))
				}
			}
		}
	}
	var out []voice
	for _, tag := range spoken {
		out = append(out, voice{tag, message.NewPrinter(tag, message.Catalog(texts))})
	}
	return out
}

// translation is what is said for a sentence: always the same, or one thing of
// one and another of many, by the number that comes first.
type translation struct {
	Always    string
	One, Many string
}

// UnmarshalJSON reads a text, or an object of one and many.
func (t *translation) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, &t.Always)
	}
	return json.Unmarshal(b, &struct{ One, Many *string }{&t.One, &t.Many})
}

func (t translation) add(texts *catalog.Builder, tag language.Tag, key string) error {
	if t.Always != "" {
		return texts.SetString(tag, key, t.Always)
	}
	return texts.Set(tag, key, plural.Selectf(1, "%d", "=1", t.One, "other", t.Many))
}

// catalogueOf returns the files of a language by their names.
func catalogueOf(tag language.Tag) map[string]map[string]translation {
	dir := path.Join("catalogue", tag.String())
	entries, err := catalogueFiles.ReadDir(dir)
	if err != nil {
		panic(err)
	}
	out := map[string]map[string]translation{}
	for _, e := range entries {
		b, err := catalogueFiles.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			panic(err)
		}
		var texts map[string]translation
		if err := json.Unmarshal(b, &texts); err != nil {
			panic(fmt.Sprintf("catalogue %s/%s: %v", tag, e.Name(), err))
		}
		out[e.Name()] = texts
	}
	return out
}
