package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"xanadu/ipc/loop"
	"xanadu/web"
	"xanadu/web/cgi"
	"xanadu/web/http1"
)

// maxFrame is the longest buffer for framing that is kept.
const maxFrame = 256 << 10

// programOutput is a program's standard output.
type programOutput struct {
	loop.Stream
	silent
	p *program
}

func (s *programOutput) Received(b []byte) { s.p.said(b) }

func (s *programOutput) Ended(err error) {
	p := s.p
	if errors.Is(err, os.ErrClosed) {
		return // the loop is at its end: see killPrograms
	}
	p.outOver = true
	p.awaitEnd()
	if !p.ended && p.child != nil {
		p.errs.Timeout(p.engine.dying)
	}
}

// said takes up what the program says. When nobody listens any more it is read
// all the same, so that the program comes to its end as it would.
func (p *program) said(b []byte) {
	bound := p.engine.server.opt.Programs.MaxOutput
	room := bound - p.heard
	p.heard += int64(len(b))
	p.takeUp(b[:min(room, int64(len(b)))])
	if p.heard > bound && !p.stopping {
		p.fail(502, fmt.Sprintf("it writes more than %d octets", bound))
		p.stop()
	}
}

// takeUp takes up what is within the bound. A client gets all of that, in whatever
// pieces it comes.
func (p *program) takeUp(b []byte) {
	p.expect()
	switch {
	case p.conn == nil || p.client.complete:
	case p.stage == answering:
		p.answer(nil, b)
	default:
		p.speak(b)
	}
}

// speak takes up the head, or a part of it.
func (p *program) speak(b []byte) {
	k := &p.client
	if k.head != nil {
		p.fail(cgi.ErrNoType.Status, cgi.ErrNoType.Reason)
		p.stop()
		return
	}
	if len(k.said) > 0 {
		k.said = append(k.said, b...)
		b = k.said
	}
	var (
		n   int
		err error
	)
	if p.speaksHTTP {
		err = p.speakHTTP(b)
	} else {
		k.head, n, err = cgi.ParseHead(b)
	}
	switch {
	case err == cgi.ErrMore:
		if len(k.said) == 0 {
			k.said = append(k.said, b...)
		}
		return
	case err != nil:
		wrong, _ := errors.AsType[*cgi.Error](err)
		p.fail(wrong.Status, wrong.Reason)
		p.stop()
		return
	}
	k.said = nil
	if !p.speaksHTTP {
		p.headComplete(b[n:])
	}
}

// headComplete acts on the program's head. Content has come behind it.
func (p *program) headComplete(content []byte) {
	h := p.client.head
	switch target := h.Redirect(); {
	case target != "":
		p.client.head = nil
		p.redirect(target)
		return
	case h.Type != "" || p.isMute(h.Final()):
	case h.Location != "":
		content = p.page(h) // what follows is no document
	case len(content) > 0:
		p.fail(cgi.ErrNoType.Status, cgi.ErrNoType.Reason)
		p.stop()
		return
	default:
		return // whether content follows will show
	}
	p.respond(content)
}

// page gives h, a head with a Location and no content, the page of a redirect, and
// returns that (RFC 9110 §15.4). Another status has no content: what is at the
// Location may be what it speaks of (§15.3.2).
func (p *program) page(h *cgi.Head) []byte {
	h.Length = 0
	if h.Final()/100 != 3 {
		return nil
	}
	at := web.ReplyField{Name: "Location", Value: h.Location}
	page := web.ErrorReply(p.request, h.Final(), at)
	h.Type, h.Length = page.Type, page.Size
	for _, f := range page.Fields {
		given := slices.ContainsFunc(h.Fields, func(g web.ReplyField) bool { return strings.EqualFold(g.Name, f.Name) })
		if f != at && (!given || f.Name == "Vary") {
			h.Fields = append(h.Fields, f)
		}
	}
	return page.Body
}

// isMute reports whether a response with the status has no content (RFC 9110
// §6.4.1).
func (p *program) isMute(status int) bool {
	return p.request.IsHead() || status == 204 || status == 205 || status == 304
}

// itSaysSo is why a program's answer has its status.
const itSaysSo = "the program says so"

// respond sends the head of the response and the beginning of its content.
func (p *program) respond(content []byte) {
	c, e, k, r := p.conn, p.engine, &p.client, p.request
	h := k.head
	k.head = nil
	k.status, k.left, k.begun = h.Final(), h.Length, true
	p.stage = answering
	switch {
	case k.status == 204 || k.status == 304:
		k.left = -1
	case k.status == 205:
		k.left = 0
	case p.isMute(k.status) || k.left >= 0:
	case r.Minor == 0:
		c.closing = max(c.closing, closes) // the end of the connection is that of the content
	default:
		k.chunked = true
	}
	reply := &web.Reply{Status: k.status, Type: h.Type, Fields: replyFields(h), Resolved: p.file, Why: itSaysSo}
	e.now()
	frame := e.appendHead(e.frame[:0], reply, k.status, h.Type, k.left)
	if k.chunked {
		frame = append(frame, "Transfer-Encoding: chunked\r\n"...)
	}
	frame = append(frame, c.connection(r)...)
	frame = append(frame, crlf...)
	e.traceReply(r, reply, k.status, frame)
	k.complete = p.isMute(k.status) || k.left == 0
	k.chunked = k.chunked && !k.complete
	if k.complete {
		content = nil
	}
	p.answer(frame, content)
}

// replyFields returns the fields of the response. Nobody is to guess a type
// other than the one the program says.
func replyFields(h *cgi.Head) []web.ReplyField {
	fields := h.Fields
	if h.Location != "" {
		fields = append(fields, web.ReplyField{Name: "Location", Value: h.Location})
	}
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, "X-Content-Type-Options") {
			return fields
		}
	}
	return append(fields, web.ReplyField{Name: "X-Content-Type-Options", Value: "nosniff"})
}

// answer sends content behind frame, as far as the response has room for it.
func (p *program) answer(frame, content []byte) {
	e, k := p.engine, &p.client
	if frame == nil {
		frame = e.frame[:0]
	}
	if k.left >= 0 && int64(len(content)) > k.left {
		p.complain("it writes more than its Content-Length says: the rest is dropped")
		content = content[:k.left]
	}
	if len(content) > 0 {
		k.octets += int64(len(content))
		if k.left >= 0 {
			k.left -= int64(len(content))
			k.complete = k.left == 0
		}
		if k.chunked {
			frame = http1.AppendChunkSize(frame, len(content))
		}
		frame = append(frame, content...)
		if k.chunked {
			frame = append(frame, http1.EndChunk...)
			p.zeros = 0
		}
	}
	if cap(frame) <= maxFrame {
		e.frame = frame[:0]
	}
	if p.send(frame) && k.complete {
		p.conclude()
	}
}

// outputEnded ends the answer, or finds that it has no proper end. The program
// is at its end as well, or it has closed its output.
func (p *program) outputEnded() {
	k := &p.client
	how := p.how
	if !p.ended {
		how = "its output has ended"
	}
	switch {
	case k.verdict != nil:
	case k.complete:
		p.conclude()
	case p.crashed:
		p.fail(502, how)
	case k.head != nil:
		k.head.Length = 0
		p.respond(nil)
	case p.stage != answering && len(k.said) > 0:
		p.fail(502, how+", and its head has no empty line at its end")
	case p.stage != answering:
		p.fail(502, how+", and it has said nothing")
	case k.left > 0:
		p.fail(502, how+", and "+strconv.FormatInt(k.left, 10)+" octets of its Content-Length are missing")
	default:
		k.complete = true
		p.conclude()
	}
}

// speakHTTP begins the answer of a program that writes all of the response by
// itself (RFC 3875 §5). Its connection ends with it, since nobody else knows
// where it is over.
func (p *program) speakHTTP(b []byte) error {
	c, k := p.conn, &p.client
	end := bytes.IndexByte(b, '\n')
	if end < 0 && len(b) < cgi.MaxHead {
		return cgi.ErrMore
	}
	status, ok := statusOf(b[:max(end, 0)])
	if !ok {
		return errNoStatusLine
	}
	k.status, k.left, k.begun = status, -1, true
	p.stage = answering
	c.closing = max(c.closing, closes)
	p.engine.traceReply(p.request, &web.Reply{Status: status, Resolved: p.file, Why: itSaysSo}, status, b)
	p.answer(nil, b)
	return nil
}

var errNoStatusLine = &cgi.Error{Status: 502, Reason: "its output does not begin with the status line of HTTP/1"}

// statusOf reads the status in the first line of a response (RFC 9112 §4).
func statusOf(line []byte) (status int, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(beginning))
	if !ok || len(rest) < len("1 200") || rest[1] != ' ' {
		return 0, false
	}
	status, err := strconv.Atoi(string(rest[2:5]))
	return status, err == nil && 200 <= status && status <= 599
}
