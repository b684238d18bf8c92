package site

import (
	"errors"
	"syscall"

	"xanadu/web"
)

// refuse answers r for an error: that of decode, or a syscall.Errno of the call
// named.
func (s *Site) refuse(r *web.Request, call string, p path, err error) *web.Reply {
	status := statusOf(err)
	var fields []web.ReplyField
	if status == 503 {
		fields = []web.ReplyField{{Name: "Retry-After", Value: "1"}}
	}
	if status >= 500 {
		s.errorf("answer %q: %s: %v", p.append(nil), call, err)
	}
	return because(why(call, err), web.ErrorReply(r, status, fields...))
}

// statusOf says whose fault an error is. What leads out of the root does not
// exist, as far as a client may know.
func statusOf(err error) int {
	if errors.Is(err, errMalformed) {
		return 400
	}
	switch err {
	case errNoName, errOther, errUntrusted, errNotOwner,
		syscall.ENOENT, syscall.ENOTDIR, syscall.EXDEV, // nothing there, or not within
		syscall.ENAMETOOLONG, syscall.ELOOP, // nothing could be
		syscall.EINVAL, syscall.EILSEQ, // a name that this file system cannot hold
		syscall.ENXIO, syscall.ENODEV, syscall.EOPNOTSUPP: // a socket, a device
		return 404
	case syscall.EACCES, syscall.EPERM:
		return 403
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, // for want of something
		syscall.EAGAIN, syscall.EBUSY, syscall.ETXTBSY: // someone else has it
		return 503
	}
	return 500
}
