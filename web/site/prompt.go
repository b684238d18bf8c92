package site

import (
	"strings"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web"
)

var _ web.PromptSite = (*Site)(nil)

// AnswerNow implements web.PromptSite. It answers with documents whose names,
// attributes and content the kernel has in memory. All else, lists, programs,
// redirects and refusals, is for Answer to say.
func (s *Site) AnswerNow(r *web.Request, room []byte) *web.Reply {
	path, hidden, err := decode(r.Path)
	if err != nil || hidden || !r.IsGet() || s.programs.own(path) || s.users != nil && strings.HasPrefix(path.name, "~") {
		return nil
	}
	at := place{s.root, path.name, path}
	if path.slash {
		at.name = at.within("index.html")
	}
	fd, st, err := at.root.openCached(at.name)
	if err != nil {
		return nil
	}
	if !st.IsRegular() {
		fd.Close()
		return nil
	}
	return s.file(at, fd, st, room)
}

// rereads returns the Reread of a reply that was made of the open file fd when it
// was st. It does not own fd, and looks for the file by its name when that is
// closed.
func (at place) rereads(fd *ipc.FD, st sys.Stat) func([]byte) bool {
	f := &version{at.root, at.name, fd, st}
	return f.reread
}

// A version is a file as it was at one time.
type version struct {
	root *root
	name string
	fd   *ipc.FD
	st   sys.Stat
}

// reread reads all of f into b, and reports whether it did and f is still the same.
// A change that comes while it is read shows in what fstat says afterwards.
func (f *version) reread(b []byte) bool {
	fd := f.fd
	if fd.Number() < 0 {
		var err error
		if fd, _, err = f.root.openCached(f.name); err != nil {
			return false
		}
		defer fd.Close()
	}
	n, errno := sys.ReadCached(fd.Number(), b, 0)
	if errno != 0 || n != len(b) {
		return false
	}
	st, errno := sys.Fstat(fd.Number())
	return errno == 0 && st == f.st
}
