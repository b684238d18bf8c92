package loop_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/loop"
)

// A host keeps the connections that its listener takes.
type host struct {
	accepted chan int
	peers    chan netip.AddrPort
	refused  chan bool
	yield    func() bool // makes room
}

func newHost() *host {
	return &host{make(chan int, 64), make(chan netip.AddrPort, 64), make(chan bool, 64), func() bool { return false }}
}

func (h *host) Accepted(fd int, peer netip.AddrPort) { h.accepted <- fd; h.peers <- peer }
func (h *host) Exhausted(error) bool                 { return h.yield() }
func (h *host) Refused(fd int) {
	unix.Write(fd, []byte("full"))
	h.refused <- true
}

func listenUnix(t testing.TB) (*ipc.FD, unix.Sockaddr) {
	return listen(t, unix.AF_UNIX, &unix.SockaddrUnix{Name: filepath.Join(kit.SocketDir(t), "s")})
}

func listen(t testing.TB, domain int, at unix.Sockaddr) (*ipc.FD, unix.Sockaddr) {
	t.Helper()
	n, err := unix.Socket(domain, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Skip("this system has no such sockets: ", err)
	}
	unix.CloseOnExec(n)
	fd := ipc.NewFD(n)
	t.Cleanup(func() { fd.Close() })
	if err := unix.Bind(n, at); err != nil {
		t.Skip("this system has no such address: ", err)
	}
	if err := unix.Listen(n, 64); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(n, true); err != nil {
		t.Fatal(err)
	}
	at, err = unix.Getsockname(n)
	if err != nil {
		t.Fatal(err)
	}
	return fd, at
}

func connect(t testing.TB, domain int, to unix.Sockaddr) *os.File {
	t.Helper()
	n, err := unix.Socket(domain, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(n), "client")
	t.Cleanup(func() { f.Close() })
	if err := unix.Connect(n, to); err != nil {
		t.Fatal(err)
	}
	return f
}

func (r *rig) listen(fd *ipc.FD, h *host) (ln *loop.Listener) {
	r.t.Helper()
	r.do(func() {
		var err error
		if ln, err = r.Listen(fd, h); err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(func() {
		for {
			select {
			case n := <-h.accepted:
				unix.Close(n)
			default:
				return
			}
		}
	})
	return ln
}

func TestAccepted(t *testing.T) {
	for _, where := range []struct {
		name   string
		domain int
		at     unix.Sockaddr
		peer   string
	}{
		{"IPv4", unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, "127.0.0.1"},
		{"IPv6", unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}, "::1"},
	} {
		t.Run(where.name, func(t *testing.T) {
			each(t, func(r *rig) {
				fd, at := listen(r.t, where.domain, where.at)
				h := newHost()
				r.listen(fd, h)
				connect(r.t, where.domain, at)
				n := await(r.t, h.accepted, "a connection")
				defer unix.Close(n)
				if peer := <-h.peers; peer.Addr().String() != where.peer || peer.Port() == 0 {
					r.t.Errorf("peer %v, want %s", peer, where.peer)
				}
				flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFL, 0)
				if err != nil || flags&unix.O_NONBLOCK == 0 {
					r.t.Errorf("flags %#x, %v; want O_NONBLOCK", flags, err)
				}
				if flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					r.t.Errorf("descriptor flags %#x, %v; want FD_CLOEXEC", flags, err)
				}
			})
		})
	}
}

func TestListenerPause(t *testing.T) {
	each(t, func(r *rig) {
		fd, at := listenUnix(r.t)
		h := newHost()
		ln := r.listen(fd, h)
		r.do(ln.Pause)
		connect(r.t, unix.AF_UNIX, at)
		r.do(func() {})
		r.do(func() {})
		if len(h.accepted) > 0 {
			r.t.Error("accepted while paused")
		}
		r.do(ln.Resume)
		unix.Close(await(r.t, h.accepted, "a connection"))
		if peer := <-h.peers; peer != (netip.AddrPort{}) {
			r.t.Errorf("peer %v of a UNIX socket, want none", peer)
		}
		r.do(func() { ln.Close(); ln.Close(); ln.Resume() })
	})
}

// Drain takes those who wait, also while it is paused, and none after them.
func TestListenerDrain(t *testing.T) {
	each(t, func(r *rig) {
		fd, at := listenUnix(r.t)
		h := newHost()
		ln := r.listen(fd, h)
		r.do(func() { ln.Pause() })
		for range 3 {
			connect(r.t, unix.AF_UNIX, at)
		}
		r.do(func() { ln.Drain() })
		if n := len(h.accepted); n != 3 {
			r.t.Errorf("%d connections were taken, want 3", n)
		}
		connect(r.t, unix.AF_UNIX, at)
		r.do(func() { ln.Resume() })
		r.do(func() {})
		if n := len(h.accepted); n != 3 {
			r.t.Errorf("%d connections were taken after Drain", n-3)
		}
	})
}

// Drain with no descriptor left refuses all who wait.
func TestListenerDrainExhausted(t *testing.T) {
	each(t, func(r *rig) {
		fd, at := listenUnix(r.t)
		h := newHost()
		ln := r.listen(fd, h)
		r.do(func() { ln.Pause() })
		for range 3 {
			connect(r.t, unix.AF_UNIX, at)
		}
		r.do(func() {
			giveBack := exhaust(r.t)
			defer giveBack()
			ln.Drain()
		})
		if n := len(h.refused); n != 3 {
			r.t.Errorf("%d clients were refused, want 3", n)
		}
	})
}

// Two loops on one socket share its clients, and none is lost.
func TestTwoLoopsOneSocket(t *testing.T) {
	each(t, func(r *rig) {
		other := &rig{open(r.t, ""), r.t}
		other.run()
		fd, at := listenUnix(r.t)
		h := newHost()
		r.listen(fd, h)
		other.listen(fd, h)
		for range 20 {
			connect(r.t, unix.AF_UNIX, at)
		}
		for range 20 {
			unix.Close(await(r.t, h.accepted, "a connection"))
		}
	})
}

// With no descriptor left, the waiting client is told so, the listener rests
// instead of spinning, and it goes on by itself when there are descriptors.
func TestExhausted(t *testing.T) {
	each(t, func(r *rig) {
		fd, at := listenUnix(r.t)
		h := newHost()
		turns := 0
		r.listen(fd, h)
		clients := []*os.File{connect(r.t, unix.AF_UNIX, at)}
		unix.Close(await(r.t, h.accepted, "the first connection"))
		for range 4 {
			clients = append(clients, r.client())
		}

		giveBack := exhaust(r.t)
		defer giveBack()
		r.connect(clients[1], at)
		await(r.t, h.refused, "a refusal")
		b := make([]byte, 8)
		if n, _ := clients[1].Read(b); string(b[:n]) != "full" {
			r.t.Errorf("the refused client read %q", b[:n])
		}

		// The next ones wait; that costs no turns.
		r.do(func() { r.EndOfTurn(func() { turns++ }) })
		r.connect(clients[2], at)
		await(r.t, h.refused, "the second refusal")
		r.do(func() {
			if turns > 20 {
				r.t.Errorf("%d turns for one refusal", turns)
			}
		})

		// Room that the acceptor makes is used for who waits.
		made := make(chan bool, 1)
		r.do(func() {
			h.yield = func() bool {
				if len(made) > 0 {
					return false
				}
				made <- true
				giveBack()
				return true
			}
		})
		r.connect(clients[3], at)
		unix.Close(await(r.t, h.accepted, "a connection after room was made"))
	})
}

// A listener that rests for want of descriptors is not woken by Resume, and one
// that was paused meanwhile does not go on by itself.
func TestPauseAndRest(t *testing.T) {
	each(t, func(r *rig) {
		for deadline := time.Now().Add(patience); !r.pauseAndRest(); {
			if time.Now().After(deadline) {
				r.t.Fatal("a client is refused while the listener rests")
			}
		}
	})
}

// pauseAndRest is a try of TestPauseAndRest. It returns false when the rest, of
// 100 ms, was over before the listener was paused for good.
func (r *rig) pauseAndRest() bool {
	fd, at := listenUnix(r.t)
	h := newHost()
	ln := r.listen(fd, h)
	defer r.do(ln.Close)
	clients := []*os.File{r.client(), r.client()}
	giveBack := exhaust(r.t)
	defer giveBack()
	r.connect(clients[0], at)
	await(r.t, h.refused, "a refusal")
	r.do(func() { ln.Pause(); ln.Resume() })
	r.connect(clients[1], at)
	r.do(func() {})
	r.do(ln.Pause)
	if len(h.refused) > 0 {
		return false
	}
	giveBack()
	rested := make(chan bool)
	r.do(func() { r.After(150*time.Millisecond, func() { close(rested) }) })
	await(r.t, rested, "the end of the rest")
	r.do(func() {})
	if len(h.accepted) > 0 {
		r.t.Error("accepted while paused")
	}
	r.do(ln.Resume)
	unix.Close(await(r.t, h.accepted, "a connection"))
	return true
}

// client makes a socket that connect connects when there will be no descriptor
// left.
func (r *rig) client() *os.File {
	r.t.Helper()
	n, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	f := os.NewFile(uintptr(n), "client")
	r.t.Cleanup(func() { f.Close() })
	return f
}

func (r *rig) connect(c *os.File, to unix.Sockaddr) {
	r.t.Helper()
	raw, _ := c.SyscallConn()
	raw.Control(func(n uintptr) {
		if err := unix.Connect(int(n), to); err != nil {
			r.t.Error(err)
		}
	})
}

// exhaust takes all descriptors that the process may have, few enough.
func exhaust(t testing.TB) (giveBack func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	probe, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(probe)
	low := limit
	low.Cur = 16
	for range probe {
		low.Cur++ // its type differs between systems
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var taken []int
	for {
		n, err := unix.Dup(0)
		if err != nil {
			break
		}
		unix.CloseOnExec(n)
		taken = append(taken, n)
	}
	return func() {
		for _, n := range taken {
			unix.Close(n)
		}
		taken = nil
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
}
