// Udgramsend sends one datagram to a name in the file system.
//
// Slide: Sockets: Datagrams in the UNIX/LOCAL domain.
// Shows: a sender needs no name of its own.
// Try: udgramsend socket without a reader, and after kill -9 of one.
// Calls: socket, sendto, close.
package main

import (
	"fmt"
	"log"
	"os"

	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

const data = "The sea is calm tonight, the tide is full..."

func main() {
	log.SetFlags(0)
	log.SetPrefix("udgramsend: ")
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: udgramsend path")
		os.Exit(2)
	}

	name, err := addr.Path(addr.UnixDatagram, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fd, err := sock.Socket(sock.AF_UNIX, sock.SOCK_DGRAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sock.SendTo(fd, []byte(data), 0, name); err != nil {
		log.Fatal(err)
	}
	fd.Close()
}
