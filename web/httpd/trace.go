package httpd

import (
	"bytes"

	"xanadu/web"
	"xanadu/web/http1"
)

// A Trace shows a person what passes, for debugging. What it appends goes to
// the Log, in front of the line of the request it belongs to. Loops call it at
// once, each with a dst of its own; it keeps nothing.
type Trace interface {
	// AppendRequest shows a request head as received, or what came of one.
	AppendRequest(dst, head []byte) []byte

	// AppendReply shows a reply: p, of which r gets its part, with the head as
	// it is sent and the status in it. A nil r is a request that was not
	// understood.
	AppendReply(dst []byte, r *web.Request, p *web.Reply, status int, head []byte) []byte
}

// traceRequest shows the request head at the front of b, if that is wanted.
func (e *engine) traceRequest(b []byte) {
	if e.trace != nil {
		e.lines = e.trace.AppendRequest(e.lines, headOf(b))
	}
}

// traceReply shows the head at the front of out, if that is wanted: that of p
// with a status, for r.
func (e *engine) traceReply(r *web.Request, p *web.Reply, status int, out []byte) {
	if e.trace != nil {
		e.showReply(r, p, status, out)
	}
}

func (e *engine) showReply(r *web.Request, p *web.Reply, status int, out []byte) {
	e.lines = e.trace.AppendReply(e.lines, r, p, status, headOf(out))
}

// headOf returns the head at the front of b with the empty line at its end, or
// all of b when the end is not there, and not more than a head can have.
func headOf(b []byte) []byte {
	b = b[:min(len(b), http1.MaxHead)]
	if i := bytes.Index(b, headEnd); i >= 0 {
		return b[:i+len(headEnd)]
	}
	return b
}

var headEnd = []byte("\r\n\r\n")
