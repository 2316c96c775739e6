package wire

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"time"
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
	EntityID string
	Name     string // for people; may be empty
	SP       bool   // it has an SPSSODescriptor
	Offset   int64  // where it begins in the aggregate, in bytes
	Around   Around
	Document []byte
}

// Around is what the groups around an entity say of it: when they end, the
// earliest, and when the innermost that says so was published. Zero: they do not
// say.
type Around struct{ ValidUntil, PublishedAt time.Time }

// ReadAggregate reads an EntitiesDescriptor as it comes, or a document that is
// one EntityDescriptor, and hands over one entity after the other, the next when
// each has returned. Never more than one is held, with the names that came
// before. It refuses what Parse refuses, a second entity of one entityID, what
// has expired (ErrExpired), and what is beyond the limits. Signatures are not
// looked at.
func ReadAggregate(r io.Reader, now time.Time, each func(Listed) error) error {
	return newAggregate(r, now, each).read()
}

// ReadSignedAggregate is ReadAggregate of a document whose root is signed with the
// key of one of certs. Nothing that it hands over counts until it has returned
// nil: only then is the whole of it the one that was signed. It hands over the
// octets that were signed, which the document is digested in as it comes; what is
// not signed by certs is refused before the first entity is read. Errors: also
// those of VerifyElement, with ErrChanged where the signature is good and the rest
// is another.
func ReadSignedAggregate(r io.Reader, certs []*x509.Certificate, now time.Time, each func(Listed) error) error {
	a := newAggregate(r, now, each)
	a.signed, a.certs = true, certs
	return a.read()
}

func newAggregate(r io.Reader, now time.Time, each func(Listed) error) *aggregate {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	a := &aggregate{each: each, now: now, seen: map[string]bool{}, raw: &recorder{r: in}}
	a.decoder = xml.NewDecoder(a.raw)
	return a
}

type aggregate struct {
	each    func(Listed) error
	now     time.Time
	seen    map[string]bool
	raw     *recorder
	decoder *xml.Decoder
	groups  []group
	skipped int    // elements open within a group that are no entity
	said    *group // the Extensions of a group, while they are open
	tokens  int
	roots   int
	out     bytes.Buffer
	uncommon

	signed bool // the root has to be
	certs  []*x509.Certificate
	whole  *whole // of a root that is a group
}

// group is an EntitiesDescriptor that is open.
type group struct {
	name      string
	scope     map[string]string // prefix to namespace, of it and those around it
	until     string            // the earliest validUntil, as written; "" for none
	published time.Time         // of it, or of the innermost around it that says so
}

func (a *aggregate) read() error {
	for {
		token, start, err := a.next()
		if errors.Is(err, io.EOF) {
			return a.end()
		}
		if err != nil {
			return err
		}
		if err := a.token(token, start); err != nil {
			return err
		}
	}
}

// next reads a token, which begins at start, and has it digested where the whole
// is signed.
func (a *aggregate) next() (token xml.Token, start int64, err error) {
	start = a.decoder.InputOffset()
	token, err = a.decoder.RawToken()
	if errors.Is(err, io.EOF) {
		return nil, start, io.EOF
	}
	if err != nil {
		return nil, start, a.unreadable(err)
	}
	if !a.signed {
		return token, start, nil
	}
	raw := a.raw.take(start, a.decoder.InputOffset())
	if t, ok := token.(xml.StartElement); ok {
		if err := normalize(&t, raw); err != nil {
			return nil, start, err
		}
		token = t
	}
	if a.whole != nil {
		err = a.whole.next(token, raw)
	}
	return token, start, err
}

func (a *aggregate) unreadable(err error) error {
	if errors.Is(err, errBeyond) {
		return refuse(ErrTooLarge, "the document, or an entity in it, is over the limit")
	}
	return refuseBecause(ErrMalformed, "the XML is not well formed", err)
}

func (a *aggregate) token(token xml.Token, start int64) error {
	a.tokens++
	if err := a.roundTrip(token); err != nil {
		return err
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
		if a.said != nil && a.skipped == 1 {
			a.publication(t)
		}
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
	outer := group{}
	if n := len(a.groups); n > 0 {
		outer = a.groups[n-1]
	}
	g := outer.with(t)
	switch {
	case g.scope[t.Name.Space] != NSMetadata || t.Name.Local != "EntitiesDescriptor" && t.Name.Local != "EntityDescriptor":
		if len(a.groups) == 0 {
			return refuse(ErrMalformed, "no metadata")
		}
		if a.skipped = 1; t.Name.Local == "Extensions" && g.scope[t.Name.Space] == NSMetadata {
			a.said = &g
		}
	case t.Name.Local == "EntityDescriptor":
		return a.entity(t, offset)
	case len(a.groups) == maxGroups:
		return refuse(ErrMalformed, "groups are nested too deeply")
	default:
		if err := g.end(a.now); err != nil {
			return err
		}
		if err := a.proveRoot(t, g); err != nil {
			return err
		}
		a.groups = append(a.groups, g)
	}
	a.raw.forget(a.decoder.InputOffset())
	return nil
}

// proveRoot begins to check the signature of a root that has to be signed.
func (a *aggregate) proveRoot(t xml.StartElement, g group) (err error) {
	if a.signed && len(a.groups) == 0 {
		a.whole, err = newWhole(t, g.scope, a.certs, collect([]Option{At(a.now)}))
	}
	return err
}

// with is t as a group in g.
func (g group) with(t xml.StartElement) group {
	in := group{name: qualified(t.Name), scope: map[string]string{}, until: g.until, published: g.published}
	for k, v := range g.scope {
		in.scope[k] = v
	}
	for _, at := range t.Attr {
		switch {
		case at.Name.Space == "xmlns":
			in.scope[at.Name.Local] = at.Value
		case at.Name.Space == "" && at.Name.Local == "xmlns":
			in.scope[""] = at.Value
		case at.Name.Space == "" && at.Name.Local == "validUntil":
			in.until = earlier(g.until, at.Value)
		}
	}
	return in
}

// publication notes when the innermost group was published, where t says so.
func (a *aggregate) publication(t xml.StartElement) {
	if len(t.Attr) > maxAttributes || t.Name.Local != "PublicationInfo" || a.said.with(t).scope[t.Name.Space] != nsRPI {
		return
	}
	if at, err := ParseTime(attribute(t, "creationInstant")); err == nil {
		a.groups[len(a.groups)-1].published, a.said = at, nil
	}
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
		if a.skipped--; a.skipped == 0 {
			a.said = nil
		}
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
	if a.whole != nil {
		a.whole.c14n.keep()
	}
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
	if n := len(a.groups); n > 0 {
		e.Around.PublishedAt = a.groups[n-1].published
		if until := a.groups[n-1].until; until != "" {
			if e.Around.ValidUntil, err = ParseTime(until); err != nil {
				return err
			}
		}
	}
	if e.Document, err = a.document(t, offset); err != nil {
		return err
	}
	a.raw.forget(a.decoder.InputOffset())
	return a.each(e)
}

// document is the entity that was looked at as a document of its own: of what has
// to be signed, the octets that were.
func (a *aggregate) document(t xml.StartElement, offset int64) ([]byte, error) {
	if a.whole != nil {
		return a.whole.c14n.document(), nil
	}
	text, err := a.alone(t, a.raw.take(offset, a.decoder.InputOffset()))
	if err != nil || !a.signed {
		return text, err
	}
	return VerifyMetadata(text, a.certs, At(a.now))
}

// look reads to the end of an entity and notes what it is.
func (a *aggregate) look(e Listed) (Listed, error) {
	named := ""
	for depth := 1; depth > 0; {
		token, _, err := a.next()
		if errors.Is(err, io.EOF) {
			return e, refuse(ErrMalformed, "the XML is not well formed")
		}
		if err != nil {
			return e, err
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

// alone is an entity with the namespaces that it has of the groups around it.
func (a *aggregate) alone(t xml.StartElement, text []byte) ([]byte, error) {
	var scope map[string]string
	if n := len(a.groups); n > 0 {
		scope = a.groups[n-1].scope
	}
	a.out.Reset()
	if err := standAlone(&a.out, t, scope, text); err != nil {
		return nil, err
	}
	if a.out.Len() > MaxMessage {
		return nil, refuse(ErrTooLarge, "an entity is over the limit")
	}
	return a.out.Bytes(), nil
}

// standAlone writes text, which begins with the start tag t, with the namespaces
// around it declared there.
func standAlone(out *bytes.Buffer, t xml.StartElement, scope map[string]string, text []byte) error {
	name := t.Name.Local
	if t.Name.Space != "" {
		name = t.Name.Space + ":" + name
	}
	rest, ok := bytes.CutPrefix(text, []byte("<"+name))
	if !ok {
		return refuse(ErrMalformed, "the XML is not well formed")
	}
	out.WriteString("<" + name)
	for _, prefix := range sortedKeys(scope) {
		key := "xmlns"
		if prefix != "" {
			key += ":" + prefix
		}
		if _, own := declaration(t, prefix); !own {
			writeAttribute(out, key, scope[prefix])
		}
	}
	out.Write(rest)
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// declaration is what a start tag says that a prefix stands for.
func declaration(t xml.StartElement, prefix string) (ns string, ok bool) {
	for _, a := range t.Attr {
		if prefix == "" && a.Name.Space == "" && a.Name.Local == "xmlns" || prefix != "" && a.Name.Space == "xmlns" && a.Name.Local == prefix {
			return a.Value, true
		}
	}
	return "", false
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
	if a.whole != nil {
		return a.whole.end()
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
