package console

import (
	"fmt"
	"net/http"

	"gatehouse/idp"
)

// receiptSigned downloads the newest signed version, byte for byte: what
// gatehouse receipt verify takes.
func (c *Console) receiptSigned(w http.ResponseWriter, r *http.Request) error {
	v, err := c.Store.SignedReceipt(r.Context(), idp.ReceiptID(r.PathValue("id")), 0)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jose")
	w.Header().Set("Cache-Control", "no-store")
	// The name is made of an ID of ours.
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-v%d.jws"`, v.ReceiptID, v.Version))
	_, _ = fmt.Fprintln(w, v.JWS) // the reader has gone: nobody to tell
	return nil
}
