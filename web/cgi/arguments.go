package cgi

import (
	"bytes"
	"net/url"
	"strings"

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

func decodeWord(word []byte) (decoded string, ok bool) {
	decoded, err := url.PathUnescape(string(word))
	return decoded, err == nil && !strings.HasPrefix(decoded, "-") && !strings.Contains(decoded, "\x00")
}
