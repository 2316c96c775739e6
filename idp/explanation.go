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
	Side    Side
	Change  string
}
