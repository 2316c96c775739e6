package idp

// AppPreview is what an app would be told of a person who signed in to it now.
// Nothing in it is signed, and no app takes it.
type AppPreview struct {
	Subject       string // sub, or the value of the NameID
	SubjectFormat string // NameID format URN; empty for OIDC
	// SubjectNew: the app does not know the person yet, and the subject is made
	// at their first sign-in; Subject is empty then.
	SubjectNew bool
	Told       []Told
	Documents  []Document
	Refusal    *Refused // why there is no answer; nil: there is one
}

// Told is one attribute or claim, and where it comes from.
type Told struct {
	Name         string
	NameFormat   string // SAML only
	FriendlyName string // SAML only
	Values       []string
	Source       string // as in a rule, or scope NAME
	In           string // which document carries it
}

// Document is an assertion or a set of claims, as text.
type Document struct{ Name, Text string }

// Refused says of a sign-on that was tried out why there is no answer.
type Refused struct {
	Rule   string // the first that failed
	Reason string
	Explanation
}

// AppTest is how an app's service provider, played by us, took a sign-on.
type AppTest struct {
	Played   string // what was played: Slack, or a service provider by its registration
	Accepted bool
	Checks   []AppCheck
	Notes    []string
	Refusal  *Refused // the sign-on did not come that far; nil: it did
}

// AppCheck is one rule of a service provider.
type AppCheck struct {
	Name     string
	OK       bool
	Words    string // in the vendor's terms
	Verified bool   // a page of the vendor's was read that says so, or SAML itself does
}
