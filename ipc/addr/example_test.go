package addr_test

import (
	"fmt"
	"net/netip"

	"xanadu/ipc/addr"
)

func Example() {
	for _, text := range []string{"[::1]:80", ":8080", "unix:/run/sws.sock", "localhost:80a"} {
		a, err := addr.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(a)
	}
	// Output:
	// tcp:[::1]:80
	// tcp:*:8080
	// unix:/run/sws.sock
	// address "localhost:80a": the port must be 0 to 65535, not "80a"
}

// A host name is kept as it is; whoever resolves it puts the result together
// with the rest.
func ExampleAddr_Host() {
	a := addr.MustParse("udp:ns.example.com:53")
	resolved := netip.MustParseAddr("192.0.2.53") // the answer of a resolver for a.Host()
	fmt.Println(a.Host(), addr.Internet(a.Network(), netip.AddrPortFrom(resolved, a.Port())))
	// Output: ns.example.com udp:192.0.2.53:53
}

// Bytes that a terminal would act on are written as escapes.
func ExamplePath() {
	a, err := addr.Path(addr.UnixDatagram, "a\x1b[2Jb")
	fmt.Println(a, err)
	// Output: unix-dgram:a\x1b[2Jb <nil>
}
