// Package site answers requests from a directory, the document root: its files,
// the index.html of its directories, or a list of what is in them.
//
// New opens the root, Answer decides about a request, Close ends it. A Site
// opens files and reads small ones; it never touches a socket or a process, and
// writes nothing anywhere.
//
// A path goes one way: decode turns what the client sent into a name, once, and
// the root turns the name into an open descriptor, once. The kernel sees to it
// that nothing outside the root is opened, by whatever links or renames. Names
// that begin with a dot are neither listed nor served.
package site

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"xanadu/web"
)

// Options tune a Site. The zero value is a good one.
type Options struct {
	// MaxInline is up to how many octets a file is read into memory and kept
	// there (Reply.Body) rather than sent from its descriptor (Reply.File).
	// 0 means 64 KiB: where copying costs about as much as sendfile(2) does.
	// Negative: only empty files.
	MaxInline int64

	// Errorf is told why a request was answered 500 or 503. It is called from
	// many goroutines at once. nil: nobody is told.
	Errorf func(format string, args ...any)
}

const defaultMaxInline = 64 << 10

// A Site is a web.Site. It is immutable: Answer is safe for concurrent use.
type Site struct {
	root      root
	maxInline int64
	maxListed int
	errorf    func(format string, args ...any)
	now       func() time.Time
}

var _ web.Site = (*Site)(nil)

// New opens the directory docroot and returns a Site of what is in it. A nil
// opt means the zero Options.
//
// The Site stays with that directory when another takes its name. Errors are
// those of open(2): ENOENT, ENOTDIR, EACCES where it may not be read and
// searched. They name the directory and say what to do.
func New(docroot string, opt *Options) (*Site, error) {
	root, err := openRoot(docroot)
	if err != nil {
		return nil, fmt.Errorf("serve %s: open: %w%s", docroot, err, advice(err))
	}
	return newSite(root, opt), nil
}

func newSite(root root, opt *Options) *Site {
	if opt == nil {
		opt = new(Options)
	}
	s := &Site{root: root, maxInline: opt.MaxInline, maxListed: maxListed, errorf: opt.Errorf, now: time.Now}
	if s.maxInline == 0 {
		s.maxInline = defaultMaxInline
	}
	if s.errorf == nil {
		s.errorf = func(string, ...any) {}
	}
	return s
}

func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "; name a directory that exists"
	case errors.Is(err, syscall.ENOTDIR):
		return "; name the directory rather than a file in it"
	case errors.Is(err, syscall.EACCES):
		return "; whoever serves it must be able to read and search it (chmod a+rx)"
	}
	return ""
}

// Close closes the root. Nobody may be in Answer, or in the Unchanged of a
// Reply, any more. Replies that are not released yet keep their open files.
func (s *Site) Close() error { return s.root.Close() }

// Answer implements web.Site.
func (s *Site) Answer(r *web.Request) *web.Reply {
	switch string(r.Method) {
	case "GET", "HEAD":
	case "OPTIONS":
		// True of every resource here, and of "*", the server itself (RFC
		// 9110 §9.3.7).
		return &web.Reply{Status: 204, Fields: allow, AnyQuery: true}
	case "POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE":
		return web.ErrorReply(405, allow...)
	default:
		return web.ErrorReply(501)
	}
	path, err := decode(r.Path)
	if err != nil {
		return s.refuse("decode", path, err)
	}
	at := place{s.root, path.name, path}
	if path.slash {
		return s.directory(at)
	}
	return s.document(at, r)
}

var allow = []web.ReplyField{{Name: "Allow", Value: "GET, HEAD, OPTIONS"}}

// A place is where a path leads to: a name beneath a root. Here the name is all
// of the path.
type place struct {
	root root
	name string
	path path // what the client calls it
}

// within returns the name of an entry of the directory at at.
func (at place) within(entry string) string {
	if at.name == "" {
		return entry
	}
	return at.name + "/" + entry
}
