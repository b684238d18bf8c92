package site

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// maxWhole is up to how many names a list is made at once, and may be kept: a few
// milliseconds' work and some 200 KB. A longer one is made while it is sent.
const maxWhole = 1000

// An entry is what a list shows of a file or directory.
type entry struct {
	name     string
	dir      bool
	link     bool   // name is a symbolic link to it
	target   string // what the link says; "" when that is not told
	size     int64
	modified sys.Time
}

// A tally is what a list says at its end.
type tally struct {
	dirs, files int64
	octets      int64 // of the files together
	filtered    bool  // entries were left out for the filter
	complete    bool  // the directory has no more names than were looked at
}

func (t *tally) add(e *entry) {
	if e.dir {
		t.dirs++
		return
	}
	t.files++
	t.octets += e.size
}

// listing answers with a list of the directory at at, in the format and the view
// that r asks for: what can be served from it, without dot names.
//
// The sizes in it can change without a change of the directory, and to look at
// them all costs as much as the list does: so whoever keeps it asks again.
func (s *Site) listing(at place, r *web.Request) *web.Reply {
	looked := s.now()
	dir, st, err := openDir(at)
	if err != nil {
		return s.refuse(r, "list", at.path, err)
	}
	if isWellKnown(at.name) {
		dir.Close()
		return because("what is in "+wellKnown+" has no list", web.ErrorReply(r, 403))
	}
	names, err := dir.Readdirnames(s.maxWhole + 1)
	if err != nil && err != io.EOF {
		dir.Close()
		return s.refuse(r, "list", at.path, errnoIn(err))
	}
	f, v := chosen(r), s.viewOf(r)
	p := &web.Reply{Status: 200, Type: f.kind, Fields: f.fields(), Why: "it has no index.html: its list"}
	if len(names) > s.maxWhole {
		roster := s.rosters.join(dir, st, v.order, names, looked)
		if roster == nil {
			return s.refuse(r, "list", at.path, syscall.EAGAIN)
		}
		p.Size = -1
		p.Stream = &longList{site: s, at: at, format: f, view: v, filter: v.words(), roster: roster}
		return p
	}
	defer dir.Close()
	p.Body = s.whole(f, &v, at, int(dir.Fd()), names)
	p.Size = int64(len(p.Body))
	sum := sha256.Sum256(p.Body)
	p.ETag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	p.Unchanged = unknown
	p.AnyQuery = true
	p.Suits = func(r *web.Request) bool { return v.asks(r) && chosen(r) == f }
	return p
}

// openDir opens the directory at at to list it.
func openDir(at place) (*os.File, sys.Stat, error) {
	fd, st, err := at.root.open(at.name)
	if err != nil {
		return nil, st, err
	}
	if !st.IsDir() {
		fd.Close()
		return nil, st, syscall.ENOTDIR
	}
	return os.NewFile(uintptr(fd.Disown()), "directory"), st, nil
}

// whole returns the list of names in the open directory dir, which is at at.
func (s *Site) whole(f *format, v *view, at place, dir int, names []string) []byte {
	type keyed struct {
		entry
		item
		key string
	}
	entries := make([]keyed, 0, len(names))
	words := v.words()
	for _, name := range names {
		if !words.matches(name) {
			continue
		}
		if e, ok := s.look(at, dir, name); ok {
			entries = append(entries, keyed{e, item{name, v.order.value(&e)}, fold(name)})
		}
	}
	slices.SortFunc(entries, func(a, b keyed) int {
		switch {
		case !s.dirsFirst || a.dir == b.dir:
			return v.order.compare(&a.item, &b.item, a.key, b.key)
		case a.dir:
			return -1
		}
		return 1
	})
	t := tally{complete: true, filtered: words != nil}
	list := f.begin(nil, at.path, v)
	for i := range entries {
		list = f.entry(list, &entries[i].entry, i)
		t.add(&entries[i].entry)
	}
	return f.end(list, &t)
}

// look finds out about one name in the open directory dir, which is at at. It
// reports false for what a client would not get.
func (s *Site) look(at place, dir int, name string) (entry, bool) {
	if !s.shows(at, name) {
		return entry{}, false
	}
	st, err := result(sys.Lstatat(dir, name))
	e := entry{name: name}
	if err == nil && st.IsSymlink() {
		e.link = true
		e.target = target(dir, name)
	}
	if err == nil && (e.link || st.IsDir() && s.apart != nil) {
		st, err = at.lookAt(name) // which asks whether it is kept apart
	}
	if err != nil || !st.IsRegular() && !st.IsDir() || s.apart.has(&st) {
		return entry{}, false
	}
	e.dir, e.size, e.modified = st.IsDir(), st.Size, st.Mtime
	return e, true
}

// lookAt is stat(2) of an entry of the directory at at. What the kernel has in
// memory has to do: to look at what is mounted there would be to wait for it.
func (at place) lookAt(entry string) (sys.Stat, error) {
	st, err := at.root.cached(at.within(entry))
	if err != nil {
		return at.root.stat(at.within(entry))
	}
	return st, nil
}

// shows reports whether a list of at has the name at all. One that begins with a
// dot is not served, and some in the document root lead elsewhere: to users and
// to programs.
func (s *Site) shows(at place, name string) bool {
	switch {
	case name[0] == '.':
		return false
	case at.path.name != "":
		return true
	}
	return !(name[0] == '~' && s.users != nil) && !s.programs.own(path{name: name})
}

// target returns what the symbolic link name says, which has been found to lead
// to a place within the root, or "" where it tells a name that is not shown, or where
// the root is.
func target(dir int, name string) string {
	text, errno := sys.Readlinkat(dir, name)
	if errno != 0 || text[0] == '/' {
		return ""
	}
	for segment := range strings.SplitSeq(text, "/") {
		if segment != "" && segment[0] == '.' && segment != "." && segment != ".." {
			return ""
		}
	}
	return text
}

// time returns when e was modified, unless four digits cannot say the year.
func (e *entry) time() (time.Time, bool) {
	t := e.modified.Time().UTC()
	return t, 0 <= t.Year() && t.Year() <= 9999
}

func errnoIn(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
