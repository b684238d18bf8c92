package async

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"weak"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

// eachRing runs the test with a ring as OpenRing makes it, and with one as it is
// made before Linux 6.1.
func eachRing(t *testing.T, room int, test func(t *testing.T, r *Ring)) {
	for _, c := range []struct {
		name  string
		flags uint32
	}{{"thread", sys.UringThread}, {"plain", 0}} {
		t.Run(c.name, func(t *testing.T) {
			r, err := openRing(room, c.flags)
			if errors.Is(err, errors.ErrUnsupported) || c.flags != 0 && errors.Is(err, unix.EINVAL) {
				t.Skip("this system cannot: ", err)
			}
			must(t, err)
			defer r.Close()
			test(t, r)
		})
	}
}

// completions waits for so many, by token.
func completions(t testing.TB, r *Ring, many int) map[uint64]Completion {
	t.Helper()
	all := make(map[uint64]Completion)
	for dst := make([]Completion, 7); len(all) < many; {
		n, err := r.Wait(dst[:min(len(dst), many-len(all))], -1)
		must(t, err)
		for _, c := range dst[:n] {
			if _, twice := all[c.Token]; twice {
				t.Fatalf("operation %d completed twice", c.Token)
			}
			all[c.Token] = c
		}
	}
	return all
}

// want checks the next completion.
func (r *Ring) want(t testing.TB, token uint64, n int, err error) {
	t.Helper()
	c, ok := completions(t, r, 1)[token]
	if !ok || c.N != n || !errors.Is(c.Err, err) {
		t.Fatalf("completed: %v, %+v, want token %d, %d, %v", ok, c, token, n, err)
	}
}

// quiet checks that nothing completes by itself.
func (r *Ring) quiet(t testing.TB, inFlight int) {
	t.Helper()
	var dst [4]Completion
	if n, err := r.Wait(dst[:], 0); n != 0 || err != nil || r.InFlight() != inFlight {
		t.Fatalf("completed: %v, %v, in flight: %d, want none and %d", dst[:n], err, r.InFlight(), inFlight)
	}
}

// What arrives completes the operation that waits for it, with whatever call, and
// the end completes it with 0 bytes.
func TestRingTransfers(t *testing.T) {
	recv := func(r *Ring, fd *ipc.FD, b []byte, token uint64) error { return r.Recv(fd, b, 0, token) }
	send := func(r *Ring, fd *ipc.FD, b []byte, token uint64) error { return r.Send(fd, b, 0, token) }
	type transfer func(r *Ring, fd *ipc.FD, b []byte, token uint64) error
	for _, c := range []struct {
		name string
		make func(t *testing.T) (to, from *ipc.FD)
		in   transfer
		out  transfer
		ends bool // the last sender's close is seen as the end
	}{
		{"pipe", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newPipe(t, 0) }, (*Ring).Read, (*Ring).Write, true},
		{"stream read", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newPair(t, sock.SOCK_STREAM) }, (*Ring).Read, (*Ring).Write, true},
		{"stream", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newPair(t, sock.SOCK_STREAM) }, recv, send, true},
		{"stream that does not wait", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newPair(t, sock.SOCK_STREAM|sock.SOCK_NONBLOCK) }, recv, send, true},
		{"packets", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newPair(t, sock.SOCK_SEQPACKET) }, recv, send, true},
		{"datagrams", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newPair(t, sock.SOCK_DGRAM) }, recv, send, false},
		{"TCP", func(t *testing.T) (*ipc.FD, *ipc.FD) { return newTCP(t) }, recv, send, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachRing(t, 4, func(t *testing.T, r *Ring) {
				to, from := c.make(t)
				b := make([]byte, 100)
				for i, text := range []string{"In Xanadu", "did Kubla Khan", "x"} {
					must(t, c.in(r, to, b, 1))
					r.quiet(t, 1)
					must(t, c.out(r, from, []byte(text), 2))
					got := completions(t, r, 2)
					if got[1].N != len(text) || got[2].N != len(text) || got[1].Err != nil || got[2].Err != nil {
						t.Fatalf("step %d: %+v", i, got)
					}
					if string(b[:got[1].N]) != text {
						t.Errorf("received %q, want %q", b[:got[1].N], text)
					}
				}
				if c.ends {
					must(t, c.in(r, to, b, 3))
					r.quiet(t, 1)
					must(t, from.Close())
					r.want(t, 3, 0, nil)
				}
			})
		})
	}
}

// Hundreds of reads are in flight at once; each completes with its own bytes
// under its own token, in whatever order they come.
func TestRingMany(t *testing.T) {
	const many = 200
	eachRing(t, many, func(t *testing.T, r *Ring) {
		var writers [many]*ipc.FD
		var buffers [many][]byte
		for i := range writers {
			rd, wr := newPipe(t, 0)
			writers[i], buffers[i] = wr, make([]byte, 16)
			must(t, r.Read(rd, buffers[i], uint64(i)))
		}
		r.quiet(t, many)
		for _, i := range rand.Perm(many) {
			put(t, writers[i], fmt.Sprint("pipe ", i))
		}
		for token, c := range completions(t, r, many) {
			if got, want := string(buffers[token][:c.N]), fmt.Sprint("pipe ", token); got != want || c.Err != nil {
				t.Errorf("operation %d: %q, %v, want %q", token, got, c.Err, want)
			}
		}
		r.quiet(t, 0)
	})
}

// The ring takes as many operations as it has room for and not one more, again
// and again, with cancellations among them.
func TestRingFull(t *testing.T) {
	eachRing(t, 3, func(t *testing.T, r *Ring) { // rounded up to 4
		rd, _ := newPipe(t, 0)
		b := make([]byte, 1)
		for round := range 50 {
			for token := range uint64(4) {
				must(t, r.Read(rd, b, token))
			}
			checkError(t, "a fifth", r.Read(rd, b, 4), ErrFull)
			if round%2 == 0 {
				must(t, r.Submit())
			}
			for token := range uint64(4) {
				must(t, r.Cancel(token)) // the first hands over what fills the queue
				must(t, r.Cancel(token))
			}
			for token, c := range completions(t, r, 4) {
				checkError(t, fmt.Sprint("operation ", token), c.Err, unix.ECANCELED)
			}
		}
		r.quiet(t, 0)
		if r.cancels != 0 {
			t.Errorf("%d cancellations have not completed", r.cancels)
		}
	})
}

func TestRingCancel(t *testing.T) {
	eachRing(t, 8, func(t *testing.T, r *Ring) {
		rd, wr := newPipe(t, 0)
		a, _ := newPair(t, sock.SOCK_STREAM)
		b := make([]byte, 8)
		checkError(t, "nothing is there", r.Cancel(1), unix.ENOENT)
		must(t, r.Read(rd, b, 1))
		must(t, r.Recv(a, b, 0, 2))
		must(t, r.Poll(rd, POLLIN, 3))
		r.quiet(t, 3)
		for token := range uint64(3) {
			must(t, r.Cancel(1+token))
			r.want(t, 1+token, 0, unix.ECANCELED)
			checkError(t, "what has completed", r.Cancel(1+token), unix.ENOENT)
		}
		// What a cancelled read would have taken is still there.
		put(t, wr, "later")
		if got := get(t, rd); got != "later" {
			t.Errorf("read %q", got)
		}

		// A Cancel that comes too late changes nothing.
		put(t, wr, "x")
		must(t, r.Read(rd, b, 4))
		must(t, r.Submit())
		must(t, r.Cancel(4))
		r.want(t, 4, 1, nil)
		r.quiet(t, 0)
	})
}

func TestRingPoll(t *testing.T) {
	eachRing(t, 8, func(t *testing.T, r *Ring) {
		rd, wr := newPipe(t, 0)
		must(t, r.Poll(wr, POLLOUT, 1))
		r.want(t, 1, int(POLLOUT), nil)
		must(t, r.Poll(rd, POLLIN, 2))
		r.quiet(t, 1)
		put(t, wr, "x")
		r.want(t, 2, int(POLLIN), nil)
		must(t, r.Poll(rd, POLLIN, 3)) // a state, not a change
		r.want(t, 3, int(POLLIN), nil)
		must(t, wr.Close())
		must(t, r.Poll(rd, POLLIN, 4))
		r.want(t, 4, int(POLLIN|POLLHUP), nil)

		checkError(t, "POLLPRI", r.Poll(rd, POLLIN|POLLPRI, 5), errors.ErrUnsupported)
		l := newListener(t)
		must(t, r.Poll(l.FD(), POLLIN, 6))
		r.quiet(t, 1)
		client, err := sock.Connect(l.Addr(), nil)
		must(t, err)
		until(t, client)
		r.want(t, 6, int(POLLIN), nil)
		conn, _, err := l.Accept()
		must(t, err)
		until(t, conn)
	})
}

func TestRingFlags(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		a, b := newPair(t, sock.SOCK_STREAM)
		buf := make([]byte, 8)
		must(t, r.Recv(a, buf, unix.MSG_DONTWAIT, 1))
		r.want(t, 1, 0, unix.EAGAIN)
		must(t, r.Recv(a, buf, unix.MSG_WAITALL, 2))
		put(t, b, "four")
		r.quiet(t, 1)
		put(t, b, "more")
		r.want(t, 2, 8, nil)
		put(t, b, "peek")
		must(t, r.Recv(a, buf, unix.MSG_PEEK, 3))
		r.want(t, 3, 4, nil)
		if got := get(t, a); got != "peek" {
			t.Errorf("after a peek: %q", got)
		}
	})
}

// The completion says what was wrong with the operation.
func TestRingFailures(t *testing.T) {
	eachRing(t, 8, func(t *testing.T, r *Ring) {
		b := make([]byte, 1)
		rd, wr := newPipe(t, 0)
		x, y := newPair(t, sock.SOCK_STREAM)
		must(t, y.Close())
		must(t, r.Read(wr, b, 2))
		r.want(t, 2, 0, unix.EBADF)
		must(t, r.Recv(rd, b, 0, 3))
		r.want(t, 3, 0, unix.ENOTSOCK)
		must(t, rd.Close())
		must(t, r.Write(wr, b, 4))
		r.want(t, 4, 0, unix.EPIPE)
		must(t, r.Send(x, b, 0, 5))
		r.want(t, 5, 0, unix.EPIPE)
		number := wr.Number()
		must(t, r.Write(wr, b, 6))
		must(t, wr.Close())
		c := completions(t, r, 1)[6]
		checkError(t, "closed before it was handed over", c.Err, unix.EBADF)
		if want := fmt.Sprintf("write to fd %d: io_uring: bad file descriptor", number); c.Err == nil || c.Err.Error() != want {
			t.Errorf("error %q, want %q", c.Err, want)
		}
		// Several that are wrong in one call.
		for token := range uint64(8) {
			must(t, r.Recv(x, b, -1, token))
		}
		completions(t, r, 8)
	})
}

func TestRingRefuses(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		rd, wr := newPipe(t, 0)
		b := make([]byte, 1)
		must(t, r.Read(rd, b, 1))
		checkError(t, "token in flight", r.Write(wr, b, 1), unix.EEXIST)
		checkError(t, "the ring's own token", r.Write(wr, b, ^uint64(0)), unix.EINVAL)
		must(t, wr.Close())
		err := r.Write(wr, b, 2)
		checkError(t, "closed descriptor", err, unix.EBADF)
		if want := "ring: write to closed fd: bad file descriptor"; err == nil || err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
		r.want(t, 1, 0, nil)
		_, err = r.Wait(make([]Completion, 1), -1)
		checkError(t, "for ever for nothing", err, unix.EDEADLK)
		_, err = r.Wait(nil, 0)
		checkError(t, "no room", err, unix.EINVAL)
		must(t, r.Close())
		checkError(t, "Close", r.Close(), os.ErrClosed)
		checkError(t, "Submit", r.Submit(), os.ErrClosed)
		checkError(t, "Cancel", r.Cancel(1), unix.ENOENT)
		checkError(t, "Read", r.Read(rd, b, 1), os.ErrClosed)
		_, err = r.Wait(make([]Completion, 1), 0)
		checkError(t, "Wait", err, os.ErrClosed)
	})
}

// To close a descriptor ends neither its operation nor the file: its peer sees
// the end when the operation has ended.
func TestRingHoldsTheFile(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		a, b := newPair(t, sock.SOCK_STREAM)
		buf := make([]byte, 8)
		must(t, r.Recv(a, buf, 0, 1))
		must(t, r.Submit())
		must(t, a.Close())
		put(t, b, "still")
		r.want(t, 1, 5, nil)

		a, b = newPair(t, sock.SOCK_STREAM)
		must(t, r.Recv(a, buf, 0, 2))
		must(t, r.Poll(b, POLLIN, 3))
		must(t, r.Submit())
		must(t, a.Close())
		r.quiet(t, 2)
		must(t, r.Cancel(2))
		got := completions(t, r, 2)
		checkError(t, "the operation", got[2].Err, unix.ECANCELED)
		if want := POLLIN | POLLHUP | POLLRDHUP; Events(got[3].N) != want {
			t.Errorf("the peer: %v, want %v", Events(got[3].N), want)
		}
	})
}

// Close with operations in flight: afterwards the kernel takes no byte and
// writes to no buffer any more, and what was only queued is not done.
func TestRingCloseInFlight(t *testing.T) {
	const many = 100
	eachRing(t, many+1, func(t *testing.T, r *Ring) {
		var readers, writers [many]*ipc.FD
		var buffers [many][]byte
		for i := range many {
			readers[i], writers[i] = newPipe(t, 0)
			buffers[i] = make([]byte, 8)
			must(t, r.Read(readers[i], buffers[i], uint64(i)))
		}
		must(t, r.Submit())
		put(t, writers[1], "taken") // completed, and never told
		for i := range uint64(10) {
			must(t, r.Cancel(10*i)) // some are cancelled already, half of them in the kernel
			if i == 4 {
				must(t, r.Submit())
			}
		}
		rd, wr := newPipe(t, pipe.O_NONBLOCK)
		must(t, r.Write(wr, []byte("never"), many))
		must(t, r.Close())
		if r.InFlight() != 0 {
			t.Errorf("%d operations are in flight after Close", r.InFlight())
		}
		for i := range many {
			put(t, writers[i], "later")
			if got := get(t, readers[i]); got != "later" && i != 1 {
				t.Errorf("pipe %d holds %q", i, got)
			}
			if got := strings.Trim(string(buffers[i]), "\x00"); got != "" && i != 1 {
				t.Errorf("buffer %d holds %q", i, got)
			}
		}
		if _, err := pipe.Read(rd, make([]byte, 8)); err != pipe.ErrWouldBlock {
			t.Errorf("what was queued was done: %v", err)
		}
	})
}

// A buffer that only the kernel knows stays alive until its operation completes,
// and no longer.
func TestRingKeepsBuffers(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		rd, wr := newPipe(t, 0)
		lend := func() weak.Pointer[[4096]byte] {
			buf := new([4096]byte)
			must(t, r.Read(rd, buf[:], 1))
			return weak.Make(buf)
		}
		buf := lend()
		must(t, r.Submit())
		for range 3 {
			runtime.GC()
		}
		if buf.Value() == nil {
			t.Fatal("the buffer is gone while the kernel has it")
		}
		put(t, wr, "x")
		r.want(t, 1, 1, nil)
		if b := buf.Value(); b == nil || b[0] != 'x' {
			t.Fatal("the byte did not arrive")
		}
		runtime.GC()
		if buf.Value() != nil {
			t.Error("the buffer outlives its operation")
		}
	})
}

// No Wait ends before its timeout, and one ends with the event.
func TestRingTimeout(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		rd, wr := newPipe(t, 0)
		must(t, r.Read(rd, make([]byte, 8), 1))
		dst := make([]Completion, 1)
		for _, timeout := range []time.Duration{0, 1, time.Millisecond, 1_500_000} {
			var took time.Duration
			for range 100 { // a signal may end one early, also one of the Go runtime's
				start := time.Now()
				if n, err := r.Wait(dst, timeout); n != 0 || err != nil {
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
		for _, timeout := range []time.Duration{-1, time.Hour, 1<<63 - 1} {
			go pipe.Write(wr, []byte("x"))
			n := 0
			for n == 0 {
				var err error
				n, err = r.Wait(dst, timeout)
				must(t, err)
			}
			must(t, r.Read(rd, make([]byte, 8), 1))
		}
	})
}

// A signal ends a Wait with nothing. SIGWINCH is harmless when it comes late.
func TestRingSignal(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGWINCH)
	defer signal.Stop(caught)
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		rd, _ := newPipe(t, 0)
		must(t, r.Read(rd, make([]byte, 8), 1))
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
			if n, err := r.Wait(make([]Completion, 1), timeout); n != 0 || err != nil {
				t.Errorf("Wait: %d, %v", n, err)
			}
		}
		close(done)
		sender.Wait()
	})
}

// The kernel takes operations from the ring's thread alone, and only its
// goroutine may close it.
func TestRingOwner(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		rd, _ := newPipe(t, 0)
		must(t, r.Read(rd, make([]byte, 8), 1))
		var err error
		var said any
		var other sync.WaitGroup
		other.Go(func() {
			if strings.HasSuffix(t.Name(), "/thread") {
				err = r.Submit()
			}
			defer func() { said = recover() }()
			r.Close()
		})
		other.Wait()
		if strings.HasSuffix(t.Name(), "/thread") {
			checkError(t, "Submit by another thread", err, unix.EEXIST)
		}
		if text, _ := said.(string); !strings.HasPrefix(text, "async: Ring.Close by another goroutine") {
			t.Errorf("Close said %v", said)
		}
		r.quiet(t, 1)
	})
}

// An echo for many clients at once, each with many messages: receives and sends
// are in flight on all of them.
func TestRingEcho(t *testing.T) {
	const clients, messages = 16, 30
	eachRing(t, clients, func(t *testing.T, r *Ring) {
		var all sync.WaitGroup
		type conn struct {
			fd  *ipc.FD
			buf []byte
		}
		var conns [clients]conn
		for i := range conns {
			server, client := newPair(t, sock.SOCK_STREAM)
			conns[i] = conn{server, make([]byte, 64)}
			all.Go(func() {
				b := make([]byte, 64)
				for m := range messages {
					want := fmt.Sprintf("client %d, message %d", i, m)
					if _, err := sock.Send(client, []byte(want), 0); err != nil {
						t.Error(err)
					}
					if n, err := sock.Recv(client, b, 0); string(b[:n]) != want || err != nil {
						t.Errorf("echo %q, %v, want %q", b[:n], err, want)
					}
				}
				client.Close()
			})
			must(t, r.Recv(server, conns[i].buf, 0, uint64(i)))
		}
		const sending = 1 << 32 // the tokens of sends
		for dst := make([]Completion, 5); r.InFlight() > 0; {
			n, err := r.Wait(dst, -1)
			must(t, err)
			for _, c := range dst[:n] {
				must(t, c.Err)
				i := c.Token &^ sending
				switch {
				case c.Token&sending != 0:
					must(t, r.Recv(conns[i].fd, conns[i].buf, 0, i))
				case c.N > 0:
					must(t, r.Send(conns[i].fd, conns[i].buf[:c.N], 0, i|sending))
				}
			}
		}
		all.Wait()
	})
}

func TestOpenRing(t *testing.T) {
	r, err := OpenRing(1)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system cannot: ", err)
	}
	must(t, err)
	must(t, r.Close())
	refused := []int{-1, 0, 1 << 16}
	if beyond := int64(1)<<32 + 1; int64(int(beyond)) == beyond {
		refused = append(refused, int(beyond)) // whose lower half would do
	}
	for _, room := range refused {
		r, err := OpenRing(room)
		checkError(t, fmt.Sprint(room, " operations"), err, unix.EINVAL)
		if r != nil {
			t.Errorf("%d operations: a Ring beside the error", room)
		}
	}

	// Without a descriptor nothing is made.
	var limit, none unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none = limit
	none.Cur = 0
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	_, err = OpenRing(1)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	checkError(t, "no descriptor is left", err, unix.EMFILE)
	if want := "open ring: io_uring_setup: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q does not begin with %q", err, want)
	}
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		errno       syscall.Errno
		disabled    string
		unsupported bool
		want        string
	}{
		{unix.ENOSYS, "", true, "older than Linux 5.11"},
		{unix.EPERM, "2", true, "kernel.io_uring_disabled is 2"},
		{unix.EPERM, "1", true, "kernel.io_uring_group"},
		{unix.EPERM, "0", true, "sandbox"},
		{unix.EPERM, "", true, "sandbox"},
		{unix.EMFILE, "2", false, "too many open files"},
	} {
		err := refusal(fmt.Errorf("io_uring_setup: %w", c.errno), c.disabled)
		if errors.Is(err, errors.ErrUnsupported) != c.unsupported || !errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, sysctl %q: %v, want %q", c.errno, c.disabled, err, c.want)
		}
	}
}

func TestRingDoesNotAllocate(t *testing.T) {
	eachRing(t, 4, func(t *testing.T, r *Ring) {
		rd, wr := newPipe(t, 0)
		in, out := make([]byte, 8), []byte("x")
		dst := make([]Completion, 4)
		if n := testing.AllocsPerRun(50, func() {
			r.Read(rd, in, 1)
			r.Write(wr, out, 2)
			for r.InFlight() > 0 {
				r.Wait(dst, -1)
			}
		}); n != 0 {
			t.Errorf("%v allocations for a write and a read, want none", n)
		}
	})
}
