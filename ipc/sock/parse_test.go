package sock_test

import (
	"slices"
	"strings"
	"testing"

	"xanadu/ipc/sock"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]sock.Domain{
		"unix": sock.AF_UNIX, "AF_UNIX": sock.AF_UNIX, "PF_LOCAL": sock.AF_UNIX, "local": sock.AF_UNIX,
		"inet": sock.AF_INET, "Af_Inet6": sock.AF_INET6, "12345": 12345, "-1": -1,
	} {
		if got, err := sock.ParseDomain(text); got != want || err != nil {
			t.Errorf("domain %q: %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]sock.Type{
		"stream": sock.SOCK_STREAM, "SOCK_DGRAM": sock.SOCK_DGRAM, "SeqPacket": sock.SOCK_SEQPACKET,
		"raw": sock.SOCK_RAW, "rdm": sock.SOCK_RDM, "77": 77,
	} {
		if got, err := sock.ParseType(text); got != want || err != nil {
			t.Errorf("type %q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "AF_", "AF_AF_UNIX", "UNIXES", "1.5", "0x1", "99999999999", "stream"} {
		if got, err := sock.ParseDomain(text); err == nil || !strings.Contains(err.Error(), "AF_UNIX, AF_INET") {
			t.Errorf("domain %q: %v, %v, want an error that lists them", text, got, err)
		}
	}
	for _, text := range []string{"", "SOCK_", "AF_STREAM", "unix", "stream "} {
		if got, err := sock.ParseType(text); err == nil || !strings.Contains(err.Error(), "SOCK_STREAM, SOCK_DGRAM") {
			t.Errorf("type %q: %v, %v, want an error that lists them", text, got, err)
		}
	}
}

// What has a name is listed, and its name is read as it is written.
func TestNamesAreRead(t *testing.T) {
	domains, types := sock.Domains(), sock.Types()
	if !slices.Contains(domains, sock.AF_INET6) || !slices.IsSorted(domains) || !slices.IsSorted(types) {
		t.Errorf("domains %v and types %v", domains, types)
	}
	for _, d := range domains {
		if got, err := sock.ParseDomain(d.String()); got != d || err != nil {
			t.Errorf("%v is read as %v, %v", d, got, err)
		}
	}
	for _, typ := range types {
		if got, err := sock.ParseType(typ.String()); got != typ || err != nil {
			t.Errorf("%v is read as %v, %v", typ, got, err)
		}
	}
}
