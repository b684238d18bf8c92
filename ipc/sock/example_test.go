package sock_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// A server and its client in one program, with calls that wait: one line each
// way.
func Example() {
	wait := &sock.Options{Blocking: true}
	server, err := sock.Listen(addr.MustParse("tcp:127.0.0.1:0"), wait)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := sock.Connect(server.Addr(), wait) // Addr has the port that the kernel chose
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	conn, _, err := server.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	sock.Send(client, []byte("Half a league, half a league . . ."), 0)
	sock.Shutdown(client, sock.SHUT_WR)
	b := make([]byte, 1024)
	for {
		n, err := sock.Recv(conn, b, 0)
		if err != nil {
			log.Fatal(err)
		}
		if n == 0 {
			break
		}
		fmt.Printf("--> %s\n", b[:n])
	}
	fmt.Println("Ending connection")
	// Output:
	// --> Half a league, half a league . . .
	// Ending connection
}

func ExampleSocketpair() {
	parent, child, err := sock.Socketpair(sock.AF_UNIX, sock.SOCK_STREAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer parent.Close()
	defer child.Close()
	sock.Send(parent, []byte("In Xanadu, did Kubla Khan . . ."), 0)
	b := make([]byte, 1024)
	n, err := sock.Recv(child, b, 0)
	fmt.Printf("reading: %s %v\n", b[:n], err)
	// Output: reading: In Xanadu, did Kubla Khan . . . <nil>
}

// A listener for every address of the host, whatever it takes.
func ExampleListenAll() {
	listeners, err := sock.ListenAll(addr.Any(addr.TCP, 0), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range listeners {
		fmt.Println(l.Addr().Port() != 0)
		l.Close()
	}
	// Output: true
}

// A datagram to a name in the file system, as in the lecture. The reader's
// socket file goes with the reader.
func ExampleBindDatagram() {
	dir, err := os.MkdirTemp("/tmp", "sock")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name, err := addr.Path(addr.UnixDatagram, filepath.Join(dir, "socket"))
	if err != nil {
		log.Fatal(err)
	}
	reader, err := sock.BindDatagram(name, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	writer, err := sock.Socket(sock.AF_UNIX, sock.SOCK_DGRAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer writer.Close()
	sock.SendTo(writer, []byte("The sea is calm tonight, the tide is full..."), 0, name)

	b := make([]byte, 1024)
	n, from, err := sock.RecvFrom(reader.FD(), b, 0)
	fmt.Printf("--> %s\n", b[:n])
	fmt.Println(from.IsValid(), err) // the writer has no name
	// Output:
	// --> The sea is calm tonight, the tide is full...
	// false <nil>
}

// What a kernel keeps is not always what it was asked for.
func ExampleOption_Set() {
	fd, err := sock.Socket(sock.AF_INET, sock.SOCK_DGRAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer fd.Close()
	kept, err := sock.SO_RCVBUF.Set(fd, 10_000)
	fmt.Println(kept >= 10_000, err) // Linux keeps 20,000
	_, err = sock.SO_TYPE.Set(fd, sock.SOCK_STREAM)
	fmt.Println(err != nil) // it can only be read
	// Output:
	// true <nil>
	// true
}

// Commands set options by the names in the manual.
func ExampleLookup() {
	fd, err := sock.Socket(sock.AF_INET, sock.SOCK_STREAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer fd.Close()
	option, ok := sock.Lookup("SO_LINGER")
	if !ok {
		log.Fatal("no such option")
	}
	kept, err := option.SetText(fd, "1500ms")
	fmt.Println(option.Describe().Name, kept, err)
	// Output: SO_LINGER 2s <nil>
}

// An open file crosses a socket: the receiver gets a descriptor of its own.
func ExampleSendMsg() {
	a, b, err := sock.Socketpair(sock.AF_UNIX, sock.SOCK_STREAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	defer b.Close()

	out := sock.Message{Data: [][]byte{[]byte("yours")}, Control: sock.Control{Files: []*ipc.FD{a}}}
	if _, err := sock.SendMsg(a, &out, 0); err != nil {
		log.Fatal(err)
	}
	in := sock.Message{Data: [][]byte{make([]byte, 10)}, MaxFiles: 1}
	n, err := sock.RecvMsg(b, &in, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, and %d descriptor\n", in.Data[0][:n], len(in.Control.Files))
	for _, fd := range in.Control.Files {
		fd.Close()
	}
	// Output: yours, and 1 descriptor
}
