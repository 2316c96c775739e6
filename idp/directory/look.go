package directory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"gatehouse/idp"
)

// maxHouseName is the longest name of an organisation, in bytes.
const maxHouseName = 60

// SetLook sets how the pages that everybody sees look. l.Version is the one it
// was decided on. It answers idp.Invalid naming the field, also for a colour in
// which text could not be read, and idp.Conflict where the look has changed.
func (d *Directory) SetLook(ctx context.Context, l idp.Look) (idp.Look, error) {
	was, err := d.Store.Look(ctx)
	if err != nil {
		return l, err
	}
	if l, err = checkLook(l, was); err != nil {
		return l, err
	}
	l.UpdatedAt = d.now()
	e := d.event(ctx, "house.look")
	e.Detail = map[string]string{"name": l.Name, "language": l.Language, "accent": l.Accent, "logo": l.Logo.Type}
	if l.DeletionRequests {
		e.Detail["deletion_requests"] = "yes"
	}
	if _, err := d.Store.Commit(ctx, idp.Change{Look: &l, Events: []idp.Event{e}}); err != nil {
		return l, err
	}
	l.Version++
	if d.Looks != nil {
		d.Looks(l)
	}
	return l, nil
}

// checkLook checks what is new of a look: a logo that is there may stay, whatever may
// be set now.
func checkLook(l, was idp.Look) (idp.Look, error) {
	var err error
	if l.Name, err = text("name", l.Name, maxHouseName); err != nil {
		return l, err
	}
	if err := checkLanguage(l.Language); err != nil {
		return l, err
	}
	if l.Accent != "" {
		light, _, err := idp.Accents(l.Accent)
		if err != nil {
			return l, about("accent", err)
		}
		l.Accent = light.String()
	}
	if len(was.Logo.Data) > 0 && bytes.Equal(l.Logo.Data, was.Logo.Data) {
		l.Logo = was.Logo
		return l, nil
	}
	if l.Logo, err = checkLogo(l.Logo); err != nil {
		return l, about("logo", err)
	}
	return l, nil
}

func checkLanguage(tag string) error {
	if tag != "" && !slices.Contains(idp.Languages(), tag) {
		return invalid("language", "The pages are in English (en) and German (de).")
	}
	return nil
}

// about says which field an idp.Invalid is about.
func about(field string, err error) error {
	return invalid(field, err.(*idp.Error).Detail).Because(err)
}

// SetLanguage sets the language of a person's pages; "" leaves it to the
// browser. It answers idp.Invalid for one that there is not.
func (d *Directory) SetLanguage(ctx context.Context, id idp.UserID, tag string) error {
	if err := checkLanguage(tag); err != nil {
		return err
	}
	return d.changePerson(ctx, id, "user.change", func(u *idp.User, e *idp.Event) error {
		u.Language, e.Detail = tag, map[string]string{"language": tag}
		return nil
	})
}

// AskDeletion writes down that a person asks to be deleted, once, which does
// nothing else: owners decide. It answers idp.Denied where the house does not
// offer it.
func (d *Directory) AskDeletion(ctx context.Context, id idp.UserID) error {
	l, err := d.Store.Look(ctx)
	if err != nil {
		return err
	}
	if !l.DeletionRequests {
		return idp.Errorf(idp.Denied, "Your organisation takes no such requests here. Ask the people who run sign-in.")
	}
	return d.changePerson(ctx, id, "user.deletion.ask", func(u *idp.User, _ *idp.Event) error {
		if u.DeletionAskedAt.IsZero() {
			u.DeletionAskedAt = d.now()
		}
		return nil
	})
}

// DropDeletion takes such a request away: the person's own second thought, or an
// owner's answer.
func (d *Directory) DropDeletion(ctx context.Context, id idp.UserID) error {
	return d.changePerson(ctx, id, "user.deletion.drop", func(u *idp.User, _ *idp.Event) error {
		u.DeletionAskedAt = time.Time{}
		return nil
	})
}

// changePerson changes one thing about a person, with an event of that kind; it
// writes nothing where nothing changes.
func (d *Directory) changePerson(ctx context.Context, id idp.UserID, kind string, change func(*idp.User, *idp.Event) error) error {
	return retry(func() error {
		was, err := d.Store.User(ctx, id)
		if err != nil {
			return err
		}
		u, e := was, d.event(ctx, kind)
		e.UserID = id
		if err := change(&u, &e); err != nil {
			return err
		}
		if u == was {
			return nil
		}
		u.UpdatedAt = d.now()
		_, err = d.Store.Commit(ctx, idp.Change{Users: []idp.User{u}, Events: []idp.Event{e}})
		return err
	})
}

// NoteDownload writes down that a person has taken out what is kept about them.
func (d *Directory) NoteDownload(ctx context.Context, id idp.UserID) error {
	e := d.event(ctx, "user.data")
	e.UserID = id
	return d.Store.Record(ctx, e)
}
