package idp

// Side is who has to change something.
type Side string

const (
	SideApp    Side = "app"       // the people who run the app
	SideHouse  Side = "gatehouse" // an owner, here
	SidePerson Side = "person"    // whoever sat at the browser
)

// Explanation says of a refusal which rule it was, in plain words, and what to
// change on which side.
type Explanation struct {
	Meaning string
	Failed  string // what did not hold, of this very message; may be empty
	Side    Side
	Change  string
}

// RefusedMessage is what an app sent that was refused, as somebody may read it who
// looks for what was wrong: without whom it is about.
type RefusedMessage struct {
	Proven  bool   // it was the app's own, or a person's who was signed in
	Binding string // how it came
	Text    string // XML, redacted and indented
}
