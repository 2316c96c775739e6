package wire

import "errors"

// The kinds of refusal, to be asked for with errors.Is. The reason, for an
// administrator's trace, is in *Error.
var (
	ErrMalformed = errors.New("malformed message")
	ErrTooLarge  = errors.New("message too large")
	ErrUnsigned  = errors.New("message is not signed")
	ErrSignature = errors.New("signature refused")
	ErrAlgorithm = errors.New("algorithm refused")
	ErrDecrypt   = errors.New("decryption refused")
	ErrEncrypted = errors.New("encrypted, and no key for it is published")
	ErrExpired   = errors.New("metadata has expired")
	// ErrChanged is beside ErrSignature where the signature is good, and of another
	// document.
	ErrChanged = errors.New("changed since it was signed")
)

// Error is a refusal: one of the kinds above, and why. Reason is a fixed text
// of ours that never repeats hostile input; Cause, if any, is for the log.
type Error struct {
	Kind   error
	Reason string
	Cause  error
}

func (e *Error) Error() string {
	text := e.Kind.Error() + ": " + e.Reason
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap lets errors.Is find both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

func refuse(kind error, reason string) error {
	return &Error{Kind: kind, Reason: reason}
}

func refuseBecause(kind error, reason string, cause error) error {
	return &Error{Kind: kind, Reason: reason, Cause: cause}
}
