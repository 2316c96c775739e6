package client

import "context"

// Template is what is known of a well-known app: what to ask whoever registers
// it, and facts with whether a page was read that says so.
type Template struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Protocols []string         `json:"protocols"` // saml, oidc; it is registered with the first
	Asks      []TemplateAsk    `json:"asks,omitempty"`
	Facts     []TemplateFact   `json:"facts"`
	Sources   []TemplateSource `json:"sources,omitempty"`
}

// TemplateAsk is a question to whoever registers the app; its answer goes into
// set under its name.
type TemplateAsk struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Hint  string `json:"hint"`
}

// TemplateFact is one thing that a template says. One that is not verified is
// from memory.
type TemplateFact struct {
	Path     string `json:"path"` // like nameid, attributes/User.Email, warnings/1
	Name     string `json:"name"`
	Value    string `json:"value"`
	Verified bool   `json:"verified"`
}

// TemplateSource is a page that was read.
type TemplateSource struct {
	URL    string   `json:"url"`
	ReadOn string   `json:"read_on"`
	Says   []string `json:"says"` // paths of facts
}

// ForPerson names whom something is tried out for, by ID or username.
type ForPerson struct {
	User string `json:"user"`
}

// AppPreview is what an app would be told of a person who signed in to it now.
// Nothing in it is signed.
type AppPreview struct {
	Subject       string     `json:"subject,omitempty"` // NameID or sub; empty: made at the first sign-in
	SubjectFormat string     `json:"subject_format,omitempty"`
	SubjectNew    bool       `json:"subject_new,omitempty"`
	Told          []Told     `json:"told,omitempty"`
	Documents     []Document `json:"documents,omitempty"`
	Refusal       *Refused   `json:"refusal,omitempty"` // why there is no answer
}

// Told is one attribute or claim, and where its values come from. One that is in
// no document is left out: nothing is known.
type Told struct {
	Name         string   `json:"name"`
	NameFormat   string   `json:"name_format,omitempty"`
	FriendlyName string   `json:"friendly_name,omitempty"`
	Values       []string `json:"values"`
	Source       string   `json:"source,omitempty"`
	In           string   `json:"in,omitempty"`
}

// Document is an assertion or a set of claims, as text.
type Document struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Refused says why a sign-on that was tried out has no answer.
type Refused struct {
	Rule    string `json:"rule"`
	Reason  string `json:"reason"`
	Meaning string `json:"meaning,omitempty"`
	Side    string `json:"side,omitempty"` // app, gatehouse or person
	Change  string `json:"change,omitempty"`
}

// AppTest is how an app's service provider, played by the server, took a
// sign-on.
type AppTest struct {
	Played   string     `json:"played"`
	Accepted bool       `json:"accepted"`
	Checks   []AppCheck `json:"checks,omitempty"`
	Notes    []string   `json:"notes,omitempty"`
	Refusal  *Refused   `json:"refusal,omitempty"` // the sign-on did not come that far
}

// AppCheck is one rule of a service provider. One that is not verified is from
// memory.
type AppCheck struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Words    string `json:"words"`
	Verified bool   `json:"verified"`
}

// Templates lists the templates, by name.
func (c *Client) Templates(ctx context.Context) ([]Template, error) {
	page, err := get[Page[Template]](ctx, c, "/app-templates")
	return page.Items, err
}

// Template shows one template.
func (c *Client) Template(ctx context.Context, id string) (Template, error) {
	return get[Template](ctx, c, "/app-templates/"+seg(id))
}

// PreviewApp shows what an app would be told of a person; it is written down
// that somebody looked.
func (c *Client) PreviewApp(ctx context.Context, app, user string) (AppPreview, error) {
	return post[AppPreview](ctx, c, "/apps/"+seg(app)+"/preview", ForPerson{user})
}

// TestApp plays a sign-on of a person at an app's service provider.
func (c *Client) TestApp(ctx context.Context, app, user string) (AppTest, error) {
	return post[AppTest](ctx, c, "/apps/"+seg(app)+"/test", ForPerson{user})
}
