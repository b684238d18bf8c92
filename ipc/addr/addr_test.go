package addr

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	six := func(n Network, ap string) Addr { return Internet(n, netip.MustParseAddrPort(ap)) }
	for _, test := range []struct {
		name, text string
		want       Addr
		print      string // what String makes of it; "" where it is the text
	}{
		{"IPv4", "tcp:127.0.0.1:80", Internet(TCP, netip.MustParseAddrPort("127.0.0.1:80")), ""},
		{"IPv4 without a network is tcp", "127.0.0.1:80", six(TCP, "127.0.0.1:80"), "tcp:127.0.0.1:80"},
		{"IPv6", "tcp:[::1]:80", six(TCP, "[::1]:80"), ""},
		{"IPv6 without a network is tcp", "[::1]:80", six(TCP, "[::1]:80"), "tcp:[::1]:80"},
		{"IPv6 is printed as RFC 5952 wants", "[2001:DB8:0:0:0:0:0:1]:80", six(TCP, "[2001:db8::1]:80"), "tcp:[2001:db8::1]:80"},
		{"IPv4-mapped stays mapped", "tcp:[::ffff:192.0.2.1]:80", six(TCP, "[::ffff:192.0.2.1]:80"), ""},
		{"zone", "tcp:[fe80::1%eth0]:80", six(TCP, "[fe80::1%eth0]:80"), ""},
		{"zone by number", "udp:[fe80::1%2]:80", six(UDP, "[fe80::1%2]:80"), ""},
		{"zone that looks like the end", `tcp:[fe80::1%a]:1\x0a]:80`,
			Internet(TCP, netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone("a]:1\n"), 80)), ""},
		{"wildcard of IPv4", "udp:0.0.0.0:53", six(UDP, "0.0.0.0:53"), ""},
		{"wildcard of IPv6", "udp:[::]:53", six(UDP, "[::]:53"), ""},
		{"every address", "tcp:*:80", Any(TCP, 80), ""},
		{"every address by an empty host", ":80", Any(TCP, 80), "tcp:*:80"},
		{"every address by an empty host, with the network", "udp::80", Any(UDP, 80), "udp:*:80"},
		{"an AddrPort without an address is every address", "tcp:*:80", Internet(TCP, netip.AddrPortFrom(netip.Addr{}, 80)), ""},
		{"port 0", "tcp:127.0.0.1:0", six(TCP, "127.0.0.1:0"), ""},
		{"last port", "tcp:*:65535", Any(TCP, 65535), ""},
		{"port with zeros in front", "tcp:*:0080", Any(TCP, 80), "tcp:*:80"},
		{"host name", "tcp:www.Example.com:80", Addr{network: TCP, name: "www.Example.com", port: 80}, ""},
		{"host name without a network", "localhost:8080", Addr{network: TCP, name: "localhost", port: 8080}, "tcp:localhost:8080"},
		{"host name from the root", "tcp:example.com.:80", Addr{network: TCP, name: "example.com.", port: 80}, ""},
		{"host name with digits", "tcp:4d.1e100:80", Addr{network: TCP, name: "4d.1e100", port: 80}, ""},
		{"host that is called as a network is", "tcp:unix:80", Addr{network: TCP, name: "unix", port: 80}, ""},

		{"path", "unix:/run/x.sock", Addr{network: Unix, name: "/run/x.sock"}, ""},
		{"relative path", "unix:socket", Addr{network: Unix, name: "socket"}, ""},
		{"path with colons", "unix:/run/a:80", Addr{network: Unix, name: "/run/a:80"}, ""},
		{"path with spaces and letters of the world", "unix:/tmp/a b/π", Addr{network: Unix, name: "/tmp/a b/π"}, ""},
		{"path with control bytes", `unix:a\x0a\x1b[31m`, Addr{network: Unix, name: "a\n\x1b[31m"}, ""},
		{"path that is not UTF-8", `unix:\xff\xc3`, Addr{network: Unix, name: "\xff\xc3"}, ""},
		{"path with raw bytes that are not UTF-8", "unix:\xff", Addr{network: Unix, name: "\xff"}, `unix:\xff`},
		{"path that turns the line round", `unix:a\xe2\x80\xaeb`, Addr{network: Unix, name: "a\u202eb"}, ""},
		{"path with a replacement character", "unix:\uFFFD", Addr{network: Unix, name: "\uFFFD"}, ""},
		{"path with a backslash", `unix:C:\\x`, Addr{network: Unix, name: `C:\x`}, ""},
		{"path that begins with an at sign", `unix:\x40x@y`, Addr{network: Unix, name: "@x@y"}, ""},
		{"datagrams", "unix-dgram:/run/x", Addr{network: UnixDatagram, name: "/run/x"}, ""},
		{"sequenced packets", "unix-seqpacket:/run/x", Addr{network: UnixSeqPacket, name: "/run/x"}, ""},
		{"abstract", "unix:@name", Addr{network: Unix, name: "\x00name"}, ""},
		{"abstract with NUL", `unix-dgram:@a\x00b`, Addr{network: UnixDatagram, name: "\x00a\x00b"}, ""},
		{"abstract with an at sign", "unix:@@", Addr{network: Unix, name: "\x00@"}, ""},
		{"the empty abstract name", "unix:@", Addr{network: Unix, name: "\x00"}, ""},
		{"no name", "unix:", Unnamed(Unix), ""},
		{"longest path", "unix:" + strings.Repeat("p", maxPathBytes), Addr{network: Unix, name: strings.Repeat("p", maxPathBytes)}, ""},
		{"longest abstract name", "unix:@" + strings.Repeat("p", maxPathBytes), Addr{network: Unix, name: "\x00" + strings.Repeat("p", maxPathBytes)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil || got != test.want {
				t.Fatalf("Parse(%q) = %#v, %v; want %#v", test.text, got, err, test.want)
			}
			want := test.print
			if want == "" {
				want = test.text
			}
			if got.String() != want {
				t.Errorf("String() = %q, want %q", got.String(), want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
	}{
		{"nothing", "", `address "": the port is missing: write HOST:PORT`},
		{"port above 65535", "tcp:localhost:99999", `the port must be 0 to 65535, not "99999"`},
		{"port with a letter", "localhost:80a", `the port must be 0 to 65535, not "80a"`},
		{"port with a sign", "localhost:+80", `the port must be 0 to 65535, not "+80"`},
		{"negative port", "localhost:-1", `the port must be 0 to 65535, not "-1"`},
		{"port with an underscore", "localhost:8_0", `the port must be 0 to 65535, not "8_0"`},
		{"port far too long", "localhost:" + strings.Repeat("9", 1000), `" and 880 bytes more`},
		{"port empty", "localhost:", `the port must be 0 to 65535, not ""`},
		{"port as a service", "localhost:http", `the port must be 0 to 65535, not "http"`},
		{"port missing", "localhost", "the port is missing: write HOST:PORT"},
		{"port missing behind a network", "tcp:localhost", "the port is missing"},
		{"port missing behind brackets", "tcp:[::1]", "the port is missing"},
		{"IPv6 without brackets", "::1", "write [::1]:80"},
		{"IPv6 without brackets, with a port", "tcp:2001:db8:0:0:0:0:0:1:80", "write [::1]:80"},
		{"text behind the brackets", "[::1]x:80", "write [::1]:80"},
		{"IPv4 in brackets", "[127.0.0.1]:80", `"127.0.0.1" is not an IPv6 address`},
		{"a name in brackets", "[localhost]:80", `"localhost" is not an IPv6 address`},
		{"zone missing", "[fe80::1%]:80", "the zone behind % is missing"},
		{"zone of IPv4", "127.0.0.1%lo:80", "neither an IP address nor a host name"},
		{"IPv4 out of range", "256.1.1.1:80", "an IPv4 address is four numbers from 0 to 255"},
		{"IPv4 in three parts", "127.0.1:80", "an IPv4 address is four numbers from 0 to 255"},
		{"IPv4 with zeros in front", "127.0.0.01:80", "an IPv4 address is four numbers from 0 to 255"},
		{"IPv4 as one number", "2130706433:80", "an IPv4 address is four numbers from 0 to 255"},
		{"IPv4 in hexadecimal", "0x7F.0x0:80", "an IPv4 address is four numbers from 0 to 255"},
		{"host with a space", "local host:80", "it may hold letters, digits, hyphens and dots"},
		{"host with a slash", "http//x:80", "it may hold letters, digits, hyphens and dots"},
		{"host with an escape sequence", "\x1b[31m:80", `"\x1b[31m" is neither`},
		{"host with an empty label", "a..b:80", "between its dots stand 1 to 63 bytes"},
		{"host that is a dot", ".:80", "between its dots stand 1 to 63 bytes"},
		{"host with a long label", strings.Repeat("a", 64) + ":80", "between its dots stand 1 to 63 bytes"},
		{"host too long", strings.Repeat("a.", 127) + "com:80", "it has more than 253 bytes"},
		{"network unknown", "sctp:localhost:80", "no such network: write tcp:HOST:PORT, udp:HOST:PORT, unix:PATH"},
		{"network in capitals", "TCP:localhost:80", "no such network"},
		{"URL", "http://localhost:80", "no such network"},
		{"path too long", "unix:" + strings.Repeat("p", maxPathBytes+1), "bytes long; a socket's may have"},
		{"path with NUL", `unix:a\x00`, "the path holds a NUL byte"},
		{"abstract name too long", "unix:@" + strings.Repeat("p", maxPathBytes+1), "bytes long; it may have"},
		{"escape without a letter", `unix:a\`, `write \\ for a backslash`},
		{"escape unknown", `unix:a\n`, `write \\ for a backslash`},
		{"escape cut", `unix:a\x4`, `write \\ for a backslash`},
		{"escape with a sign", `unix:a\x+4`, `write \\ for a backslash`},
		{"escape that is not hexadecimal", `unix:a\x4g`, `write \\ for a backslash`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Parse(%q) = %v, %v; want an error with %q", test.text, got, err, test.want)
			}
			if got != (Addr{}) {
				t.Errorf("Parse(%q) = %v beside its error, want the zero Addr", test.text, got)
			}
		})
	}
}

func TestParts(t *testing.T) {
	type parts struct {
		network                 Network
		host, path, abstract    string
		ip                      string
		port                    uint16
		isAny, unnamed, isValid bool
	}
	for text, want := range map[string]parts{
		"tcp:example.com:80":  {network: TCP, host: "example.com", ip: "invalid IP", port: 80, isValid: true},
		"udp:192.0.2.1:53":    {network: UDP, ip: "192.0.2.1", port: 53, isValid: true},
		"tcp:*:443":           {network: TCP, ip: "invalid IP", port: 443, isAny: true, isValid: true},
		"tcp:[::]:443":        {network: TCP, ip: "::", port: 443, isValid: true},
		"unix:/run/x":         {network: Unix, path: "/run/x", ip: "invalid IP", isValid: true},
		"unix-dgram:@x":       {network: UnixDatagram, abstract: "x", ip: "invalid IP", isValid: true},
		"unix-seqpacket:":     {network: UnixSeqPacket, ip: "invalid IP", unnamed: true, isValid: true},
		"unix:" + `\x40run`:   {network: Unix, path: "@run", ip: "invalid IP", isValid: true},
		"":                    {ip: "invalid IP"},
		"tcp:[fe80::1%lo]:80": {network: TCP, ip: "fe80::1%lo", port: 80, isValid: true},
	} {
		t.Run(text, func(t *testing.T) {
			var a Addr
			if err := a.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			abstract, _ := a.Abstract()
			got := parts{a.Network(), a.Host(), a.Path(), abstract, a.AddrPort().Addr().String(), a.Port(), a.IsAny(), a.IsUnnamed(), a.IsValid()}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestFromHost(t *testing.T) {
	for _, test := range []struct{ host, want string }{
		{"::1", "tcp:[::1]:8080"},
		{"[::1]", "tcp:[::1]:8080"},
		{"fe80::1%eth0", "tcp:[fe80::1%eth0]:8080"},
		{"192.0.2.1", "tcp:192.0.2.1:8080"},
		{"localhost", "tcp:localhost:8080"},
		{"", "tcp:*:8080"},
		{"*", "tcp:*:8080"},
	} {
		if got, err := FromHost(TCP, test.host, 8080); err != nil || got.String() != test.want {
			t.Errorf("FromHost(%q) = %v, %v; want %s", test.host, got, err, test.want)
		}
	}
	for _, host := range []string{"[::1", "::1]", "::g", "a b", "[]", "1.2.3.4.5"} {
		if got, err := FromHost(TCP, host, 80); err == nil {
			t.Errorf("FromHost(%q) = %v, want an error", host, got)
		}
	}
}

func TestWithPort(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"tcp:[::1]:0", "tcp:[::1]:8080"},
		{"udp:*:1", "udp:*:8080"},
		{"unix:/x", "unix:/x"},
	} {
		if got := MustParse(test.text).WithPort(8080).String(); got != test.want {
			t.Errorf("%s with port 8080 is %s, want %s", test.text, got, test.want)
		}
	}
	if got := (Addr{}).WithPort(8080); got != (Addr{}) {
		t.Errorf("the zero Addr with a port is %#v, want the zero Addr", got)
	}
}

func TestZeroAddr(t *testing.T) {
	var a Addr
	if got, want := a.String(), "no address"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if _, err := a.AppendText(nil); err == nil {
		t.Error("AppendText made a text of the zero Addr")
	}
	if b, err := json.Marshal(map[string]Addr{"a": a, "b": Any(TCP, 1)}); err != nil || string(b) != `{"a":"","b":"tcp:*:1"}` {
		t.Errorf("JSON is %s, %v", b, err)
	}
}

// Text that cannot be read leaves the variable as it was, as encoding's
// decoders promise.
func TestUnmarshalTextKeepsOnError(t *testing.T) {
	a := Any(TCP, 80)
	if err := a.UnmarshalText([]byte("tcp:x")); err == nil || a != Any(TCP, 80) {
		t.Errorf("after an error a is %v, %v", a, err)
	}
}

func TestWrongNetworkPanics(t *testing.T) {
	for name, make := range map[string]func(){
		"Internet of unix": func() { Internet(Unix, netip.AddrPort{}) },
		"Any of none":      func() { Any(0, 80) },
		"FromHost of 9":    func() { FromHost(9, "x", 80) },
		"Path of tcp":      func() { Path(TCP, "/x") },
		"Abstract of udp":  func() { Abstract(UDP, "x") },
		"Unnamed of tcp":   func() { Unnamed(TCP) },
		"MustParse":        func() { MustParse("x") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "addr: ") {
					t.Errorf("panic with %q, want one that begins with the package", text)
				}
			}()
			make()
		})
	}
}

// FuzzParse holds that what Parse accepts prints as text that Parse accepts,
// with the same meaning, and that is harmless to a terminal.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"tcp:127.0.0.1:80", "[fe80::1%eth0]:80", ":0", "udp:*:65535", "unix:/run/x", `unix:\x40\\`, "unix-dgram:@a", "unix-seqpacket:",
		"localhost:80", "tcp:[::ffff:1.2.3.4%x]:1", "unix:\xff\x00", "a..b:80", "0x7f.1:80",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			checkPrintable(t, err.Error())
			return
		}
		checkRoundTrip(t, a)
	})
}

// FuzzName holds the same for every path and every abstract name.
func FuzzName(f *testing.F) {
	f.Add("/run/x")
	f.Add("@\\\x00\xff\u202e")
	f.Fuzz(func(t *testing.T, name string) {
		for _, n := range []Network{Unix, UnixDatagram, UnixSeqPacket} {
			if a, err := Path(n, name); err == nil {
				checkRoundTrip(t, a)
				if a.Path() != name {
					t.Errorf("Path() = %q, want %q", a.Path(), name)
				}
			}
			if a, err := Abstract(n, name); err == nil {
				checkRoundTrip(t, a)
				if got, ok := a.Abstract(); !ok || got != name {
					t.Errorf("Abstract() = %q, %v, want %q", got, ok, name)
				}
			}
		}
	})
}

// FuzzInternet holds the same for every IP address with every zone.
func FuzzInternet(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, "", uint16(80))
	f.Add([]byte("\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), `e]:1%\`, uint16(0))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01"), "z", uint16(9))
	f.Fuzz(func(t *testing.T, ip []byte, zone string, port uint16) {
		a, _ := netip.AddrFromSlice(ip)
		checkRoundTrip(t, Internet(TCP, netip.AddrPortFrom(a.WithZone(zone), port)))
	})
}

func checkRoundTrip(t *testing.T, a Addr) {
	t.Helper()
	text := a.String()
	checkPrintable(t, text)
	if again, err := Parse(text); err != nil || again != a {
		t.Errorf("%#v prints as %q, which reads as %#v, %v", a, text, again, err)
	}
}

func checkPrintable(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u202e' }) || !strings.Contains(strings.ToValidUTF8(text, ""), text) {
		t.Errorf("%q is not fit for a terminal", text)
	}
}
