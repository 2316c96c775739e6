package password

import "testing"

func TestNewHashesCostTheDefaultOrMore(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Cost{
		"m=19456,t=2,p=1":  DefaultCost(),
		"m=47104,t=1,p=1":  {Memory: 47104, Passes: 1, Lanes: 1},
		"m=65536,t=3,p=4":  {Memory: 65536, Passes: 3, Lanes: 4},
		"m=131072,t=8,p=8": {Memory: 131072, Passes: 8, Lanes: 8},
	} {
		if got, err := ParseCost(s); err != nil || got != want || got.String() != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "19456", "m=19456,t=2", "t=2,m=19456,p=1", "m=19456,t=2,p=1,x=1", "m=19456, t=2, p=1", "m=19456,t=2,p=0",
		"m=19456,t=1,p=1", "m=12288,t=8,p=1", "m=19455,t=8,p=1", "m=131073,t=2,p=1", "m=19456,t=9,p=1", "m=4294967297,t=2,p=1",
	} {
		if got, err := ParseCost(s); err == nil {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}

// TestAQueueIsNoLongerForCostlierHashes: what waits longest waits as long, about.
func TestAQueueIsNoLongerForCostlierHashes(t *testing.T) {
	t.Parallel()
	for c, want := range map[Cost]int{
		DefaultCost():                            waitingPerSlot,
		{Memory: 38 << 10, Passes: 2, Lanes: 1}:  waitingPerSlot / 2,
		{Memory: 128 << 10, Passes: 8, Lanes: 1}: waitingPerSlot / 10,
	} {
		h := NewHasher(c)
		if got := cap(h.places)/cap(h.slots) - 1; got != want {
			t.Errorf("%s: %d wait for each that is computed, want %d", c, got, want)
		}
	}
	if h := NewHasher(Cost{Memory: 19 << 10, Passes: 2, Lanes: maxLanes}); cap(h.slots) > max(1, cap(NewHasher(DefaultCost()).slots)/maxLanes) {
		t.Errorf("%d hashes of %d lanes at once", cap(h.slots), maxLanes)
	}
}
