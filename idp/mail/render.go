package mail

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"gatehouse/idp"
)

//go:embed mail.html
var layout string

// sheet is the one look of all mails.
var sheet = template.Must(template.New("mail").Parse(layout))

// page is what the sheet shows.
type page struct {
	Lang, House, Subject string
	Body                 []string
	Button, Link         string
	After                []string
	Accent, OnAccent     template.CSS // the colour of the house, and of what stands on it
}

// ownAccent is the colour of a house that has chosen none; the pages have the same.
const ownAccent = "#0b5a60"

// render writes a mail to u in the name and the colour of the look: link may be
// empty, until is when it ends.
func render(m idp.Mail, u idp.User, look idp.Look, lang, link string, until time.Time) (letter, error) {
	said, ok := sayings(lang)[m.Kind]
	if !ok {
		return letter{}, fmt.Errorf("nobody has written what a mail of kind %q says", m.Kind)
	}
	fill := filler(m, u, look.Name, lang, until)
	p := page{Lang: lang, House: look.Name, Subject: fill(said.Subject), Button: said.Button, Link: link,
		Accent: ownAccent, OnAccent: template.CSS(idp.OnLight.String())}
	if light, _, err := idp.Accents(look.Accent); err == nil {
		p.Accent = template.CSS(light.String())
	}
	for _, s := range said.Body {
		p.Body = append(p.Body, fill(s))
	}
	for _, s := range said.After {
		p.After = append(p.After, fill(s))
	}
	var b strings.Builder
	if err := sheet.Execute(&b, p); err != nil {
		return letter{}, fmt.Errorf("write a mail: %w", err)
	}
	return letter{to: u.Email, subject: p.Subject, text: p.plain(), html: b.String()}, nil
}

// plain is the same for who reads no HTML.
func (p page) plain() string {
	parts := append([]string(nil), p.Body...)
	if p.Link != "" {
		parts = append(parts, p.Link)
	}
	return strings.Join(append(parts, p.After...), "\n\n") + "\n"
}

// filler puts into a sentence what stands in it in braces. What is put in has no
// line break, so that nobody's name writes a paragraph, or a header.
func filler(m idp.Mail, u idp.User, house, lang string, until time.Time) func(string) string {
	pairs := []string{
		"{name}", u.Name(), "{username}", u.Username, "{house}", house,
		"{until}", moment(until, lang), "{at}", moment(m.CreatedAt, lang),
	}
	for k, v := range m.Data {
		pairs = append(pairs, "{"+k+"}", v)
	}
	for i := 1; i < len(pairs); i += 2 {
		pairs[i] = strings.Join(strings.Fields(pairs[i]), " ")
	}
	return strings.NewReplacer(pairs...).Replace
}

// moment is a time as people write it, with its zone: where the reader is, is
// not known.
func moment(t time.Time, lang string) string {
	t = t.UTC()
	if lang == "de" {
		return t.Format("2.1.2006, 15:04 MST")
	}
	return t.Format("2 January 2006 at 15:04 MST")
}
