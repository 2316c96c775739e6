package idp

import "time"

// Look is how the pages that everybody sees look, and what they offer: one for
// the whole house, which has one from its first start.
type Look struct {
	Name     string // of the organisation, at most 60 bytes; empty: Gatehouse
	Language string // BCP 47, where a browser asks for none that there is; empty: English
	// Accent is the one colour of buttons, links and focus in light, #rrggbb;
	// empty: the house's own. Its dark partner is made from it.
	Accent string
	Logo   Image
	// DeletionRequests: people may ask, on their own page, to be deleted.
	DeletionRequests bool
	UpdatedAt        time.Time
	Version          int64
}

// Image is a picture as it was given; the zero value is none.
type Image struct {
	Type string // image/svg+xml or image/png
	Data []byte
}

// AppOpened is how a person has used an app lately.
type AppOpened struct {
	AppID    AppID
	Sessions int // in which the app was opened
	LastAt   time.Time
}

// Languages are those of the pages that everybody sees, as BCP 47 tags; English
// comes first, which all is written in.
func Languages() []string { return []string{"en", "de"} }
