package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/idp"
)

// MetadataChanges returns what a document of a service provider would change of
// its registration, in order; nothing where it says what is registered. It
// answers idp.Invalid for a document of another entity. How people are named
// there (NameID) and what is told of them is the owner's decision, and no
// document's; nor does one take back that requests must be signed.
func MetadataChanges(a idp.App, m idp.Metadata) ([]idp.SettingChange, error) {
	if a.SAML == nil {
		return nil, idp.Errorf(idp.Invalid, "The app %s does not speak SAML.", a.Name)
	}
	if m.EntityID != a.Identifier {
		return nil, idp.Errorf(idp.Invalid, "The metadata is of %s, and the app is %s. An app that changes its entityID is another app: register it anew.", m.EntityID, a.Identifier)
	}
	return settingChanges(documented(*a.SAML), documented(withMetadata(*a.SAML, m))), nil
}

// ApplyMetadata registers what a document of an app says, and returns what that
// changed, when no node has a copy of what was before. by says in the audit line
// where the document came from. A version other than 0 is the one that somebody
// has seen the changes of: idp.Conflict where the app was changed since. It
// answers idp.Invalid as MetadataChanges and AddApp do.
func (d *Directory) ApplyMetadata(ctx context.Context, id idp.AppID, version int64, m idp.Metadata, by string) ([]idp.SettingChange, error) {
	a, err := d.Store.App(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := standing(a); err != nil {
		return nil, err
	}
	if version != 0 && version != a.Version {
		return nil, idp.Errorf(idp.Conflict, "The app was changed meanwhile. Look at what the document changes again.")
	}
	changes, err := MetadataChanges(a, m)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 && m.Settings.Metadata.Until.Equal(a.SAML.Metadata.Until) &&
		m.Settings.Metadata.PublishedAt.Equal(a.SAML.Metadata.PublishedAt) {
		return nil, d.stands(ctx)
	}
	a.SAML = new(withMetadata(*a.SAML, m))
	if err := d.checkApp(&a); err != nil {
		return nil, err
	}
	a.UpdatedAt = d.now()
	c := idp.Change{Apps: []idp.App{a}}
	if len(changes) > 0 {
		e := d.event(ctx, "app.metadata.apply")
		e.AppID, e.Detail = a.ID, map[string]string{"app": a.Name, "by": by, "changes": changeWords(changes)}
		c.Events = []idp.Event{e}
	}
	return changes, d.commitApps(ctx, c)
}

// withMetadata is what would be registered.
func withMetadata(s idp.SAMLSettings, m idp.Metadata) idp.SAMLSettings {
	from := m.Settings
	s.ACS, s.SigningCerts = from.ACS, from.SigningCerts
	s.SOAPLogoutURL, s.FrontLogoutURL, s.FrontLogoutBinding = from.SOAPLogoutURL, from.FrontLogoutURL, from.FrontLogoutBinding
	s.FrontLogoutResponseURL = from.FrontLogoutResponseURL
	s.AttributeServices = from.AttributeServices
	s.EncryptionCert, s.EncryptionMethods = from.EncryptionCert, from.EncryptionMethods
	s.RequireSigned = s.RequireSigned || from.RequireSigned
	if was := s.MetadataXML; was != "" && was != from.MetadataXML && !RegisteredBefore(s, was) {
		s.Metadata.Before = append(slices.Clone(s.Metadata.Before), documentMark(was))
		s.Metadata.Before = s.Metadata.Before[max(0, len(s.Metadata.Before)-idp.MaxBefore):]
	}
	s.MetadataXML, s.Metadata.Until, s.Metadata.PublishedAt = from.MetadataXML, from.Metadata.Until, from.Metadata.PublishedAt
	return s
}

// RegisteredBefore reports whether a document was registered for an app once, and
// another since.
func RegisteredBefore(s idp.SAMLSettings, document string) bool {
	return slices.Contains(s.Metadata.Before, documentMark(document))
}

// documentMark is half of a document's SHA-256, in hex: nobody makes two of one.
func documentMark(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:16])
}

// Documented are the settings of a service provider that come from its metadata,
// in words and in order, as they would be new.
func Documented(s idp.SAMLSettings) []idp.SettingChange {
	var out []idp.SettingChange
	for _, d := range documented(s) {
		out = append(out, idp.SettingChange{Setting: d.setting, New: d.value})
	}
	return out
}

// said is a setting with one of its values, in words.
type said struct{ setting, value string }

// documented are the settings that come from metadata, in words and in order.
func documented(s idp.SAMLSettings) []said {
	var all []said
	add := func(setting, value string) {
		if value != "" {
			all = append(all, said{setting, value})
		}
	}
	// The first is the default where several are and none is said to be.
	first := len(s.ACS) > 1 && !slices.ContainsFunc(s.ACS, func(c idp.AssertionConsumer) bool { return c.Default })
	for i, c := range s.ACS {
		words := fmt.Sprintf("%s (index %d", c.URL, c.Index)
		if c.Default || first && i == 0 {
			words += ", default"
		}
		add("Assertion consumer", words+")")
	}
	add("Logout over SOAP", s.SOAPLogoutURL)
	add("Logout by browser", strings.TrimSpace(s.FrontLogoutURL+" "+s.FrontLogoutBinding))
	for _, service := range s.AttributeServices {
		add("Attribute service", fmt.Sprintf("index %d: %s", service.Index, strings.Join(service.Names, ", ")))
	}
	add("Answers to its logout", s.FrontLogoutResponseURL)
	if s.EncryptionCert != "" {
		add("Encryption certificate", CertificateWords(s.EncryptionCert))
	}
	for _, m := range s.EncryptionMethods {
		add("Encryption method", m)
	}
	for _, c := range s.SigningCerts {
		add("Signing certificate", CertificateWords(c))
	}
	add("Requests", map[bool]string{true: "must be signed", false: "are taken unsigned too"}[s.RequireSigned])
	return all
}

// CertificateWords says which certificate (PEM) it is: by whom, its SHA-256
// fingerprint, and until when.
func CertificateWords(text string) string {
	c := idp.ReadCertificate(text)
	if c == nil {
		return "a certificate that cannot be read"
	}
	return fmt.Sprintf("%s, SHA-256 %s, until %s", c.Subject, idp.Fingerprint(c), c.NotAfter.UTC().Format(time.DateOnly))
}

// settingChanges compares setting by setting. One value in the place of one
// other is one change; of several, each comes or goes by itself.
func settingChanges(old, fresh []said) []idp.SettingChange {
	var settings []string
	for _, s := range slices.Concat(old, fresh) {
		if !slices.Contains(settings, s.setting) {
			settings = append(settings, s.setting)
		}
	}
	var changes []idp.SettingChange
	for _, setting := range settings {
		gone, came := valuesBeyond(setting, old, fresh), valuesBeyond(setting, fresh, old)
		if len(gone) == 1 && len(came) == 1 {
			changes = append(changes, idp.SettingChange{Setting: setting, Old: gone[0], New: came[0]})
			continue
		}
		for _, v := range gone {
			changes = append(changes, idp.SettingChange{Setting: setting, Old: v})
		}
		for _, v := range came {
			changes = append(changes, idp.SettingChange{Setting: setting, New: v})
		}
	}
	return changes
}

// valuesBeyond are the values of a setting that are in all and not in others.
func valuesBeyond(setting string, all, others []said) []string {
	var values []string
	for _, s := range all {
		if s.setting == setting && !slices.Contains(others, s) {
			values = append(values, s.value)
		}
	}
	return values
}

// maxChangeWords bounds what an audit line says of changes, in bytes.
const maxChangeWords = 2000

func changeWords(changes []idp.SettingChange) string {
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Setting, orNone(c.Old), orNone(c.New)))
	}
	words := strings.Join(lines, "; ")
	if len(words) > maxChangeWords {
		words = strings.ToValidUTF8(words[:maxChangeWords], "") + " ..."
	}
	return words
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
