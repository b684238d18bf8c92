package web

import (
	"io"
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

	// ModifiedStrong: no other content has had the same Modified, in whole
	// seconds, for a client that got it after that second (RFC 9110 §8.8.2.2).
	// Only then a date is good enough to put parts together by.
	ModifiedStrong bool

	// Changed is when the document came to be what it is, when that is known
	// and later than Modified says, as of a file that was put in the place of
	// another with an older date. The zero time: Modified says all there is to
	// say. It is never sent.
	Changed time.Time

	Body   []byte  // the content, when File and Stream are nil, or there is a Reread
	File   *ipc.FD // or an open regular file whose first Size octets are the content
	Stream Stream  // or what the content is read from while it is sent; Size is then -1
	Size   int64   // octets of content

	// Ranges: a part of it may be asked for although it has no validator, as of
	// a file that changes all the time. What has one is open to ranges anyway.
	Ranges bool

	// Slow: File is of a file system that makes who reads or closes it wait for
	// another machine or process, for as long as that takes. A server does both
	// away from its loops. So it does with Holds.
	Slow bool

	// Program is what makes the reply instead: its status, fields and content
	// are the program's to say, and all else here is not set.
	Program *Program

	// Unchanged says whether the same request would get this same Reply now.
	// It never blocks and is called from the server's loop at most about
	// twice a second. A nil Unchanged means: do not keep this Reply.
	Unchanged func() Freshness

	// Reread reads the Body again, into b, which has room for Size octets. It
	// is for a server that does not keep the Body in memory. False: it is not
	// the same any more, or is not to be had without blocking; then the Reply is
	// out of date. With look, true says as well that the Reply is the Same
	// (Unchanged). Reread never blocks and is called from the server's loop. nil:
	// the Body cannot be read again.
	Reread func(b []byte, look bool) bool

	// Reopen returns anew the File that Reread reads from, which the server may
	// close at any time and then has to have again. The server owns what it
	// returns. nil: the Reply is out of date, as after a Reread. Reopen never
	// blocks and is called from the server's loop. Without a Reopen, Reread needs
	// no File.
	Reopen func() *ipc.FD

	// Holds says whether File still has the content that the Reply speaks of.
	// A server asks before each use, while it sends and before the last octet,
	// so that no client takes a mixture of two versions for one of them. It
	// never blocks and is called from one goroutine at a time. nil: it cannot
	// be told, and no validator speaks for the content.
	Holds func() bool

	// AnyQuery: the reply does not depend on the request's query, or Suits
	// looks at it.
	AnyQuery bool

	// Suits says whether the Reply, when it is kept, answers r as well, which
	// asks for the same path: what the Vary field announces (RFC 9110 §12.5.5).
	// It never blocks and is called from the server's loop. nil: it answers all.
	Suits func(r *Request) bool

	// What a person is told who wants to know what happened (web/httpd.Trace).
	// Neither is ever sent: a path may be nobody's business.
	Resolved string // what the path led to: a name beneath the document root, or an absolute path
	Why      string // why this status, in a few words
}

// A Stream is content that is made while it is sent, so that no more of it is in
// memory than is on its way. Its length shows at its end: a Reply with a Stream
// has no validators, so that Select leaves it whole, and no Unchanged.
//
// Read may block for a moment: a server calls it away from its loops, never
// twice at once, with room for some KiB, and again when what it got has been
// sent. It may return 0 and nil: ask again, after others have had their turn.
// io.EOF ends the content. After any other error the rest is not to be had, and
// the client must see that something is missing: its connection ends in the
// middle of the message. For a reply to HEAD nothing is read. Close comes once,
// from the Reply's Release, and not during a Read.
type Stream interface {
	io.ReadCloser
}

// A ReplyField is one field line of a Reply. The Site vouches for its bytes.
type ReplyField struct{ Name, Value string }

// Freshness is what Unchanged found out.
type Freshness uint8

const (
	Changed Freshness = iota // the Reply is out of date
	Same                     // it still holds
	Unknown                  // it cannot be said without blocking: ask the Site again, and let this do for the moment
)

// Release closes what the Reply holds open. A nil Reply holds nothing.
func (p *Reply) Release() {
	if p == nil {
		return
	}
	if p.File != nil {
		p.File.Close()
	}
	if p.Stream != nil {
		p.Stream.Close()
	}
	if p.Program != nil {
		p.Program.Dir.Close()
	}
}
