package httpd

import (
	"fmt"
	"io"

	"xanadu/web"
	"xanadu/web/http1"
)

// pieceSize is how much of a web.Stream is in memory for one connection: enough
// that the hop to the crew vanishes in the cost of making it.
const pieceSize = 32 << 10

// chunkRoom is what is left free in front of a piece for the size of its chunk.
const chunkRoom = len("ffffffff\r\n")

// streaming is the part of a transfer whose content is a web.Stream: the crew
// reads a piece, the loop sends it, and so on. Nothing is read ahead, so that a
// slow client holds up nothing but itself.
type streaming struct {
	piece   []byte // with room for its framing in front and behind
	chunked bool   // else the end of the connection is that of the content
	ended   bool   // there are no more pieces
}

// respondStream answers r with the stream of en.
func (c *conn) respondStream(r *web.Request, en *entry) bool {
	e, p := c.engine, en.reply
	chunked := r.Minor > 0
	if !chunked && !r.IsHead() && c.closing == staysOpen {
		c.closing = closes
	}
	at := len(e.out)
	e.out = e.appendHead(e.out, p, p.Status, p.Type, -1)
	if chunked {
		e.out = append(e.out, "Transfer-Encoding: chunked\r\n"...)
	}
	e.out = append(append(e.out, c.connection(r)...), crlf...)
	e.traceReply(r, p, p.Status, e.out[at:])
	if r.IsHead() {
		c.log(r, p.Status, 0)
		return true
	}
	t := transfer{en: en, status: p.Status, stream: &streaming{chunked: chunked}}
	c.hold(r, &t)
	return c.carryOn()
}

// carryOnStream sends what has gathered and has the crew read the next piece. It
// returns true when the stream has ended and all of it is sent.
func (c *conn) carryOnStream(t *transfer) bool {
	s := t.stream
	if s.ended {
		return true
	}
	if !c.flush() {
		return false
	}
	if s.piece == nil {
		s.piece = make([]byte, chunkRoom+pieceSize+len(http1.EndChunk+http1.EndChunks))
	}
	c.wait(making, c.engine.answer)
	e := c.engine
	c.job = &job{volume: e.server.volumeOf(t.request), run: func() {
		n, err := e.server.read(t, s.piece[chunkRoom:][:pieceSize])
		if !e.loop.Post(func() { c.made(t, n, err) }) {
			t.en.reply.Release()
		}
	}}
	e.server.crew.do(c.job)
	return false
}

// read reads a piece of the stream of t. A stream that panics has failed.
func (s *Server) read(t *transfer, b []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.opt.Errorf("answer %q: panic: %v", t.request.Line, v)
			n, err = 0, fmt.Errorf("panic: %v", v)
		}
	}()
	return t.en.reply.Stream.Read(b)
}

// made sends the piece of n octets that was read for t, or goes on where it has
// none. After an error the connection ends without the last chunk, or, where
// there are no chunks, by a reset.
func (c *conn) made(t *transfer, n int, err error) {
	if c.state != making || c.transfer != t {
		t.en.done()
		return
	}
	c.job = nil
	c.engine.out = c.engine.loop.Buffer()
	s := t.stream
	s.ended = err == io.EOF
	if err != nil && !s.ended {
		c.cut = !s.chunked
		c.end()
		return
	}
	t.begun += int64(n)
	if framed := s.frame(n); len(framed) > 0 {
		done, err := c.Send(c.engine.out, framed, false)
		c.engine.out = c.engine.loop.Buffer()
		if !c.sent(done, err) {
			return
		}
	}
	if c.carryOn() {
		c.run(c.rest)
	}
}

// frame returns the n octets of a piece as they are sent.
func (s *streaming) frame(n int) []byte {
	start, end := chunkRoom, chunkRoom+n
	if s.chunked && n > 0 {
		var room [chunkRoom]byte
		size := http1.AppendChunkSize(room[:0], n)
		start -= copy(s.piece[start-len(size):], size)
		end += copy(s.piece[end:], http1.EndChunk)
	}
	if s.chunked && s.ended {
		end += copy(s.piece[end:], http1.EndChunks)
	}
	return s.piece[start:end]
}
