package site

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"syscall"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web"
)

// document answers for a path that does not end with a slash.
func (s *Site) document(at place, r *web.Request) *web.Reply {
	fd, err := at.root.open(at.name)
	if err != nil {
		// A directory that may be searched but not read can have an index.
		if st, _ := at.root.stat(at.name); err == syscall.EACCES && st.IsDir() {
			return redirect(at.path, r)
		}
		return s.refuse("open", at.path, err)
	}
	st, err := result(sys.Fstat(fd.Number()))
	if err == nil && st.IsRegular() {
		return s.file(at, fd, st)
	}
	fd.Close()
	switch {
	case err != nil:
		return s.refuse("fstat", at.path, err)
	case st.IsDir():
		return redirect(at.path, r)
	}
	return s.refuse("open", at.path, syscall.ENOENT) // a FIFO or a device is no document
}

// redirect sends the client to the directory p by its full name, so that what
// its index links to is found (RFC 9110 §15.4.2).
func redirect(p path, r *web.Request) *web.Reply {
	p.slash = true
	location := p.append(nil)
	if r.HasQuery {
		location = append(location, '?')
		location = appendEncoded(location, r.Query, inQuery)
	}
	return because("it is a directory, whose path ends with a slash",
		web.ErrorReply(301, web.ReplyField{Name: "Location", Value: string(location)}))
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

// file answers with the regular file fd, of which it takes ownership, and which
// was st when it was opened.
//
// A file that has just been changed is given a tick to rest, and what is read of
// it counts only when the file was the same before and after. So its entity-tag
// is a strong one: the same tag is the same content. (Content written through a
// mapped page may change without a new timestamp until the page is written back;
// who edits a served file so must replace it.)
func (s *Site) file(at place, fd *ipc.FD, st sys.Stat) *web.Reply {
	p := &web.Reply{Status: 200, Fields: nosniff, AnyQuery: true, Ranges: true, Unchanged: outdated, Resolved: at.String()}
	var (
		read  []byte
		whole bool
	)
	for range maxReads {
		s.rest(st)
		looked := s.now()
		size := st.Size
		if whole = size <= s.maxInline; !whole {
			size = sampleSize
		}
		var err error
		if read, err = readStart(fd, size); err != nil {
			fd.Close()
			return s.refuse("pread", at.path, err)
		}
		after, err := result(sys.Fstat(fd.Number()))
		if err != nil {
			fd.Close()
			return s.refuse("fstat", at.path, err)
		}
		if after == st {
			p.ETag = etag(&st)
			p.Modified = lastModified(&st, looked)
			p.Changed = st.Ctime.Time()
			switch {
			case looked.Sub(p.Changed) < coarsest:
				// It may have changed once more without a trace. Asked again
				// later, it will be old enough to be sure.
			case !sys.IsLocal(fd.Number()):
				p.Unchanged = unknown
			default:
				p.ModifiedStrong = changedOnce(&st)
				p.Unchanged = at.watch(st)
			}
			break
		}
		st = after
	}
	p.Type = contentType(at.name, read, whole)
	if whole {
		fd.Close()
		p.Body, p.Size = read, int64(len(read))
	} else {
		p.File, p.Size = fd, st.Size
	}
	return p
}

var nosniff = []web.ReplyField{{Name: "X-Content-Type-Options", Value: "nosniff"}}

// rest waits until the file's last change is a tick ago. A change in the future
// is that of a clock that was put back: waiting would not help.
func (s *Site) rest(st sys.Stat) {
	if age := s.now().Sub(st.Ctime.Time()); 0 <= age && age < tick {
		time.Sleep(tick - age)
	}
}

// readStart returns the first size octets of a file, or all when it is shorter.
func readStart(fd *ipc.FD, size int64) ([]byte, error) {
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

// etag makes an entity-tag of all that changes when a file is changed or
// replaced. The ctime is among it, since unlike the mtime it cannot be put back.
// It is a hash to be short, and because nobody needs to know inode numbers.
func etag(st *sys.Stat) string {
	var facts []byte
	for _, fact := range [...]int64{
		int64(st.Ino), st.Size, st.Mtime.Sec, st.Mtime.Nsec, st.Ctime.Sec, st.Ctime.Nsec,
	} {
		facts = binary.BigEndian.AppendUint64(facts, uint64(fact))
	}
	h := fnv.New64a()
	h.Write(facts)
	return fmt.Sprintf(`"%016x"`, h.Sum64())
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

// watch returns the Unchanged of a reply that was made of the file at at when it
// was st.
//
// The name is resolved again, so that it notices every change on the way to the
// file as well as in it: a link or directory renamed, a permission taken away.
func (at place) watch(st sys.Stat) func() web.Freshness {
	return func() web.Freshness {
		now, err := at.root.cached(at.name)
		switch err {
		case nil:
			if now == st {
				return web.Same
			}
			return web.Changed
		case syscall.EAGAIN, syscall.EINTR, syscall.EINVAL, // EINVAL: Linux before 5.12
			syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
			return web.Unknown
		}
		return web.Changed
	}
}

// outdated is the Unchanged of a reply that is good for the requests of this
// moment, as many as there are, and no longer.
func outdated() web.Freshness { return web.Changed }

func unknown() web.Freshness { return web.Unknown }
