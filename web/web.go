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

// A VolumeSite is a Site whose answers depend on several file systems, of which one
// may hang while the others do not.
type VolumeSite interface {
	Site

	// Volume returns a number for the file system that the answer to r will
	// have to wait for, if for any: the same one for the same file system, or 0
	// when it cannot tell. It never blocks: a server calls it on its loops, from
	// several at once.
	Volume(r *Request) uint64
}

// A PromptSite is a Site that can answer some requests without waiting for a disk
// or for anybody else.
type PromptSite interface {
	Site

	// AnswerNow is Answer for a GET or HEAD about which everything is in the
	// system's memory, and nil for all others. It never blocks: a server calls
	// it on its loops, from several at once. The reply's Body may lie in room, which
	// is lent until the next AnswerNow or Reread of that loop.
	AnswerNow(r *Request, room []byte) *Reply
}
