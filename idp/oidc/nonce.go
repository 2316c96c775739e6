package oidc

import (
	"errors"
	"net/http"
	"time"

	"gatehouse/idp"
)

const (
	headerNonce  = "DPoP-Nonce"
	useDPoPNonce = "use_dpop_nonce"
	purposeNonce = "oidc.dpop.nonce"
	// nonceLife is how long a nonce is taken: as long as a proof is without one.
	nonceLife = proofWindow
)

// errNonce is why a proof is refused that carries none of our nonces, or one that
// is too old. It is nobody's fault: every app begins so.
var errNonce = errors.New("the proof has no nonce of ours, or an old one")

// nonces gives whoever sends a proof a nonce for the next one (RFC 9449 §8, §9),
// with every answer, so that nobody who goes on calling is turned back. It is the
// time, sealed: nothing is kept of it, and every node takes those of all.
func (p *Provider) nonces(next http.Handler) http.Handler {
	if !p.ProofNonces {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(headerDPoP) != "" {
			made, err := p.now().MarshalBinary()
			if err != nil {
				writeError(w, r, fault(err))
				return
			}
			w.Header().Set(headerNonce, p.Box.Seal(purposeNonce, made))
		}
		next.ServeHTTP(w, r)
	})
}

// checkNonce refuses a proof without a nonce that was given a short while ago,
// where the house gives them.
func (p *Provider) checkNonce(nonce string) error {
	if !p.ProofNonces {
		return nil
	}
	var made time.Time
	plain, err := p.Box.Open(purposeNonce, nonce)
	if err == nil {
		err = made.UnmarshalBinary(plain)
	}
	if err != nil || p.now().Sub(made) > nonceLife || made.Sub(p.now()) > clocksApart {
		return idp.Errorf(idp.Invalid, "The proof needs another nonce.").Because(errNonce)
	}
	return nil
}
