package console

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// credentialRemove takes one of a person's credentials away: a key that was
// lost, or one that somebody else has.
func (c *Console) credentialRemove(w http.ResponseWriter, r *http.Request) error {
	id := idp.UserID(r.PathValue("id"))
	if err := c.RemoveCredential(r.Context(), id, idp.CredentialID(r.PathValue("credential"))); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/console/users/"+string(id)+"#credentials")
}

// credentialWords names a credential.
func credentialWords(c idp.Credential) string {
	kind := map[idp.CredentialKind]string{
		idp.CredentialPassword: "Password", idp.CredentialPasskey: "Passkey",
		idp.CredentialTOTP: "Authenticator app", idp.CredentialRecovery: "Recovery code",
	}[c.Kind]
	if c.Name != "" {
		return kind + ": " + c.Name
	}
	return kind
}
