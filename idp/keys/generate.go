package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"gatehouse/idp"
)

const (
	rsaBits = 2048
	// certificateLife is long because apps pin the certificate: its key is
	// what is trusted, and rotation is ours to start.
	certificateLife = 10 * 365 * 24 * time.Hour
)

// purposeOf binds a sealed private key to its row: it does not open under
// another key's ID.
func purposeOf(id idp.KeyID) string { return "signing-key/" + string(id) }

// generate makes a key of this kind, sealed.
func (r *Ring) generate(k kind) (idp.SigningKey, error) {
	now := idp.Time(r.Now())
	row := idp.SigningKey{ID: idp.NewKeyID(), Use: k.use, Algorithm: k.alg, CreatedAt: now, SignsAt: now}
	signer, err := generateSigner(k.alg)
	if err != nil {
		return idp.SigningKey{}, err
	}
	if k.use == UseSAML {
		if row.Certificate, err = selfSign(signer, r.Subject, now); err != nil {
			return idp.SigningKey{}, err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return idp.SigningKey{}, err
	}
	row.Sealed = r.Box.Seal(purposeOf(row.ID), der)
	return row, nil
}

func generateSigner(alg string) (crypto.Signer, error) {
	if alg == ES256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, rsaBits)
}

func selfSign(signer crypto.Signer, subject string, now time.Time) (string, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), // RFC 5280 §4.1.2.2: positive
		Subject:      pkix.Name{CommonName: subject},
		NotBefore:    now.Add(-time.Hour), // for apps whose clock is behind
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return "", fmt.Errorf("sign the certificate: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// parse opens a stored key and checks that it is what its row says.
func (r *Ring) parse(row idp.SigningKey) (*Key, error) {
	der, err := r.Box.Open(purposeOf(row.ID), row.Sealed)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse the private key: %w", err)
	}
	k := &Key{ID: string(row.ID), Algorithm: row.Algorithm, row: row}
	switch p := private.(type) {
	case *rsa.PrivateKey:
		if row.Algorithm == RS256 && p.N.BitLen() >= rsaBits {
			k.Signer = p
		}
	case *ecdsa.PrivateKey:
		if row.Algorithm == ES256 && p.Curve == elliptic.P256() {
			k.Signer = p
		}
	}
	if k.Signer == nil {
		return nil, fmt.Errorf("a %T is not a key for %q", private, row.Algorithm)
	}
	if row.Use == UseSAML {
		k.Certificate, err = parseCertificate(row.Certificate, k.Signer)
	}
	return k, err
}

func parseCertificate(text string, signer crypto.Signer) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 {
		return nil, errors.New("the certificate is not one PEM block")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the certificate: %w", err)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(certificate.PublicKey) {
		return nil, errors.New("the certificate is of another key")
	}
	return certificate, nil
}
