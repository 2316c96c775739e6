package sessions

// Pass names a way through the gate: one kind of pass accepted, or issued. The
// table of the gate's tests has a line for each, and every route of the house
// declares which of them its handler goes through.
type Pass string

// The ways through the gate.
const (
	None           Pass = "none" // nothing of anybody is accepted or issued
	SessionUsed    Pass = "session"
	SessionStarted Pass = "session started"
	SessionRenewed Pass = "session renewed"
	SignInUsed     Pass = "sign-in in progress"
	SignInProven   Pass = "factor proven"
	SignInResumed  Pass = "sign-in resumed"
	Code           Pass = "code"
	RefreshToken   Pass = "refresh token"
	AccessToken    Pass = "access token"
	Assertion      Pass = "assertion"
	LinkIssued     Pass = "link issued"
	LinkOpened     Pass = "link opened"
	LinkUsed       Pass = "link used"
	APITokenIssued Pass = "API token issued"
	APITokenUsed   Pass = "API token"
	AppTokenIssued Pass = "app token issued"
	AppTokenUsed   Pass = "app token"

	DeviceConfirmed    Pass = "device confirmed"
	DeviceCode         Pass = "device code"
	InitialTokenIssued Pass = "initial access token issued"
	InitialTokenUsed   Pass = "initial access token"

	MailCodeIssued Pass = "mailed code issued"
	MailCodeUsed   Pass = "mailed code"

	KnownDevice      Pass = "known device"
	DeviceRemembered Pass = "device remembered"
	DeviceTrusted    Pass = "device trusted"
)

// Passes lists every way through the gate but [None].
func Passes() []Pass {
	return []Pass{
		SessionUsed, SessionStarted, SessionRenewed, SignInUsed, SignInProven, SignInResumed, Code, RefreshToken, AccessToken,
		Assertion, LinkIssued, LinkOpened, LinkUsed, APITokenIssued, APITokenUsed, AppTokenIssued, AppTokenUsed,
		DeviceConfirmed, DeviceCode, InitialTokenIssued, InitialTokenUsed, MailCodeIssued, MailCodeUsed, KnownDevice, DeviceRemembered, DeviceTrusted,
	}
}
