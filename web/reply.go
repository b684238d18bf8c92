package web

import (
	"time"

	"xanadu/ipc"
)

// A Reply is a decision: which status, which fields, which content. For a
// document it is the answer to the plain request, without conditions and
// ranges; Select turns it into what this request gets.
//
// The one who got it from Answer owns it and calls Release once. Apart from
// that it is immutable.
type Reply struct {
	Status   int          // a final status code (RFC 9110 §15)
	Type     string       // Content-Type; "" sends none
	Fields   []ReplyField // further fields, as Location or Allow; never framing, Date or Server
	ETag     string       // entity-tag with its quotes; "" when there is none
	Modified time.Time    // Last-Modified; the zero time sends none

	Body []byte  // the content, when File is nil
	File *ipc.FD // or an open regular file whose first Size octets are the content
	Size int64   // octets of content, for Body and File alike

	// Unchanged says whether the same request would get this same Reply now.
	// It never blocks and is called from the server's loop at most about
	// twice a second. A nil Unchanged means: do not keep this Reply.
	Unchanged func() Freshness

	// AnyQuery: the reply does not depend on the request's query.
	AnyQuery bool
}

// A ReplyField is one field line of a Reply. The Site vouches for its bytes.
type ReplyField struct{ Name, Value string }

// Freshness is what Unchanged found out.
type Freshness uint8

const (
	Changed Freshness = iota // the Reply is out of date
	Same                     // it still holds
	Unknown                  // it cannot be said without blocking: ask the Site again
)

// Release closes what the Reply holds open. A nil Reply holds nothing.
func (p *Reply) Release() {
	if p != nil && p.File != nil {
		p.File.Close()
	}
}
