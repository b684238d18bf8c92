package site

import (
	_ "embed"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"xanadu/web"
)

// The page's style and script stand in it as they stand here: its policy allows
// these two and nothing else. Without the script it is a list like any other.
var (
	//go:embed listing.css
	listingRules string

	//go:embed icons.css
	iconRules string

	listingStyle = web.PageStyle + listingRules + iconRules

	//go:embed listing.js
	listingCode string

	//go:embed forms.js
	formsCode string

	listingScript = listingCode + formsCode
)

// maxCrumbs bounds the links to the directories above: each is as long as it is
// far.
const maxCrumbs = 32

// beginHTML begins the page of the directory p. Its links are relative, so that
// they hold wherever a proxy puts the site.
func beginHTML(dst []byte, p path, v *view) []byte {
	dst = append(dst, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n"+web.PageIcon+"\n<title>Index of "...)
	dst = appendTitle(dst, p)
	dst = append(dst, "</title>\n<style>"...)
	dst = append(dst, listingStyle...)
	dst = append(dst, "</style>\n</head>\n<body>\n<header>\n<nav aria-label=\"Path\"><h1 id=\"here\"><small>Index of</small> "...)
	dst = appendCrumbs(dst, p)
	dst = append(dst, "</h1></nav>\n<form role=\"search\">"...)
	if v.order != (order{}) {
		dst = appendOrder(dst, v.order)
	}
	dst = append(dst, "<output></output><input type=\"search\" name=\"filter\" value=\""...)
	dst = appendText(dst, v.text())
	dst = append(dst, "\" placeholder=\"Filter\" aria-label=\"Filter by name\" autocomplete=\"off\" spellcheck=\"false\"></form>\n</header>\n<main>\n"+
		"<table role=\"table\" aria-labelledby=\"here\""...)
	if v.dirsFirst {
		dst = append(dst, " class=\"dirs-first\""...)
	}
	dst = append(dst, ">\n<thead role=\"rowgroup\"><tr role=\"row\">"...)
	for c, title := range columnTitles {
		dst = appendColumn(dst, column(c), title, v)
	}
	dst = append(dst, "</tr></thead>\n"...)
	if p.name != "" {
		dst = append(dst, "<tbody role=\"rowgroup\"><tr role=\"row\"><th role=\"rowheader\"><a href=\"../\">Parent directory</a>"+
			"<td role=\"cell\"><td role=\"cell\"></tbody>\n"...)
	}
	dst = append(dst, "<script>"...) // between the elements tbody: at work before the rows arrive
	dst = append(dst, listingScript...)
	return append(dst, "</script>\n<tbody role=\"rowgroup\">\n"...)
}

var columnTitles = [...]string{byName: "Name", bySize: "Size", byDate: "Modified <span>(UTC)</span>"}

// appendColumn appends the head of a column. Its button is that of a form rather
// than a link, for programs that follow links to find each list once.
func appendColumn(dst []byte, c column, title string, v *view) []byte {
	next := order{c, c != byName} // the first look is for the largest and the newest
	dst = append(dst, `<th role="columnheader" scope="col"`...)
	switch {
	case v.order.by != c:
	case v.order.descending:
		dst = append(dst, ` aria-sort="descending"`...)
		next.descending = false
	default:
		dst = append(dst, ` aria-sort="ascending"`...)
		next.descending = true
	}
	dst = append(dst, "><form role=\"presentation\">"...)
	dst = appendOrder(dst, next)
	if text := v.text(); text != "" {
		dst = append(dst, `<input type="hidden" name="filter" value="`...)
		dst = appendText(dst, text)
		dst = append(dst, `">`...)
	}
	dst = append(dst, "<button>"...)
	dst = append(dst, title...)
	return append(dst, "</button></form></th>"...)
}

// appendOrder appends o as fields of a form.
func appendOrder(dst []byte, o order) []byte {
	dst = append(dst, `<input type="hidden" name="sort" value="`...)
	dst = append(dst, columns[o.by]...)
	dst = append(dst, `"><input type="hidden" name="order" value="`...)
	if o.descending {
		dst = append(dst, "desc"...)
	} else {
		dst = append(dst, "asc"...)
	}
	return append(dst, `">`...)
}

func appendTitle(dst []byte, p path) []byte {
	dst = append(dst, '/')
	if p.name != "" {
		dst = appendText(dst, p.name)
		dst = append(dst, '/')
	}
	return dst
}

// appendCrumbs appends p with links to the directories it lies in.
func appendCrumbs(dst []byte, p path) []byte {
	if p.name == "" {
		return append(dst, '/')
	}
	segments := strings.Split(p.name, "/")
	above := len(segments)
	crumb := func(text, attributes string) {
		dst = append(dst, "<bdi>"...) // or segments from right to left would change places
		if above == 0 || above > maxCrumbs {
			dst = appendText(dst, text)
		} else {
			dst = append(dst, `<a href="`...)
			for range above {
				dst = append(dst, "../"...)
			}
			dst = append(dst, '"')
			dst = append(dst, attributes...)
			dst = append(dst, '>')
			dst = appendText(dst, text)
			dst = append(dst, "</a>"...)
		}
		dst = append(dst, "</bdi>"...)
		above--
	}
	crumb("/", ` aria-label="root"`)
	for i, segment := range segments {
		if i > 0 {
			dst = append(dst, "<small>/</small>"...)
		}
		crumb(segment, "")
	}
	return append(dst, "<small>/</small>"...)
}

// rowsTogether is how many rows are in one element tbody: a browser skips the
// layout of those that are not in sight (CSS Containment 2, content-visibility), and
// takes a fifth of the time for one such element per row. The script has the same
// number.
const rowsTogether = 100

// appendHTML appends the row of e. Its roles are explicit, since the style displays
// it as a grid, for which some browsers drop those of a table. A link's name is text
// and its reference is a relative one (RFC 3986 §4.2), whatever bytes they are made
// of. Some programs that read lists, as Kodi, take a link only if its text is its
// reference, decoded: so nothing else is in it.
func appendHTML(dst []byte, e *entry, before int) []byte {
	if before > 0 && before%rowsTogether == 0 {
		dst = append(dst, "<tbody role=\"rowgroup\">\n"...)
	}
	dst = append(dst, `<tr role="row"><th role="rowheader"><bdi><a href="`...)
	dst = appendReference(dst, e)
	dst = append(dst, `">`...)
	dst = appendText(dst, e.name)
	if e.dir {
		dst = append(dst, '/')
	}
	dst = append(dst, "</a></bdi>"...)
	if e.link {
		dst = append(dst, " <small><span>symbolic link to </span>\u2192"...)
		if e.target != "" {
			dst = append(dst, " <bdi>"...)
			dst = appendText(dst, e.target)
			dst = append(dst, "</bdi>"...)
		}
		dst = append(dst, "</small>"...)
	}
	if e.dir {
		dst = append(dst, `<td role="cell"><td role="cell">`...)
	} else {
		dst = append(dst, `<td role="cell" title="`...)
		dst = appendGrouped(dst, e.size)
		dst = append(dst, ` bytes">`...)
		dst = appendSize(dst, e.size)
		dst = append(dst, `<td role="cell">`...)
	}
	if t, ok := e.time(); ok {
		dst = append(dst, `<time datetime="`...)
		dst = t.AppendFormat(dst, timeFormat)
		dst = append(dst, `">`...)
		dst = t.AppendFormat(dst, "2006-01-02 15:04")
		dst = append(dst, "</time>"...)
	}
	return append(dst, '\n')
}

// appendReference appends a reference to e, relative to its directory.
func appendReference(dst []byte, e *entry) []byte {
	if strings.Contains(e.name, ":") {
		dst = append(dst, "./"...) // or it would read as a scheme
	}
	dst = appendEncoded(dst, e.name, inPath)
	if e.dir {
		dst = append(dst, '/')
	}
	return dst
}

func endHTML(dst []byte, t *tally) []byte {
	dst = append(dst, "</table>\n</main>\n<footer><p>"...)
	if t.filtered {
		dst = append(dst, "Filtered: "...)
	}
	if t.dirs+t.files == 0 && t.filtered {
		dst = append(dst, "no name matches"...)
	} else if t.dirs+t.files == 0 {
		dst = append(dst, "No files to show"...)
	} else {
		dst = appendCount(dst, t.dirs, "directory", "directories")
		if t.dirs > 0 && t.files > 0 {
			dst = append(dst, ", "...)
		}
		if t.files > 0 {
			dst = appendCount(dst, t.files, "file", "files")
			dst = append(dst, ", "...)
			dst = appendSize(dst, t.octets)
		}
	}
	dst = append(dst, "</p>"...)
	if !t.complete {
		dst = append(dst, "\n<p>The directory holds more names than are listed here.</p>"...)
	}
	return append(dst, "</footer>\n</body>\n</html>\n"...)
}

// appendCount appends nothing for 0.
func appendCount(dst []byte, n int64, one, many string) []byte {
	if n == 0 {
		return dst
	}
	dst = appendGrouped(dst, n)
	dst = append(dst, ' ')
	if n == 1 {
		return append(dst, one...)
	}
	return append(dst, many...)
}

// appendText appends s as text of an HTML document, or of an attribute in
// double quotes. Bytes that are no UTF-8 and characters that could change how
// what stands around them is read become U+FFFD.
func appendText(dst []byte, s string) []byte {
	for _, c := range s {
		switch {
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '"':
			dst = append(dst, "&#34;"...)
		case c == '\'':
			dst = append(dst, "&#39;"...)
		case c < utf8.RuneSelf && ' ' <= c && c != 0x7f:
			dst = append(dst, byte(c))
		case acts(c):
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}

// acts reports whether c is not there to be read but does something: to a
// terminal, to the direction of a line, or to where it ends.
func acts(c rune) bool {
	return unicode.In(c, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// appendSize appends octets for people: "512 B", "1.5 KiB".
func appendSize(dst []byte, octets int64) []byte {
	if octets < 1024 {
		dst = strconv.AppendInt(dst, octets, 10)
		return append(dst, " B"...)
	}
	size, unit := float64(octets)/1024, 0
	for size >= 1023.95 { // as 1,024.0 would be shown
		size /= 1024
		unit++
	}
	dst = strconv.AppendFloat(dst, size, 'f', 1, 64)
	return append(dst, ' ', "KMGTPE"[unit], 'i', 'B')
}

// appendGrouped appends a number in groups of three digits: "1,048,576".
func appendGrouped(dst []byte, n int64) []byte {
	if n < 1000 {
		return strconv.AppendInt(dst, n, 10)
	}
	dst = appendGrouped(dst, n/1000)
	n %= 1000
	return append(dst, ',', byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}
