package login

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"gatehouse/idp"
)

// keeper is a person with their passkeys, as the library asks for them.
type keeper struct {
	user        idp.User
	handle      []byte
	credentials []webauthn.Credential
}

func (k *keeper) WebAuthnID() []byte                         { return k.handle }
func (k *keeper) WebAuthnName() string                       { return k.user.Username }
func (k *keeper) WebAuthnDisplayName() string                { return k.user.Name() }
func (k *keeper) WebAuthnCredentials() []webauthn.Credential { return k.credentials }

// keeper reads a person's passkeys; of the person, only the ID is set.
func (l *Login) keeper(ctx context.Context, id idp.UserID) (*keeper, error) {
	all, err := l.Store.Credentials(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the passkeys of %s: %w", id, err)
	}
	return l.keeping(id, all...)
}

// keeping is a person with those of their credentials that are passkeys.
func (l *Login) keeping(id idp.UserID, all ...idp.Credential) (*keeper, error) {
	k := &keeper{user: idp.User{ID: id}, handle: l.Passkeys.handle(id)}
	for _, c := range all {
		if c.Kind != idp.CredentialPasskey {
			continue
		}
		kept, err := keptOf(c)
		if err != nil {
			return nil, err
		}
		k.credentials = append(k.credentials, kept)
	}
	return k, nil
}

func keptOf(c idp.Credential) (kept webauthn.Credential, err error) {
	if err := json.Unmarshal([]byte(c.Data), &kept); err != nil {
		return kept, fmt.Errorf("read passkey %s: %w", c.ID, err)
	}
	return kept, nil
}

// becomeSynced takes the one change of the backup eligible flag that happens:
// some managers set it when a passkey is first kept in step. The other way round
// stays refused, by the library (WebAuthn L3 §7.2 step 20).
func (k *keeper) becomeSynced(credentialID []byte, flags protocol.AuthenticatorFlags) bool {
	for i, c := range k.credentials {
		if bytes.Equal(c.ID, credentialID) && !c.Flags.BackupEligible && flags.HasBackupEligible() {
			k.credentials[i].Flags.BackupEligible = true
			return true
		}
	}
	return false
}

// Passkey is one of a person's passkeys, as they know it.
type Passkey struct {
	ID         idp.CredentialID
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	// Synced: it was kept in step over several devices when it was last used, so
	// that losing one does not lose it.
	Synced bool
}

// PasskeysOf are the passkeys among a person's credentials.
func PasskeysOf(credentials []idp.Credential) ([]Passkey, error) {
	var out []Passkey
	for _, c := range credentials {
		if c.Kind != idp.CredentialPasskey {
			continue
		}
		kept, err := keptOf(c)
		if err != nil {
			return nil, err
		}
		out = append(out, Passkey{ID: c.ID, Name: c.Name, CreatedAt: c.CreatedAt, LastUsedAt: c.LastUsedAt, Synced: kept.Flags.BackupState})
	}
	return out, nil
}

// Known is what a browser is told of a person's passkeys, so that it offers
// those that still work and no others, under the name of today: the arguments
// of signalAllAcceptedCredentials and signalCurrentUserDetails (WebAuthn L3
// §5.1.10) in one.
type Known struct {
	RPID        string   `json:"rpId"`
	UserID      string   `json:"userId"`
	Accepted    []string `json:"allAcceptedCredentialIds"`
	Name        string   `json:"name"`
	DisplayName string   `json:"displayName"`
}

// Known says, of a person's credentials, what their browser is told.
func (p *Passkeys) Known(u idp.User, credentials []idp.Credential) Known {
	k := Known{RPID: p.Domain(), UserID: lookupOf(p.handle(u.ID)), Accepted: []string{}, Name: u.Username, DisplayName: u.Name()}
	for _, c := range credentials {
		if c.Kind == idp.CredentialPasskey {
			k.Accepted = append(k.Accepted, c.Lookup)
		}
	}
	return k
}

// makers names what makes passkeys, by its AAGUID.
//
// Source: passkeydeveloper/passkey-authenticator-aaguids, aaguid.json, the list
// that their makers keep together.
func makers() map[string]string {
	return map[string]string{
		"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
		"adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
		"08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
		"9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
		"6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
		"fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "Apple Passwords",
		"dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain",
		"bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
		"d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
		"53414d53-554e-4700-0000-000000000000": "Samsung Pass",
		"531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
		"b84e4048-15dc-4dd0-8640-f4f60813c8af": "NordPass",
		"0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6": "Keeper",
		"50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
		"fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
	}
}

// nameOf proposes a name for a new passkey: what made it, or else the device it
// was made at.
func nameOf(aaguid, device string) string {
	if name := makers()[aaguid]; name != "" {
		return name
	}
	if device = readable(device, maxPasskeyName); device != "" {
		return device
	}
	return "Passkey"
}

// aaguids checks that each is one, and not the zero one, which says nothing.
func aaguids(list []string) ([]string, error) {
	out := make([]string, 0, len(list))
	for _, s := range list {
		id, err := uuid.Parse(s)
		if err != nil || id == uuid.Nil || len(s) != 36 {
			return nil, idp.Errorf(idp.Invalid, "%q is no AAGUID of an authenticator, like 08987058-cadc-4b81-b6e1-30de50dcbe96", s)
		}
		out = append(out, id.String())
	}
	return out, nil
}

// Unknown is the argument of signalUnknownCredential (WebAuthn L3 §5.1.10), as JSON,
// for the passkey of a browser's answer that was not kept; "" where it names none.
func (p *Passkeys) Unknown(response string) string {
	var made struct {
		ID string `json:"id"`
	}
	if p == nil || len(response) > maxResponse || json.Unmarshal([]byte(response), &made) != nil || made.ID == "" {
		return ""
	}
	b, err := json.Marshal(map[string]string{"rpId": p.Domain(), "credentialId": made.ID})
	if err != nil {
		return ""
	}
	return string(b)
}
