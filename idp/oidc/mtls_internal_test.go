package oidc

import (
	"net/http"
	"testing"
)

// FuzzClientCert: no header of a proxy makes it panic, and what is read has at
// least the leaf.
func FuzzClientCert(f *testing.F) {
	f.Add(":AAAA:", "")
	f.Add(":MIIB:", ":AAAA:, :BBBB:")
	f.Fuzz(func(t *testing.T, leaf, chain string) {
		got, err := chainIn(http.Header{"Client-Cert": {leaf}, "Client-Cert-Chain": {chain}})
		if err == nil && len(got) == 0 {
			t.Errorf("%q, %q: nothing, and no error", leaf, chain)
		}
	})
}
