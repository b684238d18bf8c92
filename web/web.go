// Package web is the hall of the wing that answers requests: the nouns that
// its rooms share. A server (httpd) reads a Request, asks a Site for a Reply,
// and does what the Reply says. A Site decides and performs nothing.
package web

// A Site answers requests.
type Site interface {
	// Answer decides what r is answered with. It may block (it opens files),
	// so a server calls it away from its loops, from many goroutines at once.
	// It keeps no part of r after it returns. The caller owns the Reply and
	// calls its Release when done with it.
	Answer(r *Request) *Reply
}
