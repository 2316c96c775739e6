package wire

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"time"

	xrv "github.com/mattermost/xml-roundtrip-validator"
)

// Limits of an aggregate: of the whole, in bytes, of the entities in it, and how
// deep groups of entities stand in one another. Each entity is bounded by
// MaxMessage.
const (
	MaxAggregate = 64 << 20
	MaxEntities  = 50_000

	maxGroups = 8
)

// Listed is one entity of an aggregate. Document is its metadata with the
// namespaces of the groups around it; it is not judged yet (ParseSPMetadata does),
// and another's as soon as the next is read.
type Listed struct {
	EntityID   string
	Name       string    // for people; may be empty
	SP         bool      // it has an SPSSODescriptor
	Offset     int64     // where it begins in the aggregate, in bytes
	ValidUntil time.Time // of the groups around it, the earliest; zero for none
	Document   []byte
}

// ReadAggregate reads an EntitiesDescriptor as it comes, or a document that is
// one EntityDescriptor, and hands over one entity after the other, the next when
// each has returned. Never more than one is held, with the names that came
// before. It refuses what Parse refuses, a second entity of one entityID, what
// has expired (ErrExpired), and what is beyond the limits. Signatures of groups
// are not looked at: they are over octets that are gone when the last comes.
func ReadAggregate(r io.Reader, now time.Time, each func(Listed) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	a := &aggregate{each: each, now: now, seen: map[string]bool{}, raw: &recorder{r: in}}
	a.decoder = xml.NewDecoder(a.raw)
	for {
		start := a.decoder.InputOffset()
		token, err := a.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return a.end()
		}
		if err != nil {
			return a.unreadable(err)
		}
		if err := a.token(token, start); err != nil {
			return err
		}
	}
}

type aggregate struct {
	each    func(Listed) error
	now     time.Time
	seen    map[string]bool
	raw     *recorder
	decoder *xml.Decoder
	groups  []group
	skipped int // elements open within a group that are no entity
	tokens  int
	roots   int
	out     bytes.Buffer
}

// group is an EntitiesDescriptor that is open.
type group struct {
	name  string
	scope map[string]string // prefix to namespace, of it and those around it
	until string            // the earliest validUntil, as written; "" for none
}

func (a *aggregate) unreadable(err error) error {
	if errors.Is(err, errBeyond) {
		return refuse(ErrTooLarge, "the document, or an entity in it, is over the limit")
	}
	return refuseBecause(ErrMalformed, "the XML is not well formed", err)
}

func (a *aggregate) token(token xml.Token, start int64) error {
	a.tokens++
	if err := xrv.CheckToken(token); err != nil {
		return refuse(ErrMalformed, "the XML does not survive a round trip")
	}
	switch t := token.(type) {
	case xml.Directive:
		return refuse(ErrMalformed, "a DOCTYPE is not allowed")
	case xml.ProcInst:
		if a.tokens != 1 || t.Target != "xml" {
			return refuse(ErrMalformed, "a processing instruction is not allowed")
		}
	case xml.CharData:
		if len(a.groups) == 0 && len(bytes.TrimSpace(t)) != 0 {
			return refuse(ErrMalformed, "text outside the root element")
		}
	case xml.StartElement:
		return a.start(t, start)
	case xml.EndElement:
		return a.close(t)
	}
	a.raw.forget(a.decoder.InputOffset())
	return nil
}

func (a *aggregate) start(t xml.StartElement, offset int64) error {
	if a.skipped > 0 {
		if a.skipped++; a.skipped > maxDepth {
			return refuse(ErrMalformed, "elements are nested too deeply")
		}
		a.raw.forget(a.decoder.InputOffset())
		return nil
	}
	if len(a.groups) == 0 {
		if a.roots++; a.roots > 1 {
			return refuse(ErrMalformed, "more than one root element")
		}
	}
	if len(t.Attr) > maxAttributes { // each entity within takes the namespaces along
		return refuse(ErrTooLarge, "too many attributes")
	}
	g := a.around(t)
	switch {
	case g.scope[t.Name.Space] != NSMetadata || t.Name.Local != "EntitiesDescriptor" && t.Name.Local != "EntityDescriptor":
		if len(a.groups) == 0 {
			return refuse(ErrMalformed, "no metadata")
		}
		a.skipped = 1
	case t.Name.Local == "EntityDescriptor":
		return a.entity(t, offset)
	case len(a.groups) == maxGroups:
		return refuse(ErrMalformed, "groups are nested too deeply")
	default:
		if err := g.end(a.now); err != nil {
			return err
		}
		a.groups = append(a.groups, g)
	}
	a.raw.forget(a.decoder.InputOffset())
	return nil
}

// around is t as a group within those that are open.
func (a *aggregate) around(t xml.StartElement) group {
	g := group{name: qualified(t.Name), scope: map[string]string{}}
	if n := len(a.groups); n > 0 {
		g.until = a.groups[n-1].until
		for k, v := range a.groups[n-1].scope {
			g.scope[k] = v
		}
	}
	for _, at := range t.Attr {
		switch {
		case at.Name.Space == "xmlns":
			g.scope[at.Name.Local] = at.Value
		case at.Name.Space == "" && at.Name.Local == "xmlns":
			g.scope[""] = at.Value
		case at.Name.Space == "" && at.Name.Local == "validUntil":
			g.until = earlier(g.until, at.Value)
		}
	}
	return g
}

// earlier of two times as they are written; one that is none wins, to be refused.
func earlier(a, b string) string {
	if a == "" {
		return b
	}
	at, err := ParseTime(a)
	if err != nil {
		return a
	}
	if bt, err := ParseTime(b); err != nil || bt.Before(at) {
		return b
	}
	return a
}

func (g group) end(now time.Time) error {
	if g.until == "" {
		return nil
	}
	until, err := ParseTime(g.until)
	if err != nil {
		return err
	}
	if !now.Before(until) {
		return refuse(ErrExpired, "validUntil has passed")
	}
	return nil
}

func (a *aggregate) close(t xml.EndElement) error {
	defer func() { a.raw.forget(a.decoder.InputOffset()) }()
	if a.skipped > 0 {
		a.skipped--
		return nil
	}
	n := len(a.groups) - 1
	if n < 0 || a.groups[n].name != qualified(t.Name) {
		return refuse(ErrMalformed, "the XML is not well formed")
	}
	a.groups = a.groups[:n]
	return nil
}

func qualified(n xml.Name) string { return n.Space + ":" + n.Local }

// entity reads on to its end and hands it over as a document of its own.
func (a *aggregate) entity(t xml.StartElement, offset int64) error {
	a.raw.forget(offset)
	e, err := a.look(Listed{EntityID: attribute(t, "entityID"), Offset: offset})
	if err != nil {
		return err
	}
	switch id := e.EntityID; {
	case id == "" || len(id) > 1024:
		return refuse(ErrMalformed, "an entityID is missing or no URI")
	case a.seen[id]:
		return refuse(ErrMalformed, "two entities have the same entityID")
	case len(a.seen) == MaxEntities:
		return refuse(ErrTooLarge, "more entities than are taken")
	}
	a.seen[e.EntityID] = true
	if n := len(a.groups); n > 0 && a.groups[n-1].until != "" {
		if e.ValidUntil, err = ParseTime(a.groups[n-1].until); err != nil {
			return err
		}
	}
	if e.Document, err = a.alone(t, a.raw.take(offset, a.decoder.InputOffset())); err != nil {
		return err
	}
	a.raw.forget(a.decoder.InputOffset())
	return a.each(e)
}

// look reads to the end of an entity and notes what it is.
func (a *aggregate) look(e Listed) (Listed, error) {
	named := ""
	for depth := 1; depth > 0; {
		token, err := a.decoder.RawToken()
		if err != nil {
			return e, a.unreadable(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 1 && t.Name.Local == "SPSSODescriptor" {
				e.SP = true
			}
			if named = ""; t.Name.Local == "DisplayName" || e.Name == "" && t.Name.Local == "OrganizationDisplayName" {
				named = t.Name.Local
			}
			depth++
		case xml.CharData:
			if text := string(bytes.TrimSpace(t)); named != "" && text != "" && len(text) <= maxName {
				e.Name, named = text, ""
			}
		case xml.EndElement:
			depth--
			named = ""
		}
	}
	return e, nil
}

// alone writes an entity with the namespaces that it has of the groups around it.
func (a *aggregate) alone(t xml.StartElement, text []byte) ([]byte, error) {
	name := t.Name.Local
	if t.Name.Space != "" {
		name = t.Name.Space + ":" + name
	}
	rest, ok := bytes.CutPrefix(text, []byte("<"+name))
	if !ok {
		return nil, refuse(ErrMalformed, "the XML is not well formed")
	}
	out := &a.out
	out.Reset()
	out.WriteString("<" + name)
	if n := len(a.groups); n > 0 {
		g := a.groups[n-1]
		for _, prefix := range sortedKeys(g.scope) {
			key := "xmlns"
			if prefix != "" {
				key += ":" + prefix
			}
			if !declared(t, prefix) {
				writeAttribute(out, key, g.scope[prefix])
			}
		}
	}
	out.Write(rest)
	if out.Len() > MaxMessage {
		return nil, refuse(ErrTooLarge, "an entity is over the limit")
	}
	return out.Bytes(), nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func declared(t xml.StartElement, prefix string) bool {
	return slices.ContainsFunc(t.Attr, func(at xml.Attr) bool {
		return prefix == "" && at.Name.Space == "" && at.Name.Local == "xmlns" || prefix != "" && at.Name.Space == "xmlns" && at.Name.Local == prefix
	})
}

func attribute(t xml.StartElement, key string) string {
	for _, at := range t.Attr {
		if at.Name.Space == "" && at.Name.Local == key {
			return at.Value
		}
	}
	return ""
}

func writeAttribute(out *bytes.Buffer, key, value string) {
	out.WriteString(" " + key + `="`)
	_ = xml.EscapeText(out, []byte(value)) // a bytes.Buffer takes everything
	out.WriteByte('"')
}

func (a *aggregate) end() error {
	if a.roots != 1 || len(a.groups) != 0 || a.skipped != 0 {
		return refuse(ErrMalformed, "no complete root element")
	}
	return nil
}

// recorder remembers what the decoder has read, from a point on, so that an
// entity is taken as it was written. It is an io.ByteReader so that the decoder
// reads no further than it has to.
type recorder struct {
	r    *bufio.Reader
	base int64 // offset of kept[0]
	kept []byte
}

var errBeyond = errors.New("beyond the limit")

func (r *recorder) ReadByte() (byte, error) {
	b, err := r.r.ReadByte()
	if err != nil {
		return 0, err
	}
	// A single token is bounded like an entity.
	if len(r.kept) >= MaxMessage || r.base+int64(len(r.kept)) >= MaxAggregate {
		return 0, errBeyond
	}
	r.kept = append(r.kept, b)
	return b, nil
}

// Read is not called by a decoder that finds a ReadByte.
func (r *recorder) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// forget lets go of what stands before an offset.
func (r *recorder) forget(before int64) {
	n := int(before - r.base)
	r.kept = append(r.kept[:0], r.kept[n:]...)
	r.base = before
}

// take returns what stands between two offsets, until the next forget.
func (r *recorder) take(from, to int64) []byte { return r.kept[from-r.base : to-r.base] }
