package site

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
)

// A path is what a client's path means, decoded and without detours.
type path struct {
	// name is the way from the root to a file: names joined by "/", none of
	// which is empty, "." or ".."; "" is the root itself.
	name string

	// slash: the path ended with one, so that only a directory can be meant.
	slash bool
}

const (
	maxName = 255  // bytes of one name, on nearly every file system (NAME_MAX)
	maxPath = 4095 // bytes of a path that open(2) takes, without the final NUL (PATH_MAX)
)

var (
	// errMalformed: no path reads like that. It is answered 400.
	errMalformed = errors.New("malformed path")

	// errNoName: nothing that is served has such a name. It is answered 404.
	errNoName = errors.New("no such name")
)

// decode decodes a path as it stands in a request (RFC 3986 §2.1, §3.3). It is
// the only function to do so.
//
// Percent-encodings are decoded once. An encoded slash is refused, since no name
// holds one. Then "." and empty segments vanish and ".." takes back the segment
// before it (§5.2.4), but never leaves the root.
//
// A path is hidden when a segment of it begins with a dot or is longer than a
// name can be: no file or directory that is served has such a name, but for one
// (isWellKnown), and what follows a program's name may look like that. One that a ".." would take back
// is refused.
func decode(raw []byte) (p path, hidden bool, err error) {
	if len(raw) == 0 || raw[0] != '/' {
		return path{}, false, errMalformed
	}
	name := make([]byte, 0, len(raw))
	slash := false
	for rest, more := raw[1:], true; more; {
		var segment []byte
		segment, rest, more = bytes.Cut(rest, slashes)
		before := len(name)
		if before > 0 {
			name = append(name, '/')
		}
		start := len(name)
		if name, err = appendDecoded(name, segment); err != nil {
			return path{}, false, err
		}
		slash = false
		switch decoded := name[start:]; {
		case len(decoded) == 0 || string(decoded) == ".":
			name, slash = name[:before], true
		case string(decoded) == "..":
			if before == 0 {
				return path{}, false, errMalformed
			}
			parent := bytes.LastIndexByte(name[:before], '/')
			if isHidden(name[parent+1 : before]) {
				return path{}, false, errNoName
			}
			name, slash = name[:max(0, parent)], true
		case isHidden(decoded):
			hidden = true
		}
	}
	if len(name) > maxPath {
		return path{}, false, errNoName
	}
	return path{string(name), slash}, hidden, nil
}

// isHidden reports whether nothing that is served has the name of a segment.
func isHidden[text string | []byte](segment text) bool {
	return segment[0] == '.' || len(segment) > maxName
}

// wellKnown is the directory for what is known by its place in any site (RFC 8615
// §3). No list shows it or what is in it.
const wellKnown = ".well-known"

// isWellKnown reports whether name, beneath a root, is wellKnown or lies in it,
// with no hidden segment behind that.
func isWellKnown(name string) bool {
	rest, ok := strings.CutPrefix(name, wellKnown)
	if !ok || rest == "" {
		return ok
	}
	if rest[0] != '/' {
		return false
	}
	for segment := range strings.SplitSeq(rest[1:], "/") {
		if isHidden(segment) {
			return false
		}
	}
	return true
}

var slashes = []byte("/")

func appendDecoded(dst, segment []byte) ([]byte, error) {
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c == '%' {
			if len(segment)-i < 3 {
				return nil, errMalformed
			}
			var octet [1]byte
			if _, err := hex.Decode(octet[:], segment[i+1:i+3]); err != nil {
				return nil, errMalformed
			}
			c = octet[0]
			i += 2
		}
		switch c {
		case 0:
			return nil, errMalformed
		case '/':
			return nil, errNoName
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// append appends p as a client would send it, which is safe in a field, in an
// attribute and as a reference: it begins with exactly one slash, so that no
// browser takes it for another host.
func (p path) append(dst []byte) []byte {
	dst = append(dst, '/')
	dst = appendEncoded(dst, p.name, inPath)
	if p.slash && p.name != "" {
		dst = append(dst, '/')
	}
	return dst
}

// appendEncoded appends s with every byte percent-encoded that is not among
// the plain ones.
func appendEncoded[text string | []byte](dst []byte, s text, plain *[256]bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; plain[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// What may stand as it is in a path, and in a query where it has been encoded
// before (RFC 3986 §3.3, §3.4). The apostrophe, the ampersand and the
// parentheses may too, but are more at ease encoded wherever markup is near.
var (
	inPath  = plain("-._~!$*+,;=:@/")
	inQuery = plain("-._~!$*+,;=:@/?%&'()")
)

func plain(others string) *[256]bool {
	var set [256]bool
	for c := range 256 {
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			set[c] = true
		}
	}
	for i := range len(others) {
		set[others[i]] = true
	}
	return &set
}
