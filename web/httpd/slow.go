package httpd

import (
	"io"
	"syscall"

	"xanadu/ipc/loop"
	"xanadu/web"
)

// slowPiece is how much of a slow file is in memory for one connection. Its file
// system reads ahead, so that more would not make it faster.
const slowPiece = 64 << 10

// carryOnSlowly has the crew read the next piece of what is left of a span of a
// slow file (web.Reply.Slow). sendfile(2) would have the loop wait for the file
// system, and with it all other connections.
func (c *conn) carryOnSlowly(t *transfer) {
	if !c.flush() {
		return
	}
	if t.piece == nil {
		t.piece = make([]byte, min(slowPiece, t.left.Length))
	}
	c.wait(making, c.engine.answer)
	e, left := c.engine, t.left
	c.job = &job{volume: e.server.volumeOf(t.request), run: func() {
		n, err := readSlowly(t.en.reply, t.piece[:min(int64(len(t.piece)), left.Length)], left.Offset)
		if !e.loop.Post(func() { c.fetched(t, n, err) }) {
			t.en.reply.Release()
		}
	}}
	e.server.crew.do(c.job)
}

// readSlowly reads a piece of the file of p, which still holds after that.
func readSlowly(p *web.Reply, b []byte, offset int64) (n int, err error) {
	for {
		n, err = syscall.Pread(p.File.Number(), b, offset)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.ErrUnexpectedEOF
		case p.Holds != nil && !p.Holds():
			return 0, loop.ErrFileChanged
		}
		return n, nil
	}
}

// fetched sends the n octets that were read for t and goes on, or cuts the reply
// off.
func (c *conn) fetched(t *transfer, n int, err error) {
	if c.state != making || c.transfer != t {
		t.en.done()
		return
	}
	c.job = nil
	c.engine.out = c.engine.loop.Buffer()
	if err != nil {
		c.cut = true
		c.breakOff(err)
		return
	}
	t.left.Offset += int64(n)
	t.left.Length -= int64(n)
	t.begun += int64(n)
	more := t.left.Length > 0 || t.boundary != ""
	if c.sent(c.Send(nil, t.piece[:n], more)) && c.carryOn() {
		c.run(c.rest)
	}
}
