package ready_test

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/ready"
)

const (
	r = ready.Readable
	w = ready.Writable
	u = ready.Urgent
	f = ready.Failed
)

// conditions says what each state of a descriptor looks like when asked for
// some events: full is poll's answer on Linux.
var conditions = []struct {
	name        string
	make        func(t *testing.T) *ipc.FD
	asked, full ready.Event
}{
	{"empty pipe", emptyPipe, r | u, 0},
	{"pipe with a byte", pipeWithByte, r, r},
	{"pipe with a byte, asked for nothing", pipeWithByte, 0, 0},
	{"pipe without writers", pipeWithoutWriters, r, r | f},
	{"pipe without writers, asked for nothing", pipeWithoutWriters, 0, r | f},
	{"pipe with a byte, without writers", func(t *testing.T) *ipc.FD {
		rd, wr := pipe(t)
		put(t, wr)
		must(t, wr.Close())
		return rd
	}, r, r | f},
	{"pipe with room", func(t *testing.T) *ipc.FD { _, wr := pipe(t); return wr }, w, w},
	{"full pipe", func(t *testing.T) *ipc.FD {
		_, wr := pipe(t)
		fill(t, wr)
		return wr
	}, w, 0},
	{"pipe without readers", pipeWithoutReaders, w, r | w | f},
	{"pipe without readers, asked for nothing", pipeWithoutReaders, 0, r | w | f},
	{"full pipe without readers", func(t *testing.T) *ipc.FD {
		rd, wr := pipe(t)
		fill(t, wr)
		must(t, rd.Close())
		return wr
	}, w, r | w | f},

	{"idle stream", func(t *testing.T) *ipc.FD { a, _ := socketpair(t); return a }, r | w | u, w},
	{"stream with a byte", func(t *testing.T) *ipc.FD {
		a, b := socketpair(t)
		put(t, b)
		return a
	}, r | w, r | w},
	{"full stream", func(t *testing.T) *ipc.FD {
		a, _ := socketpair(t)
		fill(t, a)
		return a
	}, r | w, 0},
	{"stream half closed by the peer", halfClosed, r, r},
	{"stream half closed by the peer, for a writer", halfClosed, w, w},
	{"stream half closed by the peer, asked for nothing", halfClosed, 0, 0},
	{"stream closed by the peer", func(t *testing.T) *ipc.FD {
		a, b := socketpair(t)
		must(t, b.Close())
		return a
	}, r | w, r | w | f},
	{"datagram of no bytes", func(t *testing.T) *ipc.FD {
		ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		a, b := own(t, ends[0], err), own(t, ends[1], err)
		must(t, unix.Sendto(b.Number(), nil, 0, nil))
		return a
	}, r, r},

	{"listener with a client", func(t *testing.T) *ipc.FD {
		l, a := listen(t)
		c := socket(t, unix.AF_INET, unix.SOCK_STREAM)
		if err := unix.Connect(c.Number(), a); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
		return l
	}, r, r},
	{"refused connect", func(t *testing.T) *ipc.FD {
		// A bound port that nobody listens on is surely refused.
		nobody := socket(t, unix.AF_INET, unix.SOCK_STREAM)
		must(t, unix.Bind(nobody.Number(), &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
		a, err := unix.Getsockname(nobody.Number())
		must(t, err)
		c := socket(t, unix.AF_INET, unix.SOCK_STREAM)
		if err := unix.Connect(c.Number(), a); err != unix.EINPROGRESS {
			t.Fatalf("connect: %v, want EINPROGRESS", err)
		}
		return c
	}, w, r | w | f},
	{"TCP closed by the peer", func(t *testing.T) *ipc.FD {
		c, s := tcp(t)
		must(t, s.Close())
		return c
	}, r, r},
	{"TCP reset by the peer", func(t *testing.T) *ipc.FD {
		c, s := tcp(t)
		must(t, unix.SetsockoptLinger(s.Number(), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		must(t, s.Close())
		return c
	}, r | w, r | w | f},
	{"TCP urgent data", urgent, u, u},
	{"TCP urgent data, for a reader who asks", urgent, r | u, u},
	{"TCP urgent data, for a reader", urgent, r, 0},
	{"TCP urgent data, received", func(t *testing.T) *ipc.FD {
		c := urgent(t)
		b := make([]byte, 2)
		// The wait makes sure that the byte has arrived.
		p := open(t, "poll")
		p.add(t, c, u, 1)
		p.wait(t, 1, -1)
		n, _, err := unix.Recvfrom(c.Number(), b, unix.MSG_OOB)
		must(t, err)
		if got := string(b[:n]); got != "!" {
			t.Fatalf("out of band: %q, want %q", got, "!")
		}
		return c
	}, r | u, 0},
}

func emptyPipe(t *testing.T) *ipc.FD { rd, _ := pipe(t); return rd }

func pipeWithByte(t *testing.T) *ipc.FD {
	rd, wr := pipe(t)
	put(t, wr)
	return rd
}

func pipeWithoutWriters(t *testing.T) *ipc.FD {
	rd, wr := pipe(t)
	must(t, wr.Close())
	return rd
}

func pipeWithoutReaders(t *testing.T) *ipc.FD {
	rd, wr := pipe(t)
	must(t, rd.Close())
	return wr
}

func halfClosed(t *testing.T) *ipc.FD {
	a, b := socketpair(t)
	must(t, unix.Shutdown(b.Number(), unix.SHUT_WR))
	return a
}

func urgent(t *testing.T) *ipc.FD {
	c, s := tcp(t)
	must(t, unix.Sendto(s.Number(), []byte("!"), unix.MSG_OOB, nil))
	return c
}

func TestConditions(t *testing.T) {
	for _, c := range conditions {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, p poller) {
				p.add(t, c.make(t), c.asked, 7)
				check(t, p, c.asked, c.full)
			})
		})
	}
}

// check waits until the descriptor under token 7 is in the state that full
// describes. Loopback may take a moment, so a wrong answer is asked again.
func check(t *testing.T, p poller, asked, full ready.Event) {
	t.Helper()
	want := p.sees(asked, full)
	var got ready.Event
	for deadline := time.Now().Add(2 * time.Second); ; {
		got = p.sees(asked, p.wait(t, 4, 0)[7])
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("asked for %04b: got %04b, want %04b", asked, got, want)
		}
	}
}

// A regular file is always ready, except for epoll, which refuses it.
func TestRegularFile(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		n, err := unix.Open(filepath.Join(t.TempDir(), "file"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
		file := own(t, n, err)
		err = p.Add(file.Number(), r|w, 7)
		if p.name == "epoll" {
			checkError(t, "add", err, unix.EPERM)
			return
		}
		must(t, err)
		check(t, p, r|w, r|w)
	})
}

// Level-triggered: a condition fires for as long as it holds, and no longer.
func TestLevel(t *testing.T) {
	each(t, func(t *testing.T, p poller) {
		rd, wr := pipe(t)
		p.add(t, rd, r, 7)
		for range 3 {
			check(t, p, r, 0)
			put(t, wr)
			check(t, p, r, r)
			check(t, p, r, r)
			empty(t, rd)
		}
	})
}
