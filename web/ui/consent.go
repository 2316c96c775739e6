package ui

import (
	"context"
	"slices"

	"gatehouse/idp"
)

// Learns says in plain words what an app is told of a person with these
// scopes, its own attribute rules included; each thing once.
func Learns(ctx context.Context, app idp.App, scopes []string) []string {
	var told []string
	add := func(words string) {
		if words != "" && !slices.Contains(told, words) {
			told = append(told, words)
		}
	}
	for _, scope := range scopes {
		add(scopeWords(ctx, scope))
	}
	for _, rule := range app.Attributes {
		add(sourceWords(ctx, rule.Source, slices.Contains(scopes, "profile")))
	}
	return told
}

// ComesBack reports whether these scopes let an app have what it was told of a
// person while they are away (OpenID Connect Core 1.0 §11).
func ComesBack(scopes []string) bool { return slices.Contains(scopes, "offline_access") }

func emailWords(ctx context.Context) string { return T(ctx, "Your email address") }

func groupsWords(ctx context.Context) string { return T(ctx, "The groups you are in") }

func scopeWords(ctx context.Context, scope string) string {
	switch scope {
	case "openid":
		return T(ctx, "That it is you: an identifier, the same each time you come")
	case "profile":
		return T(ctx, "Your name and your username")
	case "email":
		return emailWords(ctx)
	case "groups":
		return groupsWords(ctx)
	case "offline_access":
		return "" // it learns nothing by it; see ComesBack
	}
	return T(ctx, "What it calls %s", scope)
}

// sourceWords are those of a rule's source (package jit). A constant says
// nothing of anybody, and the identifier is told with every sign-on.
func sourceWords(ctx context.Context, source string, profile bool) string {
	switch source {
	case "email":
		return emailWords(ctx)
	case "groups":
		return groupsWords(ctx)
	case "role":
		return T(ctx, "Your role in it")
	case "username":
		if !profile {
			return T(ctx, "Your username")
		}
	case "display_name", "given_name", "family_name":
		if !profile {
			return T(ctx, "Your name")
		}
	}
	return ""
}
