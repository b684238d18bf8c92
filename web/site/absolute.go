package site

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"time"

	"xanadu/internal/sys"
)

const (
	// maxSteps bounds the segments that are looked at to find one absolute link:
	// as many as a path has octets (PATH_MAX).
	maxSteps = 4096

	// maxTexts bounds the links whose texts are remembered, for looks that must
	// not wait. With a path each they take less than 4 MiB, and mostly 100 KB.
	maxTexts = 1024
)

// texts remembers what symbolic links say, since reading one may take a disk. A link
// never says anything else: another in its place has another ctime, or is another
// file. It is safe for concurrent use.
type texts struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[sys.Identity]text // guarded by mu
}

type text struct {
	changed sys.Time // the link's ctime
	says    string
}

// of returns what the link f says, which was found in f.parent. When it must not
// wait its error is EAGAIN for a link that was not read before.
func (t *texts) of(f *found, wait bool) (string, syscall.Errno) {
	id := f.st.Identity()
	if !wait {
		t.mu.Lock()
		defer t.mu.Unlock()
		if known, ok := t.known[id]; ok && known.changed == f.st.Ctime {
			return known.says, 0
		}
		return "", syscall.EAGAIN
	}
	says, errno := sys.Readlinkat(f.parent, f.base)
	// One that has just been made may be replaced by another that has the same
	// number and the same ctime.
	if errno != 0 || t.now().Sub(f.st.Ctime.Time()) < coarsest {
		return says, errno
	}
	// The name may be another link's by now: what was read counts only for the one
	// that was found, if that is there still.
	if st, errno := sys.Lstatat(f.parent, f.base); errno != 0 || st.Identity() != id || st.Ctime != f.st.Ctime {
		return says, 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= maxTexts {
		t.known = make(map[sys.Identity]text)
	}
	t.known[id] = text{f.st.Ctime, says}
	return says, 0
}

// errNotOwner: a link is not of the owner of what it leads to.
var errNotOwner = errors.New("a symbolic link leads out of what is served, and its owner is not that of what it leads to")

// findAgain finds what name leads to, also where symbolic links with absolute
// targets are on the way that lead back beneath the root.
//
// Such a target is read as a name beneath the root, and that is found like any
// other: so whatever is replaced meanwhile, nothing outside is found, and what is
// kept apart is asked about as ever. A target is beneath the root when its first
// segments spell one of the root's own paths. Nothing outside the root is looked at,
// unless links that lead out are to be followed (Options.FollowLinks).
func (r *root) findAgain(in *opened, name string, way, wait bool) (found, error) {
	f, err := in.find(name, way, wait)
	if err != syscall.EXDEV || r.texts == nil {
		return f, err
	}
	paths := r.where.paths(in)
	// Each turn finds as far as the kernel, or os.Root, follows links: one that it
	// does not consent to (mount(2), MS_NOSYMFOLLOW; proc(5), protected_symlinks)
	// ends with another error.
	for range maxLinks {
		next, err := r.replaceAbsolute(in, paths, name, wait)
		switch {
		case err == syscall.EXDEV && r.follow && !wait:
			return found{}, syscall.EAGAIN
		case err == syscall.EXDEV && r.follow:
			return findOutside(in, name)
		case err != nil:
			return found{}, err
		}
		name = next
		if f, err = in.find(name, way, wait); err != syscall.EXDEV {
			return f, err
		}
	}
	return found{}, syscall.ELOOP
}

// replaceAbsolute follows name up to the first link with an absolute target, and
// returns the name beneath the root that this target and the rest of name are. The
// error is EXDEV when it leads out, or there is no such link any more. Where a link is
// replaced meanwhile it may return name itself, to be found once more.
func (r *root) replaceAbsolute(in *opened, paths []string, name string, wait bool) (string, error) {
	var (
		way   []string // directories, none of which was a link
		todo  = strings.Split(name, "/")
		links = 0
	)
	for range maxSteps {
		if len(todo) == 0 {
			return "", syscall.EXDEV
		}
		base := todo[0]
		todo = todo[1:]
		switch base {
		case "", ".":
			continue
		case "..":
			if len(way) == 0 {
				return "", syscall.EXDEV
			}
			way = way[:len(way)-1]
			continue
		}
		parent, errno := in.directory(strings.Join(way, "/"), wait)
		if errno != 0 {
			return "", errno
		}
		f := found{at: -1, parent: parent, base: base}
		if errno := in.entry(&f, wait); errno != 0 {
			f.close()
			return "", errno
		}
		if !f.st.IsSymlink() {
			f.close()
			way = append(way, base)
			continue
		}
		target, errno := r.texts.of(&f, wait)
		f.close()
		switch links++; {
		case errno == syscall.EINVAL: // it is no link any more
			return name, nil
		case errno != 0:
			return "", errno
		case links > maxLinks:
			return "", syscall.ELOOP
		}
		if !strings.HasPrefix(target, "/") {
			todo = append(strings.Split(target, "/"), todo...)
			continue
		}
		for _, path := range paths {
			if rest, ok := beneathPath(path, target); ok {
				return strings.Join(append([]string{rest}, todo...), "/"), nil
			}
		}
		return "", syscall.EXDEV
	}
	return "", syscall.ELOOP
}

// beneathPath returns the rest of the absolute path target behind the segments of
// the absolute path dir, "." when there is none. Empty segments and "." are none; a
// ".." in the rest is for the one who finds it.
func beneathPath(dir, target string) (rest string, ok bool) {
	if !strings.HasPrefix(dir, "/") {
		return "", false
	}
	for segment := range strings.SplitSeq(dir, "/") {
		if segment == "" {
			continue
		}
		var next string
		if next, target = cutSegment(target); next != segment {
			return "", false
		}
	}
	// A target with a slash at its end is a directory, as "." is in it.
	rest = strings.TrimLeft(target, "/")
	if rest == "" || strings.HasSuffix(rest, "/") {
		rest += "."
	}
	return rest, true
}

// cutSegment takes the first segment of path that is neither empty nor ".".
func cutSegment(path string) (segment, rest string) {
	for path != "" && (segment == "" || segment == ".") {
		segment, path, _ = strings.Cut(path, "/")
	}
	return segment, path
}
