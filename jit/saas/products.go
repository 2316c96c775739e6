package saas

import (
	"fmt"
	"net/http"
	"slices"
)

// places are the entries of the top bar.
func (a *App) places(here string) []place {
	places := []place{{Title: "Handbook", Path: "/"}, {Title: "Accounts", Path: "/accounts"}}
	if a.cfg.Product == CRM {
		places = []place{{Title: "Contacts", Path: "/"}, {Title: "Pipeline", Path: "/pages/pipeline"}, {Title: "Accounts", Path: "/accounts"}}
	}
	return marked(places, here)
}

func marked(places []place, here string) []place {
	for i := range places {
		places[i].Here = places[i].Path == here
	}
	return places
}

func (a *App) home(w http.ResponseWriter, r *http.Request) error {
	if !a.visitor(r).signedIn() {
		return a.landing(w, r)
	}
	if a.cfg.Product == CRM {
		return a.contacts(w, r)
	}
	return a.wiki(w, r, "start", "Start here")
}

// article is GET /pages/{page}.
func (a *App) article(w http.ResponseWriter, r *http.Request) error {
	return a.inside(w, r, func(visitor) error {
		page := r.PathValue("page")
		switch {
		case a.cfg.Product == CRM && page == "pipeline":
			return a.pipeline(w, r)
		case a.cfg.Product == Wiki && page == "onboarding":
			return a.wiki(w, r, page, "Your first week")
		case a.cfg.Product == Wiki && page == "incidents":
			return a.wiki(w, r, page, "When something breaks")
		}
		return a.notFound(w, r)
	})
}

func (a *App) wiki(w http.ResponseWriter, r *http.Request, slug, title string) error {
	return a.pages.show(w, r, http.StatusOK, "wiki", title, struct {
		Slug     string
		Contents []place
	}{slug, marked([]place{
		{Title: "Start here", Path: "/"},
		{Title: "Your first week", Path: "/pages/onboarding"},
		{Title: "When something breaks", Path: "/pages/incidents"},
	}, r.URL.Path)})
}

// contact is a line of the CRM's ledger.
type contact struct {
	Name, Role, Company string
	Stage               int // 0 to 3
	Euro                int
	Last, Next          string
}

// StageName names the contact's stage.
func (c contact) StageName() string { return stageName(c.Stage) }

// Value returns the open value as the ledger writes it.
func (c contact) Value() string { return euro(c.Euro) }

func stageName(stage int) string {
	return []string{"First talk", "Offer", "Contract", "Customer"}[stage]
}

// euro writes a sum with a thin space between thousands.
func euro(n int) string {
	if n < 1000 {
		return fmt.Sprintf("€%d", n)
	}
	return fmt.Sprintf("€%d\u202f%03d", n/1000, n%1000)
}

func ledger() []contact {
	return []contact{
		{"Marta Oliveira", "Head of operations", "Porto Cold Chain", 2, 84_000, "2 days ago", "Send the signed annex"},
		{"Jonas Lindqvist", "Fleet manager", "Norrland Haulage", 1, 31_500, "5 days ago", "Answer on delivery dates"},
		{"Aiko Tanabe", "Purchasing", "Tanabe Precision", 3, 12_400, "yesterday", "Renewal talk in January"},
		{"Samuel Osei", "Finance director", "Volta Grain", 1, 56_000, "1 week ago", "Second offer with two sites"},
		{"Claire Dubreuil", "Plant lead", "Atelier Dubreuil", 0, 9_800, "today", "Visit on Thursday"},
		{"Henrik Vos", "IT", "Vos & Daughters", 3, 22_750, "3 days ago", "Move to yearly billing"},
		{"Leila Haddad", "Managing partner", "Haddad Logistics", 2, 118_000, "yesterday", "Legal review, our side"},
		{"Tomasz Zielak", "Warehouse lead", "Volta Grain", 0, 4_200, "2 weeks ago", "Call back"},
	}
}

func (a *App) contacts(w http.ResponseWriter, r *http.Request) error {
	contacts, companies := ledger(), map[string]bool{}
	for _, c := range contacts {
		companies[c.Company] = true
	}
	return a.pages.show(w, r, http.StatusOK, "contacts", "Contacts", struct {
		Contacts       []contact
		Companies, Due int
	}{contacts, len(companies), 3})
}

// lane is one stage of the pipeline.
type lane struct {
	Stage     int
	Name, Sum string
	Contacts  []contact
}

func (a *App) pipeline(w http.ResponseWriter, r *http.Request) error {
	lanes := make([]lane, 4)
	for stage := range lanes {
		in := slices.DeleteFunc(ledger(), func(c contact) bool { return c.Stage != stage })
		sum := 0
		for _, c := range in {
			sum += c.Euro
		}
		lanes[stage] = lane{Stage: stage, Name: stageName(stage), Sum: euro(sum), Contacts: in}
	}
	return a.pages.show(w, r, http.StatusOK, "pipeline", "Pipeline", struct{ Lanes []lane }{lanes})
}
