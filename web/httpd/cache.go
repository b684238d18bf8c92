package httpd

import (
	"sync/atomic"
	"time"

	"xanadu/web"
)

const (
	// defaultCache is the memory of all loops' cached documents together. With
	// it, and what the garbage collector adds, a server of many files stays
	// within 48 MiB.
	defaultCache = 22 << 20

	// headShare is the part of a cache, in sixths, that entries may take up
	// without their content. An entry spares more work for each octet than its
	// content does: with the default size those of 20,000 documents fit.
	headShare = 5

	// maxShare bounds one content: an eighth of a cache.
	maxShare = 8

	// maxVictims is how many contents are looked at for one to take the place of.
	maxVictims = 4

	// roomEvery is how many requests a document is asked for until it is tried again
	// to find room for its content.
	roomEvery = 4

	// sizeCost is the size of content that costs as much to copy as it does to
	// begin with, about.
	sizeCost = 512

	// countTime is how long a request counts in full for its document's content
	// to stay in memory. After it, it counts half, and so on.
	countTime = 8 * time.Second

	// maxFiles bounds the documents that are kept as open files. A server that
	// runs programs keeps fewer: each start copies the table of descriptors, and
	// closes all in it.
	maxFiles            = 16 << 10
	maxFilesAndPrograms = 1 << 10

	// freshTime is how long a document is served without a look at its file.
	// With the turn's own length it stays well within the second that we
	// promise a change to be seen in.
	freshTime = 500 * time.Millisecond

	// rereadTime is the same for one whose content is read anew for each request,
	// of which only the name is not looked at: for him who has many documents.
	rereadTime = 650 * time.Millisecond

	// askTime is how much longer it is served while the site is asked whether
	// it still holds, so that not all who want it ask at once.
	askTime = 300 * time.Millisecond

	// openTime is how long the file of a document that nobody asks for is kept
	// open: one that was removed gives its blocks back.
	openTime = 10 * time.Second

	// keepTime is how long the document itself is kept: the memory of a server
	// with nothing to do is given back.
	keepTime = time.Minute

	// entryCost is about what an entry takes beside its bytes: with the reply,
	// its functions and strings, and the place in the map.
	entryCost = 680
)

// A cache holds the documents that one loop was asked for lately, as replies
// whose heads are rendered. It owns the replies. Content is in memory for those
// that are asked for most; the site reads that of others anew for each request
// (web.Reply.Reread).
type cache struct {
	entries  map[string]*entry
	recent   entryList // all entries, most recently used first
	contents entryList // those with content in memory; the last one is the next to lose it
	heads    int64     // octets of entries without their contents
	bytes    int64     // octets of all
	room     int64     // octets at most
	files    int
	open     int           // files at most
	keep     time.Duration // for how long, when nobody asks
	loose    *atomic.Int64 // counts open files that are sent but not cached
}

// An entry is a document: a reply, and what of it is the same for all requests.
type entry struct {
	reply   *web.Reply // without Body, when it is cached
	content []byte     // the content, if it is in memory

	// bytes are what the heads of the whole document have in common, from its
	// own fields on and without the empty line: so many as headSize says.
	// Behind them may follow the empty line and the content, if that is short
	// and in memory.
	bytes    []byte
	headSize int32

	users   int32         // replies under way that need it
	loose   *atomic.Int64 // counts the open file of one that is not cached; nil: it need not
	key     string
	checked time.Duration // when the reply was last known to hold
	used    time.Duration // in the current second, roughly
	hits    uint32        // requests, the older the less they count
	epoch   uint32        // in countTime, of hits
	asked   bool          // the site is being asked for another in its place
	cached  bool

	engine *engine // what frees the reply when that may take long; nil: whoever is last

	links [2]link // by the number of the list
}

func newCache(room int64, files int, loose *atomic.Int64) cache {
	return cache{
		loose:    loose,
		entries:  make(map[string]*entry),
		contents: entryList{number: 1},
		room:     room,
		open:     max(1, files),
		keep:     keepTime,
	}
}

// find returns the document that a GET of r gets, when it is here and fresh. One
// that is to be read anew is not looked at: reading it shows whether it is.
func (k *cache) find(r *web.Request, now time.Duration, reread bool) *entry {
	en := k.entries[string(r.Path)]
	if en == nil || r.HasQuery && !en.reply.AnyQuery || en.reply.Suits != nil && !en.reply.Suits(r) {
		return nil
	}
	if !(reread && en.isLight()) && !k.fresh(en, now) {
		return nil
	}
	if en.reply.Holds != nil && !en.reply.Holds() {
		k.drop(en)
		return nil
	}
	en.count(now)
	if now-en.used > freshTime {
		en.used = now
		k.recent.toFront(en)
		if en.content != nil {
			k.contents.toFront(en)
		}
	}
	return en
}

// fresh reports whether en can be served, and drops it when it is out of date.
func (k *cache) fresh(en *entry, now time.Duration) bool {
	if now-en.checked <= freshTime || en.asked && now-en.checked <= freshTime+askTime {
		return true
	}
	switch en.reply.Unchanged() {
	case web.Same:
		en.checked, en.asked = now, false
		return true
	case web.Unknown:
		if !en.asked && now-en.checked <= freshTime+askTime {
			en.asked = true
			return false
		}
	}
	k.drop(en)
	return false
}

// put takes en in under the path of r and reports whether it may be kept. The
// reply was true at the time checked. Content is what it has to be sent, which is
// copied when it is lent.
func (k *cache) put(r *web.Request, en *entry, content []byte, lent bool, checked, now time.Duration) bool {
	p, old := en.reply, k.entries[string(r.Path)]
	if !r.IsGet() || r.HasQuery && !p.AnyQuery {
		k.forget(r)
		return false
	}
	hits, epoch := uint32(0), uint32(0)
	if old != nil {
		hits, epoch = old.hits, old.epoch
		k.drop(old)
	}
	en.key, en.checked, en.used = string(r.Path), checked, now
	en.hits, en.epoch = hits, epoch
	en.count(now)
	if en.headCost() > k.room/maxShare || p.Reread == nil && p.File == nil && !k.makeRoom(en, en.headCost()+int64(len(content)), now) {
		return false
	}
	en.cached = true
	k.entries[en.key] = en
	k.recent.pushFront(en)
	k.heads += en.headCost()
	k.bytes += en.headCost()
	if p.File != nil {
		k.files++
	}
	if !sendsFile(p) {
		k.retain(en, content, lent, now)
	}
	for k.heads > k.room*headShare/6 || k.files > k.open || k.bytes > k.room && k.contents.last == nil {
		k.drop(k.recent.last)
	}
	for k.bytes > k.room {
		k.shed(k.contents.last)
	}
	return en.cached
}

// forget is told of an answer to r that is not kept: it may be what is there in
// place of a document whose site was asked.
func (k *cache) forget(r *web.Request) {
	if old := k.entries[string(r.Path)]; old != nil && old.asked {
		k.drop(old)
	}
}

// retain keeps content, that of en, in memory if there is room for it, or if
// others that have it are asked for much less.
func (k *cache) retain(en *entry, content []byte, lent bool, now time.Duration) {
	if en.content != nil {
		return
	}
	if !k.makeRoom(en, int64(len(content)), now) {
		if k.files > k.open {
			k.closeFile(en)
		}
		return
	}
	k.closeFile(en)
	en.hold(content, lent)
	k.bytes += int64(len(content))
	k.contents.pushFront(en)
}

// reopen opens the file that en is read from again, and reports whether that is
// still what it was.
func (k *cache) reopen(en *entry) bool {
	fd := en.reply.Reopen()
	if fd == nil {
		return false
	}
	en.reply.File = fd
	k.files++
	return true
}

// closeFile closes the file that en is read from, which it can do without.
func (k *cache) closeFile(en *entry) {
	if en.reply.File != nil {
		en.reply.File.Close()
		en.reply.File = nil
		k.files--
	}
}

// makeRoom has contents that are worth much less than that of en, of that size, give
// up their place to it, and reports whether there is room.
func (k *cache) makeRoom(en *entry, size int64, now time.Duration) bool {
	if size > k.room/maxShare || k.bytes+size > k.room && en.hits%roomEvery != 0 {
		return false
	}
	for tries := 0; k.bytes+size > k.room && k.contents.last != nil; tries++ {
		victim := k.contents.last
		if tries == maxVictims || !en.isWorthMore(size, victim, now) {
			k.contents.toFront(victim) // another time others are looked at
			return false
		}
		k.shed(victim)
	}
	return true
}

// isWorthMore reports whether the content of en, of that size, is asked for much
// more for each octet than that of victim. Most of what a request costs that finds
// its content in memory no longer depends on how long that is, so of two documents
// that are asked for alike the shorter one stays.
func (en *entry) isWorthMore(size int64, victim *entry, now time.Duration) bool {
	return int64(en.rate(now))*(sizeCost+int64(len(victim.content))) >= 2*int64(victim.rate(now)+1)*(sizeCost+size)
}

// shed takes the content of en out of memory, and en out of the cache when its
// content is not to be had again.
func (k *cache) shed(en *entry) {
	if en.reply.Reread == nil {
		k.drop(en)
		return
	}
	k.contents.remove(en)
	k.bytes -= int64(len(en.content))
	en.content = nil
	if en.isWhole() {
		en.setHead(en.head())
	}
}

// drop removes en, whose file stays open for the replies under way.
func (k *cache) drop(en *entry) {
	delete(k.entries, en.key)
	k.recent.remove(en)
	if en.content != nil {
		k.contents.remove(en)
	}
	k.heads -= en.headCost()
	k.bytes -= en.headCost() + int64(len(en.content))
	if en.reply.File != nil {
		k.files--
	}
	en.cached = false
	en.countLoose(k.loose)
	en.release()
}

// countLoose counts the file that en has open for replies under way, if it is not
// cached any more, or was not at all.
func (en *entry) countLoose(loose *atomic.Int64) {
	if !en.cached && en.users > 0 && en.loose == nil && (en.reply.File != nil || en.reply.Stream != nil) {
		en.loose = loose
		loose.Add(1)
	}
}

// setOpen sets how many files at most are kept open. What nobody has asked for
// longest is closed first.
func (k *cache) setOpen(files int) {
	k.open = max(1, files)
	k.closeFiles(k.files-k.open, func(*entry) bool { return true })
}

// closeFiles closes n files, those that nobody has asked for longest first, as long
// as that may be done.
func (k *cache) closeFiles(n int, may func(*entry) bool) {
	most := k.files - n
	for en := k.recent.last; en != nil && k.files > most && may(en); {
		previous := en.links[k.recent.number].prev
		switch {
		case en.reply.File == nil:
		case !sendsFile(en.reply):
			k.closeFile(en)
		default:
			k.drop(en)
		}
		en = previous
	}
}

// dropFiles removes all open files that no reply needs and reports whether
// there were any.
func (k *cache) dropFiles() (dropped bool) {
	for en := k.recent.first; en != nil; {
		next := en.links[k.recent.number].next
		switch {
		case en.reply.File == nil:
		case !sendsFile(en.reply):
			k.closeFile(en)
			dropped = true
		case en.users == 0:
			k.drop(en)
			dropped = true
		}
		en = next
	}
	return dropped
}

// expire removes what nobody has asked for lately.
func (k *cache) expire(now time.Duration) {
	for k.recent.last != nil && now-k.recent.last.used > k.keep {
		k.drop(k.recent.last)
	}
	k.closeFiles(k.files, func(en *entry) bool { return now-en.used > openTime })
}

func (k *cache) clear() {
	for k.recent.last != nil {
		k.drop(k.recent.last)
	}
}

func (en *entry) setHead(head []byte) {
	en.bytes = append(make([]byte, 0, len(head)), head...)
	en.headSize = int32(len(head))
}

func (en *entry) head() []byte { return en.bytes[:en.headSize] }

// hasHead reports whether the head was rendered in advance.
func (en *entry) hasHead() bool { return en.headSize > 0 }

// isWhole reports whether bytes are all of the message.
func (en *entry) isWhole() bool { return len(en.bytes) > int(en.headSize) }

// hold keeps content in memory, behind the head when it is short.
func (en *entry) hold(content []byte, lent bool) {
	switch {
	case len(content) <= inPiece:
		whole := make([]byte, 0, len(en.bytes)+len(crlf)+len(content))
		en.bytes = append(append(append(whole, en.bytes...), crlf...), content...)
		en.content = en.bytes[int(en.headSize)+len(crlf):]
	case lent:
		en.content = append(make([]byte, 0, len(content)), content...)
	default:
		en.content = content
	}
}

// sendsFile reports whether the content of p is sent from its File.
func sendsFile(p *web.Reply) bool { return p.File != nil && p.Reread == nil }

// isLight reports whether the content has to be read anew.
func (en *entry) isLight() bool { return en.content == nil && en.reply.Reread != nil && en.cached }

// count counts one request.
func (en *entry) count(now time.Duration) {
	en.hits = en.rate(now) + 1
	en.epoch = uint32(now / countTime)
}

// rate returns how many requests of late count.
func (en *entry) rate(now time.Duration) uint32 { return en.hits >> (uint32(now/countTime) - en.epoch) }

func (en *entry) headCost() int64 { return int64(en.headSize) + int64(len(en.key)) + entryCost }

// done ends one use of en.
func (en *entry) done() {
	en.users--
	en.release()
}

// release frees en when nobody needs it any more: it is not cached and no reply
// of it is under way.
func (en *entry) release() {
	if !en.cached && en.users == 0 {
		if en.loose != nil {
			en.loose.Add(-1)
			en.loose = nil
		}
		if en.engine != nil {
			en.engine.release(en.reply)
			return
		}
		en.reply.Release()
	}
}

// An entryList is a list of entries, each of which has a link for it.
type entryList struct {
	first, last *entry
	number      int
}

type link struct{ prev, next *entry }

func (l *entryList) pushFront(en *entry) {
	en.links[l.number] = link{nil, l.first}
	if l.first != nil {
		l.first.links[l.number].prev = en
	} else {
		l.last = en
	}
	l.first = en
}

func (l *entryList) remove(en *entry) {
	at := en.links[l.number]
	if at.prev != nil {
		at.prev.links[l.number].next = at.next
	} else {
		l.first = at.next
	}
	if at.next != nil {
		at.next.links[l.number].prev = at.prev
	} else {
		l.last = at.prev
	}
	en.links[l.number] = link{}
}

func (l *entryList) toFront(en *entry) {
	if l.first != en {
		l.remove(en)
		l.pushFront(en)
	}
}
