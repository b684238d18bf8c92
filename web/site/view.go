package site

import (
	"net/url"
	"strings"

	"xanadu/web"
)

// maxFilter bounds the octets of a filter. A name has 255 at most, on any file
// system of Linux; a longer filter is ignored.
const maxFilter = 1024

// A view is what a request asks of a list beside its format: an order, by
// ?sort=name|size|date and ?order=asc|desc, and a filter, by ?filter=. The zero
// view is the whole list in the order of names. A value that is none of these
// counts as absent.
type view struct {
	order     order
	filter    string // as it stands in the query
	dirsFirst bool   // the site has directories first, in each order
}

// viewOf returns the view that r asks for.
func (s *Site) viewOf(r *web.Request) view {
	o, filter := asked(r)
	return view{o, string(filter), s.dirsFirst}
}

// asks reports whether r asks for v. It allocates nothing.
func (v *view) asks(r *web.Request) bool {
	o, filter := asked(r)
	return o == v.order && string(filter) == v.filter
}

// asked reads the query of r. The filter is part of it.
func asked(r *web.Request) (o order, filter []byte) {
	if len(r.Query) == 0 {
		return order{}, nil
	}
	by, _ := r.Parameter("sort=")
	for c, name := range columns {
		if name == string(by) {
			o.by = column(c)
		}
	}
	direction, _ := r.Parameter("order=")
	o.descending = string(direction) == "desc"
	filter, _ = r.Parameter("filter=")
	return o, filter
}

// text returns the filter as it was typed, "" for one that is ignored.
func (v *view) text() string {
	if v.filter == "" {
		return ""
	}
	text, err := url.QueryUnescape(v.filter)
	if err != nil {
		text = v.filter // a "%" that begins no octet is one (URL, percent-decode)
	}
	if len(text) > maxFilter {
		return ""
	}
	return strings.TrimSpace(text)
}

// A filter is the words that a name has to match, each of them. A word matches
// a name that it is in. With "*", which is any text, it has to be the whole name.
// Both are compared by their keys (see fold). The script of the page has the same
// rules.
type filter [][]string // the texts between the stars of each word

func (v *view) words() filter {
	text := v.text()
	if text == "" {
		return nil
	}
	var f filter
	for word := range strings.FieldsSeq(fold(text)) {
		f = append(f, strings.Split(word, "*"))
	}
	return f
}

func (f filter) matches(name string) bool {
	if len(f) == 0 {
		return true
	}
	key := fold(name)
	for _, parts := range f {
		if !matchesParts(key, parts) {
			return false
		}
	}
	return true
}

func matchesParts(key string, parts []string) bool {
	last := len(parts) - 1
	if last == 0 {
		return strings.Contains(key, parts[0])
	}
	key, ok := strings.CutPrefix(key, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		at := strings.Index(key, part)
		if at < 0 {
			return false
		}
		key = key[at+len(part):]
	}
	return strings.HasSuffix(key, parts[last])
}
