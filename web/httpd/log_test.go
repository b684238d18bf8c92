package httpd_test

import (
	"fmt"
	"slices"
	"testing"

	"xanadu/web"
	"xanadu/web/httpd"
)

// fieldLog is a log of fields of the request.
type fieldLog struct{ *shownHeads }

func (fieldLog) Append(dst []byte, rec *web.Record) []byte {
	if rec.Request == nil {
		return fmt.Appendf(dst, "%s: no request\n", rec.Line)
	}
	for _, f := range rec.Request.Fields {
		dst = fmt.Appendf(dst, "%s: %s: %s\n", rec.Line, f.Name, f.Value)
	}
	return dst
}

// The log sees the request of each reply as it was, also of one that waits for
// its client while others use the memory that the request came in.
func TestLogSeesRequest(t *testing.T) {
	const long = 3 << 20 // more than the sockets between hold
	each(t, func(t *testing.T, poller string) {
		log := fieldLog{newShownHeads()}
		r := start(t, pages{"/long": memory(pattern(long)), "/": memory("short")}, httpd.Options{Poller: poller, Log: log})
		get := func(c *client, target, agent string) {
			c.write("GET " + target + " HTTP/1.0\r\nUser-Agent: " + agent + "\r\n\r\n")
		}
		first := r.dial()
		get(first, "/long", "first") // has it cached, so that no copy is made for the site
		first.all()
		slow := r.dial()
		get(slow, "/long", "slow")
		if _, err := slow.r.ReadByte(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			other := r.dial()
			get(other, "/", "aaaa")
			other.all()
		}
		slow.all()
		broken := r.dial()
		broken.write("?\r\n\r\n")
		broken.all()

		want := []string{"GET /long HTTP/1.0: User-Agent: first"}
		want = append(want, slices.Repeat([]string{"GET / HTTP/1.0: User-Agent: aaaa"}, 10)...)
		want = append(want, "GET /long HTTP/1.0: User-Agent: slow", "?: no request")
		if got := log.await(t, len(want)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
