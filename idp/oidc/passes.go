package oidc

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/idp"
)

const (
	purposeAccess  = "oidc.access"
	purposeRefresh = "oidc.refresh"
)

// pass is what an access or a refresh token carries, sealed. Whether it is
// still good only the gate knows.
type pass struct {
	Family     idp.TokenFamilyID `json:"f"`
	User       idp.UserID        `json:"u"`
	Epoch      int64             `json:"e"`
	Generation string            `json:"g"`
	App        idp.AppID         `json:"a"`
	Scope      string            `json:"s"` // space-separated
	Wanted     wanted            `json:"w,omitzero"`
	Resources  []string          `json:"rs,omitempty"` // whom the access token is for; none: the app
	Seq        int64             `json:"n,omitempty"`
	IssuedAt   int64             `json:"ia"` // Unix time
	Until      int64             `json:"x"`  // microseconds
	// Confirm names the key that must be proven to be held to use it.
	Confirm confirmation `json:"cnf,omitzero"`
}

func (t pass) proof() idp.Proof {
	return idp.Proof{UserID: t.User, Epoch: t.Epoch, Generation: t.Generation}
}

func (t pass) scopes() []string { return strings.Fields(t.Scope) }

func (p *Provider) seal(purpose string, t any) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return p.Box.Seal(purpose, plain), nil
}

func (p *Provider) unseal(purpose, sealed string, t any) error {
	plain, err := p.Box.Open(purpose, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, t)
}

// open opens what may be a token of ours; idp.Invalid if not, or too old.
func (p *Provider) open(purpose, sealed string) (pass, error) {
	var t pass
	if err := p.unseal(purpose, sealed, &t); err != nil {
		return pass{}, err
	}
	if !p.now().Before(time.UnixMicro(t.Until)) {
		return pass{}, idp.Errorf(idp.Invalid, "the token has expired")
	}
	return t, nil
}

// openAny opens an access or a refresh token; a client need not say which it
// asks about (RFC 7009 §2.1, RFC 7662 §2.1). idp.Unavailable while it is not known
// whether a JWT is of ours.
func (p *Provider) openAny(sealed string) (t pass, refresh bool, err error) {
	if t, err = p.openAccess(sealed); err == nil || idp.IsKind(err, idp.Unavailable) {
		return t, false, err
	}
	t, err = p.open(purposeRefresh, sealed)
	return t, true, err
}
