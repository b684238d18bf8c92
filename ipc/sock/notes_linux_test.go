package sock_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// What the notes of the table say of SO_REUSEADDR, SO_REUSEPORT and IPV6_V6ONLY.
func TestNotesOnBinding(t *testing.T) {
	const tcp, udp = sock.SOCK_STREAM, sock.SOCK_DGRAM
	type setting struct {
		option *sock.Option[bool]
		on     bool
	}
	type set []setting
	reuse, port := setting{sock.SO_REUSEADDR, true}, setting{sock.SO_REUSEPORT, true}
	dual, six := setting{sock.IPV6_V6ONLY, false}, setting{sock.IPV6_V6ONLY, true}
	for _, test := range []struct {
		name          string
		typ           sock.Type
		listens       bool
		first, second string // hosts
		one, two      set
		want          error // of the second
	}{
		{"listeners", tcp, true, "127.0.0.1", "127.0.0.1", set{reuse}, set{reuse}, unix.EADDRINUSE},
		{"bound", tcp, false, "127.0.0.1", "127.0.0.1", set{reuse}, set{reuse}, nil},
		{"bound, only the second reuses", tcp, false, "127.0.0.1", "127.0.0.1", nil, set{reuse}, unix.EADDRINUSE},
		{"listener on all, then on one", tcp, true, "0.0.0.0", "127.0.0.1", set{reuse}, set{reuse}, unix.EADDRINUSE},
		{"listeners on two", tcp, true, "127.0.0.1", "127.0.0.2", nil, nil, nil},
		{"listeners, REUSEPORT", tcp, true, "127.0.0.1", "127.0.0.1", set{port}, set{port}, nil},
		{"listeners, only the second has REUSEPORT", tcp, true, "127.0.0.1", "127.0.0.1", nil, set{port}, unix.EADDRINUSE},
		{"UDP", udp, false, "127.0.0.1", "127.0.0.1", set{reuse}, set{reuse}, nil},
		{"UDP without", udp, false, "127.0.0.1", "127.0.0.1", nil, nil, unix.EADDRINUSE},
		{"dual stack, then IPv4", tcp, true, "[::]", "0.0.0.0", set{dual, reuse}, set{reuse}, unix.EADDRINUSE},
		{"IPv6, then IPv4", tcp, true, "[::]", "0.0.0.0", set{six}, nil, nil},
		{"IPv4, then dual stack", tcp, true, "0.0.0.0", "[::]", nil, set{dual}, unix.EADDRINUSE},
	} {
		t.Run(test.name, func(t *testing.T) {
			bound := func(host string, number uint16, options set) (*ipc.FD, error) {
				a := addr.MustParse("tcp:" + host + ":0").WithPort(number)
				d := sock.AF_INET
				if host == "[::]" {
					needIPv6(t)
					d = sock.AF_INET6
				}
				fd := kept(t, must(sock.Socket(d, test.typ, 0))(t))
				for _, s := range options {
					must(s.option.Set(fd, s.on))(t)
				}
				if err := sock.Bind(fd, a); err != nil || !test.listens {
					return fd, err
				}
				return fd, sock.ListenOn(fd, 1)
			}
			var err error
			for range 5 { // the port may be another process's at the second address
				first := must(bound(test.first, 0, test.one))(t)
				number := must(sock.Getsockname(first))(t).Port()
				if _, err = bound(test.second, number, test.two); errors.Is(err, test.want) {
					return
				}
			}
			t.Errorf("the second: %v, want %v", err, test.want)
		})
	}
}

// Of two UDP sockets with one address the last one gets what arrives.
func TestNotesOnSharedDatagrams(t *testing.T) {
	reuse := &sock.Options{ReuseAddr: true}
	first := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), reuse))(t)
	defer first.Close()
	last := must(sock.BindDatagram(first.Addr(), reuse))(t)
	defer last.Close()
	must(sock.SendTo(first.FD(), []byte("x"), 0, first.Addr()))(t)
	wait(t, last.FD(), unix.POLLIN)
	if _, err := sock.Recv(first.FD(), make([]byte, 1), 0); err != sock.ErrWouldBlock {
		t.Errorf("the first: %v, want ErrWouldBlock", err)
	}
}

// What close makes of a connection: with SO_LINGER of no time, and with input that
// nobody has read.
func TestNotesOnClose(t *testing.T) {
	path := "unix:@" + t.Name()
	for _, test := range []struct {
		name, listen string
		linger       sock.Linger
		unread       bool
		want         error // of the peer's Recv
	}{
		{"TCP", "tcp:127.0.0.1:0", sock.Linger{}, false, nil},
		{"TCP, no linger time", "tcp:127.0.0.1:0", sock.Linger{On: true}, false, unix.ECONNRESET},
		{"TCP, unread", "tcp:127.0.0.1:0", sock.Linger{}, true, unix.ECONNRESET},
		{"UNIX, no linger time", path, sock.Linger{On: true}, false, nil},
		{"UNIX, unread", path, sock.Linger{}, true, unix.ECONNRESET},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := listen(t, test.listen, nil)
			client := connect(t, l.Addr(), &sock.Options{Blocking: true})
			server, _ := accept(t, l)
			must(sock.SO_LINGER.Set(server, test.linger))(t)
			if test.unread {
				must(sock.Send(client, []byte("x"), 0))(t)
				wait(t, server, unix.POLLIN)
			}
			server.Close()
			if n, err := sock.Recv(client, make([]byte, 1), 0); n != 0 || !errors.Is(err, test.want) {
				t.Errorf("the peer: %d, %v; want %v", n, err, test.want)
			}
			l.Close()
		})
	}
}

// SO_BROADCAST, SO_OOBINLINE, SO_RCVTIMEO and SO_ERROR.
func TestNotesOnTransfers(t *testing.T) {
	u := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil))(t)
	defer u.Close()
	all := addr.MustParse("udp:127.255.255.255:9")
	if _, err := sock.SendTo(u.FD(), []byte("x"), 0, all); !errors.Is(err, unix.EACCES) {
		t.Errorf("to the broadcast address: %v, want EACCES", err)
	}
	must(sock.SO_BROADCAST.Set(u.FD(), true))(t)
	must(sock.SendTo(u.FD(), []byte("x"), 0, all))(t)

	l := listen(t, "tcp:127.0.0.1:0", &sock.Options{Set: []sock.Setting{sock.SO_OOBINLINE.To(true)}})
	client := connect(t, l.Addr(), nil)
	server, _ := accept(t, l)
	must(sock.Send(client, []byte("ab"), 0))(t)
	must(sock.Send(client, []byte("!"), sock.MSG_OOB))(t)
	must(sock.Send(client, []byte("cd"), 0))(t)
	b := make([]byte, 9)
	for peeked := ""; peeked != "ab"; { // up to the mark
		n, err := sock.Recv(server, b, sock.MSG_PEEK)
		if peeked = string(b[:n]); err != nil && err != sock.ErrWouldBlock {
			t.Fatal(err)
		}
	}
	if _, err := sock.Recv(server, b, sock.MSG_OOB); !errors.Is(err, unix.EINVAL) {
		t.Errorf("out of band, which is in line: %v, want EINVAL", err)
	}
	for got := ""; got != "ab!cd"; {
		n, err := sock.Recv(server, b, 0)
		if got += string(b[:n]); err != nil && err != sock.ErrWouldBlock || len(got) > 5 {
			t.Fatalf("%q, %v; want the byte in line", got, err)
		}
	}

	waits := listen(t, "tcp:127.0.0.1:0", &sock.Options{Blocking: true, Set: []sock.Setting{sock.SO_RCVTIMEO.To(time.Millisecond)}})
	if _, _, err := waits.Accept(); err != sock.ErrWouldBlock {
		t.Errorf("Accept under SO_RCVTIMEO: %v, want ErrWouldBlock", err)
	}

	nobody := u.Addr()
	u.Close()
	fd := connect(t, nobody, nil)
	must(sock.Send(fd, []byte("x"), 0))(t)
	wait(t, fd, unix.POLLERR)
	if got := must(sock.SO_ERROR.Get(fd))(t); got != unix.ECONNREFUSED {
		t.Errorf("SO_ERROR of UDP to nobody: %v, want ECONNREFUSED", got)
	}
	if got := must(sock.SO_ERROR.Get(fd))(t); got != 0 {
		t.Errorf("SO_ERROR asked again: %v, want 0", got)
	}
}

// Select and poll heed SO_RCVLOWAT for TCP alone, and a UNIX stream delivers no
// timestamps.
func TestNotesOnReceiving(t *testing.T) {
	pairs := map[string][2]*ipc.FD{}
	for _, typ := range []sock.Type{sock.SOCK_STREAM, sock.SOCK_DGRAM, sock.SOCK_SEQPACKET} {
		a, b := pair(t, typ)
		pairs[typ.String()] = [2]*ipc.FD{a, b}
	}
	l := listen(t, "tcp:127.0.0.1:0", nil)
	client := connect(t, l.Addr(), nil)
	server, _ := accept(t, l)
	pairs["TCP"] = [2]*ipc.FD{client, server}
	for name, p := range pairs {
		must(sock.SO_RCVLOWAT.Set(p[1], 100))(t)
		must(sock.SO_TIMESTAMP.Set(p[1], true))(t)
		must(sock.Send(p[0], []byte("x"), 0))(t)
		for {
			_, err := sock.Recv(p[1], make([]byte, 1), sock.MSG_PEEK|sock.MSG_DONTWAIT)
			if err == nil {
				break
			}
			if err != sock.ErrWouldBlock {
				t.Fatal(err)
			}
		}
		n := must(unix.Poll([]unix.PollFd{{Fd: int32(p[1].Number()), Events: unix.POLLIN}}, 0))(t)
		if want := name != "TCP"; (n == 1) != want {
			t.Errorf("%s below SO_RCVLOWAT: readable is %v, want %v", name, n == 1, want)
		}
		m := sock.Message{Data: [][]byte{make([]byte, 1)}}
		if _, err := sock.RecvMsg(p[1], &m, sock.MSG_DONTWAIT); err != nil {
			t.Fatal(name, ": ", err)
		}
		// For TCP the kernel begins to take the time a moment after it was asked to.
		if want := name != "SOCK_STREAM"; name != "TCP" && m.Control.Time.IsZero() == want {
			t.Errorf("%s: a timestamp of %v, want one: %v", name, m.Control.Time, want)
		}
	}
}

// An accepted socket has its listener's options, so nothing is set anew.
func TestAcceptedHasOptions(t *testing.T) {
	var options []sock.Setting
	flags := []*sock.Option[bool]{sock.SO_KEEPALIVE, sock.SO_OOBINLINE, sock.SO_REUSEADDR, sock.SO_REUSEPORT,
		sock.SO_DONTROUTE, sock.SO_TIMESTAMP, sock.SO_BROADCAST, sock.TCP_NODELAY}
	for _, o := range flags {
		options = append(options, o.To(true))
	}
	numbers := []*sock.Option[int]{sock.SO_SNDBUF, sock.SO_RCVBUF, sock.SO_RCVLOWAT}
	for _, o := range numbers {
		options = append(options, o.To(10_000))
	}
	linger := sock.Linger{On: true, For: time.Second}
	options = append(options, sock.SO_LINGER.To(linger), sock.SO_RCVTIMEO.To(time.Second))
	l := listen(t, "tcp:127.0.0.1:0", &sock.Options{Set: options})
	connect(t, l.Addr(), nil)
	server, _ := accept(t, l)
	for _, o := range flags {
		if !must(o.Get(server))(t) {
			t.Errorf("%s is off", o.Name)
		}
	}
	for _, o := range numbers {
		if got, want := must(o.Get(server))(t), must(o.Get(l.FD()))(t); got != want {
			t.Errorf("%s is %d, want %d", o.Name, got, want)
		}
	}
	if got := must(sock.SO_LINGER.Get(server))(t); got != linger {
		t.Errorf("SO_LINGER is %v, want %v", got, linger)
	}
	if got := must(sock.SO_RCVTIMEO.Get(server))(t); got != time.Second {
		t.Errorf("SO_RCVTIMEO is %v, want a second", got)
	}
	must(sock.SO_LINGER.Set(server, sock.Linger{}))(t)
}
