package http1

import (
	"bytes"

	"xanadu/web"
)

var (
	errTarget      = &Error{400, "the request-target is malformed"}
	errAsterisk    = &Error{400, "the target * of a method other than OPTIONS"}
	errConnect     = &Error{501, "CONNECT: this is not a proxy"}
	errScheme      = &Error{421, "a target of another scheme than http"}
	errTargetHost  = &Error{400, "the authority of the target is malformed"}
	root, asterisk = []byte("/"), []byte("*")
)

// parseTarget understands r.Target (RFC 9112 §3.2). Its octets are the visible
// ones of ASCII without "#", which belongs to the client, and those above: the
// names of files are octets, and some clients send UTF-8 as it is. Nothing is
// percent-decoded here. A target that is well-formed but none of a document
// leaves r.Path nil.
func parseTarget(r *web.Request) error {
	if string(r.Method) == "CONNECT" {
		// Its authority-form is of use to a proxy alone, and what follows
		// the head would be no HTTP. It has a port (RFC 9110 §9.3.6).
		colon := bytes.LastIndexByte(r.Target, ':')
		if colon < 0 || !validAuthority(r.Target) || !is(r.Target[len(r.Target)-1], digitOctet) ||
			bytes.IndexByte(r.Target[colon:], ']') >= 0 {
			return errTarget
		}
		return nil
	}
	if r.Target[0] == '/' {
		setPath(r, r.Target)
		return nil
	}
	if string(r.Target) == "*" {
		if string(r.Method) != "OPTIONS" {
			return errAsterisk
		}
		r.Path = r.Target
		return nil
	}
	return parseAbsolute(r)
}

func setPath(r *web.Request, pathAndQuery []byte) {
	r.Path = pathAndQuery
	if q := bytes.IndexByte(pathAndQuery, '?'); q >= 0 {
		r.Path, r.Query, r.HasQuery = pathAndQuery[:q:q], pathAndQuery[q+1:], true
	}
}

// parseAbsolute understands the absolute-form, whose authority goes before the
// field Host (RFC 9112 §3.2.2). User information in it is refused, as is an
// empty host (RFC 9110 §4.2.1, §4.2.4). "OPTIONS http://h" asks what
// "OPTIONS *" does (RFC 9112 §3.2.4).
func parseAbsolute(r *web.Request) error {
	const scheme = "http://"
	if len(r.Target) < len(scheme) || !same(r.Target[:len(scheme)], scheme) {
		if hasScheme(r.Target) {
			return nil
		}
		return errTarget
	}
	rest := r.Target[len(scheme):]
	end := 0
	for end < len(rest) && rest[end] != '/' && rest[end] != '?' {
		end++
	}
	r.Host = rest[:end:end]
	if !validAuthority(r.Host) {
		return errTargetHost
	}
	setPath(r, rest[end:])
	if len(r.Path) == 0 {
		r.Path = root
		if !r.HasQuery && string(r.Method) == "OPTIONS" {
			r.Path = asterisk
		}
	}
	return nil
}

// hasScheme reports whether target begins as an absolute URI with an authority
// does (RFC 3986 §3.1).
func hasScheme(target []byte) bool {
	colon := bytes.Index(target, []byte("://"))
	if colon < 1 || !is(target[0], letterOctet) {
		return false
	}
	for _, c := range target[:colon] {
		if !is(c, letterOctet|digitOctet) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
