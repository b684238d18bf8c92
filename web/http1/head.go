package http1

import (
	"bytes"

	"xanadu/web"
)

var (
	errLineTooLong   = &Error{414, "the request line is too long"}
	errHeadTooLong   = &Error{431, "the head is too long"}
	errTooManyFields = &Error{431, "too many fields"}
	errLineEnd       = &Error{400, "a line does not end with CR LF"}
	errEmptyLine     = &Error{400, "an empty line where the request line should be"}

	errMethod     = &Error{400, "the method is not a token"}
	errMethodLong = &Error{501, "the method is longer than any there is"}
	errVersion    = &Error{400, "the request line does not end with an HTTP version"}
	errVersionNew = &Error{505, "the version of HTTP is not 1.x"}

	errFold  = &Error{400, "a field line begins with white space"}
	errSpace = &Error{400, "white space between the name and the colon of a field"}
	errName  = &Error{400, "the name of a field is not a token"}
	errValue = &Error{400, "a control octet in the value of a field"}
)

// ParseHead reads one request head from the front of b into r and returns how
// many octets it takes up (RFC 9112 §2.1). What r holds are views of b; only a
// path that an absolute-form left out is not (r.Path is then "/" or "*").
// Everything in r is set anew but Peer and Received, which the server knows;
// the memory of Fields is used again.
//
// ErrMore means that b ends too early: call again with all of it and more. Its
// cost is that of a search for line ends, and only a further LF or one of the
// bounds can change the answer. An *Error means that the request is refused.
// After both, r.Method is set when b has it up to the space behind it, because
// the answer to HEAD has no content, and r.Line when b has all of it, for the
// log.
//
// The result does not depend on how much of what follows is in b already. To
// keep it so, errors stand in this order: the request line with its bounds,
// then line ends and bounds of the field section, then what the fields say. A
// request that is well-formed but not served, such as CONNECT, is refused as
// the last thing: a bad Host goes before that (RFC 9112 §3.2).
func ParseHead(r *web.Request, b []byte) (n int, err error) {
	reset(r)
	start, err := skipEmptyLines(b)
	if err != nil {
		return 0, err
	}
	n, err = parseLine(r, b, start)
	if err != nil {
		return 0, err
	}
	// Usually b is one whole request without content. Otherwise find out,
	// before any octet is looked at twice, whether the head is complete.
	if !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		if err := checkLines(b, n); err != nil {
			return 0, err
		}
	}
	end, err := parseFields(r, b, n)
	if err != nil {
		if earlier := checkLines(b, n); earlier != nil {
			err = earlier
		}
		return 0, err
	}
	if err := understand(r); err != nil {
		return 0, err
	}
	if r.Path == nil || len(r.Method) > MaxMethod {
		return 0, unserved(r)
	}
	return end, nil
}

// unserved says why a well-formed request is for no server of this kind.
func unserved(r *web.Request) error {
	switch {
	case len(r.Method) > MaxMethod:
		return errMethodLong
	case string(r.Method) == "CONNECT":
		return errConnect
	default:
		return errScheme
	}
}

// reset forgets the request before, but for the memory of Fields.
func reset(r *web.Request) {
	r.Line, r.Method, r.Target, r.Path, r.Query, r.Host = nil, nil, nil, nil, nil, nil
	r.HasQuery, r.KeepAlive, r.Continue, r.Chunked = false, false, false, false
	r.Minor, r.Length = 0, 0
	r.Fields, r.Seen = r.Fields[:0], 0
}

// skipEmptyLines returns where the request line begins. A server should ignore
// at least one empty line before it (RFC 9112 §2.2): some clients sent CR LF
// after content without counting it. Two are enough for any of them.
func skipEmptyLines(b []byte) (int, error) {
	at := 0
	for range 2 {
		if at == len(b) || b[at] != '\r' {
			break
		}
		if at+1 == len(b) {
			return 0, ErrMore
		}
		if b[at+1] != '\n' {
			return 0, errLineEnd
		}
		at += 2
	}
	if at == len(b) {
		return 0, ErrMore
	}
	// What cannot begin a method is not HTTP, as the first octet of TLS, and
	// its sender may never send a line end.
	if !is(b[at], tokenOctet) {
		if b[at] == '\r' || b[at] == '\n' {
			return 0, errEmptyLine
		}
		return 0, errMethod
	}
	return at, nil
}

// parseLine reads the request line, which begins at b[start], and returns
// where the field section begins (RFC 9112 §3).
func parseLine(r *web.Request, b []byte, start int) (int, error) {
	n := bytes.IndexByte(b[start:min(len(b), start+MaxLine)], '\n')
	if n < 0 {
		return 0, lineInPart(r, b, start)
	}
	end := start + n - 1
	line := b[start:end:end]
	method := methodEnd(r, line)
	if b[end] != '\r' {
		return 0, errLineEnd
	}
	r.Line = line
	if r.Method == nil {
		return 0, errMethod
	}

	target := method + 1
	i := targetEnd(line, target)
	if i == len(line) {
		return 0, errVersion
	}
	if i == target || line[i] != ' ' {
		return 0, errTarget
	}
	r.Target = line[target:i:i]

	minor, err := parseVersion(line[i+1:])
	if err != nil {
		return 0, err
	}
	r.Minor = minor
	return end + 2, parseTarget(r)
}

// methodEnd returns the index of the first octet of line that no method holds,
// or len(line). It sets r.Method when that octet is the space behind one.
func methodEnd(r *web.Request, line []byte) int {
	i := 0
	for i < len(line) && is(line[i], tokenOctet) {
		i++
	}
	if i < len(line) && line[i] == ' ' {
		r.Method = line[:i:i]
	}
	return i
}

// lineInPart says what to do about a request line that begins at b[start] and
// does not end within MaxLine octets. 414 is for a long target and 501 for a
// long method (RFC 9112 §3), which is looked for as far as a head may go: so
// that any method gets one answer, whichever bound it passes.
func lineInPart(r *web.Request, b []byte, start int) error {
	line := b[start:min(len(b), MaxHead)]
	end := methodEnd(r, line)
	switch {
	case len(line) < MaxLine, end == len(line) && len(b) < MaxHead:
		return ErrMore
	case r.Method == nil:
		return errMethod
	case end > MaxMethod:
		return errMethodLong
	default:
		return errLineTooLong
	}
}

// parseVersion returns 0 for HTTP/1.0 and 1 for any other HTTP/1.x: a server
// treats a minor version it does not know as the highest it does (RFC 9110
// §2.5). The name is case-sensitive, and each number is one digit.
func parseVersion(v []byte) (int, error) {
	if string(v) == "HTTP/1.1" {
		return 1, nil
	}
	if len(v) != len("HTTP/1.1") || string(v[:5]) != "HTTP/" || v[6] != '.' || !is(v[5], digitOctet) || !is(v[7], digitOctet) {
		return 0, errVersion
	}
	if v[5] != '1' {
		return 0, errVersionNew
	}
	return int(min(v[7]-'0', 1)), nil
}

// checkLines looks at the line ends and bounds of the field section, which
// begins at b[at], and at nothing else. It returns nil when the section is
// complete.
func checkLines(b []byte, at int) error {
	head := b[:min(len(b), MaxHead)]
	for fields := 0; ; fields++ {
		n := bytes.IndexByte(head[at:], '\n')
		switch {
		case n < 0 && len(b) >= MaxHead:
			return errHeadTooLong
		case n < 0:
			return ErrMore
		case n == 0 || head[at+n-1] != '\r':
			return errLineEnd
		case n == 1:
			return nil
		case fields == MaxFields:
			return errTooManyFields
		}
		at += n + 1
	}
}

// parseFields reads the field section, which begins at b[i], and returns where
// it ends (RFC 9112 §5). Any error says only what is wrong with an octet or a
// bound; what checkLines finds goes before it.
func parseFields(r *web.Request, b []byte, i int) (int, error) {
	fields := r.Fields
	seen := web.Names(0)
	for {
		start := i
		for i < len(b) && is(b[i], tokenOctet) {
			i++
		}
		if i+1 >= len(b) {
			return 0, errLineEnd
		}
		if b[i] != ':' || i == start {
			if i == start && b[i] == '\r' && b[i+1] == '\n' {
				break
			}
			return 0, nameError(b[i], i == start)
		}
		name := b[start:i:i]

		i++
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		start = i
		i = textEnd(b, i)
		for i < len(b) && b[i] == '\t' {
			i = textEnd(b, i+1)
		}
		if i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n' {
			return 0, errValue
		}
		end := i
		for end > start && (b[end-1] == ' ' || b[end-1] == '\t') {
			end--
		}
		i += 2

		if len(fields) == MaxFields {
			return 0, errTooManyFields
		}
		known := lookUp(name)
		seen |= known
		fields = append(fields, web.Field{Name: name, Value: b[start:end:end], Known: known})
	}
	r.Fields, r.Seen = fields, seen
	if i+2 > MaxHead {
		return 0, errHeadTooLong
	}
	return i + 2, nil
}

// nameError says what is wrong with a field name that ends with octet c.
func nameError(c byte, empty bool) error {
	if c != ' ' && c != '\t' {
		return errName
	}
	if empty {
		return errFold
	}
	return errSpace
}
