// Dgramread receives one datagram from the Internet, over IPv4 or IPv6.
//
// Slide: Sockets: Datagrams in the Internet Domain.
// Shows: a port that the system chose, found out with getsockname(2); no file
// that would have to be unlinked. One socket takes both versions of IP, the
// exercise; -4 and -6 restrict it to one.
// Try: "ss -unl" while it waits, dgramsend -4 and -6 against each of the three.
// Calls: socket, setsockopt (IPV6_V6ONLY), bind, getsockname, recvfrom, close.
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
	log.SetPrefix("dgramread: ")
	at := addr.MustParse("udp:*:0")
	flag.BoolFunc("4", "IPv4 alone", func(string) error { at = addr.MustParse("udp:0.0.0.0:0"); return nil })
	flag.BoolFunc("6", "IPv6 alone", func(string) error { at = addr.MustParse("udp:[::]:0"); return nil })
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: dgramread [-4 | -6]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}

	reader, err := sock.BindDatagram(at, &sock.Options{Blocking: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Socket has port #%d\n", reader.Addr().Port())

	buf := make([]byte, 1024) // what does not fit of a datagram is lost
	n, err := sock.Recv(reader.FD(), buf, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("--> %s\n", ipc.Printable(buf[:n]))
	reader.Close()
}
