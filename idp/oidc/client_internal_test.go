package oidc

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/idp/directory"
)

// TestCA08NoSecretIsGuessedByTheClock: a guess that begins as the secret does takes
// as long as any other (Welch's t-test). A busy machine may spoil a round, so that
// one of several that tells nothing is enough.
func TestCA08NoSecretIsGuessedByTheClock(t *testing.T) { // not parallel: it measures
	right, _ := directory.NewSecret()
	hashes := []string{directory.HashSecret(right), directory.HashSecret("another")}
	near := right[:len(right)-1] + "-" // all but the last
	far := "-" + right[1:]
	if _, ok := matching(right, hashes); !ok {
		t.Fatal("the secret is refused")
	}
	var last float64
	for range 8 {
		a, b := measured(near, far, hashes)
		if last = welch(a, b); last < 4.5 {
			return
		}
	}
	t.Errorf("a guess that is nearly right takes another time: t is %.1f", last)
}

// measured are the nanoseconds of 10,000 tries of each, in turn; the slowest
// tenth, in which something else went on, left out.
func measured(near, far string, hashes []string) (a, b []float64) {
	for i := range 20_000 {
		guess := [2]string{near, far}[i%2]
		begin := time.Now()
		for range 4 { // so that the clock's own grain matters less
			if _, ok := matching(guess, hashes); ok {
				panic("a wrong secret is taken")
			}
		}
		took := float64(time.Since(begin).Nanoseconds())
		if i%2 == 0 {
			a = append(a, took)
		} else {
			b = append(b, took)
		}
	}
	return usual(a), usual(b)
}

func usual(all []float64) []float64 {
	slices.Sort(all)
	return all[:len(all)*9/10]
}

// welch is |t| of Welch's t-test.
func welch(a, b []float64) float64 {
	moments := func(x []float64) (mean, variance float64) {
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			variance += (v - mean) * (v - mean) / float64(len(x)-1)
		}
		return mean, variance
	}
	meanA, varA := moments(a)
	meanB, varB := moments(b)
	spread := math.Sqrt(varA/float64(len(a)) + varB/float64(len(b)))
	if spread == 0 {
		spread = math.SmallestNonzeroFloat64
	}
	return math.Abs(meanA-meanB) / spread
}

// TestWelchSeesWhatIsSlower: the test above could fail.
func TestWelchSeesWhatIsSlower(t *testing.T) {
	t.Parallel()
	var a, b []float64
	for i := range 10_000 {
		a, b = append(a, float64(1000+i%50)), append(b, float64(1002+i%50))
	}
	if got := welch(a, b); got < 4.5 {
		t.Errorf("two nanoseconds more of 1,025 on average: t is %.1f", got)
	}
	if got := welch(a, a); got != 0 {
		t.Errorf("the same: t is %.1f", got)
	}
}

// FuzzPresent: whatever an app says of itself is read, or refused, without a panic,
// and never from two places at once.
func FuzzPresent(f *testing.F) {
	f.Add("Basic d2lraTpzZWNyZXQ=", "")
	f.Add("", "client_id=wiki&client_secret=x")
	f.Add("Basic %%%", "client_id=a&client_id=b")
	f.Add("", "client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	f.Fuzz(func(t *testing.T, header, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Skip()
		}
		c, err := present(http.Header{"Authorization": {header}}, form)
		if err == nil && strings.HasPrefix(header, "Basic ") && form.Get("client_secret") != "" {
			t.Errorf("%q and %q: taken as %+v", header, body, c)
		}
	})
}
