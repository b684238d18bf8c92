package accesslog

import (
	"bytes"
	"path/filepath"

	"xanadu/web"
)

// A Trace shows a person the heads that pass, and why a request is answered as
// it is. It implements httpd.Trace; its lines stand in the log before that of
// the request they belong to:
//
//	> GET /docs HTTP/1.1
//	> Host: localhost:8080
//	>
//	* /srv/docs: it is a directory, whose path ends with a slash
//	< HTTP/1.1 301 Moved Permanently
//	< Location: /docs/
//	<
//	127.0.0.1 2019-10-28T12:12:12Z "GET /docs HTTP/1.1" 301 511
//
// Each line is printable ASCII and begins with one of the three characters,
// whatever was sent: a backslash and every octet outside 0x20 to 0x7e stand as
// \xhh. A line ends where a line feed is, which is not shown when a carriage
// return stands before it, as it should.
//
// Heads are shown whole, with the passwords and cookies that are in them.
type Trace struct {
	Root  string // what the names in Reply.Resolved are beneath
	Color bool   // for a terminal that obeys escape sequences (ECMA-48 §8.3.117)
}

// The colours: of what comes in, of what was found, and of what goes out by the
// class of its status. They are legible on light and on dark.
const (
	cyan    = "\x1b[36m"
	magenta = "\x1b[35m"
	noColor = "\x1b[0m"
)

var colorOfClass = [...]string{1: "\x1b[32m", 2: "\x1b[32m", 3: "\x1b[34m", 4: "\x1b[33m", 5: "\x1b[31m"}

// AppendRequest appends what shows a request head as it was received, or what
// came of one.
func (t *Trace) AppendRequest(dst, head []byte) []byte {
	return t.appendHead(dst, '>', cyan, head)
}

// AppendReply appends what shows a reply: what p was made of, why r gets what
// it gets of it, and the head with that status as it is sent. A nil r is a
// request that was not understood.
func (t *Trace) AppendReply(dst []byte, r *web.Request, p *web.Reply, status int, head []byte) []byte {
	if why := t.explain(r, p); why != "" {
		dst = t.appendLine(dst, '*', magenta, []byte(why))
	}
	return t.appendHead(dst, '<', colorOfClass[status/100], head)
}

// explain says in a line what p is and why r gets what it does.
func (t *Trace) explain(r *web.Request, p *web.Reply) string {
	why := p.Why
	if r != nil {
		if chosen := web.Select(r, p).Why; chosen != "" {
			why = chosen
		}
	}
	what := p.Resolved
	if what != "" && !filepath.IsAbs(what) {
		what = filepath.Join(t.Root, what)
	}
	if what != "" && why != "" {
		what += ": "
	}
	return what + why
}

// appendHead appends the lines of a head.
func (t *Trace) appendHead(dst []byte, mark byte, color string, head []byte) []byte {
	for line := range bytes.Lines(head) {
		dst = t.appendLine(dst, mark, color, bytes.TrimSuffix(line, crlf))
	}
	return dst
}

// appendLine appends text as one line behind the mark. Quotes stand in it as
// they are, for there are none around it.
func (t *Trace) appendLine(dst []byte, mark byte, color string, text []byte) []byte {
	if t.Color {
		dst = append(dst, color...)
	}
	dst = append(dst, mark)
	if len(text) > 0 {
		dst = append(dst, ' ')
	}
	for more := true; more; {
		var part []byte
		part, text, more = bytes.Cut(text, quote)
		dst = appendEscaped(dst, part, escape)
		if more {
			dst = append(dst, quote...)
		}
	}
	if t.Color {
		dst = append(dst, noColor...)
	}
	return append(dst, '\n')
}

var crlf, quote = []byte("\r\n"), []byte{'"'}
