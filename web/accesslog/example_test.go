package accesslog_test

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"xanadu/web"
	"xanadu/web/accesslog"
)

func Example() {
	log := accesslog.New(os.Stdout, "standard output", nil)
	var lines []byte
	lines = log.Append(lines, &web.Record{
		Peer:   netip.MustParseAddrPort("155.246.89.8:40000"),
		Time:   time.Date(2019, 10, 28, 12, 12, 12, 0, time.UTC),
		Line:   []byte("GET / HTTP/1.0"),
		Status: 200,
		Bytes:  1406,
	})
	log.Deliver(lines)
	if err := log.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: 155.246.89.8 2019-10-28T12:12:12Z "GET / HTTP/1.0" 200 1406
}
