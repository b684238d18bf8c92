package http1

import (
	"bytes"
	"math"

	"xanadu/web"
)

var (
	errNoHost   = &Error{400, "no field Host"}
	errTwoHosts = &Error{400, "more than one field Host"}
	errHost     = &Error{400, "the field Host is malformed"}

	errLength      = &Error{400, "Content-Length is not one number"}
	errTwoLengths  = &Error{400, "more than one Content-Length"}
	errLengthLarge = &Error{413, "Content-Length is larger than any content"}

	errCoding        = &Error{400, "Transfer-Encoding is malformed"}
	errCodingLast    = &Error{400, "the last transfer coding is not chunked"}
	errCodingTwice   = &Error{400, "the content is chunked more than once"}
	errCodingOther   = &Error{501, "a transfer coding other than chunked"}
	errCodingLength  = &Error{400, "Transfer-Encoding beside Content-Length"}
	errCodingVersion = &Error{400, "Transfer-Encoding in HTTP/1.0"}

	errExpect = &Error{417, "an expectation other than 100-continue"}
)

// lookUp returns the bit of a field name, which is a token, or 0.
func lookUp(name []byte) web.Names {
	known, word := web.Names(0), ""
	switch len(name) {
	case 4:
		known, word = web.Host, "host"
	case 5:
		known, word = web.Range, "range"
	case 6:
		known, word = web.Accept, "accept"
		if name[0]|0x20 == 'e' {
			known, word = web.Expect, "expect"
		}
	case 7:
		known, word = web.Upgrade, "upgrade"
	case 8:
		known, word = web.IfMatch, "if-match"
		if name[3]|0x20 == 'r' {
			known, word = web.IfRange, "if-range"
		}
	case 10:
		known, word = web.Connection, "connection"
	case 12:
		known, word = web.ContentType, "content-type"
	case 13:
		known, word = web.IfNoneMatch, "if-none-match"
		if name[0]|0x20 == 'a' {
			known, word = web.Authorization, "authorization"
		}
	case 14:
		known, word = web.ContentLength, "content-length"
	case 15:
		known, word = web.AcceptEncoding, "accept-encoding"
	case 17:
		known, word = web.IfModifiedSince, "if-modified-since"
		if name[0]|0x20 == 't' {
			known, word = web.TransferEncoding, "transfer-encoding"
		}
	case 19:
		known, word = web.IfUnmodifiedSince, "if-unmodified-since"
	}
	if known != 0 && same(name, word) {
		return known
	}
	return 0
}

// understand sets what the fields of a complete head say about the message and
// the connection: Host, Length, Chunked, KeepAlive and Continue.
func understand(r *web.Request) error {
	var (
		hosts, lengths int
		codings        transferCodings
		connection     options
		unserved       error // why the request is refused if nothing is malformed
	)
	for i := range r.Fields {
		value := r.Fields[i].Value
		switch r.Fields[i].Known {
		case web.Host:
			hosts++
			// Empty is right for a target without an authority.
			if len(value) > 0 && !validAuthority(value) {
				return errHost
			}
			if r.Host == nil {
				r.Host = value
			}
		case web.ContentLength:
			lengths++
			length, err := parseLength(value)
			switch err {
			case nil:
				r.Length = length
			case errLengthLarge:
				unserved = err
			default:
				return err
			}
		case web.TransferEncoding:
			if err := codings.add(value); err != nil {
				return err
			}
		case web.Connection:
			connection.add(value)
		case web.Expect:
			if err := expect(r, value); err != nil {
				unserved = err
			}
		}
	}
	if hosts > 1 {
		return errTwoHosts
	}
	if hosts == 0 && r.Minor > 0 {
		return errNoHost
	}
	// Equal lengths said twice could be taken as one (RFC 9112 §6.3), but
	// nobody who writes them so is worth the doubt.
	if lengths > 1 {
		return errTwoLengths
	}
	if r.Seen&web.TransferEncoding != 0 {
		if err := codings.check(r.Minor, lengths); err != nil {
			return err
		}
		r.Chunked = true
	}
	if unserved != nil {
		return unserved
	}
	r.KeepAlive = !connection.close && (r.Minor > 0 || connection.keepAlive)
	r.Continue = r.Continue && (r.Length > 0 || r.Chunked)
	return nil
}

// parseLength reads a Content-Length: digits, and nothing else (RFC 9110 §8.6).
func parseLength(value []byte) (int64, error) {
	if len(value) == 0 {
		return 0, errLength
	}
	length := int64(0)
	large := false
	for _, c := range value {
		if !is(c, digitOctet) {
			return 0, errLength
		}
		digit := int64(c - '0')
		if length > (math.MaxInt64-digit)/10 {
			large = true
			continue
		}
		length = 10*length + digit
	}
	if large {
		return 0, errLengthLarge
	}
	return length, nil
}

// transferCodings counts the codings of all fields Transfer-Encoding.
type transferCodings struct {
	all, chunked int
	chunkedLast  bool
}

// add takes the codings of one field. They are tokens: what would follow as
// parameters belongs to no coding there is, and chunked has none (RFC 9112
// §7.1). An empty element of the list is refused, although RFC 9110 §5.6.1
// would skip it: whoever sends one tries which parser stumbles.
func (t *transferCodings) add(value []byte) error {
	for more := true; more; {
		var coding []byte
		coding, value, more = cutList(value)
		if len(coding) == 0 {
			return errCoding
		}
		for _, c := range coding {
			if !is(c, tokenOctet) {
				return errCoding
			}
		}
		t.all++
		t.chunkedLast = same(coding, "chunked")
		if t.chunkedLast {
			t.chunked++
		}
	}
	return nil
}

// check decides whether content in these codings can be told from what follows
// it, and decoded (RFC 9112 §6.1, §6.3).
func (t *transferCodings) check(minor, lengths int) error {
	switch {
	case minor == 0:
		return errCodingVersion
	case lengths > 0:
		return errCodingLength
	case !t.chunkedLast:
		return errCodingLast
	case t.chunked > 1:
		return errCodingTwice
	case t.all > 1:
		return errCodingOther
	}
	return nil
}

// options are the connection options that a server knows (RFC 9110 §7.6.1).
type options struct{ close, keepAlive bool }

func (o *options) add(value []byte) {
	for more := true; more; {
		var option []byte
		option, value, more = cutList(value)
		o.close = o.close || same(option, "close")
		o.keepAlive = o.keepAlive || same(option, "keep-alive")
	}
}

// expect takes one field Expect (RFC 9110 §10.1.1). HTTP/1.0 has none.
func expect(r *web.Request, value []byte) error {
	for more := r.Minor > 0; more; {
		var expectation []byte
		expectation, value, more = cutList(value)
		if len(expectation) == 0 {
			continue
		}
		if !same(expectation, "100-continue") {
			return errExpect
		}
		r.Continue = true
	}
	return nil
}

// cutList cuts the first element off a list without quoted strings (RFC 9110
// §5.6.1), which may be empty, and reports whether there is another.
func cutList(list []byte) (element, rest []byte, more bool) {
	element, rest, more = bytes.Cut(list, []byte{','})
	return trim(element), rest, more
}
