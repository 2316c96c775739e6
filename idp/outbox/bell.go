package outbox

import "sync"

// bell wakes one loop. Rung many times before it is heard, it is heard once.
// The zero value works.
type bell struct {
	once sync.Once
	c    chan struct{}
}

func (b *bell) heard() chan struct{} {
	b.once.Do(func() { b.c = make(chan struct{}, 1) })
	return b.c
}

func (b *bell) ring() {
	select {
	case b.heard() <- struct{}{}:
	default:
	}
}
