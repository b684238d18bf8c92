//go:build unix

package async

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

func TestMain(m *testing.M) { kit.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func checkError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// until closes the descriptors when the test ends.
func until(t testing.TB, fds ...*ipc.FD) {
	t.Cleanup(func() {
		for _, fd := range fds {
			fd.Close()
		}
	})
}

func newPipe(t testing.TB, flags pipe.Flags) (r, w *ipc.FD) {
	t.Helper()
	r, w, err := pipe.New(flags)
	must(t, err)
	until(t, r, w)
	return r, w
}

func newPair(t testing.TB, kind sock.Type) (a, b *ipc.FD) {
	t.Helper()
	a, b, err := sock.Socketpair(sock.AF_UNIX, kind, 0)
	must(t, err)
	until(t, a, b)
	return a, b
}

func newListener(t testing.TB) *sock.Listener {
	t.Helper()
	l, err := sock.Listen(addr.MustParse("tcp:127.0.0.1:0"), nil)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// newTCP returns the two ends of a TCP connection; both wait.
func newTCP(t testing.TB) (client, server *ipc.FD) {
	t.Helper()
	l, err := sock.Listen(addr.MustParse("tcp:127.0.0.1:0"), &sock.Options{Blocking: true})
	must(t, err)
	defer l.Close()
	client, err = sock.Connect(l.Addr(), &sock.Options{Blocking: true})
	must(t, err)
	until(t, client)
	server, _, err = l.Accept()
	must(t, err)
	until(t, server)
	return client, server
}

func put(t testing.TB, fd *ipc.FD, s string) {
	t.Helper()
	n, err := pipe.Write(fd, []byte(s))
	if n != len(s) || err != nil {
		t.Fatalf("Write(%q): %d, %v", s, n, err)
	}
}

// get reads once; "" is the end.
func get(t testing.TB, fd *ipc.FD) string {
	t.Helper()
	b := make([]byte, 1<<16)
	n, err := pipe.Read(fd, b)
	must(t, err)
	return string(b[:n])
}

// isAsync reports whether the kernel gives signals of fd.
func isAsync(t testing.TB, fd *ipc.FD) bool {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFL, 0)
	must(t, err)
	return flags&unix.O_ASYNC != 0
}

func TestEventsString(t *testing.T) {
	for _, c := range []struct {
		events Events
		want   string
	}{
		{0, "0"},
		{POLLIN, "POLLIN"},
		{POLLHUP | POLLIN, "POLLIN|POLLHUP"},
		{POLLOUT | POLLPRI | POLLERR | 1<<20, "POLLOUT|POLLPRI|POLLERR|0x100000"},
	} {
		if got := c.events.String(); got != c.want {
			t.Errorf("%#x is %q, want %q", uint32(c.events), got, c.want)
		}
	}
}
