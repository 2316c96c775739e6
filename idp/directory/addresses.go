package directory

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxAddress is RFC 5321 §4.5.3.1.3 without the angle brackets, maxLocal
	// §4.5.3.1.1.
	maxAddress = 254
	maxLocal   = 64
	// maxTyped bounds what is looked at before it has its one form, which may be
	// shorter: a name in full-width letters is three times as long.
	maxTyped = 3 * maxAddress
)

// domains have one form by UTS 46, not transitional, as browsers and resolvers
// take them, and are ones that the DNS can hold (RFC 5891 §5).
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true),
	idna.CheckHyphens(true), idna.CheckJoiners(true), idna.Transitional(false), idna.VerifyDNSLength(true))

// address returns the one form of an e-mail address, in which people read it: the
// part before the @ as a username has its own, the domain in the letters of its
// country (U-labels). ok is false for what is none, or none that could be told from
// another: invisible characters, mixed scripts, quotes.
func address(typed string) (one string, ok bool) {
	if len(typed) > maxTyped || !utf8.ValidString(typed) {
		return "", false
	}
	typed = strings.ReplaceAll(typed, "\uff20", "@") // as full-width signs are mapped in a username
	at := strings.LastIndexByte(typed, '@')
	if at < 1 {
		return "", false
	}
	local, err := precis.UsernameCaseMapped.String(typed[:at])
	if err != nil || !dotAtom(local) || mixedScripts(local) {
		return "", false
	}
	domain, ok := domainOf(typed[at+1:])
	one = local + "@" + domain
	return one, ok && len(one) <= maxAddress
}

// dotAtom reports whether s is a Dot-string (RFC 5321 §4.1.2, with the letters of
// RFC 6531 §3.3).
func dotAtom(s string) bool {
	if len(s) > maxLocal {
		return false
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool {
			return r < utf8.RuneSelf && !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r))
		}) {
			return false
		}
	}
	return true
}

// domainOf returns the one form of a domain, in its letters.
func domainOf(typed string) (string, bool) {
	if strings.ContainsFunc(typed, invisible) {
		return "", false // UTS 46 would leave it out, and nobody see it
	}
	wire, err := domains.ToASCII(typed)
	if err != nil || strings.HasSuffix(wire, ".") {
		return "", false
	}
	letters, err := domains.ToUnicode(wire)
	if err != nil || slices.ContainsFunc(strings.Split(letters, "."), mixedScripts) {
		return "", false
	}
	return letters, true
}

// invisible reports whether nobody sees r. The joiners are left to the rules of the
// scripts that need them (RFC 5892, appendix A).
func invisible(r rune) bool {
	return r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// spellings are the forms of a canonical name under which it may be stored: its own,
// and, of an address that is not all ASCII, those under which it was before it had
// one: the domain as the DNS has it (A-labels), and letters with their marks apart.
func spellings(canonical string) []string {
	out := []string{canonical}
	if isASCII(canonical) {
		return out
	}
	if one, ok := address(canonical); !ok || one != canonical {
		return out
	}
	local, domain, _ := strings.Cut(canonical, "@")
	if wire, err := domains.ToASCII(domain); err == nil && wire != domain {
		out = append(out, local+"@"+wire)
	}
	if apart := norm.NFD.String(canonical); apart != canonical {
		out = append(out, apart)
	}
	return out
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
