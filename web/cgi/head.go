package cgi

import (
	"bytes"
	"strconv"
	"strings"

	"xanadu/web"
)

// A Head is what a program says before its content, understood and checked
// (RFC 3875 §6).
type Head struct {
	Status   int              // 200 to 599; 0 when the program gave none
	Type     string           // Content-Type; "" when there is none
	Location string           // where to look instead; "" when there is none
	Length   int64            // Content-Length; negative when there is none
	Fields   []web.ReplyField // the rest, in their order: they go to the client
}

var (
	errHeadLong   = &Error{502, "the program's head is too long"}
	errManyFields = &Error{502, "the program's head has too many fields"}
	errNoFields   = &Error{502, "the program's output begins with an empty line"}
	errFieldFold  = &Error{502, "a line of the program's head begins with white space"}
	errFieldName  = &Error{502, "a line of the program's head is not a field"}
	errFieldValue = &Error{502, "a control octet in the program's head"}
	errTwice      = &Error{502, "the program gives two values of a field that may have one"}
	errStatus     = &Error{502, "the program's Status is not a final status code"}
	errFraming    = &Error{502, "the program's head has a Transfer-Encoding: the server frames the content, and programs write it as it is"}
	errLength     = &Error{502, "the program's Content-Length is not a number"}
	errEmptyField = &Error{502, "the program's Location is empty"}
	errNoMeaning  = &Error{502, "the program's head has no Content-Type, Location or Status"}

	// ErrNoType refuses content whose type is not said: a client would have
	// to guess, and might find a script in it (RFC 3875 §6.3.1).
	ErrNoType = &Error{500, "the program's content has no Content-Type"}
)

// once are the fields that have one value, in lower case. The same value may be
// given again, as by a library below a program that has said it already.
var once = map[string]bool{
	"content-length": true,
	"content-type":   true,
	"etag":           true,
	"last-modified":  true,
	"location":       true,
	"status":         true,
}

// dropped are the fields that a program has no say in: the server's own, and
// those that describe the connection (RFC 3875 §6.3.4). They change nothing about
// what the program writes behind its head. Transfer-Encoding does and is refused:
// without it, the client would take the framing for content.
var dropped = map[string]bool{
	"connection":       true,
	"date":             true,
	"keep-alive":       true,
	"proxy-connection": true,
	"server":           true,
	"te":               true,
	"trailer":          true,
	"upgrade":          true,
}

// ParseHead reads the head at the front of a program's output and returns how
// many octets it takes up, with the empty line that ends it. The Head keeps no
// part of b. Lines end with LF or CR LF.
//
// ErrMore means that b ends too early. An *Error means that the output must not
// be used; more of it does not change that.
func ParseHead(b []byte) (h *Head, n int, err error) {
	h = &Head{Length: -1}
	said := make(map[string]string)
	for fields := 0; ; fields++ {
		line, size, err := cutLine(b, n)
		if err != nil {
			return nil, 0, err
		}
		n += size
		if len(line) == 0 {
			if fields == 0 {
				return nil, 0, errNoFields
			}
			break
		}
		if fields == MaxFields {
			return nil, 0, errManyFields
		}
		if fields == 0 && isStatusLine(line) {
			if h.Status, err = parseStatusLine(line); err != nil {
				return nil, 0, err
			}
			continue
		}
		name, value, err := cutField(line)
		if err != nil {
			return nil, 0, err
		}
		key := strings.ToLower(name)
		if once[key] {
			before, again := said[key]
			if again && before != value {
				return nil, 0, errTwice
			}
			if again {
				continue
			}
			said[key] = value
		}
		if err := h.take(key, name, value); err != nil {
			return nil, 0, err
		}
	}
	// RFC 3875 §6.3 demands one of the three.
	if h.Type == "" && h.Location == "" && h.Status == 0 {
		return nil, 0, errNoMeaning
	}
	return h, n, nil
}

// cutLine returns the line that begins at b[at], without its end, and how many
// octets it takes up with it.
func cutLine(b []byte, at int) (line []byte, size int, err error) {
	head := b[at:min(len(b), MaxHead)]
	end := bytes.IndexByte(head, '\n')
	switch {
	case end >= 0:
		return bytes.TrimSuffix(head[:end], []byte("\r")), end + 1, nil
	case len(b) >= MaxHead:
		return nil, 0, errHeadLong
	}
	if at == 0 && isStatusLine(head) {
		return nil, 0, ErrMore
	}
	// What can be no field need not be waited for.
	if _, _, err := cutField(bytes.TrimSuffix(head, []byte("\r"))); err != nil && err != errUnfinished {
		return nil, 0, err
	}
	return nil, 0, ErrMore
}

// isStatusLine reports whether the line is meant for the first one of a response.
// No field is: "/" cannot be in its name.
func isStatusLine(line []byte) bool { return bytes.HasPrefix(line, []byte("HTTP/")) }

// parseStatusLine reads the status in a status line (RFC 9112 §4), whatever the
// version: programs copy the line from what they have asked themselves, as
// "HTTP/2 200".
func parseStatusLine(line []byte) (int, error) {
	version, rest, _ := strings.Cut(string(line[len("HTTP/"):]), " ")
	major, minor, dotted := strings.Cut(version, ".")
	if len(major) != 1 || !isNumber(major) || dotted && (len(minor) != 1 || !isNumber(minor)) {
		return 0, errFieldName
	}
	if holdsControl(line) {
		return 0, errFieldValue
	}
	return parseStatus(rest)
}

// errUnfinished is a line that may become a field.
var errUnfinished = &Error{errFieldName.Status, errFieldName.Reason}

// cutField cuts a line at the colon behind a name (RFC 3875 §6.3).
func cutField(line []byte) (name, value string, err error) {
	end := 0
	for end < len(line) && isTokenOctet(line[end]) {
		end++
	}
	switch {
	case end == len(line):
		return "", "", errUnfinished
	case end == 0 && (line[0] == ' ' || line[0] == '\t'):
		return "", "", errFieldFold
	case end == 0 || line[end] != ':':
		return "", "", errFieldName
	}
	if holdsControl(line[end:]) {
		return "", "", errFieldValue
	}
	return string(line[:end]), string(bytes.Trim(line[end+1:], " \t")), nil
}

// holdsControl reports whether text holds a control octet other than HTAB.
func holdsControl(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

func isTokenOctet(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'z' ||
		c != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// take takes a field; key is its name in lower case.
func (h *Head) take(key, name, value string) (err error) {
	switch key {
	case "status":
		var status int
		if status, err = parseStatus(value); err == nil && h.Status != 0 && h.Status != status {
			err = errTwice // the status line says another
		}
		h.Status = status
	case "content-type":
		h.Type = value
	case "location":
		if h.Location = value; value == "" {
			err = errEmptyField
		}
	case "content-length":
		h.Length, err = parseLength(value)
	case "transfer-encoding":
		err = errFraming
	default:
		// X-CGI-: what a server that knows such fields would act on (§6.3.5).
		if !dropped[key] && !strings.HasPrefix(key, "x-cgi-") {
			h.Fields = append(h.Fields, web.ReplyField{Name: name, Value: value})
		}
	}
	return err
}

// parseStatus reads a status code, which a reason phrase may follow behind white
// space (§6.3.3). The phrase is dropped: a client has no use for it (RFC 9110
// §15).
func parseStatus(value string) (int, error) {
	code := value
	if end := strings.IndexAny(value, " \t"); end >= 0 {
		code = value[:end]
	}
	if len(code) != 3 || code[0] < '2' || code[0] > '5' || !isNumber(code) {
		return 0, errStatus
	}
	return strconv.Atoi(code)
}

func parseLength(value string) (int64, error) {
	if !isNumber(value) {
		return -1, errLength
	}
	length, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return -1, errLength
	}
	return length, nil
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Redirect returns the path and query that the server is to answer for in place
// of the program, as they would stand in a request; "" when there is none, or
// the client is to be told (RFC 3875 §6.2.2, §6.2.3).
//
// A local Location together with anything else, as a cookie, is for the client:
// the other fields would be lost on the way.
func (h *Head) Redirect() string {
	if h.Location == "" || h.Location[0] != '/' || h.Status != 0 || h.Type != "" || len(h.Fields) > 0 {
		return ""
	}
	for i := range len(h.Location) {
		// What no request-target holds; "#" begins what only clients know.
		if c := h.Location[i]; c <= ' ' || c == '#' {
			return ""
		}
	}
	return h.Location
}

// Final returns the status of the response: what the program gave, or what it
// means when it gave none (§6.3.3).
func (h *Head) Final() int {
	switch {
	case h.Status != 0:
		return h.Status
	case h.Location != "":
		return 302
	}
	return 200
}
