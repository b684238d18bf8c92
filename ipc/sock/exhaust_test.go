package sock_test

import (
	"testing"

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
	path, own := addr.MustParse("unix:"+dir+"/s"), addr.MustParse("unix:"+dir+"/own")
	server := listen(t, "unix:"+dir+"/server", nil)
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
		"connect from a stale path": {2, func() error {
			makeStale(t, own)
			return closed(sock.Connect(server.Addr(), &sock.Options{Local: own}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if failures := kit.Exhaust(t, test.try); failures < test.least {
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
