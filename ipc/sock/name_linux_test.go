package sock

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc/addr"
)

// The forms are those of <netinet/in.h> and <sys/un.h>.
func TestNameInMemory(t *testing.T) {
	for _, test := range []struct {
		addr string
		want string // the little-endian form
	}{
		{"tcp:127.0.0.1:8080", "\x02\x00\x1f\x90\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"tcp:[fe80::1%7]:80", "\x0a\x00\x00\x50\x00\x00\x00\x00\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x07\x00\x00\x00"},
		{"unix:/x", "\x01\x00/x\x00"},
		{`unix:\x40x`, "\x01\x00@x\x00"},
		{`unix:@x\x00y`, "\x01\x00\x00x\x00y"},
		{"unix:@", "\x01\x00\x00"},
		{"unix:", "\x01\x00"},
	} {
		got, err := appendName(nil, -1, addr.MustParse(test.addr))
		if err != nil {
			t.Fatal(err)
		}
		want := []byte(test.want)
		if bytes.Equal(got, want) {
			continue
		}
		// A big-endian machine has the family and the zone the other way round.
		want[0], want[1] = want[1], want[0]
		if len(want) == unix.SizeofSockaddrInet6 {
			want[24], want[27] = want[27], want[24]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is %q, want %q", test.addr, got, test.want)
		}
	}
}

func TestZoneByName(t *testing.T) {
	fd, err := Socket(AF_INET6, SOCK_DGRAM, 0)
	if err != nil {
		t.Skip("this host has no IPv6: ", err)
	}
	defer fd.Close()
	if n, err := zoneIndex(fd.Number(), "lo"); n == 0 || err != nil {
		t.Errorf("the interface lo has number %d, %v", n, err)
	}
	for _, zone := range []string{"xanadu0", strings.Repeat("x", 100), "4294967296"} {
		if n, err := zoneIndex(fd.Number(), zone); err == nil || !strings.Contains(err.Error(), "interface ") {
			t.Errorf("the interface %s has number %d, %v", zone, n, err)
		}
	}
}

func TestParseNameErrors(t *testing.T) {
	for name, b := range map[string]string{
		"one byte":      "\x02",
		"IPv4 cut":      "\x02\x00\x00\x50\x7f\x00\x00",
		"IPv6 cut":      "\x0a\x00\x00\x50\x00\x00\x00\x00\xfe\x80",
		"netlink":       "\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"path too long": "\x01\x00" + strings.Repeat("p", 108),
	} {
		if a, err := parseName([]byte(b), SOCK_STREAM); err == nil {
			t.Errorf("%s: %v, want an error", name, a)
		}
	}
}

// FuzzParseName holds that an address from the kernel that can be read is
// written the same way again, but for what has no meaning: what follows.
func FuzzParseName(f *testing.F) {
	for _, a := range []string{"tcp:127.0.0.1:80", "tcp:[fe80::1%7]:80", "unix:/x", "unix:@x", "unix:"} {
		b, err := appendName(nil, -1, addr.MustParse(a))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, int(SOCK_STREAM))
	}
	f.Fuzz(func(t *testing.T, b []byte, typ int) {
		if len(b) > sys.NameBytes {
			b = b[:sys.NameBytes]
		}
		a, err := parseName(b, Type(typ))
		if err != nil || !a.IsValid() {
			return
		}
		again, err := appendName(nil, -1, a)
		if err != nil {
			t.Fatalf("%q is %v, which cannot be written: %v", b, a, err)
		}
		if a2, err := parseName(again, Type(typ)); err != nil || a2 != a {
			t.Errorf("%q is %v, which is written as %q and read as %v, %v", b, a, again, a2, err)
		}
		if text, err := addr.Parse(a.String()); err != nil || text.WithPort(0) != a.WithPort(0) {
			t.Errorf("%q is %v, whose text reads as %v, %v", b, a, text, err)
		}
	})
}

// FuzzAppendName holds the other direction.
func FuzzAppendName(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(80), "/x")
	f.Add(make([]byte, 16), uint16(80), "\x00")
	f.Fuzz(func(t *testing.T, ip []byte, port uint16, name string) {
		var list []addr.Addr
		if ip, ok := netip.AddrFromSlice(ip); ok {
			list = append(list, addr.Internet(addr.UDP, netip.AddrPortFrom(ip, port)))
		}
		if a, err := addr.Path(addr.UnixDatagram, name); err == nil {
			list = append(list, a)
		}
		if a, err := addr.Abstract(addr.UnixDatagram, name); err == nil {
			list = append(list, a)
		}
		for _, a := range list {
			b, err := appendName(nil, -1, a)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := parseName(b, SOCK_DGRAM); err != nil || again != a {
				t.Errorf("%v is written as %q and read as %v, %v", a, b, again, err)
			}
		}
	})
}
