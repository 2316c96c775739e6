package idp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Kind is the closed list of what can go wrong, as far as a caller decides on
// it. Anything that is not an [Error] counts as [Internal].
type Kind string

const (
	NotFound        Kind = "not_found"
	Conflict        Kind = "conflict" // the decision was made on something that changed meanwhile, or the name is taken
	Invalid         Kind = "invalid"
	Unauthenticated Kind = "unauthenticated"
	Denied          Kind = "denied"
	Throttled       Kind = "throttled"
	Unavailable     Kind = "unavailable"
	Internal        Kind = "internal"
)

// statuses is the one table from kind to HTTP status; each tongue translates
// a kind into its own words (OAuth error, SAML status) itself.
var statuses = map[Kind]int{
	NotFound:        http.StatusNotFound,
	Conflict:        http.StatusConflict,
	Invalid:         http.StatusBadRequest,
	Unauthenticated: http.StatusUnauthorized,
	Denied:          http.StatusForbidden,
	Throttled:       http.StatusTooManyRequests,
	Unavailable:     http.StatusServiceUnavailable,
	Internal:        http.StatusInternalServerError,
}

// Status returns the HTTP status of k; 500 for a kind that is none.
func (k Kind) Status() int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Error is the one error type of the house. Detail is plain words for the
// person who caused it: what happened and what to do, no internals, no
// secrets. Cause is for the log only.
type Error struct {
	Kind   Kind
	Detail string
	Cause  error
	// Fields names what was wrong with which input, for [Invalid]: field name
	// to plain words. May be nil.
	Fields map[string]string
	// Sentence and Args are how Detail was made, a format of fmt and what was put
	// in, so that a page can say it in another language. See [Error.Said].
	Sentence string
	Args     []any
}

// Errorf returns an [Error] of this kind whose Detail, the formatted text, is
// shown to people. A cause for the log is added by [Error.Because].
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...), Sentence: format, Args: args}
}

// Said returns the sentence of e's Detail, as a format of fmt, and what was put
// in: a page looks up the sentence, and says it in another language.
func (e *Error) Said() (format string, args []any) {
	if e.Sentence == "" || fmt.Sprintf(e.Sentence, e.Args...) != e.Detail {
		return strings.ReplaceAll(e.Detail, "%", "%%"), nil
	}
	return e.Sentence, e.Args
}

// Because returns a copy of e with its cause, which is logged and never shown.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error includes the cause: it is for logs.
func (e *Error) Error() string {
	if e.Cause != nil {
		return string(e.Kind) + ": " + e.Detail + ": " + e.Cause.Error()
	}
	return string(e.Kind) + ": " + e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of the outermost [Error] in err's chain, or
// [Internal] when there is none. KindOf(nil) is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// IsKind reports whether err's kind is k.
func IsKind(err error, k Kind) bool { return err != nil && KindOf(err) == k }
