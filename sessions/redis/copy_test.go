package redis

import (
	"strconv"
	"testing"
	"time"

	"gatehouse/idp"
)

func TestRD01AnAnswerToAnotherQuestionIsNone(t *testing.T) {
	s := idp.Session{
		ID: "ses_a", Proof: idp.Proof{UserID: "usr_a", Epoch: 3, Generation: "g"}, Methods: []string{"pwd", "otp"},
		AuthTime: time.UnixMicro(1).UTC(), CreatedAt: time.UnixMicro(2).UTC(), LastSeenAt: time.UnixMicro(3).UTC(), ExpiresAt: time.UnixMicro(4).UTC(),
	}
	_, mine := sessionName("aa11aa11aa11aa11aa11aa11aa11aa11")
	_, other := sessionName("bb11aa11aa11aa11aa11aa11aa11aa11")
	scopes, body := []string{"u:usr_a", "s:ses_a"}, writeSession(s, mine)
	if got, ok := readSession(scopes, body, mine); !ok || got.ID != s.ID || got.Proof != s.Proof || len(got.Methods) != 2 || got.ExpiresAt != s.ExpiresAt {
		t.Errorf("read back as %+v, %v", got, ok)
	}
	inRemembered := s
	inRemembered.Remembered = true
	for by := range idp.VouchPasskey + 1 {
		for _, remembered := range []bool{false, true} {
			vouched := s
			vouched.Vouched, vouched.Remembered = by, remembered
			if got, ok := readSession(scopes, writeSession(vouched, mine), mine); !ok || got.Vouched != by || got.Remembered != remembered || got.ExpiresAt != s.ExpiresAt {
				t.Errorf("one in a browser for which %d speaks is read back as %+v, %v", by, got, ok)
			}
		}
	}
	for _, more := range []string{"\n", "\nvouched", "\nvouched !", "\nvouched 1\nremembered", "\nsomething", "\nremembered\nremembered"} {
		if _, ok := readSession(scopes, writeSession(s, mine)+more, mine); ok {
			t.Errorf("%q behind a copy is read", more)
		}
	}
	if got, ok := readSession(scopes, writeSession(inRemembered, mine), mine); !ok || !got.Remembered || got.ExpiresAt != s.ExpiresAt {
		t.Errorf("one in a remembered browser is read back as %+v, %v", got, ok)
	}
	if got, ok := readSession(scopes, body, other); ok {
		t.Errorf("another session's copy was taken: %+v", got)
	}
	for _, broken := range []string{"", mine, mine + "\n\n\n\n\n\n\n", body + "\n", body[:len(body)-2] + "!"} {
		if got, ok := readSession(scopes, broken, mine); ok {
			t.Errorf("%q was read as %+v", broken, got)
		}
	}
}

func TestTE08KeysOfAppsDoNotCollide(t *testing.T) {
	seen := map[string]string{}
	for _, p := range []idp.Protocol{"oidc", "saml", "oidc:x"} {
		for _, identifier := range []string{"a", "a:b", "x:a", "a\n", "a b", "\"a\"", "{a}", "a*", ""} {
			name, from := appName(p, identifier), string(p)+" "+strconv.Quote(identifier)
			if before, taken := seen[name]; taken {
				t.Errorf("%s is the key of %s and of %s", name, before, from)
			}
			seen[name] = from
		}
	}
}
