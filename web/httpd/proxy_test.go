package httpd_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"xanadu/web"
	"xanadu/web/httpd"
)

// peerLog is a log of who asked for what.
type peerLog struct{ *shownHeads }

func (peerLog) Append(dst []byte, rec *web.Record) []byte {
	return fmt.Appendf(dst, "%v: %s\n", rec.Peer, rec.Line)
}

// Who a trusted peer asks for is the client, request by request: to the log, also
// of what stands in the cache, and to programs. A head that was not understood is
// the peer's own.
func TestTrustProxy(t *testing.T) {
	scripts := map[string]string{"addr": plainHead + `echo "$REMOTE_ADDR $REMOTE_HOST $REMOTE_PORT"`}
	log := peerLog{newShownHeads()}
	s := play(t, scripts, httpd.Options{Log: log,
		TrustProxy: web.Proxies{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	c := s.dial()
	peer := c.LocalAddr().String()
	ask := func(target, fields string) string {
		t.Helper()
		c.write("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")
		return c.result("GET").body
	}
	for _, n := range []string{"1", "2", "3"} {
		ask("/hello.txt", "X-Forwarded-For: 198.51.100.1, 192.0.2."+n+"\r\n")
	}
	ask("/hello.txt", "")
	if got := ask("/cgi-bin/addr", "Forwarded: for=\"[2001:db8::1]:4711\"\r\n"); got != "2001:db8::1 2001:db8::1 4711\n" {
		t.Errorf("the program sees %q", got)
	}
	if got := ask("/cgi-bin/addr", "X-Forwarded-For: 192.0.2.4\r\n"); got != "192.0.2.4 192.0.2.4 0\n" {
		t.Errorf("the program sees %q", got)
	}
	c.write("GET /x HTTP/1.1\r\nX-Forwarded-For: 192.0.2.5\r\n\r\n")
	c.all()
	want := []string{
		"192.0.2.1:0: GET /hello.txt HTTP/1.1",
		"192.0.2.2:0: GET /hello.txt HTTP/1.1",
		"192.0.2.3:0: GET /hello.txt HTTP/1.1",
		peer + ": GET /hello.txt HTTP/1.1",
		"[2001:db8::1]:4711: GET /cgi-bin/addr HTTP/1.1",
		"192.0.2.4:0: GET /cgi-bin/addr HTTP/1.1",
		peer + ": GET /x HTTP/1.1",
	}
	if got := log.await(t, len(want)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
