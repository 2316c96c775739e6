package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

const (
	xaesKeySize   = 32
	xaesNonceSize = 24
	xaesTagSize   = 16
)

// xaes is XAES-256-GCM as in https://c2sp.org/XAES-256-GCM: the first half of
// the nonce selects a key by CMAC in counter mode (NIST SP 800-108r1), the
// second half is the nonce of AES-256-GCM under it.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key []byte) *xaes {
	x := &xaes{block: newAES(key)}
	x.block.Encrypt(x.k1[:], x.k1[:])
	// Doubling in GF(2^128), as CMAC makes its subkey; constant time.
	var carry byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		carry, x.k1[i] = x.k1[i]>>7, x.k1[i]<<1|carry
	}
	x.k1[len(x.k1)-1] ^= carry * 0x87
	return x
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	return block
}

func (x *xaes) gcm(nonce []byte) cipher.AEAD {
	key := make([]byte, 0, xaesKeySize)
	for counter := byte(1); counter <= 2; counter++ {
		m := [aes.BlockSize]byte{0, counter, 'X', 0}
		copy(m[4:], nonce[:12])
		subtle.XORBytes(m[:], m[:], x.k1[:])
		x.block.Encrypt(m[:], m[:])
		key = append(key, m[:]...)
	}
	aead, err := cipher.NewGCM(newAES(key))
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return aead
}

func (x *xaes) seal(dst, nonce, plain, aad []byte) []byte {
	return x.gcm(nonce).Seal(dst, nonce[12:], plain, aad)
}

func (x *xaes) open(nonce, box, aad []byte) ([]byte, error) {
	return x.gcm(nonce).Open(nil, nonce[12:], box, aad)
}
