package sock_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// connections are the addresses at which a listener and a client can meet.
func connections(t *testing.T) map[string]string {
	dir := kit.SocketDir(t)
	list := map[string]string{
		"IPv4":           "tcp:127.0.0.1:0",
		"IPv6":           "tcp:[::1]:0",
		"path":           "unix:" + dir + "/stream",
		"packets":        "unix-seqpacket:" + dir + "/packets",
		"odd path":       `unix:` + dir + `/\x40\x0a\xff\\`,
		"abstract":       `unix:@xanadu\x00` + dir,
		"abstract empty": "unix:@",
		"abstract, any":  "unix:",
	}
	if sock.SO_INCOMING_CPU.Number < 0 {
		for _, linux := range []string{"packets", "abstract", "abstract empty", "abstract, any"} {
			delete(list, linux)
		}
	}
	return list
}

func TestListenAcceptConnect(t *testing.T) {
	for name, text := range connections(t) {
		t.Run(name, func(t *testing.T) {
			if name == "IPv6" {
				needIPv6(t)
			}
			a := addr.MustParse(text)
			l := listen(t, text, nil)
			checkFlags(t, "listener", l.FD(), true)
			if own := must(sock.Getsockname(l.FD()))(t); own != l.Addr() {
				t.Errorf("Addr() = %v, getsockname says %v", l.Addr(), own)
			}
			switch {
			case name == "abstract, any":
				if chosen, ok := l.Addr().Abstract(); !ok || chosen == "" {
					t.Errorf("the kernel chose %v, want an abstract name", l.Addr())
				}
			case a.Network() == addr.TCP:
				if l.Addr().Port() == 0 || l.Addr().WithPort(0) != a {
					t.Errorf("bound to %v, want %v with a port", l.Addr(), a)
				}
			case l.Addr() != a:
				t.Errorf("bound to %v, want %v", l.Addr(), a)
			}

			if _, _, err := l.Accept(); err != sock.ErrWouldBlock || !errors.Is(err, unix.EAGAIN) {
				t.Errorf("Accept without a client: %v, want ErrWouldBlock, which is EAGAIN", err)
			}
			client := connect(t, l.Addr(), nil)
			checkFlags(t, "client", client, true)
			server, peer := accept(t, l)
			checkFlags(t, "server", server, true)
			if own := must(sock.Getsockname(client))(t); own != peer {
				t.Errorf("Accept says the client is %v, its own name is %v", peer, own)
			}
			if other := must(sock.Getpeername(client))(t); other != l.Addr() {
				t.Errorf("the client's peer is %v, want %v", other, l.Addr())
			}
			if _, err := unix.Write(client.Number(), []byte("In Xanadu")); err != nil {
				t.Fatal(err)
			}
			wait(t, server, unix.POLLIN)
			b := make([]byte, 20)
			if n, err := unix.Read(server.Number(), b); err != nil || string(b[:n]) != "In Xanadu" {
				t.Errorf("read %q, %v", b[:max(n, 0)], err)
			}

			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if err := l.Close(); err == nil {
				t.Error("the second Close found something to close")
			}
			if fd, err := sock.Connect(l.Addr(), nil); err == nil {
				fd.Close()
				t.Error("a client could connect after Close")
			}
		})
	}
}

func TestListenErrors(t *testing.T) {
	taken := listen(t, "tcp:127.0.0.1:0", nil).Addr()
	dir := kit.SocketDir(t)
	ok := new(sock.Options)
	for _, test := range []struct {
		name string
		addr addr.Addr
		opt  *sock.Options
		is   error
		text string // a part of the error's
	}{
		{"host name", addr.MustParse("tcp:localhost:80"), ok, sock.ErrUnresolved, "listen tcp:localhost:80: the host name is not resolved"},
		{"no address", addr.Addr{}, ok, nil, "listen no address: the address is missing"},
		{"UDP", addr.MustParse("udp:127.0.0.1:0"), ok, errors.ErrUnsupported, "see BindDatagram"},
		{"datagrams", addr.MustParse("unix-dgram:x"), ok, errors.ErrUnsupported, "see BindDatagram"},
		{"port taken", taken, ok, unix.EADDRINUSE, "listen " + taken.String() + ": bind: address already in use"},
		{"not our address", addr.MustParse("tcp:192.0.2.1:0"), ok, unix.EADDRNOTAVAIL, "bind: "},
		{"no such directory", addr.MustParse("unix:" + dir + "/no/x"), ok, unix.ENOENT, "bind: "},
		{"unknown interface", addr.MustParse("tcp:[fe80::1%xanadu0]:0"), ok, nil, `interface "xanadu0"`},
		{"negative buffer", taken, &sock.Options{SendBuffer: -1}, nil, "a buffer of -1 bytes"},
		{"negative backlog", taken, &sock.Options{Backlog: -1}, nil, "a backlog of -1"},
		{"negative time", taken, &sock.Options{DeferAccept: -1}, nil, "a time is 0 or more"},
		{"option of another domain", addr.MustParse("unix:" + dir + "/x"), &sock.Options{Set: []sock.Setting{sock.TCP_NODELAY.To(true)}}, nil,
			"set TCP_NODELAY of fd "},
		{"reuse port of a path", addr.MustParse("unix:" + dir + "/x"), &sock.Options{ReusePort: true}, nil, "set SO_REUSEPORT of fd "},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Contains(test.name, "of a") {
				needLinux(t, "these errors")
			}
			l, err := sock.Listen(test.addr, test.opt)
			if err == nil {
				l.Close()
				t.Fatal("no error")
			}
			if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %q, want it to be %v and to say %q", err, test.is, test.text)
			}
		})
	}
	if left := dirNames(t, dir); len(left) > 0 {
		t.Errorf("the failures left %q behind", left)
	}
}

// Port below 1024: only a user who may not bind it can see that.
func TestListenPrivilegedPort(t *testing.T) {
	l, err := sock.Listen(addr.MustParse("tcp:127.0.0.1:1"), nil)
	if err == nil {
		l.Close()
		t.Skip("this user may bind to port 1")
	}
	if !errors.Is(err, unix.EACCES) {
		t.Errorf("port 1: %v, want EACCES", err)
	}
}

// The address alone says which versions of IP a listener takes.
func TestListenVersions(t *testing.T) {
	needIPv6(t)
	for _, test := range []struct {
		text       string
		four, six  bool
		v6only     bool
		wantDomain sock.Domain
	}{
		{"tcp:0.0.0.0:0", true, false, false, sock.AF_INET},
		{"tcp:[::]:0", false, true, true, sock.AF_INET6},
		{"tcp:*:0", true, true, false, sock.AF_INET6},
		{"tcp:127.0.0.1:0", true, false, false, sock.AF_INET},
		{"tcp:[::1]:0", false, true, true, sock.AF_INET6},
	} {
		t.Run(test.text, func(t *testing.T) {
			l, err := sock.Listen(addr.MustParse(test.text), nil)
			if test.four && test.six && errors.Is(err, errors.ErrUnsupported) {
				t.Skip("this system has no dual-stack sockets: ", err)
			}
			must(l, err)(t)
			defer l.Close()
			if test.wantDomain == sock.AF_INET6 {
				if got := must(sock.IPV6_V6ONLY.Get(l.FD()))(t); got != test.v6only {
					t.Errorf("IPV6_V6ONLY is %v, want %v", got, test.v6only)
				}
			}
			for text, want := range map[string]bool{"tcp:127.0.0.1:0": test.four, "tcp:[::1]:0": test.six} {
				fd, err := sock.Connect(addr.MustParse(text).WithPort(l.Addr().Port()), nil)
				if err == nil {
					fd.Close()
				}
				if got := err == nil; got != want {
					t.Errorf("a client from %s: %v, want it let in: %v", text, err, want)
				}
			}
		})
	}
}

// 0.0.0.0 and [::] on one port are two listeners that do not meet.
func TestListenBothWildcards(t *testing.T) {
	needIPv6(t)
	four := listen(t, "tcp:0.0.0.0:0", nil)
	six, err := sock.Listen(addr.MustParse("tcp:[::]:0").WithPort(four.Addr().Port()), nil)
	if err != nil {
		t.Fatal(err)
	}
	six.Close()
}

// An IPv4 client of a dual-stack listener shows its mapped address.
func TestAcceptMapped(t *testing.T) {
	needIPv6(t)
	l := listen(t, "tcp:*:0", nil)
	connect(t, addr.MustParse("tcp:127.0.0.1:0").WithPort(l.Addr().Port()), nil)
	_, peer := accept(t, l)
	if ip := peer.AddrPort().Addr(); !ip.Is4In6() || ip.Unmap().String() != "127.0.0.1" {
		t.Errorf("the client is %v, want [::ffff:127.0.0.1]", peer)
	}
}

// A server that ends with connections open can start again at once: they keep
// its port in TIME_WAIT, for which SO_REUSEADDR is there.
func TestListenAgain(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", nil)
	client := connect(t, l.Addr(), nil)
	server, _ := accept(t, l)
	server.Close() // the server closes first, so TIME_WAIT is its
	wait(t, client, unix.POLLIN)
	client.Close()
	l.Close()
	again, err := sock.Listen(l.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestListenOptions(t *testing.T) {
	opt := &sock.Options{
		ReusePort:  true,
		RecvBuffer: 10_000,
		SendBuffer: 20_000,
		NoDelay:    true,
		Set:        []sock.Setting{sock.SO_KEEPALIVE.To(true), sock.SO_LINGER.To(sock.Linger{On: true, For: 3 * time.Second})},
	}
	l := listen(t, "tcp:127.0.0.1:0", opt)
	connect(t, l.Addr(), nil)
	server, _ := accept(t, l)
	for _, fd := range []*ipc.FD{l.FD(), server} {
		if !must(sock.SO_REUSEADDR.Get(fd))(t) || !must(sock.SO_REUSEPORT.Get(fd))(t) || !must(sock.TCP_NODELAY.Get(fd))(t) {
			t.Errorf("%s: SO_REUSEADDR, SO_REUSEPORT or TCP_NODELAY is off", fd)
		}
	}
	if got := must(sock.SO_RCVBUF.Get(l.FD()))(t); got < 10_000 {
		t.Errorf("SO_RCVBUF is %d, want 10000 or more", got)
	}
	if got := must(sock.SO_SNDBUF.Get(l.FD()))(t); got < 20_000 {
		t.Errorf("SO_SNDBUF is %d, want 20000 or more", got)
	}
	if !must(sock.SO_KEEPALIVE.Get(l.FD()))(t) {
		t.Error("SO_KEEPALIVE is off")
	}
	if got := must(sock.SO_LINGER.Get(l.FD()))(t); got != (sock.Linger{On: true, For: 3 * time.Second}) {
		t.Errorf("SO_LINGER is %v, want 3s", got)
	}
	// Only with SO_REUSEPORT can a second one have the port.
	second, err := sock.Listen(l.Addr(), opt)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if third, err := sock.Listen(l.Addr(), nil); !errors.Is(err, unix.EADDRINUSE) {
		third.Close()
		t.Errorf("without SO_REUSEPORT: %v, want EADDRINUSE", err)
	}
}

// With DeferAccept a client that says nothing is not accepted yet.
func TestListenDeferAccept(t *testing.T) {
	needLinux(t, "TCP_DEFER_ACCEPT")
	l := listen(t, "tcp:127.0.0.1:0", &sock.Options{DeferAccept: 10 * time.Second})
	client := connect(t, l.Addr(), nil)
	if _, _, err := l.Accept(); err != sock.ErrWouldBlock {
		t.Fatalf("Accept of a silent client: %v, want ErrWouldBlock", err)
	}
	if _, err := unix.Write(client.Number(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	accept(t, l)
}

// Drain keeps new clients of TCP away, who find the next listener, and gives
// those who have connected to Accept: also one that DeferAccept holds back.
func TestDrain(t *testing.T) {
	needLinux(t, "a filter for one socket")
	for _, where := range []string{"tcp:127.0.0.1:0", "tcp:[::1]:0", "tcp:*:0"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(where, "::1") {
				needIPv6(t)
			}
			l := listen(t, where, &sock.Options{DeferAccept: 10 * time.Second})
			at := l.Addr()
			if at.AddrPort().Addr().IsUnspecified() {
				at = addr.MustParse("tcp:127.0.0.1:0").WithPort(at.Port())
			}
			held := connect(t, at, nil)
			switch err := l.Drain(); {
			case errors.Is(err, unix.EPERM):
				t.Skip("this user may not filter what comes to a socket: ", err)
			case err != nil:
				t.Fatal(err)
			}
			domain := sock.AF_INET
			if at.AddrPort().Addr().Is6() {
				domain = sock.AF_INET6
			}
			late := kept(t, must(sock.Socket(domain, sock.SOCK_STREAM|sock.SOCK_NONBLOCK, 0))(t))
			if err := sock.ConnectTo(late, at); !errors.Is(err, unix.EINPROGRESS) {
				t.Errorf("connect after Drain: %v, want EINPROGRESS", err)
			}
			if _, _, err := l.Accept(); err != sock.ErrWouldBlock {
				t.Errorf("Accept: %v, want ErrWouldBlock", err)
			}
			must(unix.Write(held.Number(), []byte("x")))(t)
			fd, _ := accept(t, l)
			l.Close()
			listen(t, at.String(), nil)
			wait(t, late, unix.POLLOUT) // the second try, after a second
			if errno := must(sock.SO_ERROR.Get(late))(t); errno != 0 {
				t.Errorf("the client of the successor: %v", errno)
			}
			must(unix.Write(fd.Number(), []byte("y")))(t)
			wait(t, held, unix.POLLIN)
		})
	}
}

// Drain leaves the path of a UNIX socket to a successor, whose file Close lets
// be, while those who have connected can still be accepted.
func TestDrainPath(t *testing.T) {
	at := "unix:" + kit.SocketDir(t) + "/s"
	l := listen(t, at, nil)
	connect(t, l.Addr(), nil)
	if err := l.Drain(); err != nil {
		t.Fatal(err)
	}
	successor := listen(t, at, nil)
	accept(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	connect(t, l.Addr(), nil)
	accept(t, successor)
}

func TestListenBacklog(t *testing.T) {
	needLinux(t, "EAGAIN at a full backlog")
	l := listen(t, "unix:"+kit.SocketDir(t)+"/s", &sock.Options{Backlog: 1})
	full := false
	for range 5 {
		fd := kept(t, must(sock.Socket(sock.AF_UNIX, sock.SOCK_STREAM|sock.SOCK_NONBLOCK, 0))(t))
		if err := sock.ConnectTo(fd, l.Addr()); err == sock.ErrWouldBlock {
			full = true
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !full {
		t.Error("5 clients found room in a backlog of 1")
	}
}

func TestListenBlocking(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", &sock.Options{Blocking: true})
	checkFlags(t, "listener", l.FD(), false)
	type accepted struct {
		fd  *ipc.FD
		err error
	}
	done := make(chan accepted)
	go func() {
		fd, _, err := l.Accept()
		done <- accepted{fd, err}
	}()
	connect(t, l.Addr(), nil)
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	checkFlags(t, "server", kept(t, got.fd), false)
}

func TestAcceptTimeout(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", &sock.Options{Blocking: true, Set: []sock.Setting{sock.SO_RCVTIMEO.To(time.Millisecond)}})
	if _, _, err := l.Accept(); err != sock.ErrWouldBlock {
		t.Errorf("Accept with SO_RCVTIMEO: %v, want ErrWouldBlock", err)
	}
}

func TestAcceptAfterClose(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", nil)
	l.Close()
	if _, _, err := l.Accept(); !errors.Is(err, unix.EBADF) {
		t.Errorf("Accept after Close: %v, want EBADF", err)
	}
}

func TestAdopt(t *testing.T) {
	dir := kit.SocketDir(t)
	for _, text := range []string{"tcp:127.0.0.1:0", "unix:" + dir + "/s"} {
		t.Run(text, func(t *testing.T) {
			old := listen(t, text, &sock.Options{Blocking: true})
			inherited := ipc.NewFD(must(unix.Dup(old.FD().Number()))(t)) // dup(2) clears close-on-exec
			l, err := sock.Adopt(inherited, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			checkFlags(t, "adopted", l.FD(), true)
			if l.Addr() != old.Addr() {
				t.Errorf("adopted %v, want %v", l.Addr(), old.Addr())
			}
			old.KeepFile()
			old.Close()
			connect(t, l.Addr(), nil)
			accept(t, l)
		})
	}
	if left := dirNames(t, dir); len(left) != 1 {
		t.Errorf("%q is left, want the adopted socket's file", left)
	}
}

func TestAdoptErrors(t *testing.T) {
	pipe := [2]int{}
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[1])
	bound := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil))(t)
	defer bound.Close()
	closed := must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t)
	closed.Close()
	for name, test := range map[string]struct {
		fd *ipc.FD
		is error
	}{
		"a pipe":             {kept(t, ipc.NewFD(pipe[0])), unix.ENOTSOCK},
		"datagrams":          {bound.FD(), nil},
		"a fresh socket":     {kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t)), unix.EINVAL},
		"closed":             {closed, unix.EBADF},
		"a connected socket": {connect(t, listen(t, "tcp:127.0.0.1:0", nil).Addr(), nil), unix.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.fd.Number()
			l, err := sock.Adopt(test.fd, nil)
			if err == nil {
				l.Close()
				t.Fatal("adopted")
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v, want %v", err, test.is)
			}
			if test.fd.Number() != before {
				t.Error("the descriptor is not the caller's any more")
			}
		})
	}
}

func TestBindDatagram(t *testing.T) {
	dir := kit.SocketDir(t)
	for _, text := range []string{"udp:127.0.0.1:0", "udp:[::1]:0", "udp:*:0", "unix-dgram:" + dir + "/d"} {
		t.Run(text, func(t *testing.T) {
			if strings.Contains(text, "::1") {
				needIPv6(t)
			}
			b := must(sock.BindDatagram(addr.MustParse(text), nil))(t)
			defer b.Close()
			checkFlags(t, "bound", b.FD(), true)
			to := b.Addr()
			if text == "udp:*:0" {
				to = addr.MustParse("udp:127.0.0.1:0").WithPort(to.Port())
			}
			client := connect(t, to, nil)
			if _, err := unix.Write(client.Number(), []byte("The sea is calm tonight")); err != nil {
				t.Fatal(err)
			}
			wait(t, b.FD(), unix.POLLIN)
			got := make([]byte, 100)
			if n, err := unix.Read(b.FD().Number(), got); err != nil || string(got[:n]) != "The sea is calm tonight" {
				t.Errorf("received %q, %v", got[:max(n, 0)], err)
			}
		})
	}
	if left := dirNames(t, dir); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
	for _, text := range []string{"tcp:127.0.0.1:0", "unix:x"} {
		if _, err := sock.BindDatagram(addr.MustParse(text), nil); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("BindDatagram(%s): %v, want ErrUnsupported", text, err)
		}
	}
}

// What happens to a client before it is accepted is no error of the listener.
func TestAcceptPassesOverLostClients(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", nil)
	lost := connect(t, l.Addr(), &sock.Options{Set: []sock.Setting{sock.SO_LINGER.To(sock.Linger{On: true})}})
	lost.Close() // with a reset
	client := connect(t, l.Addr(), nil)
	for {
		wait(t, l.FD(), unix.POLLIN)
		fd, peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		fd.Close()
		if peer == must(sock.Getsockname(client))(t) {
			return
		}
	}
}
