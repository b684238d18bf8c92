package http1

import (
	"fmt"
	"strconv"
	"time"

	"xanadu/web"
)

// What a server sends that never changes.
const (
	Continue  = "HTTP/1.1 100 Continue\r\n\r\n" // go on with the content (RFC 9110 §15.2.1)
	EndHead   = "\r\n"                          // ends a head, after its last field
	EndChunk  = "\r\n"                          // ends a chunk, after its data
	EndChunks = "0\r\n\r\n"                     // ends chunked content without a trailer
)

// AppendStatusLine appends the first line of a response (RFC 9112 §4). The
// version is HTTP/1.1 whatever the client speaks, since that is what this
// server conforms to (RFC 9110 §6.2). It panics when status has not three
// digits.
func AppendStatusLine(dst []byte, status int) []byte {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("http1: AppendStatusLine(%d): not a status code", status))
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, StatusText(status)...)
	return append(dst, "\r\n"...)
}

// AppendField appends a field line. In the value every control octet but HTAB
// becomes a space, so that no value, wherever it comes from, begins another
// line (RFC 9110 §5.5). It panics when the name is not a token: names come
// from the program.
func AppendField[Value string | []byte](dst []byte, name string, value Value) []byte {
	dst = appendName(dst, name)
	from := len(dst)
	dst = append(dst, value...)
	for i := textEnd(dst, from); i < len(dst); i = textEnd(dst, i+1) {
		if dst[i] != '\t' {
			dst[i] = ' '
		}
	}
	return append(dst, "\r\n"...)
}

// AppendIntField appends a field line whose value is a number, as
// Content-Length.
func AppendIntField(dst []byte, name string, n int64) []byte {
	dst = strconv.AppendInt(appendName(dst, name), n, 10)
	return append(dst, "\r\n"...)
}

// AppendDateField appends a field line whose value is a time, as Date or
// Last-Modified.
func AppendDateField(dst []byte, name string, t time.Time) []byte {
	dst = web.AppendDate(appendName(dst, name), t)
	return append(dst, "\r\n"...)
}

func appendName(dst []byte, name string) []byte {
	if !isToken(name) {
		panic(fmt.Sprintf("http1: %q is not a field name", name))
	}
	dst = append(dst, name...)
	return append(dst, ": "...)
}

func isToken(s string) bool {
	for i := range len(s) {
		if !is(s[i], tokenOctet) {
			return false
		}
	}
	return s != ""
}

// AppendChunkSize appends the line that goes before the data of a chunk of
// size octets; EndChunk goes after them (RFC 9112 §7.1). It panics when size
// is not positive: an empty chunk would end the content, which EndChunks does.
func AppendChunkSize(dst []byte, size int) []byte {
	if size <= 0 {
		panic(fmt.Sprintf("http1: AppendChunkSize(%d): not positive", size))
	}
	dst = strconv.AppendInt(dst, int64(size), 16)
	return append(dst, "\r\n"...)
}
