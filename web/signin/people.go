package signin

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// person is somebody who has signed in on this browser. The browser keeps it,
// sealed, and nobody else does: it says nothing of whether they still may.
type person struct {
	Username string `json:"u"`
	Name     string `json:"n"`
}

const (
	purposePeople = "people of a browser"
	mostPeople    = 5
	maxName       = 80 // bytes of a name that are kept
	rememberedFor = 180 * 24 * time.Hour
)

// people reads who has signed in on this browser, the last one first; nobody
// where there is nothing that we sealed.
func (s *SignIn) people(r *http.Request) []person {
	plain, err := s.Box.Open(purposePeople, s.Cookies.People(r))
	if err != nil {
		return nil
	}
	var list []person
	if json.Unmarshal(plain, &list) != nil {
		return nil
	}
	return list[:min(len(list), mostPeople)]
}

// remember puts somebody who has signed in first in the list of this browser.
func (s *SignIn) remember(ctx context.Context, w http.ResponseWriter, r *http.Request, in idp.SignIn) error {
	u := in.Person
	if u.ID != in.UserID {
		var err error
		if u, err = s.Store.User(ctx, in.UserID); err != nil {
			return err
		}
	}
	list := slices.DeleteFunc(s.people(r), func(p person) bool { return p.Username == u.Username })
	list = append([]person{{Username: u.Username, Name: clip(u.Name(), maxName)}}, list...)
	return s.keepPeople(w, list)
}

func (s *SignIn) keepPeople(w http.ResponseWriter, list []person) error {
	if len(list) == 0 {
		s.Cookies.SetPeople(w, "", -time.Second)
		return nil
	}
	plain, err := json.Marshal(list[:min(len(list), mostPeople)])
	if err != nil {
		return err
	}
	s.Cookies.SetPeople(w, s.Box.Seal(purposePeople, plain), rememberedFor)
	return nil
}

// forget takes a name off the list of this browser.
func (s *SignIn) forget(w http.ResponseWriter, r *http.Request) error {
	in, err := s.bound(w, r)
	if err != nil || in.ID == "" {
		return err
	}
	name := strings.TrimSpace(r.PostFormValue("forget"))
	list := slices.DeleteFunc(s.people(r), func(p person) bool { return p.Username == name })
	if err := s.keepPeople(w, list); err != nil {
		return err
	}
	return ui.SeeOther(w, r, "/signin/"+string(in.ID))
}

// clip cuts a text to so many bytes, between two letters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "")
}
