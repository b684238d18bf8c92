package http1

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"xanadu/web"
)

// accepted are heads with what is to be understood of them, as told writes it.
var accepted = []struct{ name, head, want string }{
	// RFC 9112 §3, §2.2: the request line.
	{"plain", "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", "GET /hello.txt 1.1 host=h keep-alive"},
	{"unknown method", "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /pot 1.1 host=h keep-alive"},
	{"method is case-sensitive", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "get / 1.1 host=h keep-alive"},
	{"every octet of a token", "!#$%&'*+-.^_`|~0Az / HTTP/1.1\r\nHost: h\r\n\r\n", "!#$%&'*+-.^_`|~0Az / 1.1 host=h keep-alive"},
	{"method of 32", strings.Repeat("M", 32) + " / HTTP/1.1\r\nHost: h\r\n\r\n", strings.Repeat("M", 32) + " / 1.1 host=h keep-alive"},
	{"one empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"line of 16 KiB", "GET /" + strings.Repeat("a", MaxLine-16) + " HTTP/1.1\r\nHost: h\r\n\r\n", "GET /" + strings.Repeat("a", MaxLine-16) + " 1.1 host=h keep-alive"},

	// RFC 9110 §2.5, RFC 9112 §2.3: versions.
	{"HTTP/1.0 needs no host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0"},
	{"HTTP/1.2 is as 1.1", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"HTTP/1.9 is as 1.1", "GET / HTTP/1.9\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep-alive"},

	// RFC 9112 §3.2: targets.
	{"query", "GET /a?b=c?d&e HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a ?b=c?d&e 1.1 host=h keep-alive"},
	{"empty query", "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a ? 1.1 host=h keep-alive"},
	{"path is not decoded", "GET /%2e%2E//%zz HTTP/1.1\r\nHost: h\r\n\r\n", "GET /%2e%2E//%zz 1.1 host=h keep-alive"},
	{"raw UTF-8", "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /caf\xc3\xa9 1.1 host=h keep-alive"},
	{"visible octets", "GET /\"<>[\\]^`{|} HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\"<>[\\]^`{|} 1.1 host=h keep-alive"},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * 1.1 host=h keep-alive"},
	{"absolute", "GET http://other:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a ?b 1.1 host=other:80 keep-alive"},
	{"absolute, scheme in upper case", "GET HTTP://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a 1.1 host=h keep-alive"},
	{"absolute without path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"absolute without path, with query", "GET http://h?x/y HTTP/1.1\r\nHost: h\r\n\r\n", "GET / ?x/y 1.1 host=h keep-alive"},
	{"absolute with dots", "GET http://h/../x HTTP/1.1\r\nHost: h\r\n\r\n", "GET /../x 1.1 host=h keep-alive"},
	{"absolute in HTTP/1.0", "GET http://h/ HTTP/1.0\r\n\r\n", "GET / 1.0 host=h"},
	{"absolute OPTIONS without path", "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * 1.1 host=h keep-alive"},
	{"absolute OPTIONS with query", "OPTIONS http://h? HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS / ? 1.1 host=h keep-alive"},

	// RFC 9112 §5: fields.
	{"no space behind the colon", "GET / HTTP/1.1\r\nHost:h\r\nA:b\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"white space around values", "GET / HTTP/1.1\r\nHost: \t h\t \r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"names in any case", "GET / HTTP/1.1\r\nhOsT: h\r\ncOnNeCtIoN: close\r\n\r\n", "GET / 1.1 host=h"},
	{"every octet of a name", "GET / HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~0-9A: x\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"empty values", "GET / HTTP/1.1\r\nHost: h\r\nA:\r\nB: \r\nC:\t\t\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"tabs and octets above ASCII in values", "GET / HTTP/1.1\r\nHost: h\r\nA: a\tb\xff\x80\t\tc12345678\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"512 fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", MaxFields-1) + "\r\n", "GET / 1.1 host=h keep-alive"},
	{"head of 32 KiB", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("v", MaxHead-32) + "\r\n\r\n", "GET / 1.1 host=h keep-alive"},

	// RFC 9110 §7.2, RFC 3986 §3.2.2: hosts.
	{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 host= keep-alive"},
	{"host with port", "GET / HTTP/1.1\r\nHost: a-b_c~.example:65535\r\n\r\n", "GET / 1.1 host=a-b_c~.example:65535 keep-alive"},
	{"host with empty port", "GET / HTTP/1.1\r\nHost: h:\r\n\r\n", "GET / 1.1 host=h: keep-alive"},
	{"IPv4 host", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", "GET / 1.1 host=127.0.0.1:8080 keep-alive"},
	{"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET / 1.1 host=[::1]:8080 keep-alive"},
	{"IPv6 host with IPv4", "GET / HTTP/1.1\r\nHost: [::FFFF:192.0.2.1]\r\n\r\n", "GET / 1.1 host=[::FFFF:192.0.2.1] keep-alive"},

	// RFC 9110 §8.6: Content-Length.
	{"length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "POST / 1.1 host=h keep-alive length=5"},
	{"length 0", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"length with leading zeros", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 00000000000000000000000000005\r\n\r\n", "POST / 1.1 host=h keep-alive length=5"},
	{"largest length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n", "POST / 1.1 host=h keep-alive length=9223372036854775807"},
	{"length of GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "GET / 1.1 host=h keep-alive length=5"},
	{"length in HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", "POST / 1.0 length=5"},

	// RFC 9112 §6.1: Transfer-Encoding.
	{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / 1.1 host=h keep-alive chunked"},
	{"chunked in any case", "POST / HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING:  ChUnKeD \r\n\r\n", "POST / 1.1 host=h keep-alive chunked"},

	// RFC 9112 §9.3, RFC 9110 §7.6.1: persistence.
	{"close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / 1.1 host=h"},
	{"close in a list", "GET / HTTP/1.1\r\nHost: h\r\nConnection: TE,, CLOSE ,x\r\n\r\n", "GET / 1.1 host=h"},
	{"close in a second field", "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", "GET / 1.1 host=h"},
	{"other options", "GET / HTTP/1.1\r\nHost: h\r\nConnection: closed, Upgrade\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 keep-alive"},
	{"HTTP/1.0 keep-alive and close", "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", "GET / 1.0"},

	// RFC 9110 §10.1.1: Expect.
	{"expect", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n", "POST / 1.1 host=h keep-alive length=5 continue"},
	{"expect before chunks", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / 1.1 host=h keep-alive chunked continue"},
	{"expect without content", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", "GET / 1.1 host=h keep-alive"},
	{"expect in HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue, x\r\n\r\n", "POST / 1.0 length=5"},
}

// told writes what was understood of a request.
func told(r *web.Request) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s", r.Method, r.Path)
	if r.HasQuery {
		fmt.Fprintf(&s, " ?%s", r.Query)
	}
	fmt.Fprintf(&s, " 1.%d", r.Minor)
	if r.Host != nil {
		fmt.Fprintf(&s, " host=%s", r.Host)
	}
	if r.KeepAlive {
		s.WriteString(" keep-alive")
	}
	if r.Length != 0 {
		fmt.Fprintf(&s, " length=%d", r.Length)
	}
	if r.Chunked {
		s.WriteString(" chunked")
	}
	if r.Continue {
		s.WriteString(" continue")
	}
	return s.String()
}

func TestParseHead(t *testing.T) {
	r := new(web.Request) // used again and again, as a server does
	for _, test := range accepted {
		t.Run(test.name, func(t *testing.T) {
			n, err := ParseHead(r, []byte(test.head))
			if err != nil || n != len(test.head) {
				t.Fatalf("ParseHead: %d, %v, want %d, nil", n, err, len(test.head))
			}
			if got := told(r); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, next := range []string{"x", "\n", "\r\n\r\n", shortHead, "\r\n" + shortHead, strings.Repeat("\x00", MaxHead)} {
				n, err := ParseHead(r, []byte(test.head+next))
				if err != nil || n != len(test.head) || told(r) != test.want {
					t.Errorf("with %.20q behind: %d, %v, %s", next, n, err, told(r))
				}
			}
		})
	}
}

// refused are the beginnings of requests that must be refused, each as short
// as it can be: one octet less is the beginning of something legal, or is not
// looked at yet.
var refused = []struct {
	name, head string
	status     int
}{
	// RFC 9112 §2.2, §3: the request line.
	{"TLS", "\x16", 400},
	{"SOCKS", "\x05", 400},
	{"LF before", "\n", 400},
	{"three empty lines before", "\r\n\r\n\r", 400},
	{"CR before", "\rG", 400},
	{"space before", " ", 400},
	{"LF ends the line", "GET / HTTP/1.1\n", 400},
	{"two CR end the line", "GET / HTTP/1.1\r\r\n", 400},
	{"CR ends the line", "GET / HTTP/1.1\rHost: h\r\r\n", 400},
	{"CR in the target", "GET /a\rX HTTP/1.1\r\n", 400},
	{"control octet in the target", "GET /a\x01 HTTP/1.1\r\n", 400},
	{"NUL in the target", "GET /a\x00 HTTP/1.1\r\n", 400},
	{"DEL in the target", "GET /a\x7f HTTP/1.1\r\n", 400},
	{"tab in the target", "GET /a\tb HTTP/1.1\r\n", 400},
	{"fragment", "GET /a#b HTTP/1.1\r\n", 400},
	{"method not a token", "G(T / HTTP/1.1\r\n", 400},
	{"octet above ASCII in the method", "GE\xffT / HTTP/1.1\r\n", 400},
	{"NUL in the method", "GE\x00T / HTTP/1.1\r\n", 400},
	{"tabs for spaces", "GET\t/\tHTTP/1.1\r\n", 400},
	{"two spaces before the target", "GET  / HTTP/1.1\r\n", 400},
	{"two spaces before the version", "GET /  HTTP/1.1\r\n", 400},
	{"space at the end", "GET / HTTP/1.1 \r\n", 400},
	{"a fourth word", "GET / HTTP/1.1 junk\r\n", 400},
	{"two versions", "GET / HTTP/1.1/../a HTTP/1.1\r\n", 400},
	{"no target", "GET HTTP/1.1\r\n", 400},
	{"empty target", "GET  HTTP/1.1\r\n", 400},
	{"only a method", "GET\r\n", 400},
	{"method and space", "GET \r\n", 400},
	{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 400},
	{"SIP", "INVITE sip:u@h SIP/2.0\r\n", 400},
	{"PROXY protocol", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", 400},
	{"method of 33", strings.Repeat("M", 33) + " / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
	{"method of 33 in HTTP/1.0", strings.Repeat("M", 33) + " / HTTP/1.0\r\n\r\n", 501},
	{"method of 33 without host", strings.Repeat("M", 33) + " / HTTP/1.1\r\n\r\n", 400},
	{"method of 33 and a target that is none", strings.Repeat("M", 33) + " * HTTP/1.1\r\n", 400},
	{"method of 15 KiB", strings.Repeat("M", 15<<10) + " / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
	{"method of 20 KiB", strings.Repeat("M", 20<<10) + " ", 501},
	{"method of 32 KiB less one", strings.Repeat("M", MaxHead-1) + " ", 501},
	{"method of 32 KiB", strings.Repeat("M", MaxHead), 400},
	{"20 KiB that are no method", strings.Repeat("M", 20<<10) + "(", 400},
	{"20 KiB in a line", strings.Repeat("M", 20<<10) + "\r", 400},
	{"method of 33 in a line of 16 KiB and 1", strings.Repeat("M", 33) + " /" + strings.Repeat("a", MaxLine-35), 501},
	{"method of 32 in a line of 16 KiB and 1", strings.Repeat("M", 32) + " /" + strings.Repeat("a", MaxLine-34), 414},
	{"long line without a method", "GET\t/" + strings.Repeat("a", MaxLine-5), 400},
	{"line of 16 KiB and 1", "GET /" + strings.Repeat("a", MaxLine-5), 414},
	{"long line after empty lines", "\r\n\r\nGET /" + strings.Repeat("a", MaxLine-5), 414},

	// RFC 9112 §2.3: versions.
	{"HTTP/0.9 by its form", "GET /\r\n", 400},
	{"HTTP/0.9 by its name", "GET / HTTP/0.9\r\n", 505},
	{"HTTP/2.0", "PRI * HTTP/2.0\r\n", 505},
	{"HTTP/9.9", "GET / HTTP/9.9\r\n", 505},
	{"version 1", "GET / HTTP/1\r\n", 400},
	{"version 1.", "GET / HTTP/1.\r\n", 400},
	{"version .1", "GET / HTTP/.1\r\n", 400},
	{"version 1.10", "GET / HTTP/1.10\r\n", 400},
	{"version 01.1", "GET / HTTP/01.1\r\n", 400},
	{"version 1.1x", "GET / HTTP/1.1x\r\n", 400},
	{"version 1,1", "GET / HTTP/1,1\r\n", 400},
	{"version in hex", "GET / HTTP/0x1.1\r\n", 400},
	{"version -1.1", "GET / HTTP/-1.1\r\n", 400},
	{"version with a colon", "GET / HTTP:1.1\r\n", 400},
	{"version without a slash", "GET / HTTP1.1\r\n", 400},
	{"another protocol", "GET / HTTQ/1.1\r\n", 400},
	{"version in lower case", "GET / http/1.1\r\n", 400},

	// RFC 9112 §3.2: targets.
	{"relative target", "GET a HTTP/1.1\r\n", 400},
	{"authority for GET", "GET h:80 HTTP/1.1\r\n", 400},
	{"* for GET", "GET * HTTP/1.1\r\n", 400},
	{"* and more", "OPTIONS */ HTTP/1.1\r\n", 400},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501},
	{"CONNECT to IPv6", "CONNECT [::1]:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
	{"CONNECT with an empty host", "CONNECT h:443 HTTP/1.1\r\nHost:\r\n\r\n", 501},
	{"CONNECT in HTTP/1.0", "CONNECT h:443 HTTP/1.0\r\n\r\n", 501},
	{"CONNECT without host", "CONNECT h:443 HTTP/1.1\r\n\r\n", 400},
	{"CONNECT with two hosts", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
	{"CONNECT with bad host", "CONNECT h:443 HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
	{"CONNECT with a bad field", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400},
	{"CONNECT with bad length", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
	{"CONNECT with a head too long", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("v", MaxHead-36), 431},
	{"CONNECT to a path", "CONNECT / HTTP/1.1\r\n", 400},
	{"CONNECT without port", "CONNECT h HTTP/1.1\r\n", 400},
	{"CONNECT with empty port", "CONNECT h: HTTP/1.1\r\n", 400},
	{"CONNECT to a name in digits without port", "CONNECT 127.0.0.1 HTTP/1.1\r\n", 400},
	{"CONNECT to IPv6 without port", "CONNECT [::1] HTTP/1.1\r\n", 400},
	{"CONNECT to a URL", "CONNECT http://h:80 HTTP/1.1\r\n", 400},
	{"https", "GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 421},
	{"another scheme", "GET a+b-1.c://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 421},
	{"https without host", "GET https://h/ HTTP/1.1\r\n\r\n", 400},
	{"https with bad host", "GET https://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"malformed scheme", "GET 1a://h/ HTTP/1.1\r\n", 400},
	{"empty scheme", "GET ://h/ HTTP/1.1\r\n", 400},
	{"scheme without authority", "GET http:/h/ HTTP/1.1\r\n", 400},
	{"absolute with user", "GET http://u:p@h/ HTTP/1.1\r\n", 400},
	{"absolute with empty host", "GET http:///a HTTP/1.1\r\n", 400},
	{"absolute with only a port", "GET http://:80/ HTTP/1.1\r\n", 400},
	{"absolute with bad port", "GET http://h:80a/ HTTP/1.1\r\n", 400},
	{"absolute without host", "GET http://h/ HTTP/1.1\r\n\r\n", 400},
	{"absolute with two hosts", "GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
	{"absolute with bad host", "GET http://h/ HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},

	// RFC 9112 §5: fields.
	{"LF ends a field", "GET / HTTP/1.1\r\nHost: h\n", 400},
	{"LF for the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
	{"two CR end a field", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400},
	{"two CR for the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n", 400},
	{"space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400},
	{"tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nA\t: b\r\n\r\n", 400},
	{"folded line", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400},
	{"folded by a tab", "GET / HTTP/1.1\r\nHost: h\r\nA:\r\n\tb\r\n\r\n", 400},
	{"first line begins with a space", "GET / HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n", 400},
	{"line of a space", "GET / HTTP/1.1\r\nHost: h\r\n \r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: h\r\nNoColon\r\n\r\n", 400},
	{"empty name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400},
	{"colons", "GET / HTTP/1.1\r\nHost: h\r\n:::\r\n\r\n", 400},
	{"comma in a name", "GET / HTTP/1.1\r\nHost: h\r\nA,B: c\r\n\r\n", 400},
	{"parenthesis in a name", "GET / HTTP/1.1\r\nHost: h\r\nA(B: c\r\n\r\n", 400},
	{"slash in a name", "GET / HTTP/1.1\r\nHost: h\r\nA/B: c\r\n\r\n", 400},
	{"control octet in a name", "GET / HTTP/1.1\r\nHost: h\r\nA\x01B: c\r\n\r\n", 400},
	{"DEL in a name", "GET / HTTP/1.1\r\nHost: h\r\nA\x7fB: c\r\n\r\n", 400},
	{"octet above ASCII in a name", "GET / HTTP/1.1\r\nHost: h\r\nA\xe9: c\r\n\r\n", 400},
	{"vertical tab before a name", "GET / HTTP/1.1\r\nHost: h\r\n\vA: c\r\n\r\n", 400},
	{"CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rContent-Length: 5\r\n\r\n", 400},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n", 400},
	{"ESC in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \x1b[2J\r\n\r\n", 400},
	{"DEL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: 0123456789\x7f\r\n\r\n", 400},
	{"form feed around a value", "GET / HTTP/1.1\r\nHost: h\f\r\n\r\n", 400},
	{"513 fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", MaxFields), 431},
	{"head of 32 KiB and 1", "GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("v", MaxHead-28), 431},

	// RFC 9110 §7.2, RFC 9112 §3.2: hosts.
	{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
	{"no host among fields", "GET / HTTP/1.1\r\nHosts: h\r\n\r\n", 400},
	{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
	{"an empty host and another", "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n", 400},
	{"two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
	{"bad host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400},
	{"list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
	{"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
	{"host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"host with query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400},
	{"host with fragment", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400},
	{"host with backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400},
	{"host with quote", "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", 400},
	{"host with scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", 400},
	{"percent-encoded host", "GET / HTTP/1.1\r\nHost: %2e%2e\r\n\r\n", 400},
	{"host above ASCII", "GET / HTTP/1.1\r\nHost: caf\xc3\xa9\r\n\r\n", 400},
	{"control octet in host", "GET / HTTP/1.1\r\nHost: a\x01b\r\n\r\n", 400},
	{"only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
	{"port not a number", "GET / HTTP/1.1\r\nHost: a:abc\r\n\r\n", 400},
	{"two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400},
	{"port 65536", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400},
	{"port of many digits", "GET / HTTP/1.1\r\nHost: a:18446744073709551696\r\n\r\n", 400},
	{"bracket not closed", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
	{"bracket not opened", "GET / HTTP/1.1\r\nHost: ::1]\r\n\r\n", 400},
	{"IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400},
	{"IPv6 and more", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400},
	{"IPv6 with zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", 400},

	// RFC 9112 §6.3: Content-Length.
	{"empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400},
	{"length +5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n", 400},
	{"length -0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -0\r\n\r\n", 400},
	{"length in hex", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\n", 400},
	{"length with point", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5.0\r\n\r\n", 400},
	{"length with exponent", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5e0\r\n\r\n", 400},
	{"length with underscore", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1_0\r\n\r\n", 400},
	{"quoted length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \"5\"\r\n\r\n", 400},
	{"length with comment", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 (c)\r\n\r\n", 400},
	{"length with space", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 5\r\n\r\n", 400},
	{"length with NUL", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\x00\r\n\r\n", 400},
	{"length in other digits", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \xd9\xa5\r\n\r\n", 400},
	{"list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n", 400},
	{"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
	{"two equal lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
	{"length hidden by a space", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n", 400},
	{"length 2^63", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775808\r\n\r\n", 413},
	{"length 2^64+5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551621\r\n\r\n", 413},
	{"length 2^63 without host", "POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n", 400},
	{"length 2^63 before a bad host", "POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\nHost: a b\r\n\r\n", 400},
	{"length 2^63 and chunked", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775808\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"length large, then not a digit", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999999999999999a\r\n\r\n", 400},

	// RFC 9112 §6.1, §6.3: Transfer-Encoding.
	{"chunked and length", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
	{"length 0 and chunked", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"no coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n", 400},
	{"comma for a coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ,\r\n\r\n", 400},
	{"empty coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: , chunked\r\n\r\n", 400},
	{"empty coding behind", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked,\r\n\r\n", 400},
	{"chunked twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
	{"chunked in two fields", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"chunked, then another", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400},
	{"chunked, then another field", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400},
	{"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 400},
	{"xchunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
	{"chunkedx", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunkedx\r\n\r\n", 400},
	{"quoted chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400},
	{"chunked with slash", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked/1\r\n\r\n", 400},
	{"chunked with parameter", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;a=b\r\n\r\n", 400},
	{"chunked with space", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked chunked\r\n\r\n", 400},
	{"chunked behind vertical tab", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \vchunked\r\n\r\n", 400},
	{"chunked behind no-break space", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \xa0chunked\r\n\r\n", 400},
	{"NUL in chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chun\x00ked\r\n\r\n", 400},
	{"CR behind chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\r\n\r\n", 400},
	{"folded chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 400},
	{"gzip before chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
	{"gzip in a field before chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501},

	// RFC 9110 §10.1.1: Expect.
	{"another expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", 417},
	{"another expectation without host", "GET / HTTP/1.1\r\nExpect: 200-ok\r\n\r\n", 400},
	{"another expectation before a second host", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nHost: h\r\n\r\n", 400},
	{"gzip before chunked without host", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
	{"one more expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, x=\"y\"\r\n\r\n", 417},
}

func TestParseHeadRefuses(t *testing.T) {
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			wantStatus(t, parse(test.head), test.status)
			for _, next := range []string{"\r\n", " x: y\r\n\r\n", shortHead, "\n\n", strings.Repeat("x", MaxHead)} {
				if got, want := parse(test.head+next), parse(test.head); got != want {
					t.Errorf("with %.20q behind: %v, want %v", next, got, want)
				}
			}
		})
	}
}

func parse(head string) error {
	_, err := ParseHead(new(web.Request), []byte(head))
	return err
}

func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Status != status {
		t.Errorf("got %v, want status %d", err, status)
	}
}

// TestParseHeadCut gives the prefixes of every head: a legal one is ErrMore
// until it is complete, a refused one until it is refused.
func TestParseHeadCut(t *testing.T) {
	r := new(web.Request)
	cut := func(name, head string) {
		for n := range cuts(len(head)) {
			if _, err := ParseHead(r, []byte(head[:n])); err != ErrMore {
				t.Errorf("%s: after %d octets, %.60q: %v, want ErrMore", name, n, head[:n], err)
				return
			}
		}
	}
	for _, test := range accepted {
		cut(test.name, test.head)
	}
	for _, test := range refused {
		cut(test.name, test.head)
	}
}

// cuts yields where to cut n octets: everywhere, or of many octets everywhere
// near the ends and here and there between.
func cuts(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if near := 100; (i < near || i >= n-near || i%61 == 0) && !yield(i) {
				return
			}
		}
	}
}

func TestParseHeadFields(t *testing.T) {
	head := "GET /a?b HTTP/1.1\r\nHost: h\r\nX-A:  one\ttwo \r\nRANGE: bytes=0-\r\nx-empty:\r\nIf-Match: *\r\n\r\n"
	r := new(web.Request)
	if _, err := ParseHead(r, []byte(head)); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name, value string
		known       web.Names
	}{
		{"Host", "h", web.Host},
		{"X-A", "one\ttwo", 0},
		{"RANGE", "bytes=0-", web.Range},
		{"x-empty", "", 0},
		{"If-Match", "*", web.IfMatch},
	}
	if len(r.Fields) != len(want) {
		t.Fatalf("%d fields, want %d", len(r.Fields), len(want))
	}
	for i, f := range r.Fields {
		if string(f.Name) != want[i].name || string(f.Value) != want[i].value || f.Known != want[i].known {
			t.Errorf("field %d: %q: %q, known %b, want %v", i, f.Name, f.Value, f.Known, want[i])
		}
		if f.Value == nil {
			t.Errorf("field %d: the value is nil, which Get gives for no field", i)
		}
	}
	if want := web.Host | web.Range | web.IfMatch; r.Seen != want {
		t.Errorf("Seen: %b, want %b", r.Seen, want)
	}
	if got, want := string(r.Line), "GET /a?b HTTP/1.1"; got != want {
		t.Errorf("Line: %q, want %q", got, want)
	}
	if got, want := string(r.Target), "/a?b"; got != want {
		t.Errorf("Target: %q, want %q", got, want)
	}
}

// TestViewsAreClosed: appending to what r holds never writes over the octets
// that follow it in the receive buffer.
func TestViewsAreClosed(t *testing.T) {
	head := []byte("GET http://h/a?b HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n")
	r := new(web.Request)
	if _, err := ParseHead(r, head); err != nil {
		t.Fatal(err)
	}
	views := [][]byte{r.Line, r.Method, r.Target, r.Path, r.Query, r.Host}
	for _, f := range r.Fields {
		views = append(views, f.Name, f.Value)
	}
	for _, v := range views {
		if cap(v) != len(v) {
			t.Errorf("%q has room for %d octets behind it", v, cap(v)-len(v))
		}
	}
}

func TestLookUp(t *testing.T) {
	names := map[string]web.Names{
		"Host": web.Host, "Connection": web.Connection, "Content-Length": web.ContentLength,
		"Transfer-Encoding": web.TransferEncoding, "Expect": web.Expect, "If-Match": web.IfMatch,
		"If-None-Match": web.IfNoneMatch, "If-Modified-Since": web.IfModifiedSince,
		"If-Unmodified-Since": web.IfUnmodifiedSince, "If-Range": web.IfRange, "Range": web.Range,
		"Accept": web.Accept, "Accept-Encoding": web.AcceptEncoding, "Content-Type": web.ContentType,
		"Authorization": web.Authorization, "Upgrade": web.Upgrade,
	}
	if len(names) != 16 {
		t.Fatalf("%d names", len(names))
	}
	for name, want := range names {
		for _, spelt := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := lookUp([]byte(spelt)); got != want {
				t.Errorf("%s: %b, want %b", spelt, got, want)
			}
		}
		for i := range name {
			other := []byte(name)
			other[i] = '_' // an alias that CGI would know it by
			if lookUp(other) != 0 {
				t.Errorf("%s is known", other)
			}
		}
		for _, longer := range []string{name + "s", "x" + name, name[1:]} {
			if lookUp([]byte(longer)) != 0 {
				t.Errorf("%s is known", longer)
			}
		}
	}
}

// TestParseHeadResets uses a Request that holds everything for a head that
// says nothing.
func TestParseHeadResets(t *testing.T) {
	full := "POST http://h/a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
	r := new(web.Request)
	for _, head := range []string{full, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n"} {
		if _, err := ParseHead(r, []byte(head)); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseHead(r, []byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if got, want := told(r), "GET / 1.0"; got != want || len(r.Fields) != 0 || r.Seen != 0 || r.Query != nil {
			t.Errorf("got %s with fields %v, want %s", got, r.Fields, want)
		}
	}
}

// TestRefusedLine: a server logs the line of what it refuses, and answers HEAD
// without content.
func TestRefusedLine(t *testing.T) {
	for _, test := range []struct{ name, head, line, method string }{
		{"bad field", "HEAD /a HTTP/1.1\r\nA b\r\n\r\n", "HEAD /a HTTP/1.1", "HEAD"},
		{"bad version", "HEAD /a HTTP/9.9\r\n", "HEAD /a HTTP/9.9", "HEAD"},
		{"bad method", "H(D /a HTTP/1.1\r\n", "H(D /a HTTP/1.1", ""},
		{"no line", "\x16", "", ""},
		{"line too long", "HEAD /" + strings.Repeat("a", MaxLine-6), "", "HEAD"},
		{"line ends with LF", "HEAD /a HTTP/1.1\n", "", "HEAD"},
		{"method too long", strings.Repeat("M", 33) + " / HTTP/1.1\r\nHost: h\r\n\r\n", strings.Repeat("M", 33) + " / HTTP/1.1", strings.Repeat("M", 33)},
		{"line in part", "HEAD /a HTT", "", "HEAD"},
		{"method in part", "HEAD", "", ""},
		{"fields in part", "HEAD /a HTTP/1.1\r\nA: b\r\n", "HEAD /a HTTP/1.1", "HEAD"},
	} {
		r := &web.Request{Line: []byte("old"), Method: []byte("OLD")}
		if _, err := ParseHead(r, []byte(test.head)); err == nil || err == ErrMore && !strings.HasSuffix(test.name, "in part") {
			t.Errorf("%s: %v, want an Error", test.name, err)
		}
		if string(r.Line) != test.line || string(r.Method) != test.method {
			t.Errorf("%s: line %q, method %q, want %q, %q", test.name, r.Line, r.Method, test.line, test.method)
		}
	}
}

func TestErrorNamesStatus(t *testing.T) {
	if got, want := parse("GET /\r\n").Error(), "refuse with 400: the request line does not end with an HTTP version"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoAllocation(t *testing.T) {
	r := &web.Request{Fields: make([]web.Field, 0, 32)}
	for _, test := range []struct{ name, head string }{
		{"short", shortHead},
		{"browser", browserHead},
		{"absolute", "GET http://[::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
		{"content", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n0123456789"},
		{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"},
		{"incomplete", "GET / HTTP/1.1\r\nHost: h\r\n"},
		{"refused", "GET / HTTP/1.1\r\nA b\r\n\r\n"},
	} {
		head := []byte(test.head)
		if n := testing.AllocsPerRun(100, func() { ParseHead(r, head) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", test.name, n)
		}
	}
}
