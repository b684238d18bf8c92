// Package site answers requests from a directory, the document root: its files,
// the index.html of its directories, or a list of what is in them. Or it answers
// from a single file.
//
// New opens the root, Answer decides about a request, Close ends it. A Site
// opens files and reads small ones; it never touches a socket or a process, and
// writes nothing anywhere.
//
// A path goes one way: decode turns what the client sent into a name, once, and
// the root turns the name into an open descriptor, once. The kernel sees to it
// that nothing outside the root is opened, by whatever links or renames, and the
// root that nothing is that belongs to the programs. Both directories are where
// their names lead, also when that changes. Names
// that begin with a dot are neither listed nor served, but for .well-known at the top
// of a root. What a user serves has a
// root of its own.
package site

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"xanadu/web"
)

// Options tune a Site. The zero value is a good one.
type Options struct {
	// MaxInline is up to how many octets a file is read into memory and kept
	// there (Reply.Body) rather than sent from its descriptor (Reply.File).
	// 0 means 64 KiB: up to there copying costs less than sendfile(2) does. Longer
	// files, up to 128 KiB, are then read whole as well, for their entity tag
	// and charset. Negative: only empty files.
	MaxInline int64

	// DirsFirst: lists show directories before all else.
	DirsFirst bool

	// Users: a path that begins with "/~name/" leads to what the user of that
	// name serves, rather than to a file of the root.
	Users bool

	// UserDir is the directory in a user's home that is served. "" means sws.
	UserDir string

	// Home finds the home of a user, "" for one whom nobody knows. It is
	// called from many goroutines at once. nil asks the system's user
	// database (getpwnam(3)), where the superuser counts as unknown.
	Home func(user string) (dir string, err error)

	// Programs is the directory of CGI programs, which answer for /cgi-bin. It
	// may lie within the document root: none of what is in it is then served
	// under any other path. "" means that there are no programs.
	Programs string

	// ProgramLinks: symbolic links that lead out of Programs are followed, when
	// each link on the way, and all that it leads to, belongs to root or to the
	// owner of Programs. It takes Linux.
	ProgramLinks bool

	// FollowLinks: symbolic links that lead out of a root are followed, when the
	// owner of each link on the way is that of what it leads to. What is in
	// Programs is not served this way either. It takes Linux.
	FollowLinks bool

	// Errorf is told why a request was answered 500 or 503. It is called from
	// many goroutines at once. nil: nobody is told.
	Errorf func(format string, args ...any)
}

const (
	defaultMaxInline = 64 << 10
	defaultMaxRead   = 128 << 10
)

// A Site is a web.Site. Answer is safe for concurrent use.
type Site struct {
	kind      *kind
	docs      *named    // the document root
	only      string    // the name of the one file that is served; "": docs is a directory
	root      *root     // of docs
	users     *users    // nil: they are not served
	programs  *programs // nil: there are none
	types     types     // beneath ours
	apart     *apart    // nil without programs
	maxInline int64
	maxRead   int64 // octets of a file that is read whole
	maxSummed int64
	maxWhole  int
	maxListed int
	dirsFirst bool
	errorf    func(format string, args ...any)
	now       func() time.Time
	opened    time.Time // when the Site was made

	rosters rosters
	sums    sums
}

var _ web.Site = (*Site)(nil)

// New opens the directory docroot and returns a Site of what is in it. A nil
// opt means the zero Options.
//
// When the name docroot leads to another directory later on, by a rename or a
// link, the Site goes along within a second; the same holds for Options.Programs.
// It stays with the last one while the name leads to none that can be opened.
//
// When docroot is a regular file, the Site serves it at "/" and under its name, and
// nothing else: neither other files of its directory nor those of users, and
// Options.Programs and Options.UserDir are errors. Another file that gets the name
// is served in its place.
//
// Errors are those of open(2): ENOENT, ENOTDIR, EACCES where it may not be read
// and searched. They name the directory and say what to do.
func New(docroot string, opt *Options) (*Site, error) { return newSite(docroot, opt, bestKind()) }

func newSite(docroot string, opt *Options, kind *kind) (*Site, error) {
	if opt == nil {
		opt = new(Options)
	}
	s := &Site{
		kind:      kind,
		users:     newUsers(opt),
		types:     systemTypes(),
		maxInline: opt.MaxInline,
		maxSummed: maxSummed,
		maxWhole:  maxWhole,
		maxListed: maxListed,
		dirsFirst: opt.DirsFirst,
		errorf:    opt.Errorf,
		now:       time.Now,
		opened:    time.Now(),
	}
	if s.maxRead = s.maxInline; s.maxInline == 0 {
		s.maxInline, s.maxRead = defaultMaxInline, defaultMaxRead
	}
	if s.errorf == nil {
		s.errorf = func(string, ...any) {}
	}
	if err := checkUserDir(opt.UserDir); err != nil {
		return nil, fmt.Errorf("serve %s: %w", docroot, err)
	}
	if opt.FollowLinks {
		if err := mayFollow(); err != nil {
			return nil, fmt.Errorf("serve %s: follow links that lead out: %w", docroot, err)
		}
	}
	var err error
	s.docs, err = openNamed(docroot, kind.open, s.clock)
	switch {
	case err == syscall.ENOTDIR && isRegular(docroot):
		if err := s.openOnly(docroot, opt); err != nil {
			return nil, fmt.Errorf("serve %s: %w", docroot, err)
		}
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("serve %s: open: %w%s", docroot, err, advice(err, false))
	}
	s.root = &root{where: s.docs, texts: &texts{now: s.clock}, follow: opt.FollowLinks}
	if opt.Programs != "" {
		if err := s.addPrograms(docroot, opt.Programs, opt.ProgramLinks); err != nil {
			s.Close()
			return nil, fmt.Errorf("run programs from %s: %w", opt.Programs, err)
		}
	}
	return s, nil
}

func (s *Site) clock() time.Time { return s.now() }

// advice says what to do about an error of opening the document root.
func advice(err error, isFile bool) string {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "; name a directory or a file that exists"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENXIO):
		return "; name a directory or a regular file"
	case errors.Is(err, syscall.EACCES) && isFile:
		return "; whoever serves it must be able to read it (chmod a+r)"
	}
	if isFile {
		return "; name another file"
	}
	return adviceOnDirectory(err)
}

// adviceOnDirectory says what to do about an error of opening a directory.
func adviceOnDirectory(err error) string {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "; name a directory that exists"
	case errors.Is(err, syscall.ENOTDIR):
		return "; name the directory rather than a file in it"
	case errors.Is(err, syscall.EACCES):
		return "; whoever serves it must be able to read and search it (chmod a+rx)"
	}
	return "; name another directory"
}

// Reopen has the Site go to where the names of the document root and of the
// programs' directory lead now, without waiting until it would notice by itself.
// It may wait for a file system. Its error says why it stays with a directory
// that was opened before. It is safe for concurrent use.
func (s *Site) Reopen() error {
	var errs [2]error
	if err := s.docs.reopen(); err != nil {
		what := "directory"
		if s.only != "" {
			what = "file"
		}
		errs[0] = fmt.Errorf("serve %s: open: %w; the %s of before stays", s.docs.path, err, what)
	}
	if s.programs != nil {
		if err := s.apart.programs.reopen(); err != nil {
			errs[1] = fmt.Errorf("run programs from %s: open: %w; the directory of before stays", s.programs.dir, err)
		}
	}
	return errors.Join(errs[:]...)
}

// Close closes the root. Nobody may be in Answer, in Reopen, or in the Unchanged
// of a Reply any more. Replies that are not released yet keep their open files.
func (s *Site) Close() error {
	err := s.root.Close()
	if s.programs != nil {
		err = errors.Join(err, s.apart.Close(), s.programs.root.Close())
	}
	return err
}

// Answer implements web.Site.
func (s *Site) Answer(r *web.Request) *web.Reply {
	path, hidden, err := decode(r.Path)
	if err == nil && s.programs.own(path) {
		return s.programs.resolved(path, s.program(path, r))
	}
	switch string(r.Method) {
	case "GET", "HEAD":
	case "OPTIONS":
		// True of every resource here, and of "*", the server itself (RFC
		// 9110 §9.3.7).
		return &web.Reply{Status: 204, Fields: allow, AnyQuery: true}
	case "POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE":
		return because("a document has GET, HEAD and OPTIONS only", web.ErrorReply(r, 405, allow...))
	default:
		return because("there is no such method here", web.ErrorReply(r, 501))
	}
	if err == nil && hidden {
		if _, name, _ := s.split(path); !isWellKnown(name) && name != s.only {
			err = errNoName
		}
	}
	if err != nil {
		return s.refuse(r, "decode", path, err)
	}
	at, err := s.locate(path)
	if err != nil {
		return s.refuse(r, "look up", path, err)
	}
	if at.path.slash {
		return at.resolved(s.directory(at, r))
	}
	return at.resolved(s.document(at, r))
}

var allow = []web.ReplyField{{Name: "Allow", Value: "GET, HEAD, OPTIONS"}}

// A place is where a path leads to: a name beneath a root.
type place struct {
	root *root
	name string
	path path // what the client calls it
}

// locate says where p leads to: to a user's files or to those of the site. An
// error is that of the user database.
func (s *Site) locate(p path) (place, error) {
	if s.only != "" {
		return s.locateOnly(p)
	}
	user, name, ofUser := s.split(p)
	if !ofUser {
		return place{s.root, name, p}, nil
	}
	root, err := s.users.root(user, s.kind, s.apart, s.root, s.clock)
	return place{root, name, p}, err
}

// split returns the name to which p leads beneath a root, and whose that is: a
// user's or the site's.
func (s *Site) split(p path) (user, name string, ofUser bool) {
	if s.users == nil || !strings.HasPrefix(p.name, "~") {
		return "", p.name, false
	}
	user, name, _ = strings.Cut(p.name[1:], "/")
	return user, name, true
}

// within returns the name of an entry of the directory at at.
func (at place) within(entry string) string {
	if at.name == "" {
		return entry
	}
	return at.name + "/" + entry
}
