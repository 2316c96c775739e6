package directory_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/idp"
	"gatehouse/idp/directory"
)

// TestAnEndingAnswersWithItsReceiptAsItWasWritten: the head is not read again
// from the database, and says the same.
func TestAnEndingAnswersWithItsReceiptAsItWasWritten(t *testing.T) {
	t.Parallel()
	d, s := newDirectory(t)
	ctx := idp.WithActor(context.Background(), idp.Actor{Kind: "token", Address: "192.0.2.7", CorrelationID: "c0ffee"})
	ada := add(t, d, "ada", idp.RoleEmployee)
	must[[]directory.Difference](t)(d.Apply(ctx, directory.Desired{
		Users: []directory.DesiredUser{{Person: directory.Person{Username: "ada"}, Groups: []string{"Poets"}}},
		Apps: []idp.App{{Name: "Wiki", Protocol: idp.ProtocolOIDC, Identifier: "wiki", OIDC: &idp.OIDCSettings{
			AuthMethod: "none", RedirectURIs: []string{"https://wiki.example/cb"},
		}}},
		Grants: []directory.DesiredGrant{{App: "Wiki", Group: "Poets"}, {App: "Wiki", User: "ada"}},
	}, false))
	wiki := must[idp.App](t)(s.AppByName(ctx, "Wiki"))
	poets := must[idp.Group](t)(s.GroupByName(ctx, "Poets"))
	for what, end := range map[string]func() (idp.Receipt, error){
		"sessions": func() (idp.Receipt, error) { return d.EndSessions(ctx, ada.ID, "why not") },
		"suspend":  func() (idp.Receipt, error) { return d.Suspend(ctx, ada.ID, "left") },
		"app":      func() (idp.Receipt, error) { return d.EndApp(ctx, wiki.ID, "stolen") },
		"before":   func() (idp.Receipt, error) { return d.EndBefore(ctx, time.Now().Add(-time.Hour), "stolen") },
		"member":   func() (idp.Receipt, error) { return d.RemoveMember(ctx, poets.ID, ada.ID) },
	} {
		said := must[idp.Receipt](t)(end())
		if said.ID == "" {
			t.Fatalf("%s: no receipt", what)
		}
		if diff := cmp.Diff(must[idp.Receipt](t)(s.Receipt(ctx, said.ID)), said); diff != "" {
			t.Errorf("%s: written, and said (-, +):\n%s", what, diff)
		}
	}
}
