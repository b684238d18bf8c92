package loop_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

// TestSignal: a descriptor that becomes readable is told of once, and not read.
func TestSignal(t *testing.T) {
	each(t, func(r *rig) {
		ends := pipeEnds(t)
		w := os.NewFile(uintptr(ends[1]), "w")
		defer w.Close()
		mine, errno := sys.Dup(ends[0])
		if errno != 0 {
			t.Fatal(errno)
		}
		defer syscall.Close(mine)
		p := newParty()
		p.received = func(b []byte) { t.Errorf("%q was read", b) }
		r.do(func() {
			r.AttachSignal(&p.Stream, ends[0], p)
			p.Receive()
		})
		r.do(func() {}) // a turn in which nothing has happened
		if len(p.ended) > 0 {
			t.Fatalf("told too early: %v", <-p.ended)
		}
		w.Write([]byte("x"))
		if err := await(t, p.ended, "the signal"); err != nil {
			t.Error(err)
		}
		r.do(func() {})
		var b [2]byte
		if n, err := syscall.Read(mine, b[:]); n != 1 || err != nil {
			t.Errorf("what was there: %d, %v", n, err)
		}
		if len(p.ended) > 0 {
			t.Error("told twice")
		}
		r.do(p.Close)
	})
}

// TestPausedPipe: what was written before the writer's end is there after a
// pause, and a reader's end is found by who writes.
func TestPausedPipe(t *testing.T) {
	each(t, func(r *rig) {
		ends := pipeEnds(t)
		p := newParty()
		var got []byte
		p.received = func(b []byte) {
			got = append(got, b...)
			p.Pause()
		}
		r.do(func() {
			r.AttachPipe(&p.Stream, ends[0], p)
			p.Receive()
		})
		syscall.Write(ends[1], []byte("one"))
		for deadline := time.Now().Add(patience); ; {
			n := 0
			r.do(func() { n = len(got) })
			if n == 3 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing came")
			}
		}
		syscall.Write(ends[1], []byte("two"))
		syscall.Close(ends[1])
		r.do(func() {})
		r.do(func() {})
		if len(p.ended) > 0 {
			t.Fatalf("ended in a pause: %v", <-p.ended)
		}
		p.received = func(b []byte) { got = append(got, b...) }
		r.do(p.Receive)
		if err := await(t, p.ended, "the end"); err != nil || string(got) != "onetwo" {
			t.Errorf("%q, %v", got, err)
		}
		r.do(p.Close)

		ends = pipeEnds(t)
		p = newParty()
		r.do(func() { r.AttachPipe(&p.Stream, ends[1], p) })
		syscall.Close(ends[0])
		r.do(func() {
			if _, err := p.Send([]byte("x"), nil, false); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%v, want EPIPE", err)
			}
			p.Close()
		})
	})
}

// TestReset: the peer of a stream that was reset sees that something is missing,
// and one that is asked later finds it out too.
func TestReset(t *testing.T) {
	each(t, func(r *rig) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer ln.Close()
		dial := func() (*party, net.Conn) {
			c, err := net.Dial("tcp", ln.Addr().String())
			must(t, err)
			accepted, err := ln.Accept()
			must(t, err)
			f, err := accepted.(*net.TCPConn).File()
			must(t, err)
			fd, errno := sys.Dup(int(f.Fd()))
			if errno != 0 {
				t.Fatal(errno)
			}
			must(t, syscall.SetNonblock(fd, true))
			f.Close()
			accepted.Close()
			p := newParty()
			r.do(func() { r.Attach(&p.Stream, fd, p) })
			return p, c
		}
		p, c := dial()
		defer c.Close()
		r.do(func() {
			if got := p.Local(); got != netip.MustParseAddrPort(ln.Addr().String()) {
				t.Errorf("the local address is %v, want %v", got, ln.Addr())
			}
			p.Send([]byte("half"), nil, false)
			p.Reset()
			p.Reset()
			if p.Local().IsValid() || !p.Broken() {
				t.Error("a closed stream has an address, or is whole")
			}
		})
		if b, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%q, %v; want a reset", b, err)
		}

		p, c = dial()
		r.do(p.Receive)
		must(t, c.(*net.TCPConn).CloseWrite())
		must(t, await(t, p.ended, "the end of file"))
		r.do(func() {
			if p.Broken() {
				t.Error("a half-closed connection is taken for a broken one")
			}
		})
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
		for deadline := time.Now().Add(patience); ; {
			broken := false
			r.do(func() { broken = p.Broken() })
			if broken {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the reset did not show")
			}
		}
		r.do(p.Close)
	})
}

// pipeEnds makes a pipe whose ends do not wait.
func pipeEnds(t testing.TB) (ends [2]int) {
	t.Helper()
	must(t, unix.Pipe(ends[:]))
	for _, fd := range ends {
		unix.CloseOnExec(fd)
		must(t, unix.SetNonblock(fd, true))
	}
	return ends
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
