package httpd

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strconv"

	"xanadu/ipc/loop"
	"xanadu/web"
	"xanadu/web/http1"
)

const (
	// inPiece is the longest content that is copied behind its head, so that
	// several replies go out in one call. Beyond it the copy costs more than a
	// second piece does.
	inPiece = 16 << 10

	// headRoom is what a head takes at most, for which room is left in out:
	// the few fields that a site gives, a date, framing. A longer one costs an
	// allocation.
	headRoom = 4 << 10

	// outFull is when what has gathered is sent before another reply is put
	// behind it.
	outFull = loop.BufferSize - inPiece - headRoom

	// partCost is what a part costs beside its octets: two calls, as much as
	// passing on so many octets. So who asks for many parts many times over
	// gives way to others as one does who asks for much.
	partCost = 4 << 10
)

var (
	connectionClose     = []byte("Connection: close\r\n")
	connectionKeepAlive = []byte("Connection: keep-alive\r\n")
	crlf                = []byte("\r\n")
)

// newEntry makes a document of p, which it takes over. What is the same for all
// who ask for it is rendered once.
func (e *engine) newEntry(p *web.Reply) *entry {
	en := &entry{reply: p}
	if p.Slow {
		en.engine = e
	}
	if p.Unchanged != nil && p.Status == 200 {
		e.frame = appendFields(e.frame[:0], p, p.Type, p.Size)
		en.setHead(e.frame)
	}
	return en
}

// contentOf returns the content of en, of which the request being answered gets
// its part. It is valid until the next lookup.
func (e *engine) contentOf(en *entry) []byte {
	switch {
	case en.content != nil:
		return en.content
	case en.reply.Body != nil:
		return en.reply.Body
	}
	return e.fetched
}

// appendHead renders the head of a reply with p's fields up to the empty line.
// A negative length sends no Content-Length.
func (e *engine) appendHead(dst []byte, p *web.Reply, status int, kind string, length int64) []byte {
	return appendFields(e.appendStart(dst, status), p, kind, length)
}

// appendStart renders what heads with a status have in common at this time.
func (e *engine) appendStart(dst []byte, status int) []byte {
	dst = http1.AppendStatusLine(dst, status)
	dst = append(dst, "Date: "...)
	dst = append(dst, e.date[:]...)
	dst = append(dst, crlf...)
	return appendSome(dst, "Server", e.server.opt.Server)
}

// appendFields renders the rest of a head up to the empty line.
func appendFields(dst []byte, p *web.Reply, kind string, length int64) []byte {
	dst = appendSome(dst, "Content-Type", kind)
	if !p.Modified.IsZero() {
		dst = append(dst, "Last-Modified: "...)
		dst = web.AppendDate(dst, p.Modified)
		dst = append(dst, crlf...)
	}
	dst = appendSome(dst, "ETag", p.ETag)
	if p.ETag != "" || p.Ranges {
		dst = appendSome(dst, "Accept-Ranges", "bytes")
	}
	for _, f := range p.Fields {
		dst = http1.AppendField(dst, f.Name, f.Value)
	}
	if length >= 0 {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, length, 10)
		dst = append(dst, crlf...)
	}
	return dst
}

func appendSome(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return http1.AppendField(dst, name, value)
}

// connection returns the Connection field that the reply to r needs, if any.
func (c *conn) connection(r *web.Request) []byte {
	switch {
	case c.closing != staysOpen:
		return connectionClose
	case r.Minor == 0:
		return connectionKeepAlive
	}
	return nil
}

// respond answers r with its part of the document en. It returns false when the
// connection has to wait until the reply has gone out, or is over.
func (c *conn) respond(r *web.Request, en *entry) bool {
	e := c.engine
	e.noteDocument()
	if !en.hasHead() || en.reply.Size > inPiece || r.Seen&web.Conditional != 0 || r.IsHead() || sendsFile(en.reply) {
		return c.respondInPart(r, en)
	}
	at := len(e.out)
	e.out = append(e.out, e.start...)
	if field := c.connection(r); field == nil && en.isWhole() {
		e.out = append(e.out, en.bytes...)
	} else {
		e.out = append(append(append(e.out, en.head()...), field...), crlf...)
		e.appendContent(e.contentOf(en))
	}
	e.traceReply(r, en.reply, en.reply.Status, e.out[at:])
	c.log(r, en.reply.Status, en.reply.Size)
	return true
}

// respondInPart is respond for all but the whole of a short document.
func (c *conn) respondInPart(r *web.Request, en *entry) bool {
	e, p := c.engine, en.reply
	if p.Stream != nil {
		return c.respondStream(r, en)
	}
	chosen := web.Select(r, p)
	at := len(e.out)
	t := transfer{en: en, content: e.contentOf(en), status: chosen.Status}
	var contentRange []byte
	switch chosen.Status {
	case 206:
		parts := chosen.Spans()
		if len(parts) > 1 {
			return c.respondInParts(r, en, slices.Clone(parts)) // chosen stays on the stack
		}
		t.span = parts[0]
		e.out = e.appendHead(e.out, p, 206, p.Type, t.span.Length)
		contentRange = appendContentRange(nil, t.span, p.Size)
	case 304:
		e.out = e.appendHead(e.out, p, 304, "", -1)
	case 412, 416:
		t.en = &entry{reply: web.ErrorReply(r, chosen.Status)}
		t.content, t.span.Length = t.en.reply.Body, t.en.reply.Size
		e.out = e.appendHead(e.out, t.en.reply, chosen.Status, t.en.reply.Type, t.span.Length)
		if chosen.Status == 416 {
			contentRange = strconv.AppendInt([]byte("Content-Range: bytes */"), p.Size, 10)
			contentRange = append(contentRange, crlf...)
		}
	case 204:
		e.out = e.appendHead(e.out, p, 204, "", -1)
	default:
		t.span.Length = p.Size
		e.out = c.appendWholeHead(e.out, en)
	}
	e.out = append(e.out, contentRange...)
	e.out = append(e.out, c.connection(r)...)
	e.out = append(e.out, crlf...)
	e.traceReply(r, p, chosen.Status, e.out[at:])
	if r.IsHead() {
		t.span.Length = 0
	}
	return c.transmit(r, t)
}

// appendWholeHead is appendHead for the whole of en.
func (c *conn) appendWholeHead(dst []byte, en *entry) []byte {
	if !en.hasHead() {
		p := en.reply
		return c.engine.appendHead(dst, p, p.Status, p.Type, p.Size)
	}
	return append(append(dst, c.engine.start...), en.head()...)
}

// respondInParts answers with several parts of en, as multipart/byteranges (RFC
// 9110 §14.6). It keeps parts.
func (c *conn) respondInParts(r *web.Request, en *entry, parts []web.Span) bool {
	e, p := c.engine, en.reply
	t := transfer{en: en, content: e.contentOf(en), status: 206, boundary: rand.Text(), parts: parts}
	room := t.appendEnd(nil)
	size := int64(len(room))
	for _, part := range parts {
		room = t.appendPart(room[:0], part)
		size += int64(len(room)) + part.Length
	}
	at := len(e.out)
	e.out = e.appendHead(e.out, p, 206, "multipart/byteranges; boundary="+t.boundary, size)
	e.out = append(e.out, c.connection(r)...)
	e.out = append(e.out, crlf...)
	e.traceReply(r, p, 206, e.out[at:])
	c.hold(r, &t)
	return c.carryOn()
}

// A transfer is a reply that is being sent: the document, and what of it.
type transfer struct {
	en       *entry
	content  []byte       // what spans and parts are of, where the reply has no File
	request  *web.Request // a copy, for the log; nil until the reply has to wait
	status   int
	span     web.Span   // the one part that is sent
	parts    []web.Span // or the ones that are still to be sent
	boundary string     // between parts
	stream   *streaming // or what sends a stream; nil: none
	left     web.Span   // of a slow file: what is still to be read, and sent, of the part at hand
	piece    []byte     // and what was read of it
	begun    int64      // octets of content that were passed on to be sent
}

// hold makes a copy of t that outlives the call, for a reply that does.
func (c *conn) hold(r *web.Request, t *transfer) {
	held := *t
	held.request = r.Clone()
	held.en.users++
	c.engine.giveRoom(held.content)
	c.transfer = &held
}

// transmit sends what has gathered and t's one part. It returns false when the
// connection has to wait for that, or is over.
func (c *conn) transmit(r *web.Request, t transfer) bool {
	e, p := c.engine, t.en.reply
	if p.Slow && t.span.Length > 0 {
		t.left = t.span
		c.hold(r, &t)
		return c.carryOn()
	}
	if !sendsFile(p) && t.span.Length <= inPiece {
		e.out = append(e.out, t.content[t.span.Offset:][:t.span.Length]...)
		c.log(r, t.status, t.span.Length)
		return true
	}
	done, err := c.sendSpan(&t, t.span, false)
	if done && err == nil {
		c.log(r, t.status, t.span.Length)
		return true
	}
	c.hold(r, &t)
	return c.sent(done, err)
}

// sendSpan sends what has gathered and a part of the document.
func (c *conn) sendSpan(t *transfer, span web.Span, more bool) (done bool, err error) {
	e, p := c.engine, t.en.reply
	if sendsFile(p) && span.Length > 0 {
		done, err = c.SendFileWhile(e.out, p.File.Number(), span.Offset, span.Length, more, p.Holds)
	} else {
		done, err = c.Send(e.out, t.content[span.Offset:][:span.Length], more)
	}
	e.out = e.loop.Buffer()
	e.passed += span.Length
	t.begun += span.Length
	return done, err
}

// carryOn goes on with the reply under way, if there is one. It returns false
// when the connection has to wait for it once more, or is over.
func (c *conn) carryOn() bool {
	t, e := c.transfer, c.engine
	if t == nil {
		return true
	}
	if t.stream != nil && !c.carryOnStream(t) {
		return false
	}
	for len(t.parts) > 0 || t.left.Length > 0 {
		if t.left.Length > 0 {
			c.carryOnSlowly(t)
			return false
		}
		part := t.parts[0]
		t.parts = t.parts[1:]
		start := len(e.out)
		e.out = t.appendPart(e.out, part)
		t.begun += int64(len(e.out) - start)
		e.passed += partCost
		if t.en.reply.Slow {
			t.left = part
			continue
		}
		if p := t.en.reply; !sendsFile(p) && part.Length <= inPiece && len(e.out) <= outFull {
			e.out = append(e.out, t.content[part.Offset:][:part.Length]...)
			t.begun += part.Length
			continue
		}
		if !c.sent(c.sendSpan(t, part, true)) {
			return false
		}
	}
	if t.boundary != "" {
		start := len(e.out)
		e.out = t.appendEnd(e.out)
		t.begun += int64(len(e.out) - start)
	}
	c.log(t.request, t.status, t.begun)
	c.transfer = nil
	t.en.done()
	return true
}

// abandon gives up the reply under way, if there is one. The log shows how much
// of it was passed on. What a job of the crew still reads it gives back itself.
func (c *conn) abandon(reading bool) {
	if t := c.transfer; t != nil {
		c.log(t.request, t.status, max(0, t.begun-c.Unsent()))
		c.transfer = nil
		if !reading {
			t.en.done()
		}
	}
}

func (t *transfer) appendPart(dst []byte, part web.Span) []byte {
	dst = append(append(append(dst, "\r\n--"...), t.boundary...), crlf...)
	dst = appendSome(dst, "Content-Type", t.en.reply.Type)
	return append(appendContentRange(dst, part, t.en.reply.Size), crlf...)
}

func (t *transfer) appendEnd(dst []byte) []byte {
	return append(append(append(dst, "\r\n--"...), t.boundary...), "--\r\n"...)
}

func appendContentRange(dst []byte, part web.Span, size int64) []byte {
	dst = append(dst, "Content-Range: bytes "...)
	dst = strconv.AppendInt(dst, part.Offset, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, part.Offset+part.Length-1, 10)
	dst = append(dst, '/')
	return append(strconv.AppendInt(dst, size, 10), crlf...)
}

// log notes that r was answered with so many octets of content.
func (c *conn) log(r *web.Request, status int, octets int64) {
	c.engine.log(web.Record{Peer: r.Peer, Time: r.Received, Line: r.Line, Status: status, Bytes: octets, Request: r})
}

// firstLine returns what stands in front of the first line end of b, and not
// more of it than a request line can have.
func firstLine(b []byte) []byte {
	b = b[:min(len(b), http1.MaxLine)]
	line, _, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), crlf[1:])
	return bytes.TrimSuffix(line, crlf[:1])
}
