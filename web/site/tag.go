package site

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/zeebo/xxh3"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// An entity-tag is a hash of the content, of a file that is read whole anyway and of
// one that is not too long to be read once for it. So equal tags are equal octets,
// and chmod, a hard link or a copy on another server have the same one.
//
// The type is part of it (RFC 9110 §8.8.1): a client that asks again would keep the
// old type as long as the content stays the same, also where it was wrong.
//
// The hash is not one that withstands an attacker. Who can write a file can make two
// contents with one tag, and so keep one of them in the caches of those who
// have it; he could as well leave the file as it is. SHA-256 takes 5.8 us for 10 KiB
// where this takes 0.2, on each answer that no cache has.

const (
	// maxSummed is up to how many octets a file is read once for its tag: 10 ms
	// when it is in memory, and half a second from a slow disk, from which
	// the client would have to wait for it as well.
	maxSummed = 64 << 20

	// maxPrompt is up to how many octets it is read without regard to how many
	// others are being read: a fraction of a millisecond.
	maxPrompt = 1 << 20

	// maxSums bounds the sums that are remembered, twice: some 400 KB.
	maxSums = 2048

	// sumPiece is how much of a file is in memory while it is read for its tag.
	sumPiece = 256 << 10
)

// sums remembers the hashes of files that are not kept in memory, by version. It
// is safe for concurrent use.
type sums struct {
	mu         sync.Mutex
	young, old map[sys.Stat]uint64 // when young is full it becomes old
	running    int                 // files longer than maxPrompt that are being read
}

// of returns the hash of the content of the open file fd, which is st. lasting says
// that no other content will ever have the same st. It reports false where the file
// is not st any more, cannot be read, or enough others are being read.
func (s *sums) of(fd *ipc.FD, st *sys.Stat, lasting bool) (sum uint64, ok bool) {
	if lasting {
		if sum, ok := s.find(st); ok {
			return sum, true
		}
	}
	if st.Size > maxPrompt {
		if !s.begin() {
			return 0, false
		}
		defer s.end()
	}
	h := xxh3.New()
	b := make([]byte, min(st.Size, sumPiece))
	for at := int64(0); at < st.Size; {
		n, err := syscall.Pread(fd.Number(), b[:min(st.Size-at, sumPiece)], at)
		switch {
		case err == syscall.EINTR:
		case err != nil, n == 0:
			return 0, false
		default:
			h.Write(b[:n])
			at += int64(n)
		}
	}
	if after, errno := sys.Fstat(fd.Number()); errno != 0 || after != *st {
		return 0, false
	}
	if lasting {
		s.keep(st, h.Sum64())
	}
	return h.Sum64(), true
}

func (s *sums) find(st *sys.Stat) (sum uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sum, ok = s.young[*st]; ok {
		return sum, true
	}
	if sum, ok = s.old[*st]; ok {
		s.put(st, sum)
	}
	return sum, ok
}

func (s *sums) keep(st *sys.Stat, sum uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(st, sum)
}

func (s *sums) put(st *sys.Stat, sum uint64) {
	if s.young == nil || len(s.young) >= maxSums {
		s.young, s.old = make(map[sys.Stat]uint64), s.young
	}
	s.young[*st] = sum
}

// begin reports whether one more long file may be read. Half of the processors are
// for other things: with a file that changes all the time there is no end of it.
func (s *sums) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running >= (runtime.GOMAXPROCS(0)+1)/2 {
		return false
	}
	s.running++
	return true
}

func (s *sums) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

// contentTag is the entity-tag of a content of a type, by its hash.
func contentTag(kind string, sum uint64) string {
	sum ^= xxh3.HashString(kind)
	b := make([]byte, 0, len(`"0123456789abcdef"`))
	b = append(b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[sum>>shift&15])
	}
	return string(append(b, '"'))
}

// factsTag is the entity-tag of a file of which only st is known, and of a type. It
// is made of all that changes when a file is changed or replaced. The ctime is among
// it, since unlike the mtime it cannot be set. They are hashed to be short, and
// because nobody needs to know inode numbers.
//
// In an image of a file system all of that can be the same as in another image. So
// the mount is part of it there, and the boot, with which mounts are counted anew;
// the tag does not outlast either. Where the mount is not known there is none: "".
func factsTag(kind string, st *sys.Stat, stamped bool) string {
	facts := []int64{int64(st.Ino), st.Size, st.Mtime.Sec, st.Mtime.Nsec, st.Ctime.Sec, st.Ctime.Nsec}
	if !stamped {
		if st.Mount == 0 {
			return ""
		}
		facts = append(facts, int64(st.Mount), int64(boot()))
	}
	var b []byte
	for _, fact := range facts {
		b = binary.BigEndian.AppendUint64(b, uint64(fact))
	}
	return contentTag(kind, xxh3.Hash(b))
}

// weaken makes a weak tag of a strong one (RFC 9110 §8.8.3).
func weaken(tag string) string {
	if tag == "" {
		return ""
	}
	return "W/" + tag
}

// boot tells the time since the system was started from all other such times.
var boot = sync.OnceValue(func() uint64 {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return rand.Uint64() // no other process has it: nothing outlasts this one
	}
	return xxh3.Hash(id)
})

// isStamped reports whether the ctime of the open file fd, which is st, was given to
// it by a running clock, so that no other version of it has the same one. An image
// either keeps no parts of a second or has the mtime for a ctime.
func isStamped(fd *ipc.FD, st *sys.Stat) bool {
	return st.Ctime.Nsec != 0 && (st.Ctime != st.Mtime || sys.StampsChanges(fd.Number(), st))
}
