package ui

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// csrfField is the name of the hidden field that every form carries.
const csrfField = "csrf"

// CSRFToken derives the token of a form from the secret of the cookie it is
// tied to. Knowing the token does not give the secret away, and a token is
// worthless beside another cookie. It is empty when there is no secret.
func CSRFToken(secret string) string {
	if secret == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("gatehouse form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CSRFValid reports whether a posted form belongs to the Visit's cookie. A
// visit without a secret is never valid.
func CSRFValid(r *http.Request) bool {
	want := CSRFToken(VisitOf(r.Context()).Secret)
	got := r.PostFormValue(csrfField)
	return want != "" && hmac.Equal([]byte(want), []byte(got))
}

func csrfToken(ctx context.Context) string {
	return CSRFToken(VisitOf(ctx).Secret)
}
