package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"gatehouse/idp"
)

// subject is the sub by which an app knows a person: the ID of the user, or,
// for an app whose subjects are pairwise, what follows from the ID, the app's
// sector and a secret of the house (OIDC Core §8.1). Two sectors cannot tell that
// they know the same person, and a person is always the same to one.
func (p *Provider) subject(app idp.App, id idp.UserID) string {
	if app.OIDC == nil || app.OIDC.SubjectType != idp.SubjectPairwise {
		return string(id)
	}
	mac := hmac.New(sha256.New, p.Salt)
	mac.Write([]byte(sector(*app.OIDC) + "\x00" + string(id)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sector is the host of the app's redirect URIs: a registration with pairwise
// subjects has one.
func sector(app idp.OIDCSettings) string {
	if len(app.RedirectURIs) == 0 {
		return ""
	}
	u, err := url.Parse(app.RedirectURIs[0])
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// person maps a sub that an app was given back to its person; "" where the app
// knows nobody by it.
func (p *Provider) person(ctx context.Context, app idp.App, subject string) (idp.UserID, error) {
	if app.OIDC.SubjectType != idp.SubjectPairwise {
		return idp.UserID(subject), nil
	}
	a, err := p.Store.AccountBySubject(ctx, app.ID, subject)
	if idp.IsKind(err, idp.NotFound) {
		return "", nil
	}
	return a.UserID, err
}
