package httpd

import (
	"time"

	"xanadu/web"
)

// roomSize is the longest content that is read on a loop: some ten microseconds
// of copying.
const roomSize = 128 << 10

// lookup returns what answers r at once: a document out of the cache, or what a
// web.PromptSite says of it. Field is the Connection field of the reply. Content that is not in memory is in e.fetched until the
// next lookup. nil: the site has to be asked, which may have to wait.
func (e *engine) lookup(r *web.Request, field []byte) *entry {
	plain := r.Seen&web.Conditional == 0 && !r.IsHead()
	if en := e.cache.find(r, e.loop.Now(), plain); en != nil && (!en.isLight() || e.reread(r, en, plain, field)) {
		return en
	}
	p := e.server.answerNow(r, e.roomFor(roomSize))
	if p == nil {
		return nil
	}
	en := e.newEntry(p)
	e.keep(r, en, true, e.loop.Now())
	return en
}

// reread reads the content of en, if r gets any of it. It drops en when that is
// out of date, or takes waiting for.
func (e *engine) reread(r *web.Request, en *entry, plain bool, field []byte) bool {
	if r.IsHead() {
		return true
	}
	if s := web.Select(r, en.reply); s.Status != 200 && s.Status != 206 {
		return true
	}
	now := e.loop.Now()
	look := now-en.checked > rereadTime
	if en.reply.File == nil && en.reply.Reopen != nil {
		if !e.cache.reopen(en) {
			e.cache.drop(en)
			return false
		}
		en.checked, look = now, false
	}
	if plain && en.reply.Size <= inPiece {
		e.fetched = e.roomBehind(len(e.start)+len(en.head())+len(field)+len(crlf), int(en.reply.Size))
	} else {
		e.fetched = e.roomFor(en.reply.Size)
	}
	if !en.reply.Reread(e.fetched, look) {
		e.cache.drop(en)
		return false
	}
	if look {
		en.checked = now
	}
	e.cache.retain(en, e.fetched, true, now)
	return true
}

// roomFor lends room for that many octets until the next lookup.
func (e *engine) roomFor(size int64) []byte {
	if size > roomSize {
		return make([]byte, size)
	}
	if e.room == nil {
		e.room = make([]byte, roomSize)
	}
	return e.room[:size]
}

// roomBehind lends room for content where it is to be sent from, behind a head of
// that many octets.
func (e *engine) roomBehind(head, size int) []byte {
	at := len(e.out) + head
	if at+size > cap(e.out) {
		return e.roomFor(int64(size))
	}
	return e.out[at : at+size : at+size]
}

// appendContent appends content to out, unless it has been read to there.
func (e *engine) appendContent(content []byte) {
	at := len(e.out)
	if all := at + len(content); all > at && all <= cap(e.out) && &content[0] == &e.out[:all][at] {
		e.out = e.out[:all]
		return
	}
	e.out = append(e.out, content...)
}

// giveRoom gives away the room that holds content, if it is lent, to who needs
// it for longer.
func (e *engine) giveRoom(content []byte) {
	if len(content) > 0 && len(e.room) > 0 && &content[0] == &e.room[0] {
		e.room = nil
	}
}

// answerNow asks the site for what it can say at once. A site that panics has
// answered 500.
func (s *Server) answerNow(r *web.Request, room []byte) (p *web.Reply) {
	if s.prompt == nil {
		return nil
	}
	defer s.recover(r, &p)
	return s.prompt.AnswerNow(r, room)
}

// keep puts en into the cache, if it may be kept, as the answer to r, for which
// the site was asked at that time: it may have looked at the file at once and
// answered late. Its content is lent, or becomes the cache's.
func (e *engine) keep(r *web.Request, en *entry, lent bool, asked time.Duration) {
	e.fetched = en.reply.Body
	if en.hasHead() {
		light := *en.reply
		light.Body = nil
		en.reply = &light
		e.cache.put(r, en, e.fetched, lent, asked, e.loop.Now())
	} else {
		e.cache.forget(r)
	}
}

// noteRequest has the loop tidy up some time after a request.
func (e *engine) noteRequest() {
	if !e.sweeping {
		e.sweeping = true
		e.loop.After(openTime, e.sweep)
	}
	e.requested = true
}

// sweep drops what has not been asked for lately. It comes back until nothing was
// asked for in between and nothing is left to drop, so that an idle server does
// not wake up.
func (e *engine) sweep() {
	e.cache.expire(e.loop.Now())
	if e.requested || e.cache.recent.first != nil {
		e.requested = false
		e.loop.After(openTime/2, e.sweep)
		return
	}
	e.sweeping = false
	e.room, e.fetched = nil, nil
	if idle := e.server.opt.Idle; idle != nil {
		go idle()
	}
}
