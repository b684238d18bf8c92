package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web"
)

// prefix is the first segment of all paths that programs answer for. It is
// compared after decoding, as a whole and in its case, so that no other spelling
// of a path leads around it.
const prefix = "cgi-bin"

// programs is where the CGI programs are.
type programs struct {
	root    root     // beneath which they lie
	apart   *ipc.FD  // the directory, kept out of other roots; nil: it lies in none
	st      sys.Stat // of the directory
	dir     string   // what it is called
	docroot string   // what the document root is called
}

// are reports whether st is of the directory. A nil programs has none.
func (ps *programs) are(st *sys.Stat) bool {
	return ps != nil && st.Dev == ps.st.Dev && st.Ino == ps.st.Ino
}

func (ps *programs) close() error {
	err := ps.root.Close()
	if ps.apart != nil {
		err = errors.Join(err, ps.apart.Close())
	}
	return err
}

// addPrograms has s answer for the programs in dir, and keeps what is in there
// from being served as documents.
func (s *Site) addPrograms(docroot, dir string, open func(string) (root, error)) (err error) {
	p := new(programs)
	if p.docroot, err = filepath.Abs(docroot); err != nil {
		return err
	}
	if p.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	switch inside, err := contains(p.dir, p.docroot); {
	case err != nil:
		return err
	case inside:
		return errors.New("the documents lie in it; give the programs a directory of their own")
	}
	if p.root, err = open(p.dir); err != nil {
		return fmt.Errorf("open: %w%s", err, advice(err))
	}
	s.programs = p
	return s.keepApart(p)
}

// keepApart takes p's directory out of the document root.
func (s *Site) keepApart(p *programs) error {
	fd, err := p.root.open("")
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if p.st, err = result(sys.Fstat(fd.Number())); err != nil {
		fd.Close()
		return fmt.Errorf("fstat: %w", err)
	}
	if _, errno := sys.PathOf(fd.Number()); errno == 0 {
		p.apart = fd
		s.root = &rootWithout{s.root, fd}
		return nil
	}
	fd.Close()
	inside, err := contains(p.docroot, p.dir)
	if err == nil && inside {
		return errors.New("it lies within the document root, and this system cannot tell programs from documents there; move it out")
	}
	return err
}

// contains reports whether the directory inner is outer or lies in it, by
// whatever name.
func contains(outer, inner string) (bool, error) {
	top, err := os.Stat(outer)
	if err != nil {
		return false, err
	}
	if inner, err = filepath.EvalSymlinks(inner); err != nil {
		return false, err
	}
	for {
		at, err := os.Stat(inner)
		if err != nil {
			return false, err
		}
		if os.SameFile(at, top) {
			return true, nil
		}
		parent := filepath.Dir(inner)
		if parent == inner {
			return false, nil
		}
		inner = parent
	}
}

// own reports whether programs answer for p. A nil programs has none.
func (ps *programs) own(p path) bool {
	return ps != nil && (p.name == prefix || strings.HasPrefix(p.name, prefix+"/"))
}

// program answers for a path that programs own. The first regular file on the
// way is the program, and what follows it in the path is for the program to
// understand (RFC 3875 §4.1.5).
//
// A directory is not listed and has no index: what is there is nobody's
// business. Nor is a program's source, so nothing here becomes a document.
func (s *Site) program(p path, r *web.Request) *web.Reply {
	switch string(r.Method) {
	case "CONNECT", "TRACE": // the server's to answer, not a program's
		return because("the method is for the server, not for a program", web.ErrorReply(501))
	}
	way := strings.TrimPrefix(p.name[len(prefix):], "/")
	if way == "" {
		return because("a directory of programs has no list", web.ErrorReply(403))
	}
	for end := 0; end < len(way); end++ {
		start := end
		if at := strings.IndexByte(way[start:], '/'); at >= 0 {
			end += at
		} else {
			end = len(way)
		}
		if isHidden(way[start:end]) {
			return s.refuse("decode", p, errNoName)
		}
		st, err := s.programs.root.stat(way[:end])
		switch {
		case err != nil:
			return s.refuse("stat", p, err)
		case st.IsRegular():
			info := way[end:]
			if p.slash {
				info += "/"
			}
			return s.run(p, way[:end], info)
		case !st.IsDir():
			return s.refuse("stat", p, syscall.ENOENT) // a FIFO or a device is no program
		}
	}
	return because("a directory of programs has no list", web.ErrorReply(403))
}

// run answers with the program that is called name beneath the programs' root.
func (s *Site) run(p path, name, info string) *web.Reply {
	ps := s.programs
	// What no client writes by mistake would be a line of its own in whatever
	// a program writes its variables to.
	if strings.ContainsFunc(info, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return s.refuse("decode", p, errNoName)
	}
	dir, base := "", name
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		dir, base = name[:at], name[at+1:]
	}
	fd, err := ps.root.open(dir)
	if err != nil {
		return s.refuse("open", p, err)
	}
	if errno := sys.MayExecute(fd.Number(), base); errno != 0 {
		fd.Close()
		return s.refuse("faccessat", p, errno)
	}
	program := &web.Program{
		Dir:      fd,
		Name:     base,
		Script:   "/" + prefix + "/" + name,
		Info:     info,
		Filename: filepath.Join(ps.dir, name),
		Root:     ps.docroot,
	}
	if info != "" {
		program.Translated = strings.TrimSuffix(ps.docroot, "/") + info
	}
	return &web.Reply{Status: 200, Program: program, Resolved: program.Filename, Why: "a program"}
}

// A rootWithout is a root in which nothing is to be found that lies in one
// directory, whichever way a name takes to it: by another spelling on a file
// system that knows no case, by a link, by a rename.
type rootWithout struct {
	root
	dir *ipc.FD // borrowed
}

func (r *rootWithout) open(name string) (*ipc.FD, error) {
	fd, err := r.root.open(name)
	if err != nil {
		return nil, err
	}
	within, err := r.within(fd)
	if err == nil && !within {
		return fd, nil
	}
	fd.Close()
	if within {
		err = syscall.ENOENT
	}
	return nil, err
}

// stat finds what open would. What may not be read is told as it is.
func (r *rootWithout) stat(name string) (sys.Stat, error) {
	st, err := r.root.stat(name)
	if err != nil {
		return st, err
	}
	fd, err := r.root.open(name)
	if err != nil {
		return st, nil
	}
	defer fd.Close()
	if within, err := r.within(fd); within || err != nil {
		return sys.Stat{}, syscall.ENOENT
	}
	return st, nil
}

// within reports whether fd is the directory or lies in it. It asks where both
// are now, so that it is what was opened that counts.
func (r *rootWithout) within(fd *ipc.FD) (bool, error) {
	dir, errno := sys.PathOf(r.dir.Number())
	if errno != 0 {
		return false, errno
	}
	at, errno := sys.PathOf(fd.Number())
	if errno != 0 {
		return false, errno
	}
	rest, ok := strings.CutPrefix(at, dir)
	return ok && (rest == "" || rest[0] == '/'), nil
}

func (r *rootWithout) another(home, dir string, wait bool) (root, error) {
	other, err := r.root.another(home, dir, wait)
	if err != nil {
		return nil, err
	}
	return &rootWithout{other, r.dir}, nil
}
