// Strchkread is streamread that does something else while no client is there.
//
// Slide: Sockets: Connections using stream sockets, the second one, after those
// on I/O Multiplexing.
// Shows: select(2) with a timeout; a listening socket is readable when accept(2)
// would not wait.
// Try: streamwrite twice, ^C; -t 1s for less patience; nc, which holds it up, for
// it waits for clients with select(2) and for their data without.
// Calls: those of streamread, with pselect6, as which the C library too makes
// select, before each accept4. The eventfd2 is the poller's, for its Wake.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/ready"
	"xanadu/ipc/sock"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("strchkread: ")
	at := addr.MustParse("tcp:*:0")
	flag.BoolFunc("4", "IPv4 alone", func(string) error { at = addr.MustParse("tcp:0.0.0.0:0"); return nil })
	flag.BoolFunc("6", "IPv6 alone", func(string) error { at = addr.MustParse("tcp:[::]:0"); return nil })
	patience := flag.Duration("t", 5*time.Second, "how long to wait for a client")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: strchkread [-4 | -6] [-t 5s]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 0 || *patience <= 0 {
		flag.Usage()
		os.Exit(2)
	}

	// The listener does not wait: a client may be gone again when select has
	// told of it, and accept(2) would wait for the next one.
	listener, err := sock.Listen(at, &sock.Options{Backlog: 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Socket has port #%d\n", listener.Addr().Port())
	poller, err := ready.Open("select")
	if err != nil {
		log.Fatal(err)
	}
	if err := poller.Add(listener.FD().Number(), ready.Readable, 0); err != nil {
		log.Fatal(err)
	}
	fired := make([]ready.Fired, 1)
	until := time.Now().Add(*patience)
	for {
		n, err := poller.Wait(fired, max(time.Until(until), 0))
		switch {
		case err != nil:
			log.Fatal(err)
		case n > 0:
			serve(listener)
		case time.Now().Before(until):
			continue // a signal, as the one for a terminal's new size
		default:
			fmt.Println("Do something else")
		}
		until = time.Now().Add(*patience)
	}
}

// serve prints what the next client sends until it ends the connection, or
// breaks it off.
func serve(listener *sock.Listener) {
	conn, _, err := sock.Accept(listener.FD(), 0) // a socket that waits
	switch {
	case errors.Is(err, sock.ErrWouldBlock):
		return
	case err != nil:
		log.Print(err)
		return
	}
	defer conn.Close()
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
