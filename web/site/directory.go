package site

import (
	"syscall"

	"xanadu/web"
)

// directory answers for a path that ends with a slash: with the directory's
// index.html, or a list of what is in it where it has none.
//
// An index.html that may not be served does not bring the list to light: whoever
// put it there meant to show something else.
func (s *Site) directory(at place, r *web.Request) *web.Reply {
	index := at
	index.name = at.within("index.html")
	fd, st, err := at.root.open(index.name)
	switch {
	case err == syscall.ENOENT || err == syscall.ENOTDIR:
		return s.listing(at, r)
	case err != nil:
		return s.refuse(r, "open", at.path, err)
	case st.IsDir():
		fd.Close()
		return s.listing(at, r)
	}
	return s.file(r, index, fd, st, nil)
}
