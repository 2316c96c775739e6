package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/store/storetest"
)

// TestCountingAndForgettingDoNotWaitForEachOther: whoever gets in forgets the tries of
// the very person or browser for which others go on trying.
func TestCountingAndForgettingDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := opened(t, storetest.PostgresDSN(t))
	var wg sync.WaitGroup
	end := time.Now().Add(3 * time.Second)
	for thing := range 8 {
		short := idp.Limit{Name: fmt.Sprintf("short %d", thing), Most: 3, Window: time.Minute}
		long := idp.Limit{Name: fmt.Sprintf("long %d", thing), Most: 1 << 30, Window: time.Hour}
		for range 3 {
			wg.Go(func() {
				for time.Now().Before(end) {
					if _, _, err := s.CountTwo(t.Context(), short, long, time.Now()); err != nil {
						t.Errorf("count: %v", err)
						return
					}
				}
			})
			wg.Go(func() {
				for time.Now().Before(end) {
					time.Sleep(5 * time.Millisecond)
					if err := s.Uncount(t.Context(), short.Name, long.Name); err != nil {
						t.Errorf("forget: %v", err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}
