package wire

import (
	"encoding/base64"
	"strconv"

	"github.com/beevik/etree"
)

// Element builds the md:EntityDescriptor, unsigned, without an ID: a signer adds
// one. It can be read back by ParseSPMetadata.
func (sp SP) Element() *etree.Element {
	el, role := sp.descriptor("SPSSODescriptor")
	role.CreateAttr("AuthnRequestsSigned", strconv.FormatBool(sp.AuthnRequestsSigned))
	role.CreateAttr("WantAssertionsSigned", strconv.FormatBool(sp.WantAssertionsSigned))
	for _, key := range sp.EncryptionKeys {
		addMethods(addKey(role, "encryption", key.Certificate.Raw), key.Methods)
	}
	sp.addCommon(role)
	addEndpoints(role, "AssertionConsumerService", sp.ACS)
	for _, service := range sp.AttributeServices {
		role.AddChild(service.element())
	}
	return el
}

// Element builds the md:EntityDescriptor, unsigned, without an ID: a signer adds
// one. It can be read back by ParseIdPMetadata.
func (idp IdP) Element() *etree.Element {
	el, role := idp.descriptor("IDPSSODescriptor")
	setAttr(el, "cacheDuration", idp.CacheDuration)
	role.CreateAttr("WantAuthnRequestsSigned", strconv.FormatBool(idp.WantAuthnRequestsSigned))
	idp.About.introduce(role)
	idp.addCommon(role)
	addEndpoints(role, "SingleSignOnService", idp.SSO)
	idp.About.sign(el)
	return el
}

func (e Entity) descriptor(tag string) (entity, role *etree.Element) {
	entity = element("md", NSMetadata, "EntityDescriptor")
	entity.CreateAttr("entityID", e.EntityID)
	if !e.ValidUntil.IsZero() {
		entity.CreateAttr("validUntil", FormatTime(e.ValidUntil))
	}
	role = entity.CreateElement("md:" + tag)
	role.CreateAttr("protocolSupportEnumeration", NSProtocol)
	for _, cert := range e.SigningCerts {
		addKey(role, "signing", cert.Raw)
	}
	return entity, role
}

// addCommon adds what the schema wants between the keys and the role's own
// services.
func (e Entity) addCommon(role *etree.Element) {
	addEndpoints(role, "SingleLogoutService", e.SLO)
	for _, format := range e.NameIDFormats {
		role.CreateElement("md:NameIDFormat").SetText(format)
	}
}

func addKey(role *etree.Element, use string, der []byte) *etree.Element {
	key := role.CreateElement("md:KeyDescriptor")
	key.CreateAttr("use", use)
	info := key.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", NSSignature)
	cert := info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate")
	cert.SetText(base64.StdEncoding.EncodeToString(der))
	return key
}

// addMethods writes what EncryptionKey has in one line.
func addMethods(key *etree.Element, methods []string) {
	var method *etree.Element
	for _, uri := range methods {
		switch {
		case method != nil && (uri == DigestSHA1 || uri == DigestSHA256):
			algorithm(method, "ds:DigestMethod", uri).CreateAttr("xmlns:ds", NSSignature)
		case method != nil && (uri == MGF1SHA1 || uri == MGF1SHA256):
			algorithm(method, "xenc11:MGF", uri).CreateAttr("xmlns:xenc11", nsEncrypt11)
		default:
			method = algorithm(key, "md:EncryptionMethod", uri)
		}
	}
}

func addEndpoints(role *etree.Element, tag string, all []Endpoint) {
	for _, e := range all {
		el := role.CreateElement("md:" + tag)
		el.CreateAttr("Binding", string(e.Binding))
		el.CreateAttr("Location", e.Location)
		setAttr(el, "ResponseLocation", e.ResponseLocation)
		if e.Index >= 0 && tag == "AssertionConsumerService" {
			el.CreateAttr("index", strconv.Itoa(e.Index))
		}
		if e.Default {
			el.CreateAttr("isDefault", "true")
		}
	}
}
