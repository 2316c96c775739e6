package idp

// Finding is what a reviewer would say of an app's registration: in plain
// words what stands there, why it matters, and what to change.
type Finding struct {
	Rule   string // a name for it that stays, like pkce_exempt
	What   string
	Why    string
	Change string
}

// AppUse is how an app is used, as far as a review needs to know: looked up
// among at most [UseSample] people, who are as good as chosen by lot.
type AppUse struct {
	Looked, May  int  // active people looked at, and those of them who may use it
	Used         bool // somebody has
	ManySessions bool // somebody has it open in more than one session
	Offline      bool // it holds a refresh token that works
}

// UseSample is at how many people a review looks at most.
const UseSample = 1000
