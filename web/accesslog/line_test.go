package accesslog

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"xanadu/web"
)

var noon = time.Date(2019, 10, 28, 12, 12, 12, 345, time.UTC)

func TestAppendLine(t *testing.T) {
	peer := netip.MustParseAddrPort
	eastern := time.FixedZone("EST", -5*3600)
	for _, c := range []struct {
		name string
		rec  web.Record
		want string
	}{
		{"the manual's first",
			web.Record{Peer: peer("155.246.89.8:40000"), Time: noon, Line: []byte("GET / HTTP/1.0"), Status: 200, Bytes: 1406},
			`155.246.89.8 2019-10-28T12:12:12Z "GET / HTTP/1.0" 200 1406`},
		{"the manual's second",
			web.Record{Peer: peer("[2001::fe72:3900]:1"), Time: noon, Line: []byte("GET /file HTTP/1.0"), Status: 404, Bytes: 312},
			`2001::fe72:3900 2019-10-28T12:12:12Z "GET /file HTTP/1.0" 404 312`},
		{"IPv4 client of an IPv6 socket",
			web.Record{Peer: peer("[::ffff:127.0.0.1]:9"), Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 304},
			`127.0.0.1 2019-10-28T12:12:12Z "GET / HTTP/1.1" 304 0`},
		{"link-local address with its zone",
			web.Record{Peer: peer("[fe80::1%eth0]:9"), Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 200},
			`fe80::1%eth0 2019-10-28T12:12:12Z "GET / HTTP/1.1" 200 0`},
		{"zone with a line end",
			web.Record{Peer: peer("[fe80::1%e\n\"]:9"), Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 200},
			`fe80::1%e\x0a\x22 2019-10-28T12:12:12Z "GET / HTTP/1.1" 200 0`},
		{"UNIX socket",
			web.Record{Time: noon, Line: []byte("GET / HTTP/1.1"), Status: 200, Bytes: 1 << 40},
			`127.0.0.1 2019-10-28T12:12:12Z "GET / HTTP/1.1" 200 1099511627776`},
		{"local time is turned into GMT",
			web.Record{Time: time.Date(2023, 12, 31, 23, 59, 59, 0, eastern), Line: []byte("GET / HTTP/1.1"), Status: 200},
			`127.0.0.1 2024-01-01T04:59:59Z "GET / HTTP/1.1" 200 0`},
		{"no request line",
			web.Record{Time: noon, Status: 408}, `127.0.0.1 2019-10-28T12:12:12Z "-" 408 0`},
		{"a request line that is a dash",
			web.Record{Time: noon, Line: []byte("-"), Status: 400}, `127.0.0.1 2019-10-28T12:12:12Z "\x2d" 400 0`},
		{"quotes, backslash, controls, UTF-8",
			web.Record{Time: noon, Line: []byte("GET /\"\\x22\r\n\t\x1b[2J\x7f\x00é HTTP/1.1"), Status: 400},
			`127.0.0.1 2019-10-28T12:12:12Z "GET /\x22\x5cx22\x0d\x0a\x09\x1b[2J\x7f\x00\xc3\xa9 HTTP/1.1" 400 0`},
		{"as long as is shown",
			web.Record{Time: noon, Line: bytes.Repeat([]byte("a"), maxLine), Status: 414},
			`127.0.0.1 2019-10-28T12:12:12Z "` + strings.Repeat("a", maxLine) + `" 414 0`},
		{"one longer",
			web.Record{Time: noon, Line: bytes.Repeat([]byte("\n"), maxLine+1), Status: 414},
			`127.0.0.1 2019-10-28T12:12:12Z "` + strings.Repeat(`\x0a`, maxLine) + `\..." 414 0`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(AppendLine([]byte("before "), &c.rec))
			if want := "before " + c.want + "\n"; got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// The time has to be what the time package prints, on every kind of day.
func TestTimeAsFormatted(t *testing.T) {
	for _, at := range []time.Time{
		noon,
		time.Unix(0, 0),
		time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC),
		time.Date(2100, 2, 28, 23, 59, 59, 999999999, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC),
		{},
	} {
		got, want := string(appendTime(nil, at)), at.UTC().Format("2006-01-02T15:04:05Z")
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
