package web

import (
	"net/netip"
	"time"
)

// A Record is one answered request, for the log. It and what it points to are
// lent for the call they are passed to.
type Record struct {
	Peer    netip.AddrPort // who asked; the zero value for a UNIX socket
	Time    time.Time      // when the request was received
	Line    []byte         // the request line as received, maybe broken or cut
	Status  int            // the status code sent
	Bytes   int64          // octets of content sent
	Request *Request       // nil when there was none that could be understood
}
