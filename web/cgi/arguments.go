package cgi

import (
	"bytes"

	"xanadu/web"
)

// maxArguments bounds the words of an indexed query. Nobody searches for more.
const maxArguments = 256

// Arguments returns the words of an indexed query, decoded, as the program's
// arguments after its name (RFC 3875 §4.4); nil for any other request, and
// always unless g asks for them.
//
// A query with a word that begins with "-" gives no arguments at all, since it
// would be taken for an option (CVE-2012-1823), and neither does one that
// cannot be decoded.
func (g *Gateway) Arguments(r *web.Request) []string {
	if !g.Indexed || !r.IsGet() || len(r.Query) == 0 || bytes.IndexByte(r.Query, '=') >= 0 {
		return nil
	}
	var words []string
	for word := range bytes.SplitSeq(r.Query, []byte("+")) {
		decoded, ok := decodeWord(word)
		if !ok || len(words) == maxArguments {
			return nil
		}
		words = append(words, decoded)
	}
	return words
}

func decodeWord(word []byte) (string, bool) {
	b := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c == '%' {
			if len(word)-i < 3 {
				return "", false
			}
			high, low := hexValue(word[i+1]), hexValue(word[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		if c == 0 || c == '-' && len(b) == 0 {
			return "", false
		}
		b = append(b, c)
	}
	return string(b), true
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
