package httpd

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"xanadu/web"
)

// A cacheRig drives a cache as a loop does.
type cacheRig struct {
	cache
	now time.Duration
}

func (k *cacheRig) get(path string, size int, rereadable bool) (en *entry, hit bool) {
	r := &web.Request{Method: []byte("GET"), Path: []byte(path)}
	content := make([]byte, size)
	if en := k.find(r, k.now, true); en != nil {
		if en.isLight() {
			k.retain(en, content, true, k.now)
		}
		return en, true
	}
	p := &web.Reply{Status: 200, Size: int64(size), Unchanged: func() web.Freshness { return web.Same }}
	if rereadable {
		p.Reread = func([]byte, bool) bool { return true }
	}
	en = &entry{reply: p}
	en.setHead([]byte("Content-Type: text/plain\r\n"))
	k.put(r, en, content, false, k.now, k.now)
	return en, false
}

// check compares what the cache counts with what it holds.
func (k *cacheRig) check(t *testing.T) {
	t.Helper()
	var heads, bytes int64
	entries, contents := 0, 0
	for en := k.recent.first; en != nil; en = en.links[k.recent.number].next {
		entries++
		heads += en.headCost()
		bytes += en.headCost() + int64(len(en.content))
	}
	for en := k.contents.first; en != nil; en = en.links[k.contents.number].next {
		contents++
		if en.content == nil || !en.cached {
			t.Fatalf("%s is among the contents, and has none", en.key)
		}
	}
	for _, en := range k.entries {
		if en.content != nil {
			contents--
		} else if en.reply.Reread == nil {
			t.Fatalf("%s has no content, and nothing to read it from", en.key)
		}
	}
	if heads != k.heads || bytes != k.bytes || entries != len(k.entries) || contents != 0 {
		t.Fatalf("it counts %d and %d octets and %d entries, and holds %d, %d and %d; %d contents too many",
			k.heads, k.bytes, len(k.entries), heads, bytes, entries, contents)
	}
	if k.bytes > k.room || k.heads > k.room*headShare/6 {
		t.Fatalf("%d octets, of which %d of heads, in a cache of %d", k.bytes, k.heads, k.room)
	}
}

// Whatever is asked for, the cache keeps to its bound and counts right.
func TestCacheKeepsToItsBound(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	k := &cacheRig{cache: newCache(256<<10, 4, new(atomic.Int64))}
	sizes := make(map[string]int)
	for n := range 20_000 {
		path := fmt.Sprintf("/%d", int(chance.ExpFloat64()*80))
		if _, ok := sizes[path]; !ok {
			sizes[path] = chance.IntN(40 << 10)
		}
		k.get(path, sizes[path], len(path)%2 == 0)
		k.now += time.Duration(chance.IntN(int(20 * time.Millisecond)))
		if n%7 == 0 {
			k.check(t)
		}
		if n%5000 == 4999 {
			k.expire(k.now)
			k.check(t)
		}
	}
	k.clear()
	k.check(t)
}

// Content that is asked for often stays in memory while many others are asked for
// once, and takes their place when it comes later.
func TestCacheKeepsWhatIsAskedForOften(t *testing.T) {
	for _, late := range []bool{false, true} {
		k := &cacheRig{cache: newCache(256<<10, 4, new(atomic.Int64))}
		for n := range 2000 {
			if !late || n >= 1000 {
				k.get("/often", 10_000, true)
			}
			k.get(fmt.Sprintf("/%d", n), 10_000, true)
			k.now += time.Millisecond
		}
		if en := k.entries["/often"]; en == nil || en.content == nil {
			t.Errorf("late %v: what is asked for often is not in memory", late)
		}
		k.check(t)
	}
}

// Requests count less as time goes by.
func TestEntryRate(t *testing.T) {
	en := new(entry)
	for range 16 {
		en.count(0)
	}
	for _, test := range []struct {
		after time.Duration
		want  uint32
	}{{0, 16}, {countTime - 1, 16}, {countTime, 8}, {3 * countTime, 2}, {100 * countTime, 0}} {
		if got := en.rate(test.after); got != test.want {
			t.Errorf("after %v: %d, want %d", test.after, got, test.want)
		}
	}
}
