package sock_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// Whatever a call could not get a descriptor for, it leaves none behind.
func TestDescriptorsRunOut(t *testing.T) {
	dir := kit.SocketDir(t)
	// Clients that wait in the backlog, for the accepts.
	l := listen(t, "tcp:127.0.0.1:0", nil)
	for range 3 {
		connect(t, l.Addr(), nil)
	}
	path := addr.MustParse("unix:" + dir + "/s")
	for name, test := range map[string]struct {
		least int // descriptors that it opens at once
		try   func() error
	}{
		"socket": {1, func() error { fd, err := sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0); return closed(fd, err) }},
		"socketpair": {2, func() error {
			a, b, err := sock.Socketpair(sock.AF_UNIX, sock.SOCK_STREAM, 0)
			if err == nil {
				b.Close()
			}
			return closed(a, err)
		}},
		"listen":     {1, func() error { return closed(sock.Listen(addr.MustParse("tcp:127.0.0.1:0"), nil)) }},
		"listen any": {1, func() error { return closed(sock.Listen(addr.MustParse("tcp:*:0"), nil)) }},
		"listen all": {1, func() error {
			ls, err := sock.ListenAll(addr.MustParse("tcp:*:0"), nil)
			for _, l := range ls {
				l.Close()
			}
			return err
		}},
		"listen on a path": {1, func() error { return closed(sock.Listen(path, nil)) }},
		"listen on a stale path": {2, func() error {
			makeStale(t, path)
			return closed(sock.Listen(path, nil))
		}},
		"bind datagram":        {1, func() error { return closed(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil)) }},
		"accept":               {1, func() error { fd, _, err := l.Accept(); return closed(fd, err) }},
		"accept from a number": {1, func() error { fd, _, err := sock.Accept(l.FD(), 0); return closed(fd, err) }},
		"connect":              {1, func() error { return closed(sock.Connect(l.Addr(), nil)) }},
	} {
		t.Run(name, func(t *testing.T) {
			if failures := exhaust(t, test.try); failures < test.least {
				t.Errorf("%d failures until it succeeded, want %d or more", failures, test.least)
			}
		})
	}
}

// closed closes what a call returned, and passes on its error.
func closed[T interface{ Close() error }](v T, err error) error {
	if err != nil {
		return err
	}
	return v.Close()
}

// descriptors lists the open descriptors.
func descriptors(t testing.TB) []int {
	t.Helper()
	var list []int
	for _, e := range must(os.ReadDir("/dev/fd"))(t) {
		n := must(strconv.Atoi(e.Name()))(t)
		// The descriptor of the reading itself is closed by now.
		if _, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0); err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// exhaust calls try with room for no further descriptor, for one, for two and
// so on until it succeeds. Each failure must be EMFILE and leave as many
// descriptors open as before. It returns how often try failed. No other test
// may run at the time, and none of this package's runs in parallel.
func exhaust(t *testing.T, try func() error) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for room := range 100 {
		less := limit
		less.Cur = 0
		for free := 0; free < room || slices.Contains(before, int(less.Cur)); less.Cur++ {
			if !slices.Contains(before, int(less.Cur)) {
				free++
			}
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &less); err != nil {
			t.Fatal(err)
		}
		err := try()
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			return room
		}
		if !errors.Is(err, unix.EMFILE) {
			t.Fatalf("with room for %d descriptors: %v, want EMFILE", room, err)
		}
		if after := descriptors(t); !slices.Equal(after, before) {
			t.Fatalf("with room for %d descriptors: %v are open after the failure, want %v", room, after, before)
		}
	}
	t.Fatal("no success with room for 100 descriptors")
	return 0
}
