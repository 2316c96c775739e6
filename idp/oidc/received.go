package oidc

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/idp"
)

// Bounds of what an audit line tells of a request.
const (
	maxReceived = 30  // parameters
	maxShown    = 120 // bytes of a value
)

// shown are the parameters whose values say nothing that anybody could use: an
// app's own names and addresses, and words of the specs. Of all others only
// the name and the length are told.
var shown = []string{
	"acr_values", "client_id", "code_challenge_method", "display", "grant_type", "max_age", "post_logout_redirect_uri", "prompt",
	"redirect_uri", "resource", "response_mode", "response_type", "scope", "token_type_hint", "ui_locales",
}

// received tells of a request's parameters what may stand in an audit line.
func received(q url.Values) string {
	var told []string
	odd := 0
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !isParameter(name) || len(told) == maxReceived {
			odd++ // a name may be a value that came to the wrong place
			continue
		}
		for _, value := range q[name][:min(len(q[name]), 2)] {
			if slices.Contains(shown, name) {
				told = append(told, name+"="+strings.ReplaceAll(clip(value[:min(len(value), maxShown)]), " ", "+"))
			} else {
				told = append(told, name+"=("+strconv.Itoa(len(value))+" bytes)")
			}
		}
	}
	if odd > 0 {
		told = append(told, "and "+strconv.Itoa(odd)+" more")
	}
	return strings.Join(told, " ")
}

// withForm keeps a form that came to an endpoint for apps for what is written
// down of the request; see note.
func withForm(r *http.Request, form url.Values) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), formKey{}, form))
}

type formKey struct{}

// noteReceived adds to an audit line what came with the request, if it was kept.
func noteReceived(ctx context.Context, e *idp.Event) {
	form, _ := ctx.Value(formKey{}).(url.Values)
	if len(form) == 0 {
		return
	}
	if e.Detail = maps.Clone(e.Detail); e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["received"] = received(form)
}

// isParameter reports whether name is of the shape of the names of the specs.
func isParameter(name string) bool {
	return name != "" && len(name) <= 40 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == ""
}
