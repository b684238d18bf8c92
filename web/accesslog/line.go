package accesslog

import (
	"net/netip"
	"strconv"
	"time"

	"xanadu/web"
)

// maxLine bounds how many octets of a request line are shown. Legitimate
// targets are far shorter; the rest of a longer one tells nobody anything and
// would let a stranger fill the disk 16 KiB at a time.
const maxLine = 8 << 10

// AppendLine appends the line of rec in the format of sws(1), with its line
// end: the remote address, the time in GMT, the request line in quotes, the
// status and the octets of content.
//
//	155.246.89.8 2019-10-28T12:12:12Z "GET / HTTP/1.0" 200 1406
//
// Whatever the client sent, this is one line of printable ASCII with exactly
// two quotes, and the request line can be read back from it: a quote, a
// backslash and every octet outside 0x20 to 0x7e stand as \xhh. An absent
// line is "-" (and a line that is a lone "-" is \x2d); one longer than 8,192
// octets ends there in \..., which no octet is written as.
func AppendLine(dst []byte, rec *web.Record) []byte {
	dst = appendPeer(dst, rec.Peer, escape)
	dst = append(dst, ' ')
	dst = appendTime(dst, rec.Time)
	dst = append(dst, ' ')
	dst = appendQuoted(dst, rec.Line, len(rec.Line) > 0, maxLine)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(rec.Status), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, rec.Bytes, 10)
	return append(dst, '\n')
}

// appendLost is the line for lines that are missing; no request's begins so.
func appendLost(dst []byte, at time.Time, lines int) []byte {
	dst = appendTime(append(dst, "# "...), at)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(lines), 10)
	return append(dst, " lines lost: they came faster than they could be written\n"...)
}

// appendPeer appends the address without its port: IPv6 without brackets, and
// an IPv4 client of a dual-stack socket as the IPv4 address it has. Readers of
// logs take nothing but an address there, so a client on a UNIX socket has one
// as well (web.PeerAddr).
func appendPeer(dst []byte, peer netip.AddrPort, escape string) []byte {
	a := web.PeerAddr(peer)
	if zone := a.Zone(); zone != "" {
		dst = a.WithZone("").AppendTo(dst)
		dst = append(dst, '%')
		return appendEscaped(dst, zone, escape)
	}
	return a.AppendTo(dst)
}

// appendTime appends t as 2019-10-28T12:12:12Z, at about a third of the cost
// of time.AppendFormat.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	dst = appendTwo(dst, year/100)
	dst = appendTwo(dst, year%100)
	dst = append(dst, '-')
	dst = appendTwo(dst, int(month))
	dst = append(dst, '-')
	dst = appendTwo(dst, day)
	dst = append(dst, 'T')
	dst = appendClock(dst, t)
	return append(dst, 'Z')
}

// appendClock appends the hour, minute and second of t as 12:12:12.
func appendClock(dst []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	dst = appendTwo(dst, hour)
	dst = append(dst, ':')
	dst = appendTwo(dst, minute)
	dst = append(dst, ':')
	return appendTwo(dst, second)
}

// appendTwo appends n in two digits, or in more when it has more.
func appendTwo(dst []byte, n int) []byte {
	if 0 <= n && n < 100 {
		return append(dst, byte('0'+n/10), byte('0'+n%10))
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

// appendQuoted appends text in quotes: "-" when there is none, and no more of
// it than limit octets. A text that is a lone dash is \x2d.
func appendQuoted(dst, text []byte, present bool, limit int) []byte {
	dst = append(dst, '"')
	switch {
	case !present:
		dst = append(dst, '-')
	case len(text) == 1 && text[0] == '-':
		dst = append(dst, `\x2d`...)
	default:
		dst = appendCut(dst, text, limit, escape)
	}
	return append(dst, '"')
}

// appendCut appends text escaped. One longer than limit octets ends there in
// an escape with three dots.
func appendCut(dst, text []byte, limit int, escape string) []byte {
	if len(text) <= limit {
		return appendEscaped(dst, text, escape)
	}
	dst = appendEscaped(dst, text[:limit], escape)
	dst = append(dst, escape...)
	return append(dst, "..."...)
}

// escape introduces what does not stand for itself.
const escape = `\`

// appendEscaped appends text with all that is not plain as \xhh, where escape
// is what stands for the backslash.
func appendEscaped[T string | []byte](dst []byte, text T, escape string) []byte {
	const hex = "0123456789abcdef"
	from := 0
	for i := range len(text) {
		if c := text[i]; !plain[c] {
			dst = append(dst, text[from:i]...)
			dst = append(dst, escape...)
			dst = append(dst, 'x', hex[c>>4], hex[c&15])
			from = i + 1
		}
	}
	return append(dst, text[from:]...)
}

// plain tells the octets that stand for themselves between the quotes.
var plain = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()
