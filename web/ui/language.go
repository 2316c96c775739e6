package ui

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"

	"github.com/a-h/templ"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"gatehouse/idp"
)

// The languages of the pages that everybody sees; the first is what a stranger
// gets who asks for none of them. The console is English.
var (
	spoken  = tagsOf(idp.Languages())
	matcher = language.NewMatcher(spoken)
	voices  = newVoices()
)

// voice is one language: its texts, and its way to write numbers.
type voice struct {
	tag     language.Tag
	printer *message.Printer
}

func tagsOf(list []string) []language.Tag {
	out := make([]language.Tag, len(list))
	for i, s := range list {
		out[i] = language.MustParse(s)
	}
	return out
}

type voiceKey struct{}

// WithLanguage returns a context whose pages are in the language that a browser
// prefers, by its Accept-Language header (RFC 9110 §12.5.4), or else in that of
// the house, or else in English. [Speak] changes it for what is rendered later
// under the same context, errors included.
func WithLanguage(ctx context.Context, accept, house string) context.Context {
	v := new(*voice)
	*v = &voices[0]
	ctx = context.WithValue(ctx, voiceKey{}, v)
	Speak(ctx, house)
	if len(accept) <= maxAccept {
		if tags, _, err := language.ParseAcceptLanguage(accept); err == nil {
			speak(ctx, tags)
		}
	}
	return ctx
}

// maxAccept is the longest Accept-Language header that is read, in bytes.
const maxAccept = 512

// Speak has the pages of this request in the first of these languages that
// there is, and changes nothing where there is none.
func Speak(ctx context.Context, tags ...string) {
	var wished []language.Tag
	for _, s := range tags {
		if tag, err := language.Parse(s); err == nil && s != "" {
			wished = append(wished, tag)
		}
	}
	speak(ctx, wished)
}

func speak(ctx context.Context, wished []language.Tag) {
	v, ok := ctx.Value(voiceKey{}).(**voice)
	if !ok || len(wished) == 0 {
		return
	}
	if _, i, sure := matcher.Match(wished...); sure != language.No {
		*v = &voices[i]
	}
}

func voiceOf(ctx context.Context) *voice {
	if v, ok := ctx.Value(voiceKey{}).(**voice); ok {
		return *v
	}
	return &voices[0]
}

// Lang returns the tag of the language that pages are in.
func Lang(ctx context.Context) string { return voiceOf(ctx).tag.String() }

// T says a sentence in the language of the page. Its English text, a format of
// fmt, is its name in the catalogue; numbers are written as the language does.
func T(ctx context.Context, format string, args ...any) string {
	return voiceOf(ctx).printer.Sprintf(format, args...)
}

// Rich is [T] for a sentence with marks of HTML in it. What is put in is
// escaped, or is a component, such as a time.
func Rich(format string, args ...any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		safe := make([]any, len(args))
		for i, a := range args {
			switch a := a.(type) {
			case string:
				safe[i] = html.EscapeString(a)
			case templ.Component:
				var b bytes.Buffer
				if err := a.Render(ctx, &b); err != nil {
					return err
				}
				safe[i] = b.String()
			case int:
				safe[i] = a
			default:
				return fmt.Errorf("a sentence cannot hold a %T", a)
			}
		}
		_, err := io.WriteString(w, T(ctx, format, safe...))
		return err
	})
}

// Said is the detail of an error in the language of the page; in English where
// the catalogue does not have it.
func Said(ctx context.Context, e *idp.Error) string {
	format, args := e.Said()
	return T(ctx, format, args...)
}

// says reports whether the language of the page has the detail of an error.
func says(ctx context.Context, e *idp.Error) bool {
	format, args := e.Said()
	own := voiceOf(ctx)
	return own == &voices[0] || own.printer.Sprintf(format, args...) != voices[0].printer.Sprintf(format, args...)
}
