package sock_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

func TestConnectErrors(t *testing.T) {
	dir := kit.SocketDir(t)
	l := listen(t, "tcp:127.0.0.1:0", nil)
	nobody := l.Addr()
	l.Close()
	boundTo(t, addr.MustParse("unix:"+dir+"/stale"), sock.SOCK_STREAM).Close()
	boundTo(t, addr.MustParse("unix:"+dir+"/datagrams"), sock.SOCK_DGRAM)
	for _, test := range []struct {
		name, addr string
		opt        sock.Options
		is         error
		text       string
	}{
		{"nobody listens", nobody.String(), sock.Options{}, unix.ECONNREFUSED, "connect " + nobody.String() + ": connect: "},
		{"nobody listens, waiting", nobody.String(), sock.Options{Blocking: true}, unix.ECONNREFUSED, "connect: "},
		{"nobody listens, for a time", nobody.String(), sock.Options{Blocking: true, Timeout: time.Minute}, unix.ECONNREFUSED, "connect: "},
		{"no such path", "unix:" + dir + "/none", sock.Options{}, unix.ENOENT, "connect: "},
		{"stale path", "unix:" + dir + "/stale", sock.Options{}, unix.ECONNREFUSED, "connect: "},
		{"another type", "unix:" + dir + "/datagrams", sock.Options{}, unix.EPROTOTYPE, "connect: "},
		{"host name", "tcp:localhost:80", sock.Options{}, sock.ErrUnresolved, "connect tcp:localhost:80: the host name"},
		{"every address", "tcp:*:80", sock.Options{}, errors.ErrUnsupported, "write 0.0.0.0:80 or [::]:80"},
		{"unusable own address", nobody.String(), sock.Options{Local: addr.MustParse("tcp:192.0.2.1:0")}, unix.EADDRNOTAVAIL, "from tcp:192.0.2.1:0: bind: "},
		{"own path, and nobody there", "unix:" + dir + "/none", sock.Options{Local: addr.MustParse("unix:" + dir + "/own")}, unix.ENOENT, "connect: "},
		{"negative time", nobody.String(), sock.Options{Timeout: -1}, nil, "a time is 0 or more"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fd, err := sock.Connect(addr.MustParse(test.addr), &test.opt)
			if err == nil {
				fd.Close()
				t.Fatal("connected")
			}
			if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, want it to be %v and to say %q", err, test.is, test.text)
			}
		})
	}
	if names := dirNames(t, dir); !slices.Equal(names, []string{"datagrams", "stale"}) {
		t.Errorf("in the directory are %q", names)
	}
}

// A listener that takes nobody in: for TCP the handshake has no answer, for a
// UNIX socket connect(2) waits.
func TestConnectTimeout(t *testing.T) {
	needLinux(t, "backlogs that let clients wait")
	for _, text := range []string{"tcp:127.0.0.1:0", "unix:" + kit.SocketDir(t) + "/s"} {
		for _, blocking := range []bool{false, true} {
			t.Run(fmt.Sprint(text[:4], ", waits: ", blocking), func(t *testing.T) {
				l := listen(t, text, &sock.Options{Backlog: 1})
				var err error
				for range 5 { // how many find room, the kernel decides
					var fd *ipc.FD
					fd, err = sock.Connect(l.Addr(), &sock.Options{Timeout: 20 * time.Millisecond, Blocking: blocking})
					if err != nil {
						break
					}
					checkFlags(t, "client", kept(t, fd), !blocking)
					if got := must(sock.SO_SNDTIMEO.Get(fd))(t); got != 0 {
						t.Errorf("SO_SNDTIMEO is %v afterwards, want 0", got)
					}
				}
				if !errors.Is(err, unix.ETIMEDOUT) {
					t.Errorf("%v, want ETIMEDOUT", err)
				}
				l.Close()
			})
		}
	}
}

// SO_SNDTIMEO among the options limits Connect where nothing else does, and is
// there afterwards.
func TestConnectSendTimeout(t *testing.T) {
	needLinux(t, "backlogs that let clients wait")
	for _, text := range []string{"tcp:127.0.0.1:0", "unix:" + kit.SocketDir(t) + "/s"} {
		for _, timeout := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprint(text[:4], ", Timeout ", timeout), func(t *testing.T) {
				l := listen(t, text, nil)
				option := sock.SO_SNDTIMEO.To(time.Minute)
				fd := connect(t, l.Addr(), &sock.Options{Timeout: timeout, Set: []sock.Setting{option}})
				if got := must(sock.SO_SNDTIMEO.Get(fd))(t); got != time.Minute {
					t.Errorf("SO_SNDTIMEO is %v afterwards, want a minute", got)
				}
			})
		}
		t.Run(text[:4]+", full backlog", func(t *testing.T) {
			l := listen(t, text, &sock.Options{Backlog: 1})
			option := sock.SO_SNDTIMEO.To(20 * time.Millisecond)
			var err error
			for range 5 {
				var fd *ipc.FD
				if fd, err = sock.Connect(l.Addr(), &sock.Options{Blocking: true, Set: []sock.Setting{option}}); err != nil {
					break
				}
				kept(t, fd)
			}
			if !errors.Is(err, unix.ETIMEDOUT) {
				t.Errorf("%v, want ETIMEDOUT", err)
			}
			l.Close()
		})
	}
}

func TestConnectLocal(t *testing.T) {
	dir := kit.SocketDir(t)
	for _, test := range []struct{ listen, local string }{
		{"tcp:127.0.0.1:0", "tcp:127.0.0.2:0"},
		{"unix:" + dir + "/s", "unix:" + dir + "/c"},
	} {
		t.Run(test.listen, func(t *testing.T) {
			if strings.HasPrefix(test.local, "tcp") {
				needLinux(t, "all of 127.0.0.0/8")
			}
			l := listen(t, test.listen, nil)
			connect(t, l.Addr(), &sock.Options{Local: addr.MustParse(test.local)})
			if _, peer := accept(t, l); peer.WithPort(0) != addr.MustParse(test.local) {
				t.Errorf("the client is %v, want %s", peer, test.local)
			}
		})
	}
}

// The calls one by one, as the manual has them.
func TestSingleCalls(t *testing.T) {
	server := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t))
	if err := sock.Bind(server, addr.MustParse("tcp:127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	if err := sock.ListenOn(server, 5); err != nil {
		t.Fatal(err)
	}
	at := must(sock.Getsockname(server))(t)
	client := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t))
	if err := sock.ConnectTo(client, at); err != nil {
		t.Fatal(err)
	}
	conn, peer, err := sock.Accept(server, sock.SOCK_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	checkFlags(t, "accepted", kept(t, conn), true)
	if own := must(sock.Getsockname(client))(t); own != peer {
		t.Errorf("the peer is %v, want %v", peer, own)
	}
	if err := sock.SetNonblock(server, true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sock.Accept(server, 0); err != sock.ErrWouldBlock {
		t.Errorf("Accept of nobody: %v, want ErrWouldBlock", err)
	}
	for name, err := range map[string]error{
		"bind twice":           sock.Bind(server, addr.MustParse("tcp:127.0.0.1:0")),
		"bind to both":         sock.Bind(server, addr.MustParse("tcp:*:0")),
		"connect twice":        sock.ConnectTo(client, at),
		"listen on a client's": sock.ListenOn(client, 1),
		"name of a file":       func() error { _, err := sock.Getsockname(ipc.NewFD(1 << 20)); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
