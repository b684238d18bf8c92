//go:build linux

package ipcbench

import (
	"path/filepath"
	"testing"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

// A link is a connection between two processes: what the client receives from
// and sends to, and the server. For a socket the two are one.
type link struct{ client, server struct{ in, out *ipc.FD } }

// kinds are what is measured.
var kinds = []struct {
	name  string
	calls string // as in plan
	open  func(tb testing.TB) link
	most  int // bytes of a message
}{
	{"pipe", "file", openPipes, 64 << 10},
	{"FIFO", "file", openFIFOs, 64 << 10},
	{"pair-stream", "socket", pairOf(sock.SOCK_STREAM), 64 << 10},
	{"pair-datagram", "socket", pairOf(sock.SOCK_DGRAM), 64 << 10},
	{"pair-seqpacket", "socket", pairOf(sock.SOCK_SEQPACKET), 64 << 10},
	{"UNIX-stream", "socket", func(tb testing.TB) link {
		return openStream(tb, "unix:"+filepath.Join(kit.SocketDir(tb), "s"))
	}, 64 << 10},
	{"TCP", "socket", func(tb testing.TB) link { return openStream(tb, "tcp:127.0.0.1:0") }, 64 << 10},
	{"UDP", "socket", openUDP, 65507}, // udp(7): what 65,535 leaves beside the heads
}

// own closes the descriptors when the benchmark ends.
func own(tb testing.TB, err error, fds ...*ipc.FD) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		for _, fd := range fds {
			fd.Close()
		}
	})
}

func openPipes(tb testing.TB) (l link) {
	var err error
	l.server.in, l.client.out, err = pipe.New(0)
	own(tb, err, l.server.in, l.client.out)
	l.client.in, l.server.out, err = pipe.New(0)
	own(tb, err, l.client.in, l.server.out)
	return l
}

func openFIFOs(tb testing.TB) (l link) {
	dir := tb.TempDir()
	l.server.in, l.client.out = openFIFO(tb, filepath.Join(dir, "there"))
	l.client.in, l.server.out = openFIFO(tb, filepath.Join(dir, "back"))
	return l
}

func openFIFO(tb testing.TB, path string) (r, w *ipc.FD) {
	if err := pipe.Mkfifo(path, 0o600); err != nil {
		tb.Fatal(err)
	}
	r, err := pipe.OpenReader(path, pipe.O_NONBLOCK) // which else would wait for the writer
	own(tb, err, r)
	w, err = pipe.OpenWriter(path, 0)
	own(tb, err, w)
	own(tb, pipe.SetNonblock(r, false))
	return r, w
}

func pairOf(t sock.Type) func(tb testing.TB) link {
	return func(tb testing.TB) link {
		client, server, err := sock.Socketpair(sock.AF_UNIX, t, 0)
		own(tb, err, client, server)
		return linkOf(client, server)
	}
}

func linkOf(client, server *ipc.FD) (l link) {
	l.client.in, l.client.out = client, client
	l.server.in, l.server.out = server, server
	return l
}

func openStream(tb testing.TB, address string) link {
	blocking := &sock.Options{Blocking: true, NoDelay: true}
	listener, err := sock.Listen(addr.MustParse(address), blocking)
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	client, err := sock.Connect(listener.Addr(), blocking)
	own(tb, err, client)
	server, _, err := listener.Accept()
	own(tb, err, server)
	return linkOf(client, server)
}

// udpRoom is what is asked for as room for datagrams, in bytes.
const udpRoom = 4 << 20

func openUDP(tb testing.TB) link {
	opt := &sock.Options{Blocking: true, RecvBuffer: udpRoom, SendBuffer: udpRoom}
	client, err := sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	server, err := sock.Connect(client.Addr(), opt)
	own(tb, err, server)
	name, err := sock.Getsockname(server)
	if err == nil {
		err = sock.ConnectTo(client.FD(), name)
	}
	own(tb, err)
	return linkOf(client.FD(), server)
}

// windowOf returns after how many messages the client of a link must have an
// answer so that none is lost: for UDP so many that a quarter of the receiver's
// room holds them, each with the kernel's 1 KiB of its own. All other links make
// the sender wait.
func windowOf(tb testing.TB, name string, l link, size int) int {
	if name != "UDP" {
		return 1 << 30
	}
	room, err := sock.SO_RCVBUF.Get(l.server.in)
	if err != nil {
		tb.Fatal(err)
	}
	return min(max(room/4/(size+1024), 1), 64)
}
