package ready_test

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc/ready"
)

// A signal that its thread handles ends a Wait with nothing fired. SIGWINCH is
// harmless when it comes late.
func TestSignalEndsWait(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGWINCH)
	defer signal.Stop(caught)
	each(t, func(t *testing.T, p poller) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread := unix.Gettid()
		done := make(chan struct{})
		var sender sync.WaitGroup
		sender.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					unix.Tgkill(unix.Getpid(), thread, unix.SIGWINCH)
					runtime.Gosched()
				}
			}
		})
		for _, timeout := range []time.Duration{-1, time.Hour} {
			if got := p.wait(t, 1, timeout); len(got) != 0 {
				t.Errorf("fired %v", got)
			}
		}
		close(done)
		sender.Wait()
	})
}

// A signal that the thread blocks is let in by WaitMask alone, and only when
// its mask does not hold it (pselect(2)).
func TestWaitMask(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGWINCH)
	defer signal.Stop(caught)
	each(t, func(t *testing.T, p poller) {
		masked, ok := p.Poller.(ready.MaskedPoller)
		if !ok {
			if p.name != "select" {
				t.Error("no MaskedPoller")
			}
			return
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		blocked := ready.Signals(unix.SIGWINCH)
		var before unix.Sigset_t
		set := unix.Sigset_t{}
		set.Val[0] = 1 << (unix.SIGWINCH - 1)
		must(t, unix.PthreadSigmask(unix.SIG_BLOCK, &set, &before))
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)

		for len(caught) > 0 {
			<-caught
		}
		must(t, unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGWINCH))
		dst := make([]ready.Fired, 1)
		quiet := func(what string, n int, err error) {
			t.Helper()
			must(t, err)
			if n != 0 || len(caught) != 0 {
				t.Fatalf("%s: fired %v, caught %d signals", what, dst[:n], len(caught))
			}
		}
		n, err := p.Wait(dst, time.Millisecond)
		quiet("Wait", n, err)
		n, err = masked.WaitMask(dst, time.Millisecond, blocked)
		quiet("WaitMask that blocks it", n, err)

		// It is pending, so this wait for ever ends at once.
		n, err = masked.WaitMask(dst, -1, ready.Signals(unix.SIGUSR1, unix.SIGUSR2))
		must(t, err)
		if n != 0 {
			t.Errorf("fired %v", dst[:n])
		}
		if got := <-caught; got != unix.SIGWINCH {
			t.Errorf("caught %v", got)
		}

		// The thread's own mask is back.
		must(t, unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGWINCH))
		n, err = p.Wait(dst, time.Millisecond)
		quiet("Wait after WaitMask", n, err)
		masked.WaitMask(dst, -1, 0)
		<-caught

		// And it waits as Wait does.
		rd, wr := pipe(t)
		put(t, wr)
		p.add(t, rd, r, 7)
		n, err = masked.WaitMask(dst, -1, blocked)
		must(t, err)
		if want := []ready.Fired{{Token: 7, Event: r}}; !slices.Equal(dst[:n], want) {
			t.Errorf("got %v, want %v", dst[:n], want)
		}
		_, err = masked.WaitMask(nil, 0, 0)
		checkError(t, "no room", err, unix.EINVAL)
	})
}

func TestSignals(t *testing.T) {
	if got, want := ready.Signals(unix.SIGHUP, unix.Signal(64)), ready.SignalSet(1<<63|1); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
	for _, s := range []unix.Signal{0, -1, 65} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Signals(%d) did not panic", int(s))
				}
			}()
			ready.Signals(s)
		}()
	}
}
