// Udgramread receives one datagram under a name in the file system.
//
// Slide: Sockets: Datagrams in the UNIX/LOCAL domain.
// Shows: a socket that is bound to a name; the file is for meeting only, no byte
// goes through it; it stays until somebody unlinks it, so ^C does that here too.
// Try: "ls -l socket" while it waits, udgramsend socket, kill -9 and a new start.
// Calls: socket, bind, lstat, getsockname, recvfrom, lstat, unlink, close.
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("udgramread: ")

	stop := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if !signal.Ignored(s) { // as by nohup(1)
			signal.Notify(stop, s)
		}
	}
	reader, err := sock.BindDatagram(addr.MustParse("unix-dgram:socket"), &sock.Options{Blocking: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("socket --> %s\n", reader.Addr().Path())

	buf := make([]byte, 1024) // what does not fit of a datagram is lost
	var n int
	received := make(chan error, 1)
	go func() {
		var err error
		n, err = sock.Recv(reader.FD(), buf, 0)
		received <- err
	}()
	select {
	case err = <-received:
		reader.Close() // and unlink
	case s := <-stop:
		reader.Close()
		die(s.(syscall.Signal))
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("--> %s\n", ipc.Printable(buf[:n]))
}

// die ends the process by the signal, for its parent to see.
func die(s syscall.Signal) {
	signal.Reset(s)
	syscall.Kill(os.Getpid(), s)
	select {} // until it has come
}
