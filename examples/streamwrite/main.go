// Streamwrite connects to a host and port and sends half a line.
//
// Slide: Sockets: Connections using stream sockets.
// Shows: a client that asks for a connection, over IPv4 or IPv6: it tries the
// addresses that the resolver finds for the host until one answers; -4 and -6
// have it look for one version of IP alone.
// Try: a port where nobody listens; streamwrite -4 localhost to streamread -6; a
// neighbour's address and the line to it, as fe80::2%eth0.
// Calls: those of the resolver, for each address socket and connect, then sendto
// and close.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"strings"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

const data = "Half a league, half a league . . ."

func main() {
	log.SetFlags(0)
	log.SetPrefix("streamwrite: ")
	version := "ip"
	flag.BoolFunc("4", "IPv4 alone", func(string) error { version = "ip4"; return nil })
	flag.BoolFunc("6", "IPv6 alone", func(string) error { version = "ip6"; return nil })
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: streamwrite [-4 | -6] host port")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}

	host, zone, _ := strings.Cut(flag.Arg(0), "%") // the resolver would drop the zone
	ips, err := net.DefaultResolver.LookupNetIP(context.Background(), version, host)
	if err != nil {
		log.Fatal(err)
	}
	port, err := addr.ParsePort(flag.Arg(1))
	if err != nil {
		log.Fatal(err)
	}
	var fd *ipc.FD
	for _, ip := range ips {
		to := addr.Internet(addr.TCP, netip.AddrPortFrom(ip.Unmap().WithZone(zone), port))
		if fd, err = sock.Connect(to, &sock.Options{Blocking: true}); err == nil {
			break
		}
		log.Print(err)
	}
	if err != nil {
		os.Exit(1)
	}
	if _, err := sock.Send(fd, []byte(data), 0); err != nil {
		log.Fatal(err)
	}
	fd.Close()
}
