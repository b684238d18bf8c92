// Dgramsend sends one datagram to a host and port, over IPv4 or IPv6.
//
// Slide: Sockets: Datagrams in the Internet Domain.
// Shows: no connection, and no word of whether somebody was there to read.
// The datagram goes to the first address that the resolver finds for the host;
// -4 and -6 have it look for one version of IP alone.
// Try: dgramsend localhost 9 with nobody there; tcpdump(8) of the port.
// Calls: those of the resolver, socket, sendto, close.
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

	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

const data = "The sea is calm tonight, the tide is full..."

func main() {
	log.SetFlags(0)
	log.SetPrefix("dgramsend: ")
	version := "ip"
	flag.BoolFunc("4", "IPv4 alone", func(string) error { version = "ip4"; return nil })
	flag.BoolFunc("6", "IPv6 alone", func(string) error { version = "ip6"; return nil })
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: dgramsend [-4 | -6] host port")
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
	ip, domain := ips[0].Unmap().WithZone(zone), sock.AF_INET6
	if ip.Is4() {
		domain = sock.AF_INET
	}
	fd, err := sock.Socket(domain, sock.SOCK_DGRAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sock.SendTo(fd, []byte(data), 0, addr.Internet(addr.UDP, netip.AddrPortFrom(ip, port))); err != nil {
		log.Fatal(err)
	}
	fd.Close()
}
