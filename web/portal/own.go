package portal

import (
	"context"
	"net/http"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// ownView is what a person decides about their own page and data.
type ownView struct {
	Language string    // chosen; empty: the browser's
	MayAsk   bool      // to be deleted
	AskedAt  time.Time // zero: they have not
}

func (v ownView) languages(ctx context.Context) []ui.Choice {
	return []ui.Choice{
		{Value: "", Label: ui.T(ctx, "As the browser prefers"), Chosen: v.Language == ""},
		{Value: "en", Label: "English", Chosen: v.Language == "en"},
		{Value: "de", Label: "Deutsch", Chosen: v.Language == "de"},
	}
}

func (p *Portal) own(ctx context.Context, u idp.User) (ownView, error) {
	look, err := p.Store.Look(ctx)
	return ownView{Language: u.Language, MayAsk: look.DeletionRequests, AskedAt: u.DeletionAskedAt}, err
}

func (p *Portal) setLanguage(w http.ResponseWriter, r *http.Request) error {
	if err := p.Directory.SetLanguage(r.Context(), ui.VisitOf(r.Context()).User.ID, r.PostFormValue("language")); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/#own")
}

func (p *Portal) deletion(w http.ResponseWriter, r *http.Request) error {
	look, err := p.Store.Look(r.Context())
	switch {
	case err != nil:
		return err
	case !look.DeletionRequests || !ui.VisitOf(r.Context()).User.DeletionAskedAt.IsZero():
		return ui.SeeOther(w, r, "/#own")
	}
	return ui.Render(w, r, http.StatusOK, deletionPage())
}

func (p *Portal) askDeletion(w http.ResponseWriter, r *http.Request) error {
	if err := p.Directory.AskDeletion(r.Context(), ui.VisitOf(r.Context()).User.ID); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/#own")
}

func (p *Portal) withdrawDeletion(w http.ResponseWriter, r *http.Request) error {
	if err := p.Directory.DropDeletion(r.Context(), ui.VisitOf(r.Context()).User.ID); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/#own")
}
