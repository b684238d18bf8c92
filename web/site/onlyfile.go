package site

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// errOther: the Site serves one file, and the path is neither "/" nor its name.
var errOther = errors.New("not the file that is served")

// locateOnly is locate where one file is served: at "/" and under its name.
func (s *Site) locateOnly(p path) (place, error) {
	if p.name != "" && (p.name != s.only || p.slash) {
		return place{}, errOther
	}
	p.slash = false
	return place{s.root, s.only, p}, nil
}

// isRegular reports whether path leads to a regular file.
func isRegular(path string) bool {
	var st syscall.Stat_t
	return syscall.Stat(path, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG
}

// openOnly opens the file at path for a Site that serves nothing else.
func (s *Site) openOnly(path string, opt *Options) (err error) {
	switch {
	case opt.Programs != "":
		return errors.New("a single file is served without CGI programs; name its directory")
	case opt.UserDir != "":
		return errors.New("a single file is served without user directories; name its directory")
	}
	open := func(path string) (tree, error) { return openFileTree(path, s.only, s.kind) }
	s.only, s.users = filepath.Base(path), nil
	if s.docs, err = openNamed(path, open, s.clock); err != nil {
		return fmt.Errorf("open: %w%s", err, advice(err, true))
	}
	s.root = &root{where: namedFile{s.docs}}
	return nil
}

// A namedFile is a named whose path leads to a file.
type namedFile struct{ *named }

// said returns what is the file itself beneath the path of the file.
func (namedFile) said(string) string { return "." }

// A fileTree is a tree in which one regular file is found, by its name, and
// nothing else of the directory that it lies in.
type fileTree struct {
	tree        // the directory; its way and its rules are used
	name string // by which the file is found
	base string // of the file in the directory
	file *ipc.FD
}

// openFileTree opens the regular file at path. The directory that it lies in,
// where a link at the end of path leads to, need not be readable.
func openFileTree(path, name string, kind *kind) (tree, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, errnoOf(err)
	}
	dir, err := kind.beneath(filepath.Dir(real), ".", true)
	if err != nil {
		return nil, err
	}
	t := &fileTree{tree: dir, name: name, base: filepath.Base(real)}
	f, err := t.find(name, true, true)
	if err == nil {
		t.file, err = f.open(true)
		f.close()
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return t, nil
}

// find finds the file. The name "" is the directory's, which is found for its
// attributes and cannot be opened.
func (t *fileTree) find(name string, way, wait bool) (found, error) {
	switch name {
	case "":
		st, errno := sys.FstatCached(t.tree.number())
		if errno != 0 {
			return found{}, errno
		}
		return found{st: st, at: -1, parent: -1}, nil
	case t.name:
	default:
		return found{}, syscall.ENOENT
	}
	f, err := t.tree.find(t.base, way, wait)
	if err == nil && !f.st.IsRegular() {
		f.close()
		return found{}, syscall.ENXIO
	}
	return f, err
}

// number is that of the file: it tells whether the path leads to another by now.
func (t *fileTree) number() int { return t.file.Number() }

func (t *fileTree) Close() error { return errors.Join(t.file.Close(), t.tree.Close()) }
