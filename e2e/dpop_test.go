package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/web/api/client"
)

// boundClient is an app by openid-client that proves to hold a key at each call.
const boundClient = `
import * as client from 'openid-client'
const { ISSUER, CLIENT, SECRET, BACK, VERIFIER } = process.env
const config = await client.discovery(new URL(ISSUER), CLIENT, SECRET, client.ClientSecretPost(SECRET), { execute: [client.allowInsecureRequests] })
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
const tokens = await client.authorizationCodeGrant(config, new URL(BACK), { pkceCodeVerifier: VERIFIER, expectedState: 'st' }, undefined, { DPoP })
const me = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP })
const again = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
const other = await client.fetchUserInfo(config, again.access_token, me.sub, { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }).then(() => 'taken', (e) => e.name)
console.log(JSON.stringify({ type: tokens.token_type, name: me.preferred_username, again: again.token_type, other }))
`

// TestAForeignAppProvesItsKeyWithOurNonces: a library that we did not write asks
// twice where it must, with nonces and without.
func TestAForeignAppProvesItsKeyWithOurNonces(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Abs("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	for _, nonces := range []string{"off", "on"} {
		t.Run(nonces, func(t *testing.T) {
			t.Parallel()
			p := meet(t, map[string]string{"GATEHOUSE_DPOP_NONCE": nonces}, client.App{Name: "notes", OIDC: &client.OIDC{DPoPBound: true}})
			verifier := strings.Repeat("v", 43)
			sum := sha256.Sum256([]byte(verifier))
			back := p.ada.get(t, p.URL+"/oauth/authorize?"+url.Values{
				"response_type": {"code"}, "client_id": {"notes"}, "redirect_uri": {callback}, "scope": {"openid profile offline_access"}, "state": {"st"},
				"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
			}.Encode()).location(t)

			dir := t.TempDir()
			if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
			source := filepath.Join(dir, "app.mjs")
			if err := os.WriteFile(source, []byte(boundClient), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), nodeProgram(modules), source)
			cmd.Env = []string{
				"PATH=" + os.Getenv("PATH"), "ISSUER=" + p.URL, "CLIENT=notes", "SECRET=" + p.secrets["notes"], "BACK=" + back.String(), "VERIFIER=" + verifier,
			}
			out, err := cmd.CombinedOutput()
			var got struct{ Type, Name, Again, Other string }
			if err != nil || json.Unmarshal(out, &got) != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got.Type != "dpop" || got.Name != "ada" || got.Again != "dpop" || got.Other == "taken" {
				t.Errorf("%s", out)
			}
		})
	}
}
