package httpd

import (
	"time"

	"xanadu/web"
)

const (
	// maxCached bounds the memory of all loops' cached documents together.
	maxCached = 64 << 20

	// maxEntries bounds one loop's documents, whose fixed costs maxCached
	// would underrate.
	maxEntries = 8192

	// maxFiles bounds the documents that are kept as open files.
	maxFiles = 1024

	// freshTime is how long a document is served without a look at its file.
	// With the turn's own length it stays well within the second that we
	// promise a change to be seen in.
	freshTime = 500 * time.Millisecond

	// askTime is how much longer it is served while the site is asked whether
	// it still holds, so that not all who want it ask at once.
	askTime = 300 * time.Millisecond

	// keepTime is how long a document that nobody asks for is kept: a file
	// that was removed gives its blocks back.
	keepTime = 10 * time.Second

	// entryCost is about what an entry takes beside its bytes.
	entryCost = 512
)

// A cache holds the documents that one loop was asked for lately, most recently
// used first, as replies whose heads are rendered. It owns the replies.
type cache struct {
	entries     map[string]*entry
	first, last *entry
	bytes, room int64
	files, open int // open: files at most
}

// An entry is a document: a reply, and what of it is the same for all requests.
type entry struct {
	reply *web.Reply
	head  []byte // of the whole document, up to the empty line but without it
	whole []byte // head, empty line and content in one piece; nil when that is long

	key     string
	checked time.Duration // when the reply was last known to hold
	used    time.Duration // in the current second, roughly
	users   int           // replies under way that need it
	asked   bool          // the site is being asked for another in its place
	cached  bool

	prev, next *entry
}

func newCache(room int64, files int) cache {
	return cache{entries: make(map[string]*entry), room: room, open: max(1, files)}
}

// find returns the document that a GET of r gets, when it is here and fresh.
func (k *cache) find(r *web.Request, now time.Duration) *entry {
	en := k.entries[string(r.Path)]
	if en == nil || r.HasQuery && !en.reply.AnyQuery || en.reply.Suits != nil && !en.reply.Suits(r) {
		return nil
	}
	if now-en.checked > freshTime && !(en.asked && now-en.checked <= freshTime+askTime) {
		switch en.reply.Unchanged() {
		case web.Same:
			en.checked, en.asked = now, false
		case web.Unknown:
			if !en.asked && now-en.checked <= freshTime+askTime {
				en.asked = true
				return nil
			}
			fallthrough
		default:
			k.drop(en)
			return nil
		}
	}
	if now-en.used > freshTime {
		en.used = now
		k.unlink(en)
		k.link(en)
	}
	return en
}

// put takes en in under the path of r and reports whether it may be kept. The
// reply was true at the time checked.
func (k *cache) put(r *web.Request, en *entry, checked, now time.Duration) bool {
	p, old := en.reply, k.entries[string(r.Path)]
	if p.Unchanged == nil || !r.IsGet() || r.HasQuery && !p.AnyQuery || en.cost() > k.room/8 {
		if old != nil && old.asked {
			k.drop(old) // this may be what is there in its place
		}
		return false
	}
	if old != nil {
		k.drop(old)
	}
	en.key, en.checked, en.used, en.cached = string(r.Path), checked, now, true
	k.entries[en.key] = en
	k.link(en)
	k.bytes += en.cost()
	if p.File != nil {
		k.files++
	}
	for k.bytes > k.room || len(k.entries) > maxEntries || k.files > k.open {
		k.drop(k.last)
	}
	return true
}

// drop removes en, whose file stays open for the replies under way.
func (k *cache) drop(en *entry) {
	delete(k.entries, en.key)
	k.unlink(en)
	k.bytes -= en.cost()
	if en.reply.File != nil {
		k.files--
	}
	en.cached = false
	en.release()
}

// dropFiles removes all open files that no reply needs and reports whether
// there were any.
func (k *cache) dropFiles() (dropped bool) {
	for en := k.first; en != nil; {
		next := en.next
		if en.reply.File != nil && en.users == 0 {
			k.drop(en)
			dropped = true
		}
		en = next
	}
	return dropped
}

// expire removes what nobody has asked for lately.
func (k *cache) expire(now time.Duration) {
	for k.last != nil && now-k.last.used > keepTime {
		k.drop(k.last)
	}
}

func (k *cache) clear() {
	for k.last != nil {
		k.drop(k.last)
	}
}

func (k *cache) link(en *entry) {
	en.prev, en.next = nil, k.first
	if k.first != nil {
		k.first.prev = en
	} else {
		k.last = en
	}
	k.first = en
}

func (k *cache) unlink(en *entry) {
	if en.prev != nil {
		en.prev.next = en.next
	} else {
		k.first = en.next
	}
	if en.next != nil {
		en.next.prev = en.prev
	} else {
		k.last = en.prev
	}
	en.prev, en.next = nil, nil
}

func (en *entry) cost() int64 {
	bytes := len(en.whole) // head and body are parts of it
	if en.whole == nil {
		bytes = len(en.head) + len(en.reply.Body)
	}
	return int64(bytes+len(en.key)) + entryCost
}

// done ends one use of en.
func (en *entry) done() {
	en.users--
	en.release()
}

// release frees en when nobody needs it any more: it is not cached and no reply
// of it is under way.
func (en *entry) release() {
	if !en.cached && en.users == 0 {
		en.reply.Release()
	}
}
