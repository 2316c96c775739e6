package wire_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"gatehouse/idp/saml/wire"
)

func BenchmarkBareSignature(b *testing.B) {
	sum := sha256.Sum256([]byte("x"))
	for b.Loop() {
		if _, err := rsaSigner().Key.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for name, s := range map[string]*wire.Signer{"RSA": rsaSigner(), "ECDSA": ecSigner()} {
		b.Run(name, func(b *testing.B) {
			original := mustParse(b, assertionXML)
			b.ReportAllocs()
			for b.Loop() {
				el := original.Copy()
				if err := s.Sign(el); err != nil {
					b.Fatal(err)
				}
				wire.Serialize(el)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	text := string(wire.Serialize(signedAssertion(b, rsaSigner())))
	trusted := certs(rsaSigner())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.VerifyElement(mustParse(b, text), trusted); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRedirect(b *testing.B) {
	address, err := rsaSigner().RedirectURL("https://idp.example/", wire.ParamRequest, []byte(requestXML), "")
	if err != nil {
		b.Fatal(err)
	}
	query := rawQuery(b, address)
	b.ReportAllocs()
	for b.Loop() {
		m, err := wire.Decode(get(query), wire.ParamRequest)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Verify(certs(rsaSigner())); err != nil {
			b.Fatal(err)
		}
	}
}
