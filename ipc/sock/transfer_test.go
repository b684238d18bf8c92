package sock_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// pair returns a connected pair of UNIX sockets that do not wait.
func pair(t testing.TB, typ sock.Type) (a, b *ipc.FD) {
	t.Helper()
	a, b, err := sock.Socketpair(sock.AF_UNIX, typ|sock.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return kept(t, a), kept(t, b)
}

func TestSocketpair(t *testing.T) {
	for _, typ := range []sock.Type{sock.SOCK_STREAM, sock.SOCK_DGRAM} {
		t.Run(typ.String(), func(t *testing.T) {
			a, b := pair(t, typ)
			checkFlags(t, "one end", a, true)
			checkFlags(t, "other end", b, true)
			for _, way := range [][2]*ipc.FD{{a, b}, {b, a}} {
				if n, err := sock.Send(way[0], []byte("kubla"), 0); n != 5 || err != nil {
					t.Fatalf("Send: %d, %v", n, err)
				}
				buf := make([]byte, 10)
				if n, err := sock.Recv(way[1], buf, 0); err != nil || string(buf[:n]) != "kubla" {
					t.Errorf("Recv: %q, %v", buf[:n], err)
				}
			}
			if got := must(sock.Getpeername(a))(t); !got.IsUnnamed() {
				t.Errorf("the peer's name is %v, want none", got)
			}
			if got := must(sock.SO_TYPE.Get(a))(t); got != typ {
				t.Errorf("SO_TYPE is %v", got)
			}
		})
	}
	waits, other, err := sock.Socketpair(sock.AF_UNIX, sock.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkFlags(t, "without SOCK_NONBLOCK", kept(t, waits), false)
	other.Close()
}

func TestSocketErrors(t *testing.T) {
	for _, test := range []struct {
		domain   sock.Domain
		typ      sock.Type
		protocol int
		pair     bool
		want     error
	}{
		{sock.AF_INET, sock.SOCK_STREAM, 0, true, unix.EOPNOTSUPP},
		{sock.AF_INET, sock.SOCK_STREAM, unix.IPPROTO_UDP, false, unix.EPROTONOSUPPORT},
		{12345, sock.SOCK_STREAM, 0, false, unix.EAFNOSUPPORT},
	} {
		var err error
		if test.pair {
			_, _, err = sock.Socketpair(test.domain, test.typ, test.protocol)
		} else {
			_, err = sock.Socket(test.domain, test.typ, test.protocol)
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%v %v %d: %v, want %v", test.domain, test.typ, test.protocol, err, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		sock.AF_INET6.String():                           "AF_INET6",
		sock.Domain(12345).String():                      "domain 12345",
		(sock.SOCK_STREAM | sock.SOCK_NONBLOCK).String(): "SOCK_STREAM|SOCK_NONBLOCK",
		sock.Type(77).String():                           "type 77",
		(sock.MSG_PEEK | sock.MSG_TRUNC).String():        "MSG_PEEK|MSG_TRUNC",
		sock.Flags(0).String():                           "0",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTransferFlags(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	buf := make([]byte, 10)
	if _, err := sock.Recv(b, buf, 0); err != sock.ErrWouldBlock {
		t.Errorf("Recv of nothing: %v, want ErrWouldBlock", err)
	}
	sock.Send(a, []byte("measureless"), 0)
	for _, flags := range []sock.Flags{sock.MSG_PEEK, sock.MSG_WAITALL, 0} {
		n, err := sock.Recv(b, buf[:4], flags)
		if want := map[sock.Flags]string{sock.MSG_PEEK: "meas", sock.MSG_WAITALL: "meas", 0: "urel"}[flags]; err != nil || string(buf[:n]) != want {
			t.Errorf("Recv with %v: %q, %v, want %q", flags, buf[:n], err, want)
		}
	}

	waiting, err := sock.Socket(sock.AF_INET, sock.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sock.Recv(kept(t, waiting), buf, sock.MSG_DONTWAIT); err != sock.ErrWouldBlock {
		t.Errorf("Recv with MSG_DONTWAIT: %v, want ErrWouldBlock", err)
	}
}

func TestOutOfBand(t *testing.T) {
	l := listen(t, "tcp:127.0.0.1:0", nil)
	client := connect(t, l.Addr(), nil)
	server, _ := accept(t, l)
	sock.Send(client, []byte("ab"), 0)
	sock.Send(client, []byte("!"), sock.MSG_OOB)
	wait(t, server, unix.POLLPRI)
	b := make([]byte, 10)
	if n, err := sock.Recv(server, b, sock.MSG_OOB); err != nil || string(b[:n]) != "!" {
		t.Errorf("out of band: %q, %v", b[:n], err)
	}
	if n, err := sock.Recv(server, b, 0); err != nil || string(b[:n]) != "ab" {
		t.Errorf("in band: %q, %v", b[:n], err)
	}
}

func TestShutdown(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	sock.Send(a, []byte("x"), 0)
	if err := sock.Shutdown(a, sock.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := sock.Recv(b, buf, 0); n != 1 || err != nil {
		t.Errorf("what was sent before the shutdown: %d, %v", n, err)
	}
	if n, err := sock.Recv(b, buf, 0); n != 0 || err != nil {
		t.Errorf("the end: %d, %v, want 0 and no error", n, err)
	}
	if _, err := sock.Send(a, []byte("x"), 0); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Send after the shutdown: %v, want EPIPE", err)
	}
	if n, err := sock.Send(b, []byte("y"), 0); n != 1 || err != nil {
		t.Errorf("the other direction: %d, %v", n, err)
	}
	unconnected := kept(t, must(sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0))(t))
	if err := sock.Shutdown(unconnected, sock.SHUT_RDWR); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("Shutdown without a connection: %v, want ENOTCONN", err)
	}
}

// datagramAddrs are where two datagram sockets can meet.
func datagramAddrs(t *testing.T) map[string]func(name string) addr.Addr {
	dir := kit.SocketDir(t)
	return map[string]func(string) addr.Addr{
		"IPv4":  func(string) addr.Addr { return addr.MustParse("udp:127.0.0.1:0") },
		"IPv6":  func(string) addr.Addr { return addr.MustParse("udp:[::1]:0") },
		"paths": func(name string) addr.Addr { return addr.MustParse("unix-dgram:" + dir + "/" + name) },
	}
}

func TestSendToRecvFrom(t *testing.T) {
	for name, at := range datagramAddrs(t) {
		t.Run(name, func(t *testing.T) {
			if name == "IPv6" {
				needIPv6(t)
			}
			a := must(sock.BindDatagram(at("a"), nil))(t)
			defer a.Close()
			b := must(sock.BindDatagram(at("b"), nil))(t)
			defer b.Close()
			for _, text := range []string{"the tide is full", ""} {
				if n, err := sock.SendTo(a.FD(), []byte(text), 0, b.Addr()); n != len(text) || err != nil {
					t.Fatalf("SendTo: %d, %v", n, err)
				}
				wait(t, b.FD(), unix.POLLIN)
				buf := make([]byte, 100)
				n, from, err := sock.RecvFrom(b.FD(), buf, 0)
				if err != nil || string(buf[:n]) != text || from != a.Addr() {
					t.Errorf("received %q from %v, %v; want %q from %v", buf[:n], from, err, text, a.Addr())
				}
			}
		})
	}
}

func TestTransferErrors(t *testing.T) {
	bound := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil))(t)
	defer bound.Close()
	free := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil))(t)
	free.Close()
	send := func(to addr.Addr, b []byte) error { _, err := sock.SendTo(bound.FD(), b, 0, to); return err }
	for name, test := range map[string]struct {
		got, want error
	}{
		"to a host name":  {send(addr.MustParse("udp:localhost:1"), nil), sock.ErrUnresolved},
		"to every host":   {send(addr.MustParse("udp:*:1"), nil), errors.ErrUnsupported},
		"too long":        {send(bound.Addr(), make([]byte, 70_000)), unix.EMSGSIZE},
		"broadcast":       {send(addr.MustParse("udp:127.255.255.255:9"), nil), unix.EACCES},
		"on no socket":    {func() error { _, err := sock.Send(free.FD(), nil, 0); return err }(), unix.EBADF},
		"without a peer":  {func() error { _, err := sock.Send(bound.FD(), nil, 0); return err }(), unix.EDESTADDRREQ},
		"names of nobody": {func() error { _, err := sock.Getpeername(bound.FD()); return err }(), unix.ENOTCONN},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: %v, want %v", name, test.got, test.want)
		}
	}
	if err := send(addr.Addr{}, nil); err == nil {
		t.Error("a datagram went to the zero Addr")
	}

	// A connected datagram socket learns that nobody was there.
	client := connect(t, free.Addr(), nil)
	sock.Send(client, []byte("x"), 0)
	wait(t, client, unix.POLLIN)
	if _, err := sock.Recv(client, make([]byte, 1), 0); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("Recv after a datagram to nobody: %v, want ECONNREFUSED", err)
	}
}

// Calls that belong to a server's inner loop allocate nothing.
func TestTransferAllocations(t *testing.T) {
	needLinux(t, "calls of our own without allocations")
	a := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil))(t)
	defer a.Close()
	client := connect(t, a.Addr(), nil)
	b := make([]byte, 100)
	pieces := [][]byte{b[:10], b[10:20]}
	out, in := sock.Message{Data: pieces, Addr: a.Addr()}, sock.Message{Data: pieces}
	var outs, ins [8]sock.Message
	for i := range outs {
		outs[i], ins[i] = out, in
	}
	to := a.Addr()
	for name, call := range map[string]func() error{
		"Send and Recv": func() error {
			if _, err := sock.Send(client, b, 0); err != nil {
				return err
			}
			_, err := sock.Recv(a.FD(), b, 0)
			return err
		},
		"SendTo and RecvFrom": func() error {
			if _, err := sock.SendTo(a.FD(), b, 0, to); err != nil {
				return err
			}
			_, _, err := sock.RecvFrom(a.FD(), b, 0)
			return err
		},
		"SendMsg and RecvMsg": func() error {
			if _, err := sock.SendMsg(a.FD(), &out, 0); err != nil {
				return err
			}
			_, err := sock.RecvMsg(a.FD(), &in, 0)
			return err
		},
		"SendMany and RecvMany": func() error {
			if _, err := sock.SendMany(a.FD(), outs[:], 0); err != nil {
				return err
			}
			_, err := sock.RecvMany(a.FD(), ins[:], 0)
			return err
		},
		"would block": func() error {
			if _, err := sock.Recv(a.FD(), b, 0); err != sock.ErrWouldBlock {
				return err
			}
			return nil
		},
	} {
		var err error
		n := testing.AllocsPerRun(100, func() { err = errors.Join(err, call()) })
		if err != nil {
			t.Fatal(name, ": ", err)
		}
		// The pool of RecvMany and SendMany drops things at random under the
		// race detector.
		if n >= 1 && !raceDetector {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
