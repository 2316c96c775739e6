package portal

import (
	"context"
	"slices"
	"time"

	"gatehouse/web/ui"
)

// homeView is the whole portal.
type homeView struct {
	New       []newDevice
	FirstName string
	Search    string // what was looked for without scripts
	Total     int    // of apps
	Apps      []tile
	Recents   []tile // that were opened last
	Sessions  []sessionRow
	// Remembered are browsers that are not asked for the second step.
	Remembered []rememberedRow
	Codes      codesView
	Password   bool // the person has one
	Allowed    []consentRow
	Recent     []ui.Happening
	Known      string // what the browser is told of passkeys; empty: there are none here
	Own        ownView
}

// found reports whether any app is shown.
func (v homeView) found() bool {
	return slices.ContainsFunc(v.Apps, func(t tile) bool { return !t.Hidden })
}

// tile is one app.
type tile struct {
	Launch
	Name   string
	Host   string
	Hidden bool // it was looked for another
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

// consentRow is an app that the person has allowed to learn of them.
type consentRow struct {
	ID        string
	App       string
	Learns    string
	ComesBack bool // also while the person is away
	Since     time.Time
	// Keeps is how long what it was given works on with others after it was
	// taken back; zero: not at all.
	Keeps time.Duration
}

func keepsWords(ctx context.Context, d time.Duration) string {
	return ui.T(ctx, "Taken back, it can no longer ask here. Where it uses what it was given elsewhere, that may work for up to %d minutes more.", int((d+time.Minute-1)/time.Minute))
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

// deviceCodeView is the form for the code of a device.
type deviceCodeView struct {
	UserCode string
	Error    string
}

// deviceConfirmView asks whether a device may act for the person.
type deviceConfirmView struct {
	UserCode         string
	App, Identifier  string
	Person, Username string
	Learns           []string // in words
	ComesBack        bool
	Address          string // of the device
	AskedAt          time.Time
}

func (v deviceConfirmView) pairs(ctx context.Context) []ui.Pair {
	return []ui.Pair{
		{Key: ui.T(ctx, "App"), Value: ui.T(ctx, "%s, registered as %s", v.App, v.Identifier)},
		{Key: ui.T(ctx, "You"), Value: v.Person + ", " + v.Username},
		{Key: ui.T(ctx, "Asked from"), Value: v.Address},
		{Key: ui.T(ctx, "Asked at"), Value: ui.ExactIn(ctx, v.AskedAt)},
	}
}

// deviceDoneView says what was decided.
type deviceDoneView struct {
	App     string
	Allowed bool
}
