// Socketpair has a parent and its child each send a line to the other over a
// pair of connected sockets.
//
// Slide: Sockets: socketpair(2).
// Shows: two sockets without names, connected and indistinguishable; bytes go
// both ways, and those that were sent wait until they are read. The exercise:
// what other domains, types and protocols do.
// Try: -type seqpacket, -domain inet (and look up the errno), and -all for the
// table of what this kernel makes of each combination.
// Calls: socketpair, sendto, clone and execve of the child, close, waitid and
// wait4, recvfrom; in the child sendto, recvfrom.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"text/tabwriter"

	"xanadu/ipc"
	"xanadu/ipc/proc"
	"xanadu/ipc/sock"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("socketpair: ")
	domain, typ := sock.AF_UNIX, sock.SOCK_STREAM
	flag.Func("domain", "a `name` or number, as unix", func(text string) (err error) {
		domain, err = sock.ParseDomain(text)
		return err
	})
	flag.Func("type", "a `name` or number, as stream, dgram, seqpacket", func(text string) (err error) {
		typ, err = sock.ParseType(text)
		return err
	})
	protocol := flag.Int("protocol", 0, "a `number`; 0 is the usual one of the domain and type")
	all := flag.Bool("all", false, "print a table of all combinations")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: socketpair [-domain name] [-type name] [-protocol number] | -all")
		flag.PrintDefaults()
	}
	flag.Parse()

	switch {
	case flag.Arg(0) == "child":
		child()
	case flag.NArg() != 0:
		flag.Usage()
		os.Exit(2)
	case *all:
		table()
	default:
		parent(domain, typ, *protocol)
	}
}

func parent(domain sock.Domain, typ sock.Type, protocol int) {
	ours, theirs, err := sock.Socketpair(domain, typ, protocol)
	if err != nil {
		log.Fatalf("%v (%s)", err, ipc.ErrnoName(err))
	}
	send(ours, "In Xanadu, did Kubla Khan . . .")
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	p, err := proc.Start(&proc.Program{
		Path:  self,
		Args:  []string{"socketpair", "child"},
		Env:   os.Environ(),
		Stdio: proc.Stdio{In: theirs, Out: ipc.NewFD(1), Err: ipc.NewFD(2)},
		Group: proc.ParentsGroup,
	})
	if err != nil {
		log.Fatal(err)
	}
	theirs.Close()
	if _, err := p.Wait(); err != nil {
		log.Fatal(err)
	}
	receive(ours)
}

// child is the other process, whose end of the pair is descriptor 0.
func child() {
	theirs := ipc.NewFD(0)
	send(theirs, "A stately pleasure dome decree . . .")
	receive(theirs)
}

func send(fd *ipc.FD, text string) {
	fmt.Printf("%d --> sending: %s\n", os.Getpid(), text)
	if _, err := sock.Send(fd, []byte(text), 0); err != nil {
		log.Fatal(err)
	}
}

func receive(fd *ipc.FD) {
	buf := make([]byte, 1024)
	n, err := sock.Recv(fd, buf, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d --> reading: %s\n", os.Getpid(), ipc.Printable(buf[:n]))
}

// table prints a row for each domain and type, and what socketpair(2) says of
// them with some protocols: the usual one, AF_UNIX's own and IPPROTO_ICMP, TCP
// and UDP.
func table() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "domain\ttype\tprotocol 0\t1\t6\t17")
	for _, d := range sock.Domains() {
		for _, t := range sock.Types() {
			fmt.Fprintf(w, "%v\t%v\t%s\t%s\t%s\t%s\n", d, t, outcome(d, t, 0), outcome(d, t, 1), outcome(d, t, 6), outcome(d, t, 17))
		}
	}
	w.Flush()
}

// outcome returns "ok", the type that the kernel made if it is another one, or
// the errno.
func outcome(d sock.Domain, t sock.Type, protocol int) string {
	a, b, err := sock.Socketpair(d, t, protocol)
	if err != nil {
		return ipc.ErrnoName(err)
	}
	defer a.Close()
	defer b.Close()
	if made, err := sock.SO_TYPE.Get(a); err == nil && made != t {
		return "ok: " + made.String()
	}
	return "ok"
}
