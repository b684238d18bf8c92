package site

import (
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	defaultUserDir = "sws" // the manual's

	// userTime is how long is believed what the database has said of a user,
	// or that it has no such user.
	userTime = 2 * time.Second

	// maxUsers bounds what is remembered so.
	maxUsers = 1024
)

// users finds the directories that users serve. It is safe for concurrent use.
type users struct {
	home func(name string) (dir string, err error)
	dir  string // beneath a home

	mu    sync.Mutex
	known map[string]believed
}

// A believed is what the database has said of a user.
type believed struct {
	home  string // "": there is none
	until time.Time
}

// newUsers returns nil where users are not served.
func newUsers(opt *Options) *users {
	if !opt.Users {
		return nil
	}
	u := &users{home: opt.Home, dir: opt.UserDir}
	if u.home == nil {
		u.home = systemHome
	}
	if u.dir == "" {
		u.dir = defaultUserDir
	}
	return u
}

// checkUserDir refuses a name that would serve the home itself, or what is not
// in it.
func checkUserDir(dir string) error {
	if dir != "" && (!filepath.IsLocal(dir) || filepath.Clean(dir) == ".") {
		return fmt.Errorf("user directory %q: a path that leads into a home is wanted", dir)
	}
	return nil
}

// systemHome finds a home in the system's user database. That is all of
// getpwnam(3) when the program is linked with the C library, and else
// /etc/passwd. The superuser's is nobody's business.
func systemHome(name string) (dir string, err error) {
	u, err := user.Lookup(name)
	if _, ok := errors.AsType[user.UnknownUserError](err); ok {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if u.Uid == "0" {
		return "", nil
	}
	return u.HomeDir, nil
}

// lookup returns what is known of a user at the time now.
func (u *users) lookup(name string, now time.Time) (believed, error) {
	u.mu.Lock()
	b, ok := u.known[name]
	u.mu.Unlock()
	if ok && now.Before(b.until) {
		return b, nil
	}
	home, err := u.home(name)
	if err != nil {
		return believed{}, err
	}
	b = believed{home, now.Add(userTime)}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.known == nil || len(u.known) >= maxUsers {
		u.known = make(map[string]believed)
	}
	u.known[name] = b
	return b, nil
}

// isUserName reports whether a user can have the name. A dot or a sign at its
// beginning and a colon mean something in the database.
func isUserName(name string) bool {
	if name == "" || strings.IndexByte(".+-", name[0]) >= 0 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == ':' || c == '/' || c == 0x7f {
			return false
		}
	}
	return true
}

// isHome reports whether a user can serve anything beneath dir. System accounts
// often have homes that are not theirs.
func isHome(dir string) bool { return filepath.IsAbs(dir) && filepath.Clean(dir) != "/" }

// root returns the root of a user's directory, opened as kind says. For one who
// does not serve anything, for whatever reason, it is a root in which nothing is,
// and it takes as long to find that out.
func (u *users) root(name string, kind *kind, apart *apart, like *root, now func() time.Time) (*root, error) {
	b := believed{until: now().Add(userTime)}
	if isUserName(name) {
		var err error
		if b, err = u.lookup(name, now()); err != nil {
			return nil, err
		}
	}
	d := &userDir{kind: kind, home: b.home, dir: u.dir, until: b.until, now: now}
	if !isHome(b.home) {
		d.home, d.none = "/", true
	}
	return &root{where: d, apart: apart, texts: like.texts, follow: like.follow}, nil
}

// A userDir is a directory beneath a user's home. Every call finds it anew, so
// that nothing stays open, and none serves what the user has put elsewhere
// since. He owns what is in his home: dir may be a link, but not one that leads
// out of it. It is a where.
type userDir struct {
	kind      *kind
	home, dir string
	none      bool // nobody's
	until     time.Time
	now       func() time.Time
}

// enter opens the directory. All reasons for which there is none are ENOENT.
// When it must not wait, it cannot say whether the user still has that home once
// that was known a while ago.
func (d *userDir) enter(wait bool) (*opened, error) {
	if !wait && !d.now().Before(d.until) {
		return nil, syscall.EAGAIN
	}
	in, err := d.kind.beneath(d.home, d.dir, wait)
	switch err {
	case nil:
		o := &opened{tree: in}
		o.users.Store(1)
		if !d.none {
			return o, nil
		}
		o.leave()
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN, syscall.EINVAL:
		return nil, err
	}
	return nil, syscall.ENOENT
}

// elsewhere returns false: each call finds the directory anew.
func (d *userDir) elsewhere(*opened, bool) bool { return false }

// denied returns ENOENT when nothing at all may be found in the directory.
func (d *userDir) denied(in *opened) error {
	f, err := in.find("", false, true)
	if err != nil {
		return syscall.ENOENT
	}
	f.close()
	return syscall.EACCES
}

func (d *userDir) paths(in *opened) []string { return pathsOf(in, filepath.Join(d.home, d.dir)) }

// said returns "" where there is no such user.
func (d *userDir) said(name string) string {
	if d.none {
		return ""
	}
	return filepath.Join(d.home, d.dir, name)
}

func (d *userDir) absolute(name string) string { return d.said(name) }

func (d *userDir) Close() error { return nil }
