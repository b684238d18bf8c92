package site

import (
	"path/filepath"
	"syscall"

	"xanadu/web"
)

// reasons are what a person is told in place of an error whose own words would
// puzzle him.
var reasons = map[error]string{
	errMalformed:         "the path is malformed, or leads above the root",
	errNoName:            "no such name is served: it begins with a dot, holds a slash or is too long",
	errOther:             "a single file is served, at / and under its name",
	syscall.EXDEV:        "a symbolic link leads out of what is served (see --follow-links)",
	errNotOwner:          errNotOwner.Error(),
	syscall.ELOOP:        "a link in it leads to itself",
	syscall.ENXIO:        "it is no regular file",
	syscall.ENAMETOOLONG: "it is too long a name",
}

// because gives p, which nobody else has yet, its reason.
func because(why string, p *web.Reply) *web.Reply {
	p.Why = why
	return p
}

// why says what call has failed with.
func why(call string, err error) string {
	if reason, ok := reasons[err]; ok {
		return reason
	}
	return call + ": " + err.Error()
}

// resolved has p say that it is the answer to at, where it does not say more.
func (at place) resolved(p *web.Reply) *web.Reply {
	if p.Resolved == "" {
		p.Resolved = at.String()
	}
	if p.Resolved == "" {
		p.Why = "no user of that name serves anything"
	}
	return p
}

// resolved does the same for a path that programs own.
func (ps *programs) resolved(p path, reply *web.Reply) *web.Reply {
	if reply.Resolved == "" {
		reply.Resolved = filepath.Join(ps.dir, p.name[len(prefix):])
	}
	return reply
}

// String says where at is: beneath the document root, or by an absolute path
// where a user serves it; "" for a user who serves nothing.
func (at place) String() string { return at.root.where.said(at.name) }
