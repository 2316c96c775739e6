package directory_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"strings"
	"testing"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">`

func svg(body string) []byte { return []byte(svgHead + body + "</svg>") }

func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTheLookIsCheckedFieldByField: what is refused names its field, and what is
// taken is told at once and written down.
func TestTheLookIsCheckedFieldByField(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	var told []idp.Look
	d.Looks = func(l idp.Look) { told = append(told, l) }
	for field, l := range map[string]idp.Look{
		"name":     {Name: strings.Repeat("x", 61)},
		"language": {Language: "fr"},
		"accent":   {Accent: "#74c7c4"}, // the house's own in the dark: too pale by day
		"logo":     {Logo: idp.Image{Data: []byte("GIF89a")}},
	} {
		l.Version = 1
		_, err := d.SetLook(ctx, l)
		if e, ok := err.(*idp.Error); !ok || e.Kind != idp.Invalid || e.Fields[field] == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	want := idp.Look{Name: " Acme ", Language: "de", Accent: "#7A3B00", Logo: idp.Image{Data: svg("<path d='M0 0'/>")}, DeletionRequests: true, Version: 1}
	set := must[idp.Look](t)(d.SetLook(ctx, want))
	kept := must[idp.Look](t)(s.Look(ctx))
	if kept.Name != "Acme" || kept.Accent != "#7a3b00" || kept.Logo.Type != "image/svg+xml" || kept.Version != 2 || set.Version != 2 {
		t.Errorf("kept %+v", kept)
	}
	if len(told) != 1 || told[0].Name != "Acme" {
		t.Errorf("told %+v", told)
	}
	if _, err := d.SetLook(ctx, want); !idp.IsKind(err, idp.Conflict) {
		t.Errorf("on a version that is gone: %v", err)
	}
	events, _, err := s.Events(ctx, idp.EventQuery{})
	if err != nil || len(events) != 1 || events[0].Kind != "house.look" || events[0].Detail["accent"] != "#7a3b00" {
		t.Errorf("events %+v, %v", events, err)
	}
}

// TestALogoOfBeforeStays: one that is larger than may be set now, whatever else changes,
// by hand or by a file. It comes back by nothing.
func TestALogoOfBeforeStays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	svgOf := func(n int) idp.Image {
		return idp.Image{Type: "image/svg+xml", Data: svg("<desc>" + strings.Repeat("x", n-len(svg("<desc></desc>"))) + "</desc>")}
	}
	old := idp.Look{Name: "Acme", Logo: svgOf(64 << 10), Version: 1}
	if _, err := s.Commit(ctx, idp.Change{Look: &old}); err != nil {
		t.Fatal(err)
	}
	file := directory.Desired{Look: &idp.Look{Name: "Acme & Sons", Logo: idp.Image{Data: old.Logo.Data}}}
	if found := must[[]directory.Difference](t)(d.Apply(ctx, file, false)); len(found) != 1 {
		t.Errorf("by a file: %+v", found)
	}
	l := must[idp.Look](t)(s.Look(ctx))
	l.Language = "de"
	l = must[idp.Look](t)(d.SetLook(ctx, l))
	if l.Logo.Type != old.Logo.Type || len(l.Logo.Data) != 64<<10 {
		t.Errorf("the logo is %s of %d bytes", l.Logo.Type, len(l.Logo.Data))
	}
	l.Logo = svgOf(directory.MaxLogo)
	l = must[idp.Look](t)(d.SetLook(ctx, l))
	for _, data := range []idp.Image{svgOf(directory.MaxLogo + 1), old.Logo} {
		l.Logo = data
		if _, err := d.SetLook(ctx, l); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%d bytes: %v", len(data.Data), err)
		}
	}
}

// TestALogoOnlyDraws: an SVG in which something runs, or that loads something, is
// refused, however it is written.
func TestALogoOnlyDraws(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, _ := newDirectory(t)
	version := int64(1)
	try := func(data []byte) error {
		l, err := d.SetLook(ctx, idp.Look{Version: version, Logo: idp.Image{Data: data}})
		if err == nil {
			version = l.Version
		}
		return err
	}
	for name, data := range map[string][]byte{
		"plain":           svg(`<rect width="9" height="9" fill="#123456"/>`),
		"with a gradient": svg(`<defs><linearGradient id="a"><stop offset="0"/></linearGradient></defs><rect fill="url(#a)"/><use xlink:href="#a"/>`),
		"with a style":    svg(`<style>.a{fill:url(#b)}</style><text class="a">Acme</text>`),
		"of an editor":    svg(`<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata><i:view xmlns:i="http://www.inkscape.org/namespaces/inkscape"/>`),
		"with a head":     append([]byte(`<?xml version="1.0"?><!-- by hand -->`), svg("")...),
		"PNG":             picture(t, 64, 32),
	} {
		if err := try(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"script":            svg(`<script>alert(1)</script>`),
		"script of XHTML":   svg(`<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>`),
		"of no namespace":   svg(`<g xmlns=""><script/></g>`),
		"listener":          svg(`<e:listener xmlns:e="http://www.w3.org/2001/xml-events"/>`),
		"handler":           svg(`<g onload="alert(1)"/>`),
		"handler in caps":   svg(`<g ONclick="alert(1)"/>`),
		"foreign object":    svg(`<foreignObject/>`),
		"link":              svg(`<a href="https://evil.example"><path/></a>`),
		"picture elsewhere": svg(`<image href="https://evil.example/x.png"/>`),
		"use of elsewhere":  svg(`<use xlink:href="https://evil.example/x.svg#a"/>`),
		"script by use":     svg(`<use href="data:image/svg+xml,x#a"/>`),
		"animation":         svg(`<set attributeName="href" to="javascript:alert(1)"/>`),
		"style elsewhere":   svg(`<style>@import url(https://evil.example)</style>`),
		"style escaped":     svg(`<style>a{b:u\72l(https://evil.example)}</style>`),
		"fill elsewhere":    svg(`<rect fill="url(https://evil.example#a)"/>`),
		"second url":        svg(`<rect style="fill:url(#a);mask: URL( 'https://evil.example')"/>`),
		"document type":     append([]byte(`<!DOCTYPE svg [<!ENTITY a "b">]>`), svg("")...),
		"style sheet":       append([]byte(`<?xml-stylesheet href="https://evil.example"?>`), svg("")...),
		"two roots":         append(svg(""), svg("")...),
		"HTML":              []byte(`<html><body/></html>`),
		"svg of nowhere":    []byte(`<svg/>`),
		"not closed":        []byte(svgHead),
		"deep":              svg(strings.Repeat("<g>", 70) + strings.Repeat("</g>", 70)),
		"too much":          svg(strings.Repeat("<g/>", 1<<14)),
		"PNG too large":     picture(t, 2049, 1),
		"PNG cut off":       picture(t, 64, 32)[:20],
		"nothing but words": []byte("Acme"),
	} {
		if err := try(data); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAPersonAsksToBeDeleted: where the house offers it, once, and nothing else
// comes of it.
func TestAPersonAsksToBeDeleted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	u := add(t, d, "ada", idp.RoleEmployee)
	if err := d.AskDeletion(ctx, u.ID); !idp.IsKind(err, idp.Denied) {
		t.Errorf("where nobody offers it: %v", err)
	}
	must[idp.Look](t)(d.SetLook(ctx, idp.Look{Version: 1, DeletionRequests: true}))
	for range 2 {
		if err := d.AskDeletion(ctx, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	asked := must[idp.User](t)(s.User(ctx, u.ID))
	if asked.DeletionAskedAt.IsZero() || asked.Status != idp.UserActive || asked.Epoch != u.Epoch {
		t.Errorf("after asking: %+v", asked)
	}
	for range 2 {
		if err := d.DropDeletion(ctx, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	if after := must[idp.User](t)(s.User(ctx, u.ID)); !after.DeletionAskedAt.IsZero() {
		t.Errorf("after dropping it: %+v", after)
	}
	events, _, err := s.Events(ctx, idp.EventQuery{UserID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range events {
		count[e.Kind]++
	}
	if count["user.deletion.ask"] != 1 || count["user.deletion.drop"] != 1 {
		t.Errorf("events %v", count)
	}
}

func TestALanguageIsOneThatThereIs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, s := newDirectory(t)
	u := add(t, d, "ada", idp.RoleEmployee)
	for _, tag := range []string{"de", "en", ""} {
		if err := d.SetLanguage(ctx, u.ID, tag); err != nil {
			t.Fatal(err)
		}
		if got := must[idp.User](t)(s.User(ctx, u.ID)); got.Language != tag {
			t.Errorf("%q, want %q", got.Language, tag)
		}
	}
	for _, tag := range []string{"fr", "de-AT", "../x"} {
		if err := d.SetLanguage(ctx, u.ID, tag); !idp.IsKind(err, idp.Invalid) {
			t.Errorf("%q: %v", tag, err)
		}
	}
}
