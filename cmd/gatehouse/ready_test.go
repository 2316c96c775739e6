package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadinessAsksTheDatabaseOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		var answer error
		stopped := make(chan struct{})
		r := &readiness{ping: func(context.Context) error { asked++; return answer }, stopped: stopped}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // callers who hang up change nothing
		for range 1000 {
			if err := r.check(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 1 {
			t.Errorf("the database was asked %d times within a second", asked)
		}
		time.Sleep(time.Second)
		if answer = errors.New("down"); r.check(ctx) == nil {
			t.Error("ready without its database")
		}
		time.Sleep(time.Second)
		if answer = nil; r.check(ctx) != nil {
			t.Error("unready with its database back")
		}
		close(stopped)
		if r.check(ctx) == nil {
			t.Error("ready while stopping")
		}
	})
}
