package ready_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/ready"
)

func TestMain(m *testing.M) { kit.Main(m) }

// each runs the same test on every poller this system has.
func each(t *testing.T, test func(t *testing.T, p poller)) {
	for _, name := range ready.Names() {
		t.Run(name, func(t *testing.T) { test(t, open(t, name)) })
	}
}

// A poller under test knows its name and what it can tell.
type poller struct {
	ready.Poller
	name string
}

func open(t testing.TB, name string) poller {
	t.Helper()
	p, err := ready.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return poller{p, name}
}

// sees is what the poller can tell of a full answer: all of it where the call
// reports failures unasked, what was asked for where it does not. Which failure
// a system sees, and with what, differs; only Linux's answers are known here.
func (p poller) sees(asked, full ready.Event) ready.Event {
	if runtime.GOOS == "linux" && (p.name == "epoll" || p.name == "poll") {
		return full
	}
	return full & asked &^ ready.Failed
}

// wait collects one Wait's answers by token, which must all differ.
func (p poller) wait(t testing.TB, room int, timeout time.Duration) map[uint64]ready.Event {
	t.Helper()
	dst := make([]ready.Fired, room)
	n, err := p.Wait(dst, timeout)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	answers := make(map[uint64]ready.Event)
	for _, f := range dst[:n] {
		if _, twice := answers[f.Token]; twice {
			t.Fatalf("%s: token %d fired twice in one Wait: %v", p.name, f.Token, dst[:n])
		}
		answers[f.Token] = f.Event
	}
	return answers
}

func (p poller) add(t testing.TB, fd *ipc.FD, want ready.Event, token uint64) {
	t.Helper()
	if err := p.Add(fd.Number(), want, token); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
}

// own gives the test a descriptor, or fails it.
func own(t testing.TB, n int, err error) *ipc.FD {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(n)
	if err := unix.SetNonblock(n, true); err != nil {
		t.Fatal(err)
	}
	fd := ipc.NewFD(n)
	t.Cleanup(func() { fd.Close() })
	return fd
}

func pipe(t testing.TB) (r, w *ipc.FD) {
	t.Helper()
	var ends [2]int
	err := unix.Pipe(ends[:])
	return own(t, ends[0], err), own(t, ends[1], err)
}

func socketpair(t testing.TB) (a, b *ipc.FD) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	return own(t, ends[0], err), own(t, ends[1], err)
}

func socket(t testing.TB, domain, kind int) *ipc.FD {
	t.Helper()
	n, err := unix.Socket(domain, kind, 0)
	return own(t, n, err)
}

// listen returns a TCP socket on a free loopback port and its address.
func listen(t testing.TB) (*ipc.FD, unix.Sockaddr) {
	t.Helper()
	l := socket(t, unix.AF_INET, unix.SOCK_STREAM)
	must(t, unix.Bind(l.Number(), &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(l.Number(), 16))
	a, err := unix.Getsockname(l.Number())
	must(t, err)
	return l, a
}

// tcp returns the two ends of a TCP connection over loopback.
func tcp(t testing.TB) (client, server *ipc.FD) {
	t.Helper()
	l, a := listen(t)
	n, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, err)
	err = unix.Connect(n, a)
	client = own(t, n, err)
	n, _, err = unix.Accept(l.Number())
	server = own(t, n, err)
	must(t, l.Close())
	return client, server
}

// put writes one byte.
func put(t testing.TB, w *ipc.FD) {
	t.Helper()
	_, err := unix.Write(w.Number(), []byte{'x'})
	must(t, err)
}

// fill writes until the pipe or socket takes no more.
func fill(t testing.TB, w *ipc.FD) {
	t.Helper()
	block := make([]byte, 4096)
	for {
		if _, err := unix.Write(w.Number(), block); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// empty reads until nothing is left.
func empty(t testing.TB, r *ipc.FD) {
	t.Helper()
	block := make([]byte, 64<<10)
	for {
		n, err := unix.Read(r.Number(), block)
		if n == 0 || errors.Is(err, unix.EAGAIN) {
			return
		}
		must(t, err)
	}
}

// takeNumber makes a duplicate of fd under a number that is free.
func takeNumber(t testing.TB, fd *ipc.FD, number int) *ipc.FD {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_DUPFD_CLOEXEC, number)
	must(t, err)
	if n != number {
		unix.Close(n)
		t.Fatalf("descriptor number %d is taken, got %d", number, n)
	}
	return own(t, n, nil)
}

// limitDescriptors sets the limit of open descriptors until the test ends; when
// the system refuses it, the test is skipped.
func limitDescriptors(t testing.TB, soft int) {
	t.Helper()
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	before := limit
	assign(&limit.Cur, soft)
	limit.Max = max(limit.Max, limit.Cur)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Skipf("needs %d open descriptors, the hard limit is %d: %v", soft, before.Max, err)
	}
	t.Cleanup(func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) })
}

// assign is needed since the systems differ in the limit's type.
func assign[T int64 | uint64](to *T, n int) { *to = T(n) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
