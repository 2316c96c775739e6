package signin

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// Warm renders the pages of a sign-in by password for nobody, so that nobody waits
// for what is only done the first time.
func (s *SignIn) Warm(ctx context.Context) error {
	for _, page := range []templ.Component{identifyPage(identifyView{}), passwordPage(passwordView{})} {
		if err := page.Render(ctx, io.Discard); err != nil {
			return err
		}
	}
	return nil
}
