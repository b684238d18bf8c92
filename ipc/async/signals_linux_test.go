package async

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

const testSignal = syscall.Signal(40)

func openTestSignals(t *testing.T) *Signals {
	t.Helper()
	s, err := OpenSignals(testSignal)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// next waits for one signal.
func next(t *testing.T, s *Signals) Signal {
	t.Helper()
	var dst [1]Signal
	for {
		n, err := s.Wait(dst[:], -1)
		must(t, err)
		if n == 1 {
			return dst[0]
		}
	}
}

// none checks that no signal waits.
func none(t *testing.T, s *Signals) {
	t.Helper()
	var dst [4]Signal
	if n, err := s.Wait(dst[:], 0); n != 0 || err != nil {
		t.Errorf("signals %v, %v, want none", dst[:n], err)
	}
}

// Each signal names its descriptor and what happened, in the order in which it
// happened.
func TestSignals(t *testing.T) {
	s := openTestSignals(t)
	r, w := newPipe(t, 0)
	a, b := newPair(t, sock.SOCK_STREAM)
	l := newListener(t)
	for _, fd := range []*ipc.FD{r, a, l.FD()} {
		must(t, s.Add(fd))
	}
	none(t, s)

	put(t, b, "x")
	put(t, w, "x")
	client, err := sock.Connect(l.Addr(), nil)
	must(t, err)
	until(t, client)
	for _, want := range []Signal{{a, POLLIN}, {r, POLLIN}, {l.FD(), POLLIN}} {
		if got := next(t, s); got != want {
			t.Errorf("%s: %v, want %s: %v", got.FD, got.Events, want.FD, want.Events)
		}
	}
	none(t, s)

	must(t, w.Close())
	must(t, b.Close())
	if got := next(t, s); got != (Signal{r, POLLIN}) {
		t.Errorf("the end of a pipe: %s: %v", got.FD, got.Events)
	}
	if got := next(t, s); got.FD != a || got.Events&POLLHUP == 0 {
		t.Errorf("the end of a stream: %s: %v, want POLLHUP", got.FD, got.Events)
	}
}

// The kernel queues them, and a Wait takes as many as there is room for.
func TestSignalsQueue(t *testing.T) {
	s := openTestSignals(t)
	const many = 20
	var want []Signal
	for range many {
		r, w := newPipe(t, 0)
		must(t, s.Add(r))
		put(t, w, "x")
		want = append(want, Signal{r, POLLIN})
	}
	var got []Signal
	for len(got) < many {
		dst := make([]Signal, 7)
		n, err := s.Wait(dst, time.Hour)
		must(t, err)
		got = append(got, dst[:n]...)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("signal %d: %s, want %s", i, got[i].FD, want[i].FD)
		}
	}
	none(t, s)
}

// Neither a descriptor that was removed nor one that was closed is told of, also
// not when another has got its number, and the others are.
func TestSignalsOfTheGone(t *testing.T) {
	s := openTestSignals(t)
	r, w := newPipe(t, 0)
	closed, cw := newPipe(t, 0)
	removed, rw := newPipe(t, 0)
	for _, fd := range []*ipc.FD{r, closed, removed} {
		must(t, s.Add(fd))
	}
	checkError(t, "add twice", s.Add(r), unix.EEXIST)
	put(t, cw, "before")
	put(t, rw, "before")
	must(t, s.Remove(removed))
	checkError(t, "remove twice", s.Remove(removed), unix.ENOENT)
	number := closed.Number()
	must(t, closed.Close())
	checkError(t, "remove a closed one", s.Remove(closed), unix.ENOENT)
	n, err := unix.FcntlInt(uintptr(r.Number()), unix.F_DUPFD_CLOEXEC, number)
	must(t, err)
	newcomer := ipc.NewFD(n)
	until(t, newcomer)
	if n != number {
		t.Fatalf("descriptor %d was taken, got %d", number, n)
	}
	put(t, rw, "after")
	put(t, w, "x")
	if got := next(t, s); got != (Signal{r, POLLIN}) {
		t.Errorf("%s: %v, want %s", got.FD, got.Events, r)
	}
	none(t, s)
	if isAsync(t, removed) {
		t.Error("O_ASYNC is set after Remove")
	}

	// Added again it is told of again.
	must(t, s.Add(removed))
	put(t, rw, "again")
	if got := next(t, s); got.FD != removed {
		t.Errorf("%s, want %s", got.FD, removed)
	}
}

// What cannot be queued is not lost in silence.
func TestSignalsOverflow(t *testing.T) {
	s := openTestSignals(t)
	r, w := newPipe(t, 0)
	must(t, s.Add(r))
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_SIGPENDING, &limit))
	put(t, w, "x")
	must(t, unix.Setrlimit(unix.RLIMIT_SIGPENDING, &unix.Rlimit{Cur: 0, Max: limit.Max}))
	put(t, w, "x")
	must(t, unix.Setrlimit(unix.RLIMIT_SIGPENDING, &limit))

	// SIGIO has the lower number and so comes first (signal(7)); what was queued
	// before it is still there.
	var dst [4]Signal
	n, err := s.Wait(dst[:], -1)
	for n == 0 && err == nil {
		n, err = s.Wait(dst[:], -1)
	}
	checkError(t, "Wait", err, ErrOverflow)
	if got := next(t, s); got != (Signal{r, POLLIN}) {
		t.Errorf("%s: %v, want %s", got.FD, got.Events, r)
	}
	none(t, s)
}

func TestSignalsTimeout(t *testing.T) {
	s := openTestSignals(t)
	var dst [1]Signal
	for _, timeout := range []time.Duration{0, 1, time.Millisecond, 1_500_000} {
		var took time.Duration
		for range 100 { // a signal may end one early, also one of the Go runtime's
			start := time.Now()
			if n, err := s.Wait(dst[:], timeout); n != 0 || err != nil {
				t.Fatalf("timeout %v: %d, %v", timeout, n, err)
			}
			if took = time.Since(start); took >= timeout {
				break
			}
		}
		if took < timeout {
			t.Errorf("timeout %v: ended after %v", timeout, took)
		}
	}
	_, err := s.Wait(nil, -1)
	checkError(t, "no room", err, unix.EINVAL)
}

// Close gives back all it took: the descriptors give no signals, none waits, and
// the thread blocks what it blocked before.
func TestSignalsClose(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	strays := make(chan os.Signal, 1)
	signal.Notify(strays, testSignal, syscall.SIGIO)
	defer signal.Stop(strays)
	before, _ := sys.SignalMask(unix.SIG_BLOCK, 0)
	s, err := OpenSignals(testSignal)
	must(t, err)
	r, w := newPipe(t, 0)
	gone, _ := newPipe(t, 0)
	must(t, s.Add(r))
	must(t, s.Add(gone))
	must(t, gone.Close())
	put(t, w, "x")
	must(t, s.Close())
	put(t, w, "x")
	checkError(t, "second Close", s.Close(), os.ErrClosed)
	checkError(t, "Add after Close", s.Add(r), os.ErrClosed)
	checkError(t, "Remove after Close", s.Remove(r), os.ErrClosed)
	n, err := s.Wait(make([]Signal, 1), -1)
	checkError(t, "Wait after Close", err, os.ErrClosed)
	if n != 0 {
		t.Errorf("Wait after Close: %d signals", n)
	}
	if now, _ := sys.SignalMask(unix.SIG_BLOCK, 0); now != before {
		t.Errorf("the thread blocks %#x, want %#x", now, before)
	}
	if isAsync(t, r) {
		t.Error("O_ASYNC is set after Close")
	}
	if set, err := unix.FcntlInt(uintptr(r.Number()), unix.F_GETSIG, 0); err != nil || set != 0 {
		t.Errorf("F_GETSIG is %d, %v, want 0", set, err)
	}
	select {
	case got := <-strays:
		t.Errorf("signal %v went astray", got)
	default:
	}
}

func TestOpenSignalsRefuses(t *testing.T) {
	for _, bad := range []syscall.Signal{-1, 0, unix.SIGIO, 34, 65} {
		s, err := OpenSignals(bad)
		checkError(t, bad.String(), err, unix.EINVAL)
		if s != nil {
			t.Errorf("signal %d: a Signals beside the error", bad)
		}
	}
	s := openTestSignals(t)
	for _, busy := range []syscall.Signal{testSignal, testSignal + 1} { // the second for SIGIO
		_, err := OpenSignals(busy)
		checkError(t, busy.String(), err, unix.EBUSY)
		if err != nil && !strings.HasPrefix(err.Error(), "take signal 4") {
			t.Errorf("error %q does not begin with the operation", err)
		}
	}
	file, err := os.Open("/proc/self/stat")
	must(t, err)
	defer file.Close()
	n, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	regular := ipc.NewFD(n)
	until(t, regular)
	checkError(t, "regular file", s.Add(regular), errors.ErrUnsupported)
	checkError(t, "after a failed Add", s.Remove(regular), unix.ENOENT)
	r, _ := newPipe(t, 0)
	r.Close()
	checkError(t, "closed one", s.Add(r), unix.EBADF)
}

// Only the goroutine that opened it may use it.
func TestSignalsOwner(t *testing.T) {
	s := openTestSignals(t)
	r, _ := newPipe(t, 0)
	panics := func(method string, call func()) {
		t.Helper()
		said := make(chan any)
		go func() {
			defer func() { said <- recover() }()
			call()
		}()
		if got, _ := (<-said).(string); !strings.HasPrefix(got, "async: Signals."+method+" ") {
			t.Errorf("%s said %q", method, got)
		}
	}
	panics("Add", func() { s.Add(r) })
	panics("Remove", func() { s.Remove(r) })
	panics("Wait", func() { s.Wait(make([]Signal, 1), 0) })
	panics("Close", func() { s.Close() })
}

// Many writers and one who is told of them: every byte arrives, however the
// signals come.
func TestSignalsServe(t *testing.T) {
	const writers, messages = 20, 50
	s := openTestSignals(t)
	done := make(chan error, writers)
	var pipes []*ipc.FD
	for range writers {
		r, w := newPipe(t, 0)
		must(t, pipe.SetNonblock(r, true))
		must(t, s.Add(r))
		pipes = append(pipes, r)
		go func() {
			for range messages {
				if _, err := pipe.Write(w, []byte("message")); err != nil {
					done <- err
					return
				}
			}
			done <- w.Close()
		}()
	}
	received, open := 0, writers
	ended := make(map[*ipc.FD]bool)
	drain := func(fd *ipc.FD) {
		b := make([]byte, 100)
		for !ended[fd] {
			n, err := pipe.Read(fd, b)
			if err == pipe.ErrWouldBlock {
				return
			}
			must(t, err)
			received += n
			if n == 0 {
				ended[fd] = true
				open--
			}
		}
	}
	for dst := make([]Signal, 8); open > 0; {
		n, err := s.Wait(dst, -1)
		for _, got := range dst[:n] {
			drain(got.FD)
		}
		if err == ErrOverflow {
			for _, fd := range pipes {
				drain(fd)
			}
		} else {
			must(t, err)
		}
	}
	for range writers {
		must(t, <-done)
	}
	if want := writers * messages * len("message"); received != want {
		t.Errorf("received %d bytes, want %d", received, want)
	}
}
