package main

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What each signal leads to, with a server that never comes to its end.
func TestSignals(t *testing.T) {
	const (
		hup  = syscall.SIGHUP
		term = syscall.SIGTERM
		intr = syscall.SIGINT
	)
	for _, c := range []struct {
		name string
		send []os.Signal
		want []string // until a minute has passed
	}{
		{"SIGHUP opens the log anew", []os.Signal{hup, hup}, []string{"reopen", "reopen"}},
		{"SIGTERM finishes, in bounds", []os.Signal{term}, []string{"shutdown 10s", "exit 1 after 11s"}},
		{"SIGINT does so too", []os.Signal{intr}, []string{"shutdown 10s", "exit 1 after 11s"}},
		{"the second ends at once", []os.Signal{term, intr}, []string{"shutdown 10s", "shutdown 0s", "exit 1 after 1s"}},
		{"SIGHUP does not count", []os.Signal{hup, term}, []string{"reopen", "shutdown 10s", "exit 1 after 11s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var got []string
				var mu sync.Mutex
				note := func(format string, args ...any) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, fmt.Sprintf(format, args...))
				}
				s := &signals{caught: make(chan os.Signal), quit: make(chan struct{}), done: make(chan struct{})}
				go s.watch(
					func() { note("reopen") },
					func(grace time.Duration) { note("shutdown %v", grace) },
					func(status int) { note("exit %d after %v", status, time.Since(start)) },
				)
				for _, sig := range c.send {
					s.caught <- sig
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				s.release()
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if cut := s.verdict() != nil; cut != slices.Contains(c.want, "shutdown 0s") {
					t.Errorf("cut off: %v", cut)
				}
			})
		})
	}
}

// A server that comes to its end in time is not ended by force.
func TestSignalsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &signals{caught: make(chan os.Signal), quit: make(chan struct{}), done: make(chan struct{})}
		ended := make(chan struct{})
		go s.watch(nil, func(time.Duration) { close(ended) }, func(int) { t.Error("the process was ended") })
		s.caught <- syscall.SIGTERM
		<-ended
		s.release()
		time.Sleep(time.Minute)
	})
}
