package saas

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// mergeClaims adds the claims about the person to attrs, in the order of their names. A claim that is
// already there stays as it is: the ID token is signed and came first.
func mergeClaims(attrs []Attribute, claims map[string]any, source Source) []Attribute {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		known := slices.ContainsFunc(attrs, func(at Attribute) bool { return at.Name == name })
		if known || isProtocolClaim(name) || len(attrs) >= maxAttributes {
			continue
		}
		if at, ok := attribute(name, claimValues(claims[name]), source); ok {
			attrs = append(attrs, at)
		}
	}
	return attrs
}

// claimValues returns a claim's values as text; what is no text, number or list of them as JSON.
func claimValues(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		if v {
			return []string{"yes"}
		}
		return []string{"no"}
	case nil:
		return nil
	case []any:
		var values []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				values = append(values, text)
			} else {
				values = append(values, claimValues(one)...)
			}
		}
		return values
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return []string{string(text)}
}

// typIs reports whether the header of a JWT that has already been verified carries one of the types;
// "" stands for none.
func typIs(jwt string, types ...string) bool {
	head, _, _ := strings.Cut(jwt, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var header struct {
		Typ string `json:"typ"`
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		return false
	}
	// RFC 7515 §4.1.9: a media type, so letter case does not matter and application/ may be there.
	typ := strings.TrimPrefix(strings.ToLower(header.Typ), "application/")
	return slices.ContainsFunc(types, func(t string) bool { return strings.ToLower(t) == typ })
}
