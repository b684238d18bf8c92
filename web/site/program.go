package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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
	root    *root // beneath which they lie
	dir     string
	docroot string // what the document root is called
	links   bool   // links that lead out of root are followed, when they can be trusted
}

// addPrograms has s answer for the programs in dir, and keeps what is in there
// from being served as documents.
func (s *Site) addPrograms(docroot, dir string, links bool) (err error) {
	p := &programs{links: links}
	if links {
		if err := mayFollow(); err != nil {
			return fmt.Errorf("follow links that lead out: %w", err)
		}
	}
	if p.docroot, err = filepath.Abs(docroot); err != nil {
		return err
	}
	if p.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	where, err := openNamed(p.dir, s.kind.open, time.Now)
	if err != nil {
		return fmt.Errorf("open: %w%s", err, adviceOnDirectory(err))
	}
	p.root = &root{where: where}
	switch inside, err := contains(p.dir, p.docroot); {
	case err != nil:
		p.root.Close()
		return err
	case inside:
		p.root.Close()
		return errors.New("the documents lie in it; give the programs a directory of their own")
	}
	if s.apart, err = keepApart(where, s.errorf); err != nil {
		p.root.Close()
		return err
	}
	s.programs, s.root.apart = p, s.apart
	return nil
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
		return because("the method is for the server, not for a program", web.ErrorReply(r, 501))
	}
	way := strings.TrimPrefix(p.name[len(prefix):], "/")
	if way == "" {
		return because("a directory of programs has no list", web.ErrorReply(r, 403))
	}
	for end := 0; end < len(way); end++ {
		start := end
		if at := strings.IndexByte(way[start:], '/'); at >= 0 {
			end += at
		} else {
			end = len(way)
		}
		if isHidden(way[start:end]) {
			return s.refuse(r, "decode", p, errNoName)
		}
		st, err := s.programs.root.stat(way[:end])
		switch {
		case err == syscall.EXDEV && s.programs.links:
			return s.programByLink(r, p, way)
		case err != nil:
			return s.refuse(r, "stat", p, err)
		case st.IsRegular():
			return s.run(r, p, way[:end], p.info(way, end))
		case !st.IsDir():
			return s.refuse(r, "stat", p, syscall.ENOENT) // a FIFO or a device is no program
		}
	}
	return because("a directory of programs has no list", web.ErrorReply(r, 403))
}

// info is what of the way is for the program whose name ends there.
func (p *path) info(way string, end int) string {
	if p.slash {
		return way[end:] + "/"
	}
	return way[end:]
}

// programByLink is program for a way on which a link leads out of the programs'
// directory.
func (s *Site) programByLink(r *web.Request, p path, way string) *web.Reply {
	for segment := range strings.SplitSeq(way, "/") {
		if isHidden(segment) {
			return s.refuse(r, "decode", p, errNoName)
		}
	}
	found, err := s.programs.root.findLinked(way)
	switch {
	case err == syscall.EISDIR:
		return because("a directory of programs has no list", web.ErrorReply(r, 403))
	case err != nil:
		return s.refuse(r, "open", p, err)
	}
	if errno := sys.MayExecute(found.dir.Number(), found.base); errno != 0 {
		found.dir.Close()
		return s.refuse(r, "faccessat", p, errno)
	}
	return s.reply(r, p, way[:found.end], p.info(way, found.end), found.dir, found.base)
}

// run answers with the program that is called name beneath the programs' root.
func (s *Site) run(r *web.Request, p path, name, info string) *web.Reply {
	ps := s.programs
	dir, base := "", name
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		dir, base = name[:at], name[at+1:]
	}
	var fd *ipc.FD
	for tries := 1; ; tries++ {
		var err error
		if fd, _, err = ps.root.open(dir); err != nil {
			return s.refuse(r, "open", p, err)
		}
		errno := sys.MayExecute(fd.Number(), base)
		if errno == 0 {
			break
		}
		replaced := errno == syscall.ENOENT && sys.IsRemoved(fd.Number())
		fd.Close()
		if !replaced || tries == maxTries {
			return s.refuse(r, "faccessat", p, errno)
		}
	}
	return s.reply(r, p, name, info, fd, base)
}

// reply answers with the program that is asked for by name: the file of that name
// in the open directory dir, which it takes over.
func (s *Site) reply(r *web.Request, p path, name, info string, dir *ipc.FD, file string) *web.Reply {
	ps := s.programs
	// What no client writes by mistake would be a line of its own in whatever
	// a program writes its variables to.
	if strings.ContainsFunc(info, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		dir.Close()
		return s.refuse(r, "decode", p, errNoName)
	}
	program := &web.Program{
		Dir:      dir,
		File:     file,
		Name:     name[strings.LastIndexByte(name, '/')+1:],
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
