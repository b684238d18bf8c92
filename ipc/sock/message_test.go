package sock_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

func TestMessagePieces(t *testing.T) {
	a, b := pair(t, sock.SOCK_DGRAM)
	out := sock.Message{Data: [][]byte{[]byte("In "), nil, []byte("Xanadu did "), []byte("Kubla")}}
	if n, err := sock.SendMsg(a, &out, 0); n != 19 || err != nil || out.N != n {
		t.Fatalf("SendMsg: %d, %v", n, err)
	}
	in := sock.Message{Data: [][]byte{make([]byte, 4), nil, make([]byte, 100)}}
	n, err := sock.RecvMsg(b, &in, 0)
	if got := string(in.Data[0]) + "," + string(in.Data[2][:n-4]); err != nil || got != "In X,anadu did Kubla" || in.Flags != 0 {
		t.Errorf("received %q, %v, %v", got, in.Flags, err)
	}

	// More pieces than stand in a frame of the stack.
	out.Data = nil
	for range 100 {
		out.Data = append(out.Data, []byte("0123456789"))
	}
	if n, err := sock.SendMsg(a, &out, 0); n != 1000 || err != nil {
		t.Fatalf("SendMsg of 100 pieces: %d, %v", n, err)
	}
	in.Data = [][]byte{make([]byte, 999)}
	n, err = sock.RecvMsg(b, &in, 0)
	if want := strings.Repeat("0123456789", 100)[:999]; err != nil || string(in.Data[0][:n]) != want {
		t.Errorf("received %q, %v", in.Data[0][:n], err)
	}
	if in.Flags != sock.MSG_TRUNC {
		t.Errorf("the flags of a message that was cut are %v, want MSG_TRUNC", in.Flags)
	}
}

// sent returns what RecvMsg makes of m after SendMsg over a pair.
func sent(t *testing.T, typ sock.Type, m *sock.Message, maxFiles int) *sock.Message {
	t.Helper()
	a, b := pair(t, typ)
	if _, err := sock.SendMsg(a, m, 0); err != nil {
		t.Fatal(err)
	}
	in := &sock.Message{Data: [][]byte{make([]byte, 100)}, MaxFiles: maxFiles}
	if _, err := sock.RecvMsg(b, in, 0); err != nil {
		t.Fatal(err)
	}
	for _, fd := range in.Control.Files {
		kept(t, fd)
	}
	return in
}

func TestPassingDescriptors(t *testing.T) {
	dir := t.TempDir()
	file := must(os.Create(dir + "/f"))(t)
	defer file.Close()
	file.WriteString("kubla")
	numbers := must(unix.Dup(int(file.Fd())))(t)
	fd := kept(t, ipc.NewFD(numbers))
	out := &sock.Message{Data: [][]byte{[]byte("x")}, Control: sock.Control{Files: []*ipc.FD{fd, fd, fd}}}

	for _, typ := range []sock.Type{sock.SOCK_STREAM, sock.SOCK_DGRAM} {
		for _, test := range []struct {
			max, want int
			flags     sock.Flags
		}{
			{3, 3, 0},
			{253, 3, 0},
			{1000, 3, 0},
			{2, 2, sock.MSG_CTRUNC},
			{0, 0, sock.MSG_CTRUNC},
		} {
			before := len(kit.Descriptors())
			in := sent(t, typ, out, test.max)
			if len(in.Control.Files) != test.want || in.Flags&sock.MSG_CTRUNC != test.flags {
				t.Errorf("%v, MaxFiles %d: %d descriptors and %v; want %d and %v", typ, test.max, len(in.Control.Files), in.Flags, test.want, test.flags)
			}
			// The pair stays open until the end of the test.
			if after := len(kit.Descriptors()); after != before+2+test.want {
				t.Errorf("%v, MaxFiles %d: %d descriptors more are open, want the pair and %d", typ, test.max, after-before, test.want)
			}
			for _, got := range in.Control.Files {
				checkFlags(t, "passed", got, false)
				b := make([]byte, 5)
				if n, err := unix.Pread(got.Number(), b, 0); err != nil || string(b[:n]) != "kubla" {
					t.Errorf("the passed file holds %q, %v", b[:n], err)
				}
			}
		}
	}
}

func TestPassingManyDescriptors(t *testing.T) {
	needLinux(t, "the bound of 253")
	null := must(os.Open(os.DevNull))(t)
	defer null.Close()
	fd := kept(t, ipc.NewFD(must(unix.Dup(int(null.Fd())))(t)))
	m := &sock.Message{Data: [][]byte{[]byte("x")}}
	for range 253 {
		m.Control.Files = append(m.Control.Files, fd)
	}
	if in := sent(t, sock.SOCK_STREAM, m, 253); len(in.Control.Files) != 253 {
		t.Errorf("%d descriptors came, want 253", len(in.Control.Files))
	}
	a, _ := pair(t, sock.SOCK_STREAM)
	m.Control.Files = append(m.Control.Files, fd)
	if _, err := sock.SendMsg(a, m, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("254 descriptors: %v, want EINVAL", err)
	}
}

// The kernel takes descriptors without data on a stream for nothing at all.
func TestPassingDescriptorsWithoutData(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	for _, send := range []func(*sock.Message) (int, error){
		func(m *sock.Message) (int, error) { return sock.SendMsg(a, m, 0) },
		func(m *sock.Message) (int, error) { return sock.SendMany(a, []sock.Message{*m}, 0) },
	} {
		if _, err := send(&sock.Message{Data: [][]byte{{}}, Control: sock.Control{Files: []*ipc.FD{a}}}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("on a stream: %v, want EINVAL", err)
		}
	}
	if _, err := sock.Recv(b, make([]byte, 1), 0); err != sock.ErrWouldBlock {
		t.Errorf("the other end: %v, want ErrWouldBlock", err)
	}
	if in := sent(t, sock.SOCK_DGRAM, &sock.Message{Control: sock.Control{Files: []*ipc.FD{a}}}, 1); len(in.Control.Files) != 1 {
		t.Errorf("with an empty datagram came %d descriptors, want 1", len(in.Control.Files))
	}
}

// What runs out while descriptors arrive leaves none behind.
func TestPassingDescriptorsRunsOut(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	before := len(kit.Descriptors())
	failures := kit.Exhaust(t, func() error {
		out := sock.Message{Data: [][]byte{[]byte("x")}, Control: sock.Control{Files: []*ipc.FD{a, a, a}}}
		if _, err := sock.SendMsg(a, &out, 0); err != nil {
			return err
		}
		in := sock.Message{Data: [][]byte{make([]byte, 1)}, MaxFiles: 3}
		if _, err := sock.RecvMsg(b, &in, 0); err != nil {
			return err
		}
		for _, fd := range in.Control.Files {
			fd.Close()
		}
		if len(in.Control.Files) < 3 {
			if in.Flags&sock.MSG_CTRUNC == 0 {
				t.Errorf("%d of 3 descriptors came, and the flags are %v", len(in.Control.Files), in.Flags)
			}
			return unix.EMFILE
		}
		return nil
	})
	if failures != 3 {
		t.Errorf("%d failures, want 3", failures)
	}
	if after := len(kit.Descriptors()); after != before {
		t.Errorf("%d descriptors are open, want %d", after, before)
	}
}

func TestCredentials(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	want := sock.Credentials{PID: os.Getpid(), UID: os.Geteuid(), GID: os.Getegid()}
	got, err := sock.PeerCredentials(a)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if got.PID == 0 {
		want.PID = 0
	}
	if err != nil || got != want {
		t.Errorf("the peer is %v, %v, want %v", got, err, want)
	}

	needLinux(t, "SO_PASSCRED")
	if _, err := sock.SO_PASSCRED.Set(b, true); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*sock.Message{
		"by the kernel": {Data: [][]byte{[]byte("x")}},
		"by the sender": {Data: [][]byte{[]byte("x")}, Control: sock.Control{Credentials: &want}},
	} {
		if _, err := sock.SendMsg(a, m, 0); err != nil {
			t.Fatal(name, ": ", err)
		}
		in := sock.Message{Data: [][]byte{make([]byte, 1)}}
		if _, err := sock.RecvMsg(b, &in, 0); err != nil {
			t.Fatal(name, ": ", err)
		}
		if in.Control.Credentials == nil || *in.Control.Credentials != want {
			t.Errorf("%s: %v, want %v", name, in.Control.Credentials, want)
		}
	}
}

// A user's number has 32 bits, of which none is a sign.
func TestCredentialsOfHighUser(t *testing.T) {
	needLinux(t, "SO_PASSCRED")
	a, b := pair(t, sock.SOCK_DGRAM)
	if _, err := sock.SO_PASSCRED.Set(b, true); err != nil {
		t.Fatal(err)
	}
	high := uint32(4_000_000_000)
	want := sock.Credentials{PID: os.Getpid(), UID: int(high), GID: int(high)}
	if _, err := sock.SendMsg(a, &sock.Message{Control: sock.Control{Credentials: &want}}, 0); err != nil {
		t.Skip("this user may not send others' credentials: ", err)
	}
	var in sock.Message
	if _, err := sock.RecvMsg(b, &in, 0); err != nil {
		t.Fatal(err)
	}
	if got := in.Control.Credentials; got == nil || *got != want {
		t.Errorf("received %v, want %v", got, want)
	}
}

// Who has no peer is not told of one with made-up numbers.
func TestPeerCredentialsWithoutPeer(t *testing.T) {
	needLinux(t, "SO_PEERCRED")
	client := connect(t, listen(t, "tcp:127.0.0.1:0", nil).Addr(), nil)
	for name, fd := range map[string]*ipc.FD{
		"not connected": kept(t, must(sock.Socket(sock.AF_UNIX, sock.SOCK_STREAM, 0))(t)),
		"TCP":           client,
	} {
		if got, err := sock.PeerCredentials(fd); !errors.Is(err, unix.ENOTCONN) {
			t.Errorf("%s: %v, %v; want ENOTCONN", name, got, err)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, option := range []*sock.Option[bool]{sock.SO_TIMESTAMP, sock.SO_TIMESTAMPNS} {
		t.Run(option.Name, func(t *testing.T) {
			if option.Number < 0 {
				t.Skip("this system has none")
			}
			l := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), &sock.Options{Set: []sock.Setting{option.To(true)}}))(t)
			defer l.Close()
			// The kernel's clock for this is coarser than ours.
			before := time.Now().Add(-time.Second)
			if _, err := sock.SendTo(l.FD(), []byte("x"), 0, l.Addr()); err != nil {
				t.Fatal(err)
			}
			wait(t, l.FD(), unix.POLLIN)
			in := sock.Message{Data: [][]byte{make([]byte, 1)}}
			if _, err := sock.RecvMsg(l.FD(), &in, 0); err != nil {
				t.Fatal(err)
			}
			if got := in.Control.Time; got.Before(before) || got.After(time.Now().Add(time.Second)) {
				t.Errorf("it arrived at %v, want about %v", got, time.Now())
			}
		})
	}
}

func TestPacketInfo(t *testing.T) {
	for text, option := range map[string]*sock.Option[bool]{
		"udp:127.0.0.1:0": sock.IP_PKTINFO,
		"udp:[::1]:0":     sock.IPV6_RECVPKTINFO,
	} {
		t.Run(text, func(t *testing.T) {
			needLinux(t, "IP_PKTINFO like this")
			if option == sock.IPV6_RECVPKTINFO {
				needIPv6(t)
			}
			b := must(sock.BindDatagram(addr.MustParse(text), &sock.Options{Set: []sock.Setting{option.To(true)}}))(t)
			defer b.Close()
			own := &sock.PacketInfo{Local: b.Addr().AddrPort().Addr()}
			out := sock.Message{Addr: b.Addr(), Data: [][]byte{[]byte("x")}, Control: sock.Control{PacketInfo: own}}
			if _, err := sock.SendMsg(b.FD(), &out, 0); err != nil {
				t.Fatal(err)
			}
			wait(t, b.FD(), unix.POLLIN)
			in := sock.Message{Data: [][]byte{make([]byte, 1)}}
			if _, err := sock.RecvMsg(b.FD(), &in, 0); err != nil {
				t.Fatal(err)
			}
			if p := in.Control.PacketInfo; p == nil || p.Local != own.Local || p.Interface == 0 {
				t.Errorf("it came in at %+v, want at %v and an interface", p, own.Local)
			}
			if in.Addr != b.Addr() {
				t.Errorf("it came from %v, want %v", in.Addr, b.Addr())
			}
		})
	}
}

// What is not given of a PacketInfo is left to the routes, and what is given is
// heeded, in whatever domain.
func TestPacketInfoParts(t *testing.T) {
	needLinux(t, "IP_PKTINFO like this")
	const none = 1 << 30 // the number of no interface
	for _, test := range []struct {
		from, to string
		info     sock.PacketInfo
		is       error
		want     string // whom it comes from
	}{
		{"udp:0.0.0.0:0", "udp:127.0.0.1:0", sock.PacketInfo{}, nil, "127.0.0.1"},
		{"udp:0.0.0.0:0", "udp:127.0.0.1:0", sock.PacketInfo{Interface: none}, unix.ENODEV, ""},
		{"udp:0.0.0.0:0", "udp:127.0.0.1:0", sock.PacketInfo{Local: netip.MustParseAddr("127.0.0.9")}, nil, "127.0.0.9"},
		{"udp:0.0.0.0:0", "udp:127.0.0.1:0", sock.PacketInfo{Local: netip.MustParseAddr("::ffff:127.0.0.9")}, nil, "127.0.0.9"},
		{"udp:*:0", "udp:127.0.0.1:0", sock.PacketInfo{Local: netip.MustParseAddr("::ffff:127.0.0.9")}, nil, "127.0.0.9"},
		{"udp:*:0", "udp:127.0.0.1:0", sock.PacketInfo{Local: netip.MustParseAddr("127.0.0.9")}, nil, "127.0.0.9"},
		{"udp:*:0", "udp:127.0.0.1:0", sock.PacketInfo{Interface: none}, unix.ENODEV, ""},
		{"udp:[::]:0", "udp:[::1]:0", sock.PacketInfo{}, nil, "::1"},
		{"udp:[::]:0", "udp:[::1]:0", sock.PacketInfo{Interface: none}, unix.ENODEV, ""},
	} {
		t.Run(fmt.Sprintf("%s to %s by %v", test.from, test.to, test.info), func(t *testing.T) {
			if test.from != "udp:0.0.0.0:0" {
				needIPv6(t)
			}
			from := must(sock.BindDatagram(addr.MustParse(test.from), nil))(t)
			defer from.Close()
			to := must(sock.BindDatagram(addr.MustParse(test.to), nil))(t)
			defer to.Close()
			out := sock.Message{Addr: to.Addr(), Data: [][]byte{[]byte("x")}, Control: sock.Control{PacketInfo: &test.info}}
			for range 2 {
				if _, err := sock.SendMsg(from.FD(), &out, 0); !errors.Is(err, test.is) {
					t.Fatalf("SendMsg to %v: %v, want %v", out.Addr, err, test.is)
				}
				if test.is == nil {
					wait(t, to.FD(), unix.POLLIN)
					_, peer, err := sock.RecvFrom(to.FD(), make([]byte, 1), 0)
					if err != nil || peer.AddrPort().Addr().String() != test.want {
						t.Errorf("it came from %v, %v; want %s", peer, err, test.want)
					}
				}
				// Once more to the connected peer.
				if err := sock.ConnectTo(from.FD(), to.Addr()); err != nil {
					t.Fatal(err)
				}
				out.Addr = addr.Addr{}
			}
		})
	}
}

// What Control has no field for comes as it is.
func TestOtherControl(t *testing.T) {
	needLinux(t, "IP_RECVTTL like this")
	b := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), &sock.Options{Set: []sock.Setting{sock.IP_RECVTTL.To(true)}}))(t)
	defer b.Close()
	out := sock.Message{Addr: b.Addr(), Control: sock.Control{Other: []sock.ControlMessage{
		{Level: unix.IPPROTO_IP, Type: unix.IP_TTL, Data: []byte{7, 0, 0, 0}},
	}}}
	if _, err := sock.SendMsg(b.FD(), &out, 0); err != nil {
		t.Fatal(err)
	}
	wait(t, b.FD(), unix.POLLIN)
	var in sock.Message
	if _, err := sock.RecvMsg(b.FD(), &in, 0); err != nil {
		t.Fatal(err)
	}
	if o := in.Control.Other; len(o) != 1 || o[0].Type != unix.IP_TTL || o[0].Data[0] != 7 {
		t.Errorf("beside it came %+v, want the time to live 7", o)
	}
}

func TestMany(t *testing.T) {
	for name, at := range datagramAddrs(t) {
		t.Run(name, func(t *testing.T) {
			if name == "IPv6" {
				needIPv6(t)
			}
			a := must(sock.BindDatagram(at("a"), nil))(t)
			defer a.Close()
			b := must(sock.BindDatagram(at("b"), nil))(t)
			defer b.Close()
			texts := []string{"one", "", "three three"}
			var out []sock.Message
			for _, text := range texts {
				out = append(out, sock.Message{Addr: b.Addr(), Data: [][]byte{[]byte(text)}})
			}
			if n, err := sock.SendMany(a.FD(), out, 0); n != 3 || err != nil {
				t.Fatalf("SendMany: %d, %v", n, err)
			}
			in := make([]sock.Message, 5)
			for i := range in {
				in[i].Data = [][]byte{make([]byte, 5)}
				in[i].N = 99
			}
			wait(t, b.FD(), unix.POLLIN)
			n, err := sock.RecvMany(b.FD(), in, 0)
			if n != 3 || err != nil {
				t.Fatalf("RecvMany: %d, %v", n, err)
			}
			for i, text := range texts {
				m := in[i]
				if cut := text[:min(len(text), 5)]; string(m.Data[0][:m.N]) != cut || m.Addr != a.Addr() || (m.Flags&sock.MSG_TRUNC != 0) != (len(text) > 5) {
					t.Errorf("message %d: %q from %v, %v; want %q", i, m.Data[0][:m.N], m.Addr, m.Flags, cut)
				}
				if out[i].N != len(text) {
					t.Errorf("of message %d %d bytes were sent, want %d", i, out[i].N, len(text))
				}
			}
			if _, err := sock.RecvMany(b.FD(), in, 0); err != sock.ErrWouldBlock {
				t.Errorf("RecvMany of nothing: %v, want ErrWouldBlock", err)
			}
			if n, err := sock.RecvMany(b.FD(), nil, 0); n != 0 || err != nil {
				t.Errorf("RecvMany into nothing: %d, %v", n, err)
			}
		})
	}
}

// A message that cannot go stops those behind it, not those before it.
func TestSendManyStops(t *testing.T) {
	a := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil))(t)
	defer a.Close()
	good := sock.Message{Addr: a.Addr(), Data: [][]byte{[]byte("x")}}
	bad := sock.Message{Addr: a.Addr(), Data: [][]byte{make([]byte, 70_000)}}
	if n, err := sock.SendMany(a.FD(), []sock.Message{good, bad, good}, 0); n != 1 || err != nil {
		t.Errorf("the second too long: %d, %v; want 1", n, err)
	}
	if n, err := sock.SendMany(a.FD(), []sock.Message{bad, good}, 0); n != 0 || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("the first too long: %d, %v; want EMSGSIZE", n, err)
	}
	unresolved := sock.Message{Addr: addr.MustParse("udp:localhost:9"), Data: [][]byte{[]byte("x")}}
	if n, err := sock.SendMany(a.FD(), []sock.Message{good, unresolved, good}, 0); n != 1 || err != nil {
		t.Errorf("the second not resolved: %d, %v; want 1", n, err)
	}
	if n, err := sock.SendMany(a.FD(), []sock.Message{unresolved, good}, 0); n != 0 || !errors.Is(err, sock.ErrUnresolved) {
		t.Errorf("the first not resolved: %d, %v; want ErrUnresolved", n, err)
	}
	b, _ := pair(t, sock.SOCK_STREAM)
	for _, test := range []struct {
		name string
		ms   []sock.Message
		want int
		is   error
	}{
		{"second", []sock.Message{{Data: good.Data}, {Control: sock.Control{Files: []*ipc.FD{b}}}}, 1, nil},
		{"first", []sock.Message{{Control: sock.Control{Files: []*ipc.FD{b}}}, {Data: good.Data}}, 0, unix.EINVAL},
	} {
		if n, err := sock.SendMany(b, test.ms, 0); n != test.want || !errors.Is(err, test.is) {
			t.Errorf("the %s with descriptors and no data: %d, %v; want %d, %v", test.name, n, err, test.want, test.is)
		}
	}
}

// RecvMany waits for the first message and for no other.
func TestRecvManyWaits(t *testing.T) {
	b := must(sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), &sock.Options{Blocking: true}))(t)
	defer b.Close()
	type result struct {
		n   int
		err error
	}
	done := make(chan result)
	go func() {
		n, err := sock.RecvMany(b.FD(), make([]sock.Message, 2), 0)
		done <- result{n, err}
	}()
	if _, err := sock.SendTo(b.FD(), nil, 0, b.Addr()); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.n != 1 || got.err != nil {
		t.Errorf("RecvMany: %d, %v; want 1", got.n, got.err)
	}
}
