package outbox

import (
	"context"
	"errors"
	"time"

	"gatehouse/idp"
)

// Lever is one way to end something in an app. The tongues have them; a
// further one is added to [Worker.Levers] and nowhere else.
type Lever interface {
	// Name is what lines call it.
	Name() idp.Lever
	// Reaches reports whether app can be told by it.
	Reaches(app idp.App) bool
	// Destroys reports whether it deletes something at the app's vendor that a
	// restore does not bring back.
	Destroys() bool
	// Send tells app of the ending in d, by a message that is fresh at every
	// call (a repeated jti or ID is refused as a replay). A nil error means
	// that the app acknowledged it; answer says so in plain words. ctx ends
	// when the app had its time. The text of an error is shown on the
	// receipt: plain words, no secrets. [Permanent] marks one that no repeat
	// will help, [RetryAfter] one whose app said when to come again.
	Send(ctx context.Context, app idp.App, d idp.Delivery) (answer string, err error)
}

// Permanent marks err as one that no repeat will help. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

func permanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}

// RetryAfter marks err as one whose app asked for this long a pause (RFC 9110
// §10.2.3). The worker waits no longer than an hour. RetryAfter(nil, …) is nil.
func RetryAfter(err error, wait time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, wait}
}

type retryAfterError struct {
	error
	wait time.Duration
}

func (e *retryAfterError) Unwrap() error { return e.error }

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*retryAfterError](err); ok {
		return e.wait
	}
	return 0
}
