// Sockopt shows the options of a socket, explains one, or sets one and reads back
// what the kernel keeps.
//
// Slide: Sockets: Other Useful Functions.
// Shows: the lecture's table, and after it the other options that such a socket has.
// The kernel may keep another value than the one that it was asked for.
// Try: SO_RCVBUF 10000, SO_LINGER 1500ms, SO_TYPE 2; SO_DEBUG on, as root and not as
// root; -type dgram SO_RCVBUF; -domain inet6 alone; -domain unix SO_REUSEPORT on.
// Calls: socket; getsockopt of each option, or setsockopt and getsockopt.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"text/tabwriter"

	"xanadu/ipc"
	"xanadu/ipc/sock"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("sockopt: ")
	domain, typ := sock.AF_INET, sock.SOCK_STREAM
	flag.Func("domain", "a `name` or number, as unix, inet6; inet is the default", func(text string) (err error) {
		domain, err = sock.ParseDomain(text)
		return err
	})
	flag.Func("type", "a `name` or number, as dgram; stream is the default", func(text string) (err error) {
		typ, err = sock.ParseType(text)
		return err
	})
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: sockopt [-domain name] [-type name] [option [value]]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 2 {
		flag.Usage()
		os.Exit(2)
	}

	fd, err := sock.Socket(domain, typ, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer fd.Close()
	if flag.NArg() == 0 {
		table(fd)
		return
	}
	option, ok := sock.Lookup(flag.Arg(0))
	if !ok {
		log.Fatalf("there is no option %q", flag.Arg(0))
	}
	if flag.NArg() == 1 {
		explain(option, fd)
		return
	}
	kept, err := option.SetText(fd, flag.Arg(1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("asked for %s, kept %s\n", flag.Arg(1), kept)
}

// table prints a row for each option that the socket has.
func table(fd *ipc.FD) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, option := range sock.Table() {
		if value, err := option.Text(fd); err == nil {
			fmt.Fprintf(w, "%s\t%s\t%s\n", option.Describe().Name, value, option.Describe().Does)
		}
	}
	w.Flush()
}

// explain prints what is known of an option.
func explain(option sock.Entry, fd *ipc.FD) {
	value, err := option.Text(fd)
	if err != nil {
		log.Fatal(err)
	}
	info := option.Describe()
	fmt.Printf("%s is %s\n", info.Name, value)
	for _, fact := range []struct{ what, text string }{
		{"does", info.Does}, {"note", info.Note}, {"needs", info.Needs}, {"sysctl", info.Sysctl},
	} {
		if fact.text != "" {
			fmt.Printf("%-8s%s\n", fact.what, fact.text)
		}
	}
}
