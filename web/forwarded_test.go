package web

import (
	"net/netip"
	"testing"
)

// fieldsOf makes fields of names and values in turn.
func fieldsOf(text ...string) []Field {
	var fields []Field
	for i := 0; i < len(text); i += 2 {
		fields = append(fields, Field{Name: []byte(text[i]), Value: []byte(text[i+1])})
	}
	return fields
}

func TestClient(t *testing.T) {
	const xff, fwd = "X-Forwarded-For", "Forwarded"
	local := Proxies{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	unix := Proxies{Unix: true}
	for _, c := range []struct {
		name    string
		proxies Proxies
		peer    string // "": a UNIX socket
		fields  []Field
		want    string // "": a UNIX socket
	}{
		{"trusts nobody", Proxies{}, "127.0.0.1:1", fieldsOf(xff, "192.0.2.1"), "127.0.0.1:1"},
		{"trusts nobody, UNIX", Proxies{}, "", fieldsOf(xff, "192.0.2.1"), ""},
		{"another peer", local, "192.0.2.9:1", fieldsOf(xff, "192.0.2.1", fwd, "for=192.0.2.1"), "192.0.2.9:1"},
		{"a TCP peer where UNIX is trusted", unix, "127.0.0.1:1", fieldsOf(xff, "192.0.2.1"), "127.0.0.1:1"},
		{"a UNIX peer where TCP is trusted", local, "", fieldsOf(xff, "192.0.2.1"), ""},
		{"nothing said", local, "127.0.0.1:1", fieldsOf("Accept", "*/*"), "127.0.0.1:1"},
		{"nothing said, UNIX", unix, "", nil, ""},

		{"one hop", local, "127.0.0.1:1", fieldsOf(xff, "192.0.2.1"), "192.0.2.1:0"},
		{"one hop, UNIX", unix, "", fieldsOf(xff, "192.0.2.1"), "192.0.2.1:0"},
		{"the name's case", unix, "", fieldsOf("x-FORWARDED-for", "192.0.2.1"), "192.0.2.1:0"},
		{"a mapped peer", local, "[::ffff:127.0.0.1]:1", fieldsOf(xff, "192.0.2.1"), "192.0.2.1:0"},
		{"a peer with a zone", Proxies{Prefixes: []netip.Prefix{netip.MustParsePrefix("fe80::/10")}}, "[fe80::1%eth0]:1", fieldsOf(xff, "192.0.2.1"), "192.0.2.1:0"},
		{"the nearest that is not trusted", local, "127.0.0.1:1", fieldsOf(xff, "198.51.100.1, 192.0.2.1,10.1.2.3 ,\tfd00::1"), "192.0.2.1:0"},
		{"UNIX trusts no address", unix, "", fieldsOf(xff, "198.51.100.1, 10.1.2.3"), "10.1.2.3:0"},
		{"all are trusted", local, "127.0.0.1:1", fieldsOf(xff, "10.0.0.9, 10.0.0.1"), "10.0.0.9:0"},
		{"several fields", local, "127.0.0.1:1", fieldsOf(xff, "198.51.100.1, 192.0.2.1", "A", "b", xff, "10.1.2.3"), "192.0.2.1:0"},
		{"IPv6", unix, "", fieldsOf(xff, "2001:db8::1"), "[2001:db8::1]:0"},
		{"IPv6 and a port", unix, "", fieldsOf(xff, "[2001:db8::1]:4711"), "[2001:db8::1]:4711"},
		{"IPv4 and a port", unix, "", fieldsOf(xff, "192.0.2.1:4711"), "192.0.2.1:4711"},
		{"IPv4 in IPv6", unix, "", fieldsOf(xff, "::ffff:192.0.2.1"), "192.0.2.1:0"},

		{"rubbish", unix, "", fieldsOf(xff, "x"), ""},
		{"no value", unix, "", fieldsOf(xff, ""), ""},
		{"an empty element", unix, "", fieldsOf(xff, "198.51.100.1,"), ""},
		{"an empty field behind", unix, "", fieldsOf(xff, "198.51.100.1", xff, ""), ""},
		{"rubbish behind a good hop", local, "127.0.0.1:1", fieldsOf(xff, "198.51.100.1, unknown, 10.0.0.1"), "10.0.0.1:0"},
		{"rubbish behind an untrusted hop", local, "127.0.0.1:1", fieldsOf(xff, "\"<, 192.0.2.1"), "192.0.2.1:0"},
		{"a zone", unix, "", fieldsOf(xff, "fe80::1%\x1b[31m"), ""},

		{"Forwarded", unix, "", fieldsOf(fwd, "for=192.0.2.1"), "192.0.2.1:0"},
		{"Forwarded, other parameters", unix, "", fieldsOf(fwd, `by=10.0.0.1;For=192.0.2.1 ; proto=https;host="a,b;for=x\""`), "192.0.2.1:0"},
		{"Forwarded, IPv6", unix, "", fieldsOf(fwd, `for="[2001:db8:cafe::17]:4711"`), "[2001:db8:cafe::17]:4711"},
		{"Forwarded, IPv6 without a port", unix, "", fieldsOf(fwd, `for="[2001:db8:cafe::17]"`), "[2001:db8:cafe::17]:0"},
		{"Forwarded, IPv6 without quotes", unix, "", fieldsOf(fwd, `for=[2001:db8:cafe::17]`), "[2001:db8:cafe::17]:0"},
		{"Forwarded, quoted", unix, "", fieldsOf(fwd, `for="192.0.2.1:80"`), "192.0.2.1:80"},
		{"Forwarded, an obfuscated port", unix, "", fieldsOf(fwd, `for="192.0.2.1:_p"`), "192.0.2.1:0"},
		{"Forwarded, unknown", unix, "", fieldsOf(fwd, "for=198.51.100.1, for=unknown"), ""},
		{"Forwarded, obfuscated", unix, "", fieldsOf(fwd, "for=198.51.100.1, for=_hidden"), ""},
		{"Forwarded, nobody", unix, "", fieldsOf(fwd, "for=198.51.100.1, by=10.0.0.1"), ""},
		{"Forwarded, twice", unix, "", fieldsOf(fwd, "for=198.51.100.1;for=192.0.2.1"), ""},
		{"Forwarded, a list", local, "127.0.0.1:1", fieldsOf(fwd, `for=198.51.100.1, for="192.0.2.1";host="a,b" , for=10.0.0.1;proto=http`), "192.0.2.1:0"},
		{"Forwarded, several fields", local, "127.0.0.1:1", fieldsOf(fwd, "for=192.0.2.1", fwd, "for=10.0.0.1"), "192.0.2.1:0"},
		{"Forwarded, half a string in front", local, "127.0.0.1:1", fieldsOf(fwd, `for="198.51.100.1, for=192.0.2.1`), "192.0.2.1:0"},
		{"Forwarded, half a string in front, and a comma in one", local, "127.0.0.1:1", fieldsOf(fwd, `for=", for=192.0.2.1;host="a\",b"`), "192.0.2.1:0"},
		{"Forwarded, half an element in a field", local, "127.0.0.1:1", fieldsOf(fwd, `for="198.51.100.1`, fwd, `for=192.0.2.1`), "192.0.2.1:0"},

		{"both", unix, "", fieldsOf(fwd, "for=198.51.100.1", xff, "192.0.2.1"), "192.0.2.1:0"},
		{"both, and one is rubbish", unix, "", fieldsOf(fwd, "for=198.51.100.1", xff, "unknown"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var peer, want netip.AddrPort
			if c.peer != "" {
				peer = netip.MustParseAddrPort(c.peer)
			}
			if c.want != "" {
				want = netip.MustParseAddrPort(c.want)
			}
			if got := c.proxies.Client(peer, c.fields); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			if n := testing.AllocsPerRun(10, func() { c.proxies.Client(peer, c.fields) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// addresses are texts that are addresses, and some that are nearly.
var addresses = []string{
	"", "0.0.0.0", "192.0.2.1", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1..2.3", "1.2.3.4.", "1.2.3.0004",
	"::", "::1", "1::", "1::2", ":", ":::", "1:::2", "::1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4", "::ffff:1.2.3.4", "1.2.3.4::", "::1.2.3.4:5",
	"12345::", "g::", "fE80::Ab", "1:", ":1", "::%", "fe80::1%eth0", "[::1]", "1::2:", "2001:db8::1:2:3:4:5:6", "2001:db8:0:0:1:2:3::",
}

// parseIPv4 and parseIPv6 take what netip.ParseAddr takes, but for zones.
func checkAddress(t *testing.T, text string) {
	t.Helper()
	want, err := netip.ParseAddr(text)
	wantOK := err == nil && want.Zone() == ""
	four, is4 := parseIPv4([]byte(text))
	six, is6 := parseIPv6([]byte(text))
	got := six
	if is4 {
		got = netip.AddrFrom4(four)
	}
	if is4 && is6 || (is4 || is6) != wantOK || wantOK && got != want {
		t.Errorf("%q: IPv4 %v %v, IPv6 %v %v, want %v %v", text, four, is4, six, is6, want, err)
	}
}

func TestParseAddress(t *testing.T) {
	for _, text := range addresses {
		checkAddress(t, text)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range addresses {
		f.Add(text)
	}
	f.Fuzz(checkAddress)
}

// Whatever a client sends, the hop that the proxy appends is the client.
func FuzzClient(f *testing.F) {
	for _, text := range []string{"", "192.0.2.1", `for="[::1]:1"`, `for="`, `\`, `a="\"`, ",", `";for=10.0.0.1`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := Proxies{Unix: true, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		want := netip.MustParseAddrPort("192.0.2.77:0")
		for name, appended := range map[string]string{
			"X-Forwarded-For": ", 192.0.2.77, 10.1.2.3",
			"Forwarded":       `, proto=http;for=192.0.2.77;host="a,b\"", for="10.1.2.3:99"`,
		} {
			p.Client(netip.AddrPort{}, fieldsOf(name, text))
			if got := p.Client(netip.AddrPort{}, fieldsOf(name, text+appended)); got != want {
				t.Errorf("%s: %q: got %v, want %v", name, text+appended, got, want)
			}
			if got := p.Client(netip.AddrPort{}, fieldsOf(name, text, name, appended[2:])); got != want {
				t.Errorf("%s: %q and %q: got %v, want %v", name, text, appended[2:], got, want)
			}
		}
	})
}
