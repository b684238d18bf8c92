package site

import (
	"strconv"
	"unicode/utf8"
)

// timeFormat is RFC 3339 in UTC, without parts of a second.
const timeFormat = "2006-01-02T15:04:05Z"

// beginJSON begins the list for programs, one entry a line:
//
//	{"path":"/pub/","entries":[
//	{"name":"docs","type":"directory","size":null,"modified":"2023-11-14T22:13:20Z","href":"docs/"},
//	{"name":"latest","type":"file","size":1536,"modified":"2023-11-14T22:13:20Z","href":"latest","target":"file10.txt"}
//	],"complete":true}
//
// A name is text: where its bytes are no UTF-8 there is U+FFFD. The href is exact,
// a reference that is relative to the directory and ends with a slash for another.
// The size is in octets, null for a directory. Only symbolic links have a target,
// null where it is not told; all else is said of what they lead to. modified is
// null where four digits cannot say the year. complete is false when the directory
// holds more names than are listed.
func beginJSON(dst []byte, p path, _ *view) []byte {
	dst = append(dst, `{"path":`...)
	name := "/"
	if p.name != "" {
		name = "/" + p.name + "/"
	}
	dst = appendQuoted(dst, name)
	return append(dst, ",\"entries\":[\n"...)
}

func appendJSON(dst []byte, e *entry, before int) []byte {
	if before > 0 {
		dst = append(dst, ",\n"...)
	}
	dst = append(dst, `{"name":`...)
	dst = appendQuoted(dst, e.name)
	if e.dir {
		dst = append(dst, `,"type":"directory","size":null`...)
	} else {
		dst = append(dst, `,"type":"file","size":`...)
		dst = strconv.AppendInt(dst, e.size, 10)
	}
	dst = append(dst, `,"modified":`...)
	if t, ok := e.time(); ok {
		dst = t.AppendFormat(dst, `"`+timeFormat+`"`)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"href":"`...)
	dst = appendReference(dst, e)
	dst = append(dst, '"')
	if e.link {
		dst = append(dst, `,"target":`...)
		if e.target == "" {
			dst = append(dst, "null"...)
		} else {
			dst = appendQuoted(dst, e.target)
		}
	}
	return append(dst, '}')
}

func endJSON(dst []byte, t *tally) []byte {
	dst = append(dst, "\n],\"complete\":"...)
	dst = strconv.AppendBool(dst, t.complete)
	return append(dst, "}\n"...)
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a string of JSON (RFC 8259 §7) that is safe to print
// and to put into markup. Bytes that are no UTF-8 become U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c == '<' || c == '>' || c == '&' || acts(c): // all of them within 16 bits
			dst = append(dst, '\\', 'u', hexDigits[c>>12], hexDigits[c>>8&15], hexDigits[c>>4&15], hexDigits[c&15])
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return append(dst, '"')
}
