package portal

import (
	"time"

	"gatehouse/web/ui"
)

// homeView is the whole portal.
type homeView struct {
	FirstName string
	Apps      []tile
	Sessions  []sessionRow
	Recent    []ui.Happening
}

// tile is one app. Href is empty for an app that can only be opened from its
// own page.
type tile struct {
	Name string
	Href string
	Host string
}

// sessionRow is a browser the person is signed in on.
type sessionRow struct {
	ID       string
	Device   string
	Address  string
	Since    time.Time
	LastSeen time.Time
	Here     bool
	Apps     []string
}

func (v homeView) others() int {
	n := 0
	for _, s := range v.Sessions {
		if !s.Here {
			n++
		}
	}
	return n
}
