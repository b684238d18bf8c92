package sock_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// TestMain makes the test binary its own child program, too: see starter.
func TestMain(m *testing.M) {
	if path := os.Getenv(starterPath); path != "" {
		starter(path)
	}
	kit.Main(m)
}

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// listen is sock.Listen until the test ends.
func listen(t testing.TB, a string, opt *sock.Options) *sock.Listener {
	t.Helper()
	l := must(sock.Listen(addr.MustParse(a), opt))(t)
	t.Cleanup(func() { l.Close() })
	return l
}

// connect is sock.Connect until the test ends.
func connect(t testing.TB, a addr.Addr, opt *sock.Options) *ipc.FD {
	t.Helper()
	return kept(t, must(sock.Connect(a, opt))(t))
}

// kept closes fd when the test ends.
func kept(t testing.TB, fd *ipc.FD) *ipc.FD {
	t.Cleanup(func() { fd.Close() })
	return fd
}

// accept waits for a client of l.
func accept(t testing.TB, l *sock.Listener) (*ipc.FD, addr.Addr) {
	t.Helper()
	wait(t, l.FD(), unix.POLLIN)
	fd, peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return kept(t, fd), peer
}

// wait waits until poll(2) says events of fd.
func wait(t testing.TB, fd *ipc.FD, events int16) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd.Number()), Events: events}}, 10_000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != 1 {
			t.Fatalf("poll of %s: %d, %v", fd, n, err)
		}
		return
	}
}

// needIPv6 skips a test on a host that has no IPv6.
func needIPv6(t testing.TB) {
	t.Helper()
	l, err := sock.Listen(addr.MustParse("tcp:[::1]:0"), nil)
	if err != nil {
		t.Skip("this host has no IPv6: ", err)
	}
	l.Close()
}

// needLinux skips a test of what only Linux has.
func needLinux(t testing.TB, what string) {
	t.Helper()
	if sock.SO_INCOMING_CPU.Number < 0 {
		t.Skip("only Linux has ", what)
	}
}

// checkFlags checks O_NONBLOCK and close-on-exec.
func checkFlags(t testing.TB, name string, fd *ipc.FD, nonblock bool) {
	t.Helper()
	mode := must(unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFL, 0))(t)
	if got := mode&unix.O_NONBLOCK != 0; got != nonblock {
		t.Errorf("%s: O_NONBLOCK is %v, want %v", name, got, nonblock)
	}
	if flags := must(unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFD, 0))(t); flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("%s: not close-on-exec", name)
	}
}
