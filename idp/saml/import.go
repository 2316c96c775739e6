package saml

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// Import reads the metadata of one service provider into its entityID and
// settings (SAML Metadata §2.4.4). It keeps what we use: assertion consumer
// services with HTTP-POST, the single logout services, signing
// certificates, the certificate to encrypt to and what it is for, whether it signs
// its requests, the first NameID format that we issue, the attribute consuming
// services. idp.Invalid, in plain words, for a document that is malformed, larger
// than 256 KiB or expired, names two entities alike, or holds an address that
// is not http or https.
//
// It says nothing about who sent the document, nor whether the entityID is
// taken: registering it is the directory's decision.
func Import(b []byte) (entityID string, s idp.SAMLSettings, err error) {
	sp, s, err := readSP(b, time.Now())
	return sp.EntityID, s, err
}

func readSP(b []byte, now time.Time) (wire.SP, idp.SAMLSettings, error) {
	sp, err := wire.ParseSPMetadata(b, now)
	if err != nil {
		return wire.SP{}, idp.SAMLSettings{}, unusable(err)
	}
	s := idp.SAMLSettings{
		ACS:           consumers(sp.ACS),
		SOAPLogoutURL: service(sp.SLO, wire.SOAP),
		SigningCerts:  encodeCertificates(sp.SigningCerts),
		RequireSigned: sp.AuthnRequestsSigned,
		NameIDFormat:  nameIDFormat(sp.NameIDFormats),
		MetadataXML:   string(b),
		Metadata:      idp.MetadataSource{Until: idp.Time(sp.ValidUntil), PublishedAt: idp.Time(sp.PublishedAt)},

		AttributeServices: attributeServices(sp.AttributeServices),
	}
	encryptionKey(&s, sp.EncryptionKeys, now)
	for _, way := range []struct {
		binding wire.Binding
		bind    string
	}{{wire.Redirect, bindRedirect}, {wire.POST, bindPost}} { // a redirect needs no script
		if at := slices.IndexFunc(sp.SLO, func(e wire.Endpoint) bool { return e.Binding == way.binding }); at >= 0 && s.FrontLogoutURL == "" {
			s.FrontLogoutURL, s.FrontLogoutBinding, s.FrontLogoutResponseURL = sp.SLO[at].Location, way.bind, sp.SLO[at].ResponseLocation
		}
	}
	switch {
	case len(s.ACS) == 0 && slices.ContainsFunc(sp.ACS, func(e wire.Endpoint) bool { return e.Binding == wire.Artifact }):
		return wire.SP{}, idp.SAMLSettings{}, idp.Errorf(idp.Invalid, "The app takes assertions by the Artifact binding alone (HTTP-Artifact), which is not offered here: answers are sent by HTTP-POST only. Turn HTTP-POST on in the app and export its metadata anew.")
	case len(s.ACS) == 0:
		return wire.SP{}, idp.SAMLSettings{}, idp.Errorf(idp.Invalid, "The metadata names no AssertionConsumerService with the HTTP-POST binding. Answers are sent by HTTP-POST only.")
	case s.RequireSigned && len(s.SigningCerts) == 0:
		return wire.SP{}, idp.SAMLSettings{}, idp.Errorf(idp.Invalid, "The metadata says that the app signs its requests, and has no certificate for it.")
	}
	return sp, s, nil
}

func unusable(err error) error {
	detail := "This is not the metadata of a SAML service provider."
	switch {
	case errors.Is(err, wire.ErrExpired):
		detail = "The metadata has expired (validUntil). Ask for a new document."
	case errors.Is(err, wire.ErrTooLarge):
		detail = "The metadata is too large."
	default:
		if why := why(err); why != "" {
			detail = "The metadata cannot be used: " + why + "."
		}
	}
	return idp.Errorf(idp.Invalid, "%s", detail).Because(err)
}

// why is the reason of a refusal by wire.
func why(err error) string {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e.Reason
	}
	return ""
}

// consumers keeps the services with HTTP-POST. One without an index, which the
// schema demands, gets one that is free: two must not be mixed up.
func consumers(all []wire.Endpoint) []idp.AssertionConsumer {
	taken := map[int]bool{}
	for _, e := range all {
		taken[e.Index] = true
	}
	var kept []idp.AssertionConsumer
	free := 0
	for _, e := range all {
		if e.Binding != wire.POST {
			continue
		}
		if e.Index < 0 {
			for taken[free] {
				free++
			}
			e.Index, taken[free] = free, true
		}
		kept = append(kept, idp.AssertionConsumer{URL: e.Location, Index: e.Index, Default: e.Default})
	}
	return kept
}

func attributeServices(all []wire.AttributeService) []idp.AttributeService {
	var kept []idp.AttributeService
	for _, s := range all {
		kept = append(kept, idp.AttributeService(s))
	}
	return kept
}

func service(all []wire.Endpoint, binding wire.Binding) string {
	if at := slices.IndexFunc(all, func(e wire.Endpoint) bool { return e.Binding == binding }); at >= 0 {
		return all[at].Location
	}
	return ""
}

func encodeCertificates(certs []*x509.Certificate) []string {
	var texts []string
	for _, c := range certs {
		texts = append(texts, encodeCertificate(c))
	}
	return texts
}

func encodeCertificate(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// nameIDFormat is the first of the provider's formats that we issue; persistent
// when it leaves us the choice, or wants what we do not have. A transient one
// makes no account, so it is taken from those alone who take nothing else.
func nameIDFormat(wanted []string) string {
	for _, format := range wanted {
		if format == wire.NameIDPersistent || format == wire.NameIDEmail {
			return format
		}
	}
	if slices.Contains(wanted, wire.NameIDTransient) {
		return wire.NameIDTransient
	}
	return wire.NameIDPersistent
}
