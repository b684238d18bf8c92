// Streamread prints what its clients send, one client after the other.
//
// Slide: Sockets: Connections using stream sockets.
// Shows: one side listens and accepts, the other connects; each connection is a
// socket of its own; accept(2) waits for clients, and while one is served the
// next ones wait in the backlog. One socket takes IPv4 and IPv6, the exercise;
// -4 and -6 restrict it to one.
// Try: streamwrite twice, nc and a line, a second client while nc is connected.
// Calls: socket, setsockopt (SO_REUSEADDR, IPV6_V6ONLY), bind, getsockname,
// listen; for each client accept4, recvfrom until it returns 0, close.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("streamread: ")
	at := addr.MustParse("tcp:*:0")
	flag.BoolFunc("4", "IPv4 alone", func(string) error { at = addr.MustParse("tcp:0.0.0.0:0"); return nil })
	flag.BoolFunc("6", "IPv6 alone", func(string) error { at = addr.MustParse("tcp:[::]:0"); return nil })
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: streamread [-4 | -6]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}

	listener, err := sock.Listen(at, &sock.Options{Blocking: true, Backlog: 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Socket has port #%d\n", listener.Addr().Port())
	for {
		conn, _, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		read(conn)
		conn.Close()
	}
}

// read prints what comes until the client ends the connection, or breaks it off.
func read(conn *ipc.FD) {
	buf := make([]byte, 1024)
	for {
		n, err := sock.Recv(conn, buf, 0)
		switch {
		case err != nil:
			log.Print(err)
			return
		case n == 0:
			fmt.Println("Ending connection")
			return
		}
		fmt.Printf("--> %s\n", ipc.Printable(buf[:n]))
	}
}
