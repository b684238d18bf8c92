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
		{"SIGHUP while one hangs is one more", []os.Signal{hup, hup, hup, term, hup, intr},
			[]string{"reopen", "shutdown 10s", "shutdown 0s", "exit 1 after 1s", "reopen"}},
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
					func() {
						note("reopen")
						if hangs := len(c.send) > 2; hangs {
							time.Sleep(30 * time.Second)
						}
					},
					func(grace time.Duration) { note("shutdown %v", grace) },
					func(status int) { note("exit %d after %v", status, time.Since(start)) },
				)
				for _, sig := range c.send {
					s.caught <- sig
					synctest.Wait()
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

// A server that comes to its end in time is not ended by force, unless what is
// left to close then takes too long. A SIGHUP whose work hangs does not keep it.
func TestSignalsReleased(t *testing.T) {
	for _, c := range []struct {
		name     string
		hangs    time.Duration // how long SIGHUP's work takes
		released time.Duration // when release returns
	}{
		{"nothing hangs", 0, 0},
		{"SIGHUP is slow", slack / 2, slack / 2},
		{"SIGHUP hangs", time.Hour, slack},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &signals{caught: make(chan os.Signal), quit: make(chan struct{}), done: make(chan struct{})}
				ended, exited := make(chan struct{}), make(chan time.Time, 1)
				go s.watch(
					func() { time.Sleep(c.hangs) },
					func(time.Duration) { close(ended) },
					func(int) { exited <- time.Now() })
				s.caught <- syscall.SIGHUP
				s.caught <- syscall.SIGTERM
				<-ended
				start := time.Now()
				s.release()
				if got := time.Since(start); got != c.released {
					t.Errorf("released after %v, want %v", got, c.released)
				}
				if got := (<-exited).Sub(start); got != lastTime {
					t.Errorf("the process is ended after %v, want %v", got, lastTime)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// Who sends SIGHUP is told that it has not been done yet, once.
func TestSlowHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, took := range []time.Duration{0, slowTime - 1, slowTime + 1, time.Hour} {
			told := 0
			telling(func() { time.Sleep(took) }, func() { told++ })()
			synctest.Wait()
			if want := took > slowTime; (told == 1) != want || told > 1 {
				t.Errorf("after %v: told %d times, want it %v", took, told, want)
			}
		}
	})
}
