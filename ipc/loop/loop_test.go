package loop_test

import (
	"bytes"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/loop"
	"xanadu/ipc/ready"
)

func TestMain(m *testing.M) { kit.Main(m) }

// patience bounds what a test waits for something that is sure to happen, on
// whatever else the machine has to do.
const patience = 30 * time.Second

// A rig is a loop that runs, under one of the pollers.
type rig struct {
	*loop.Loop
	t testing.TB
}

// each runs the same test on a loop over every poller this system has.
func each(t *testing.T, test func(r *rig)) {
	for _, name := range ready.Names() {
		t.Run(name, func(t *testing.T) {
			r := &rig{open(t, name), t}
			r.run()
			test(r)
		})
	}
}

func open(t testing.TB, name string) *loop.Loop {
	t.Helper()
	p, err := ready.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return loop.New(p)
}

// run runs the loop until the test has ended.
func (r *rig) run() {
	ended := make(chan error)
	go func() { ended <- r.Run() }()
	r.t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
}

// do runs f on the loop and waits for it.
func (r *rig) do(f func()) {
	r.t.Helper()
	done := make(chan bool)
	if !r.Post(func() { f(); close(done) }) {
		r.t.Fatal("Post: the loop has ended")
	}
	await(r.t, done, "a post")
}

func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

// A party is a handler that tells the test what it hears. Nil functions are
// not told.
type party struct {
	loop.Stream
	received func(b []byte)
	ended    chan error
	sent     chan error
	expired  chan bool
	resumed  func()
}

func newParty() *party {
	return &party{ended: make(chan error, 8), sent: make(chan error, 8), expired: make(chan bool, 8)}
}

func (p *party) Received(b []byte) {
	if p.received != nil {
		p.received(b)
	}
}
func (p *party) Ended(err error) { p.ended <- err }
func (p *party) Sent(err error)  { p.sent <- err }
func (p *party) Expired()        { p.expired <- true }
func (p *party) Resumed() {
	if p.resumed != nil {
		p.resumed()
	}
}

// pair connects a party on the loop with the test's own, blocking end.
func (r *rig) pair(p *party) *os.File {
	r.t.Helper()
	here, there := socketpair(r.t)
	r.do(func() { r.Attach(&p.Stream, there, p) })
	f := os.NewFile(uintptr(here), "here")
	r.t.Cleanup(func() { f.Close() })
	return f
}

func socketpair(t testing.TB) (here, there int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	if err := unix.SetNonblock(ends[1], true); err != nil {
		t.Fatal(err)
	}
	return ends[0], ends[1]
}

func TestReceivedAndEnded(t *testing.T) {
	each(t, func(r *rig) {
		var got bytes.Buffer
		p := newParty()
		p.received = func(b []byte) { got.Write(b) }
		here := r.pair(p)
		here.WriteString("before ")
		r.do(p.Receive)
		here.WriteString("and after")
		here.Close()
		if err := await(r.t, p.ended, "the end"); err != nil {
			r.t.Errorf("Ended(%v), want nil at the end of file", err)
		}
		r.do(func() {
			if got.String() != "before and after" {
				r.t.Errorf("received %q", got.String())
			}
			p.Close()
			p.Close()
			if p.Attached() {
				r.t.Error("attached after Close")
			}
		})
	})
}

// pattern is n bytes in which no two places look alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + i>>16)
	}
	return b
}

func TestSendMoreThanTheKernelTakes(t *testing.T) {
	head, body := pattern(5000), pattern(5<<20)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	file.Write(pattern(6 << 20))
	size := int64(len(body))

	for _, how := range []struct {
		name string
		send func(r *rig, p *party) (bool, error)
		want []byte
	}{
		{"bytes", func(r *rig, p *party) (bool, error) {
			return p.Send(append(r.Buffer(), head...), body, false)
		}, append(bytes.Clone(head), body...)},
		{"file", func(r *rig, p *party) (bool, error) {
			return p.SendFile(append(r.Buffer(), head...), int(file.Fd()), 1<<20, size, false)
		}, append(bytes.Clone(head), pattern(6 << 20)[1<<20:]...)},
		{"file that holds", func(r *rig, p *party) (bool, error) {
			return p.SendFileWhile(append(r.Buffer(), head...), int(file.Fd()), 1<<20, size, false, func() bool { return true })
		}, append(bytes.Clone(head), pattern(6 << 20)[1<<20:]...)},
	} {
		t.Run(how.name, func(t *testing.T) {
			each(t, func(r *rig) {
				var heard int
				p := newParty()
				p.received = func(b []byte) { heard += len(b) }
				here := r.pair(p)
				r.do(func() {
					p.Receive()
					done, err := how.send(r, p)
					if done || err != nil {
						r.t.Errorf("Send: %v, %v; want it to take a while", done, err)
					}
					if p.Undelivered() != int64(len(how.want)) && p.Unsent() == 0 {
						r.t.Errorf("undelivered %d, unsent %d", p.Undelivered(), p.Unsent())
					}
					// What the loop lends is its own again.
					copy(r.Buffer()[:100], bytes.Repeat([]byte{'x'}, 100))
				})
				// Nothing is received while we do not read.
				here.WriteString("patience")
				r.do(func() {
					if heard != 0 {
						r.t.Error("received while a send is under way")
					}
				})
				got := make([]byte, len(how.want))
				if _, err := io.ReadFull(here, got); err != nil {
					r.t.Fatal(err)
				}
				if !bytes.Equal(got, how.want) {
					r.t.Error("the bytes differ")
				}
				if err := await(r.t, p.sent, "Sent"); err != nil {
					r.t.Error(err)
				}
				here.Close()
				await(r.t, p.ended, "the end")
				r.do(func() {
					if heard != len("patience") {
						r.t.Errorf("received %d bytes after the send, want %d", heard, len("patience"))
					}
				})
			})
		})
	}
}

func TestSendAtOnce(t *testing.T) {
	each(t, func(r *rig) {
		p := newParty()
		here := r.pair(p)
		r.do(func() {
			if done, err := p.Send(append(r.Buffer(), "head "...), []byte("body "), true); !done || err != nil {
				r.t.Errorf("Send: %v, %v", done, err)
			}
			if done, err := p.Send(nil, []byte("more"), false); !done || err != nil {
				r.t.Errorf("Send: %v, %v", done, err)
			}
			if done, err := p.Send(nil, nil, false); !done || err != nil {
				r.t.Errorf("Send of nothing: %v, %v", done, err)
			}
			p.CloseWrite()
		})
		if got, err := io.ReadAll(here); string(got) != "head body more" || err != nil {
			r.t.Errorf("read %q, %v", got, err)
		}
	})
}

// A file that became shorter is never padded: who sends it learns of it.
func TestSendFileThatEndsEarly(t *testing.T) {
	each(t, func(r *rig) {
		file, err := os.CreateTemp(r.t.TempDir(), "")
		if err != nil {
			r.t.Fatal(err)
		}
		defer file.Close()
		file.WriteString("short")
		p := newParty()
		here := r.pair(p)
		r.do(func() {
			if done, err := p.SendFile(nil, int(file.Fd()), 0, 10, false); done || err != io.ErrUnexpectedEOF {
				r.t.Errorf("SendFile: %v, %v; want %v", done, err, io.ErrUnexpectedEOF)
			}
			if p.Unsent() != 5 {
				r.t.Errorf("Unsent is %d, want 5", p.Unsent())
			}
			p.Close()
		})
		if got, _ := io.ReadAll(here); string(got) != "short" {
			r.t.Errorf("read %q", got)
		}
	})
}

// Whenever a file ceases to hold, the peer gets the beginning of what it was to
// get, and never all.
func TestSendFileWhile(t *testing.T) {
	each(t, func(r *rig) {
		file, err := os.CreateTemp(r.t.TempDir(), "")
		if err != nil {
			r.t.Fatal(err)
		}
		defer file.Close()
		content := pattern(40_000)
		file.Write(content)
		for _, size := range []int{1, 2, 40_000} {
			for asked := 0; ; asked++ {
				p := newParty()
				here := r.pair(p)
				var done bool
				var err error
				r.do(func() {
					n := 0
					done, err = p.SendFileWhile(append(r.Buffer(), "head"...), int(file.Fd()), 0, int64(size), false, func() bool {
						n++
						return n <= asked
					})
					p.Close()
				})
				got, _ := io.ReadAll(here)
				if want := append([]byte("head"), content[:size]...); done {
					if err != nil || !bytes.Equal(got, want) {
						r.t.Errorf("%d bytes: %d came, %v", size, len(got), err)
					}
					break
				} else if err != loop.ErrFileChanged || !bytes.Equal(got, want[:len(want)-1]) {
					r.t.Errorf("%d bytes that hold %d times: %d came, %v; want all but the last", size, asked, len(got), err)
				}
			}
		}
	})
}

func TestSendToNobody(t *testing.T) {
	each(t, func(r *rig) {
		p := newParty()
		here := r.pair(p)
		r.do(func() { p.Send(nil, make([]byte, 4<<20), false) })
		here.Close()
		if err := await(r.t, p.sent, "Sent"); err == nil {
			r.t.Error("Sent(nil) after the peer had gone")
		}
		r.do(func() {
			if p.Unsent() == 0 {
				r.t.Error("Unsent is 0 after a failed send")
			}
			if _, err := p.Send(nil, []byte("x"), false); err == nil {
				r.t.Error("Send succeeded after the peer had gone")
			}
			p.Close()
			if _, err := p.Send(nil, []byte("x"), false); err != os.ErrClosed {
				r.t.Errorf("Send after Close: %v", err)
			}
		})
	})
}

func TestPause(t *testing.T) {
	each(t, func(r *rig) {
		heard := make(chan string, 8)
		p := newParty()
		p.received = func(b []byte) {
			p.Pause()
			heard <- string(b)
		}
		here := r.pair(p)
		r.do(p.Receive)
		here.WriteString("one")
		if got := await(r.t, heard, "the first"); got != "one" {
			r.t.Errorf("got %q", got)
		}
		here.WriteString("two")
		r.do(func() {})
		r.do(func() {}) // whole turns go by
		select {
		case got := <-heard:
			r.t.Errorf("received %q while paused", got)
		default:
		}
		r.do(p.Receive)
		if got := await(r.t, heard, "the second"); got != "two" {
			r.t.Errorf("got %q", got)
		}
	})
}

// A connection that breaks is told even while nobody reads, so that what was
// being prepared for it can be given up; and it does not fire for ever.
func TestBreakWhilePaused(t *testing.T) {
	for _, name := range []string{"epoll", "poll"} { // select has no word for it
		t.Run(name, func(t *testing.T) {
			p, err := ready.Open(name)
			if err != nil {
				t.Skip("this system has no ", name)
			}
			r := &rig{loop.New(p), t}
			r.run()
			for _, early := range []bool{false, true} { // before Receive
				q := newParty()
				q.received = func([]byte) { q.Pause() }
				here := r.pair(q)
				if early {
					here.WriteString("ask")
				}
				r.do(q.Receive)
				if !early {
					here.WriteString("ask")
				}
				here.Close()
				if err := await(t, q.ended, "Ended"); err == nil {
					t.Error("Ended(nil), want an error: it is no end of file")
				}
				r.do(q.Close)
			}
		})
	}
}

// Events that were fetched together with that of a stream which closes others
// must not reach whoever gets the freed numbers.
func TestStaleEvents(t *testing.T) {
	each(t, func(r *rig) {
		const n = 16
		var parties [n]*party
		var ends [n]*os.File
		reused := 0
		first := true
		for i := range parties {
			p := newParty()
			parties[i] = p
			ends[i] = r.pair(p)
			p.received = func([]byte) {
				if !first {
					r.t.Error("a closed stream's event reached somebody")
				}
				first = false
				numbers := make(map[int]bool)
				for _, q := range parties {
					if q != p {
						q.Close()
					}
				}
				// Newcomers in the same turn: none may get a doomed number.
				for range n {
					here, there := socketpair(r.t)
					numbers[here], numbers[there] = true, true
					q := newParty()
					q.received = func([]byte) { r.t.Error("a newcomer received something") }
					r.Attach(&q.Stream, there, q)
					q.Receive()
					unix.Close(here)
				}
				reused = len(numbers)
			}
		}
		r.do(func() {
			for i, p := range parties {
				p.Receive()
				ends[i].WriteString("now")
			}
		})
		r.do(func() {})
		r.do(func() {
			if first || reused == 0 {
				r.t.Error("nothing was received")
			}
		})
	})
}

func TestDoomedNumberIsNotReusedInTheTurn(t *testing.T) {
	each(t, func(r *rig) {
		here, there := socketpair(r.t)
		defer unix.Close(here)
		p := newParty()
		r.do(func() {
			r.Attach(&p.Stream, there, p)
			p.Close()
			fd, err := unix.Dup(here)
			if err != nil {
				r.t.Error(err)
			}
			if fd == there {
				r.t.Error("the number of a stream closed in this turn was free in this turn")
			}
			unix.Close(fd)
		})
		r.do(func() {})
		if _, err := unix.FcntlInt(uintptr(there), unix.F_GETFD, 0); err != unix.EBADF {
			r.t.Errorf("the descriptor is still open after the turn: %v", err)
		}
	})
}

// A stream with endless work does not keep others from theirs.
func TestFairness(t *testing.T) {
	each(t, func(r *rig) {
		greedy, modest := newParty(), newParty()
		greedyEnd, modestEnd := r.pair(greedy), r.pair(modest)
		go io.Copy(io.Discard, greedyEnd)
		body := make([]byte, 8<<20)
		greedy.resumed = func() {
			if done, err := greedy.Send(nil, body, false); err != nil {
				greedy.Close()
			} else if done {
				greedy.Later()
			}
		}
		modest.received = func(b []byte) { modest.Send(append(r.Buffer(), b...), nil, false) }
		stop := make(chan bool)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-greedy.sent:
					r.Post(greedy.Later)
				}
			}
		}()
		r.do(func() { greedy.Later(); modest.Receive() })
		answer := make([]byte, 4)
		for range 100 {
			modestEnd.WriteString("ping")
			if _, err := io.ReadFull(modestEnd, answer); err != nil {
				r.t.Fatal(err)
			}
		}
		r.do(greedy.Close)
		close(stop)
	})
}

func TestLaterComesAfterTheOthers(t *testing.T) {
	each(t, func(r *rig) {
		var order []string
		a, b := newParty(), newParty()
		r.pair(a)
		r.pair(b)
		again := true
		a.resumed = func() {
			order = append(order, "a")
			if again {
				again = false
				a.Later()
			}
		}
		b.resumed = func() { order = append(order, "b") }
		r.do(func() { a.Later(); a.Later(); b.Later() })
		r.do(func() {})
		r.do(func() {
			if got := len(order); got != 3 || order[0] != "a" || order[1] != "b" || order[2] != "a" {
				r.t.Errorf("order %v, want [a b a]", order)
			}
		})
	})
}

// What runs for ever on the usual path must not leave garbage behind.
func TestNoAllocationPerExchange(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector allocates")
	}
	each(t, func(r *rig) {
		p := newParty()
		p.received = func(b []byte) { p.Send(append(r.Buffer(), b...), nil, false) }
		here := r.pair(p)
		r.do(p.Receive)
		fd := int(here.Fd()) // blocking from here on
		var b [4]byte
		exchange := func() {
			syscall.Write(fd, b[:])
			syscall.Read(fd, b[:])
		}
		exchange()
		if n := testing.AllocsPerRun(200, exchange); n > 0 {
			r.t.Errorf("%v allocations per exchange", n)
		}
	})
}

func TestAttachTwice(t *testing.T) {
	each(t, func(r *rig) {
		p := newParty()
		r.pair(p)
		r.do(func() {
			defer func() {
				if recover() == nil {
					r.t.Error("a second Attach did not panic")
				}
			}()
			r.Attach(&p.Stream, 0, p)
		})
	})
}

// A stream may be closed by whom Later resumes, while it is to receive.
func TestCloseWhenResumed(t *testing.T) {
	each(t, func(r *rig) {
		p := newParty()
		p.resumed = p.Close
		here := r.pair(p)
		r.do(func() { p.Receive(); p.Later() })
		if n, err := here.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			r.t.Errorf("read %d, %v; want the end", n, err)
		}
	})
}

// Streams that are left when the loop ends are told so and closed.
func TestStopCloses(t *testing.T) {
	here, there := socketpair(t)
	f := os.NewFile(uintptr(here), "here")
	defer f.Close()
	l := open(t, "")
	p := newParty()
	l.Attach(&p.Stream, there, p)
	turns := 0
	l.EndOfTurn(func() { turns++ })
	l.Stop()
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); len(got) > 0 || err != nil {
		t.Errorf("read %q, %v; want the end", got, err)
	}
	if err := <-p.ended; err != os.ErrClosed {
		t.Errorf("Ended(%v), want %v", err, os.ErrClosed)
	}
	if turns == 0 {
		t.Error("EndOfTurn did not run at the end")
	}
}

func Example() {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	client := ipc.NewFD(ends[0])
	defer client.Close()
	unix.SetNonblock(ends[1], true)

	poller, err := ready.Open("")
	if err != nil {
		panic(err)
	}
	l := loop.New(poller)
	p := newParty()
	p.received = func(b []byte) {
		os.Stdout.Write(b)
		l.Stop()
	}
	l.Attach(&p.Stream, ends[1], p)
	p.Receive()

	unix.Write(client.Number(), []byte("In Xanadu, did Kubla Khan . . .\n"))
	l.Run()
	// Output: In Xanadu, did Kubla Khan . . .
}
