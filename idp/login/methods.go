package login

import "slices"

// The methods by which people prove who they are here, amr values of RFC 8176 §2
// but for mail.
const (
	methodPassword = "pwd"
	methodOTP      = "otp" // a time-based code
	methodSeveral  = "mfa"
	// methodMail is a code from a mail, which the RFC calls otp as well ([AMR]). It
	// has a word of its own here because it is no factor beside another: who reads
	// the mailbox may have set the password by a link from there.
	methodMail = "mail"
)

// AMR are methods in the words of RFC 8176 §2, for those outside. A code from a mail
// that stands beside a password is left out: pwd and otp together would be read as two
// factors, which they are not here.
func AMR(methods []string) []string {
	var out []string
	for _, m := range methods {
		if m == methodMail {
			if slices.Contains(methods, methodPassword) {
				continue
			}
			m = methodOTP
		}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// Methods are the amr values (RFC 8176 §2) of all that people can prove here:
// what a tongue is asked for beyond them, nobody can satisfy.
func Methods() []string {
	return []string{methodPassword, methodOTP, methodHardware, methodSoftware, methodPresence, methodSeveral}
}

// factorOf is the kind of proof that a method is (RFC 8176 §2).
var factorOf = map[string]string{
	"pwd": "knowledge", "pin": "knowledge", "kba": "knowledge",
	"otp": "possession", "hwk": "possession", "swk": "possession", "pop": "possession", "sc": "possession", "sms": "possession", "tel": "possession",
	"face": "inherence", "fpt": "inherence", "iris": "inherence", "retina": "inherence", "vbm": "inherence",
}

// MultiFactor reports whether these methods (RFC 8176 amr values) are factors of
// different kinds; mfa says so itself, which a passkey that verified its person
// does.
func MultiFactor(methods []string) bool {
	if slices.Contains(methods, methodSeveral) {
		return true
	}
	kinds := map[string]bool{}
	for _, m := range methods {
		if kind, known := factorOf[m]; known {
			kinds[kind] = true
		}
	}
	return len(kinds) > 1
}

// ByPasskey reports whether these methods (RFC 8176 amr values) are several factors
// with a passkey among them: a key that signs for the address of this house alone,
// so that no other site can have it prove anything here.
func ByPasskey(methods []string) bool {
	return MultiFactor(methods) && (slices.Contains(methods, methodHardware) || slices.Contains(methods, methodSoftware))
}

// ByMail reports whether somebody came in by these methods (RFC 8176 amr values) with a
// code from a mail and nothing else: whoever reads their mails can do that.
func ByMail(methods []string) bool {
	return len(methods) > 0 && !slices.ContainsFunc(methods, func(m string) bool { return m != methodMail })
}

// OneFactor are those of the methods that an app is told which takes a single
// factor and nothing else.
func OneFactor(methods []string) []string {
	var one []string
	for _, m := range methods {
		if m != methodSeveral && !MultiFactor(append(one, m)) {
			one = append(one, m)
		}
	}
	return one
}
