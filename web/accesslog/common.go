package accesslog

import (
	"bytes"
	"strconv"
	"time"

	"xanadu/web"
)

// maxField bounds how many octets of one field's value are shown. Longer ones
// than this are no addresses and no names of programs.
const maxField = 2 << 10

// AppendCommon appends the line of rec in the Common Log Format of NCSA httpd,
// with its line end: the remote address, two dashes for what is not known of
// the user, the time in GMT, the request line, the status, and the octets of
// content, a dash for none.
//
//	155.246.89.8 - - [28/Oct/2019:12:12:12 +0000] "GET / HTTP/1.0" 200 1406
//
// What stands in quotes is written as by AppendLine.
func AppendCommon(dst []byte, rec *web.Record) []byte {
	return append(appendCommon(dst, rec), '\n')
}

// AppendCombined appends the line of rec in the Combined Log Format: that of
// AppendCommon and behind it, in quotes, the fields Referer and User-Agent.
//
//	155.246.89.8 - - [28/Oct/2019:12:12:12 +0000] "GET / HTTP/1.0" 200 1406 "-" "curl/8.5.0"
//
// A field that the client did not send is "-", one without a value is "", and
// of one longer than 2,048 octets the rest is left out as of a request line.
func AppendCombined(dst []byte, rec *web.Record) []byte {
	dst = appendCommon(dst, rec)
	for _, name := range [...][]byte{referer, userAgent} {
		value, present := field(rec.Request, name)
		dst = append(dst, ' ')
		dst = appendQuoted(dst, value, present, maxField)
	}
	return append(dst, '\n')
}

var referer, userAgent = []byte("Referer"), []byte("User-Agent")

func appendCommon(dst []byte, rec *web.Record) []byte {
	dst = appendPeer(dst, rec.Peer, escape)
	dst = append(dst, " - - ["...)
	dst = appendDate(dst, rec.Time)
	dst = append(dst, "] "...)
	dst = appendQuoted(dst, rec.Line, len(rec.Line) > 0, maxLine)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(rec.Status), 10)
	dst = append(dst, ' ')
	if rec.Bytes == 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, rec.Bytes, 10)
}

// appendDate appends t as 28/Oct/2019:12:12:12 +0000.
func appendDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	dst = appendTwo(dst, day)
	dst = append(dst, '/')
	dst = append(dst, month.String()[:3]...)
	dst = append(dst, '/')
	dst = appendTwo(dst, year/100)
	dst = appendTwo(dst, year%100)
	dst = append(dst, ':')
	dst = appendClock(dst, t)
	return append(dst, " +0000"...)
}

// field returns the value of the first field of that name, which is none of the
// known ones. A nil r has no field.
func field(r *web.Request, name []byte) (value []byte, present bool) {
	if r == nil {
		return nil, false
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Known == 0 && bytes.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return nil, false
}
