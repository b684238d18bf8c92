package site

import (
	"strings"
	"syscall"
	"time"

	"github.com/zeebo/xxh3"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web"
)

// document answers for a path that does not end with a slash.
func (s *Site) document(at place, r *web.Request) *web.Reply {
	fd, st, err := at.root.open(at.name)
	switch {
	case err == syscall.EACCES:
		// A directory that may be searched but not read can have an index.
		if st, _ := at.root.stat(at.name); st.IsDir() {
			return redirect(at.path, r)
		}
		fallthrough
	case err != nil:
		return s.refuse(r, "open", at.path, err)
	case st.IsDir():
		fd.Close()
		return redirect(at.path, r)
	}
	return s.file(r, at, fd, st, nil)
}

// redirect sends the client to the directory p by its full name, so that what
// its index links to is found (RFC 9110 §15.4.2).
//
// The reference is relative (RFC 3986 §4.2): a proxy may have put something in
// front of the path that the client sees. It begins with the directory's own
// name, which holds no slash, so that it leads to no other host and to no other
// directory. In front of a name with a colon there is "./", or it would read as a
// scheme; and where a query follows, for those who look for "/name/?query". Who
// does not know the path needs all of it.
func redirect(p path, r *web.Request) *web.Reply {
	var location []byte
	if r.Internal {
		p.slash = true
		location = p.append(nil)
	} else {
		name := p.name[strings.LastIndexByte(p.name, '/')+1:]
		if strings.Contains(name, ":") || r.HasQuery {
			location = append(location, "./"...)
		}
		location = append(appendEncoded(location, name, inPath), '/')
	}
	if r.HasQuery {
		location = append(location, '?')
		location = appendEncoded(location, r.Query, inQuery)
	}
	return because("it is a directory, whose path ends with a slash",
		web.ErrorReply(r, 301, web.ReplyField{Name: "Location", Value: string(location)}))
}

const (
	// tick is longer than a step of the clock that stamps files: within one
	// step a file can change twice and look the same (10 ms at HZ=100).
	tick = 20 * time.Millisecond

	// coarsest is the longest such step of any file system, that of FAT.
	coarsest = 2 * time.Second

	// maxReads is how often a file is read that changes under our eyes.
	maxReads = 3
)

// file answers r with the regular file fd, of which it takes ownership, and which
// was st when it was opened. With a room it does not wait, reads into that, and
// returns nil where it would have to wait.
//
// A file that has just been changed is given a tick to rest, and what is read of
// it counts only when the file was the same before and after. (Content written
// through a mapped page may change without a new timestamp until the page is
// written back; who edits a served file so must replace it.)
func (s *Site) file(r *web.Request, at place, fd *ipc.FD, st sys.Stat, room []byte) *web.Reply {
	p := &web.Reply{Status: 200, Fields: nosniff, AnyQuery: true, Ranges: true, Unchanged: outdated, Resolved: at.String()}
	local := sys.IsLocal(fd.Number(), &st)
	var (
		v    snapshot
		read []byte
	)
	for range maxReads {
		if room == nil {
			s.rest(st)
		} else if s.isYoung(st) {
			fd.Close()
			return nil
		}
		v = snapshot{st: st, looked: s.now(), local: local, whole: st.Size <= s.maxRead}
		size := st.Size
		if !v.whole {
			size = sampleSize
			v.summable = local && st.Size <= s.maxSummed
		}
		var err error
		switch read, err = readStart(fd, size, room); {
		case err != nil && room != nil:
			fd.Close()
			return nil
		case err != nil:
			fd.Close()
			return s.refuse(r, "pread", at.path, err)
		}
		switch {
		case !v.summable:
		case room != nil:
			if v.sum, v.summed = s.sums.find(&st); !v.summed || !v.isDistinct(fd) || v.isCoarse() {
				fd.Close()
				return nil
			}
		default:
			v.sum, v.summed = s.sums.of(fd, &st, v.isDistinct(fd) && !v.isCoarse())
		}
		after, err := result(sys.Fstat(fd.Number()))
		if err != nil {
			fd.Close()
			return s.refuse(r, "fstat", at.path, err)
		}
		if v.steady = after == st; v.steady {
			break
		}
		st = after
	}
	if p.Type, v.coding = s.contentType(at.name, read, v.whole); v.coding != "" {
		p.Fields = append([]web.ReplyField{{Name: "Content-Encoding", Value: v.coding}}, nosniff...)
	}
	v.inline = v.whole && (st.Size <= s.maxInline || !v.steady || !local)
	if v.inline {
		p.Body, p.Size = read, int64(len(read))
	} else {
		p.File, p.Size = fd, st.Size
	}
	if v.steady {
		v.vouch(p, at, fd, read)
		p.Changed = v.cameAfter(s.opened)
		if !v.inline {
			p.Holds = holds(fd, st)
		}
	}
	if !v.inline && sys.TellsLocal && !local {
		// Another look at it, or its end, may take as long as reading it does.
		p.Slow, p.Unchanged = true, nil
	}
	switch {
	case p.Reread != nil:
		p.File = fd
	case v.inline:
		fd.Close()
	}
	return p
}

// A snapshot is a file as it was when it was read.
type snapshot struct {
	st     sys.Stat
	looked time.Time
	steady bool   // it was st before it was read, and after
	whole  bool   // all of it was read
	inline bool   // what was read is what is sent
	local  bool   // nobody else changes it without our knowing
	coding string // its Content-Encoding; "" for none

	summable bool   // it is to have a sum, if not too many others are being summed
	summed   bool   // it has
	sum      uint64 // the hash of its content
}

// isSettled reports whether the file last changed so long ago that another change
// would show, whatever the file system.
func (v *snapshot) isSettled() bool { return v.looked.Sub(v.st.Ctime.Time()) >= coarsest }

// isCoarse reports whether the file may have changed twice with one timestamp, for
// all that rest did: the clock of its file system may be one of seconds.
func (v *snapshot) isCoarse() bool { return v.st.Ctime.Nsec == 0 && !v.isSettled() }

// isDistinct reports whether no other version has the same st, once this one cannot
// change any more without a trace.
func (v *snapshot) isDistinct(fd *ipc.FD) bool { return v.st.Mount != 0 || isStamped(fd, &v.st) }

// cameAfter returns when the file came to be what it is, if that was after a time and
// later than its date says; else the zero time.
//
// A file with an older date that came since the Site was opened took the place of
// one, if there was one, of which clients have copies: with a date that is later,
// when a release is rolled back, or the same, when two have one date. For files
// that were there before it is not known what clients have, and their own date
// counts: all files of a container or a mirror came later than their dates
// say. A chmod makes a file count as having come.
func (v *snapshot) cameAfter(opened time.Time) time.Time {
	came := v.st.Ctime.Time()
	if !v.local || v.st.Ctime.Sec <= v.st.Mtime.Sec || came.Before(opened) {
		return time.Time{}
	}
	return came
}

// vouch gives p, which was made of v, what tells it from other versions, as far as
// that is known.
func (v *snapshot) vouch(p *web.Reply, at place, fd *ipc.FD, read []byte) {
	p.Modified = lastModified(&v.st, v.looked)
	kind := p.Type + v.coding
	switch {
	case v.whole:
		p.ETag = contentTag(kind, xxh3.Hash(read))
	case v.summed:
		p.ETag = contentTag(kind, v.sum)
	case v.summable:
		return // too many others are being summed: the next who asks gets a tag
	default:
		p.ETag = factsTag(kind, &v.st, isStamped(fd, &v.st))
	}
	if !v.inline && (!v.local || v.isCoarse()) {
		p.ETag = weaken(p.ETag) // what is sent may be another version than this
	}
	if p.ETag == "" {
		p.Modified = time.Time{} // which says even less
	}
	switch {
	case !v.isSettled():
		// It may have changed once more without a trace. Asked again later,
		// it will be old enough to be sure.
	case !v.local, !v.isDistinct(fd):
		p.Unchanged = unknown
	default:
		p.ModifiedStrong = changedOnce(&v.st)
		f := &version{at.root, at.name, fd, v.st}
		p.Unchanged = f.unchanged
		if v.inline {
			p.Reread, p.Reopen = f.reread, f.reopen
		}
	}
}

var nosniff = []web.ReplyField{{Name: "X-Content-Type-Options", Value: "nosniff"}}

// rest waits until the file's last change is a tick ago. A change in the future
// is that of a clock that was put back: waiting would not help.
func (s *Site) rest(st sys.Stat) {
	if s.isYoung(st) {
		time.Sleep(tick - s.now().Sub(st.Ctime.Time()))
	}
}

// isYoung reports whether the file's last change is less than a tick ago.
func (s *Site) isYoung(st sys.Stat) bool {
	age := s.now().Sub(st.Ctime.Time())
	return 0 <= age && age < tick
}

// readStart returns the first size octets of a file, or all when it is shorter.
// With a room it reads into that what need not be waited for: EAGAIN for the rest,
// and where the room is too small.
func readStart(fd *ipc.FD, size int64, room []byte) ([]byte, error) {
	if room != nil {
		if int64(len(room)) < size {
			return nil, syscall.EAGAIN
		}
		n, errno := sys.ReadCached(fd.Number(), room[:size], 0)
		if errno != 0 {
			return nil, errno
		}
		return room[:n], nil
	}
	b := make([]byte, size)
	for at := 0; at < len(b); {
		n, err := syscall.Pread(fd.Number(), b[at:], int64(at))
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return b[:at], nil
		default:
			at += n
		}
	}
	return b, nil
}

// lastModified is never later than now (RFC 9110 §8.8.2.1), and nothing for a
// file from before 1970, of which many a client could not make sense.
func lastModified(st *sys.Stat, now time.Time) time.Time {
	if st.Mtime.Sec < 0 {
		return time.Time{}
	}
	return time.Unix(min(st.Mtime.Sec, now.Unix()), 0).UTC()
}

// changedOnce reports whether a file of a local file system, whose last change was
// long ago, surely had no other content at a later second with the same
// Last-Modified.
//
// It cannot be known of one whose date was set, as by cp -p, rsync -t and tar,
// which shows in the ctime: that is another second's then. (Nor can it where a
// rename leaves the ctime alone; the file systems of Linux do not.) The clock that
// stamps files goes in steps and lags behind: a stamp at the very end of a second
// may be of a change in the next. And a stamp without parts of a second is one of
// a file system whose clock stands still for two, or of an image's maker.
//
// Two files of one second that take turns at a name by the renaming of a directory
// are not found out.
func changedOnce(st *sys.Stat) bool {
	lag := time.Duration(st.Ctime.Nsec) + tick
	return st.Ctime.Sec == st.Mtime.Sec && st.Ctime.Nsec != 0 && lag < time.Second
}

// outdated is the Unchanged of a reply that is good for the requests of this
// moment, as many as there are, and no longer.
func outdated() web.Freshness { return web.Changed }

func unknown() web.Freshness { return web.Unknown }
