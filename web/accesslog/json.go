package accesslog

import (
	"strconv"
	"time"

	"xanadu/web"
)

// AppendJSON appends the line of rec as one JSON object (RFC 8259), with its
// line end. The names are always the same ones, in the same order:
//
//	{"time":"2019-10-28T12:12:12Z","remote":"155.246.89.8","port":40000,
//	"request":"GET / HTTP/1.0","status":200,"bytes":1406,
//	"method":"GET","target":"/","host":null,"referer":null,"user_agent":"curl/8.5.0"}
//
// (It is a single line.) The time is that of RFC 3339; the port is there
// because an address that many share says little without it (RFC 6302). What
// was not sent, or not understood, is null.
//
// JSON holds characters, and clients send octets: a quote, a backslash and
// every octet outside 0x20 to 0x7e stand in a string as \xhh, as they do in the
// other formats, with the backslash escaped as JSON wants it. So the line is
// ASCII and each string can be read back. Strings are cut as in AppendCombined.
func AppendJSON(dst []byte, rec *web.Record) []byte {
	dst = append(dst, `{"time":"`...)
	dst = appendTime(dst, rec.Time)
	dst = append(dst, `","remote":"`...)
	dst = appendPeer(dst, rec.Peer, escapeJSON)
	dst = append(dst, `","port":`...)
	if rec.Peer.Port() != 0 { // a proxy need not say it, and a UNIX socket has none
		dst = strconv.AppendUint(dst, uint64(rec.Peer.Port()), 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"request":`...)
	dst = appendString(dst, rec.Line, len(rec.Line) > 0, maxLine)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(rec.Status), 10)
	dst = append(dst, `,"bytes":`...)
	dst = strconv.AppendInt(dst, rec.Bytes, 10)

	var method, target, host []byte
	if r := rec.Request; r != nil {
		method, target, host = r.Method, r.Target, r.Host
	}
	dst = append(dst, `,"method":`...)
	dst = appendString(dst, method, len(method) > 0, maxField)
	dst = append(dst, `,"target":`...)
	dst = appendString(dst, target, len(target) > 0, maxLine)
	dst = append(dst, `,"host":`...)
	dst = appendString(dst, host, len(host) > 0, maxField)
	dst = append(dst, `,"referer":`...)
	value, present := field(rec.Request, referer)
	dst = appendString(dst, value, present, maxField)
	dst = append(dst, `,"user_agent":`...)
	value, present = field(rec.Request, userAgent)
	dst = appendString(dst, value, present, maxField)
	return append(dst, '}', '\n')
}

// appendLostJSON tells of lost lines in an object that has no request.
func appendLostJSON(dst []byte, at time.Time, lines int) []byte {
	dst = append(dst, `{"time":"`...)
	dst = appendTime(dst, at)
	dst = append(dst, `","lost":`...)
	dst = strconv.AppendInt(dst, int64(lines), 10)
	return append(dst, '}', '\n')
}

// escapeJSON is escape in a JSON string.
const escapeJSON = `\\`

// appendString appends text as a JSON string, or null when there is none.
func appendString(dst, text []byte, present bool, limit int) []byte {
	if !present {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = appendCut(dst, text, limit, escapeJSON)
	return append(dst, '"')
}
