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
func beginHTML(dst []byte, p path) []byte {
	dst = append(dst, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n"+web.PageIcon+"\n<title>Index of "...)
	dst = appendTitle(dst, p)
	dst = append(dst, "</title>\n<style>"...)
	dst = append(dst, listingStyle...)
	dst = append(dst, "</style>\n</head>\n<body>\n<header>\n<nav aria-label=\"Path\"><h1><small>Index of</small> "...)
	dst = appendCrumbs(dst, p)
	dst = append(dst, "</h1></nav>\n</header>\n<table>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Size</th>"+
		"<th scope=\"col\">Modified<span> (UTC)</span></th></tr></thead>\n"...)
	if p.name != "" {
		dst = append(dst, "<tbody><tr><td><a href=\"../\">Parent directory</a><td><td>\n"...)
	}
	return append(dst, "<tbody>\n"...)
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
	crumb := func(text string) {
		if above == 0 || above > maxCrumbs {
			dst = appendText(dst, text)
		} else {
			dst = append(dst, `<a href="`...)
			for range above {
				dst = append(dst, "../"...)
			}
			dst = append(dst, `">`...)
			dst = appendText(dst, text)
			dst = append(dst, "</a>"...)
		}
		above--
	}
	crumb("/")
	for i, segment := range segments {
		if i > 0 {
			dst = append(dst, "<small>/</small>"...)
		}
		crumb(segment)
	}
	return append(dst, "<small>/</small>"...)
}

// appendHTML appends the row of e. A link's name is text and its reference is a
// relative one (RFC 3986 §4.2), whatever bytes they are made of. Some programs that
// read lists, as Kodi, take a link only if its text is its reference, decoded: so
// nothing else is in it.
func appendHTML(dst []byte, e *entry, _ int) []byte {
	dst = append(dst, `<tr><td><bdi><a href="`...)
	dst = appendReference(dst, e)
	dst = append(dst, `">`...)
	dst = appendText(dst, e.name)
	if e.dir {
		dst = append(dst, '/')
	}
	dst = append(dst, "</a></bdi>"...)
	if e.link {
		dst = append(dst, " <small title=\"symbolic link\">\u2192"...)
		if e.target != "" {
			dst = append(dst, " <bdi>"...)
			dst = appendText(dst, e.target)
			dst = append(dst, "</bdi>"...)
		}
		dst = append(dst, "</small>"...)
	}
	if e.dir {
		dst = append(dst, "<td><td>"...)
	} else {
		dst = append(dst, `<td title="`...)
		dst = appendGrouped(dst, e.size)
		dst = append(dst, ` bytes">`...)
		dst = appendSize(dst, e.size)
		dst = append(dst, "<td>"...)
	}
	if t, ok := e.time(); ok {
		dst = append(dst, `<time datetime="`...)
		dst = t.AppendFormat(dst, timeFormat)
		dst = append(dst, `">`...)
		dst = t.AppendFormat(dst, "2006-01-02<span> 15:04</span>")
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
	dst = append(dst, "</table>\n<footer><p>"...)
	if t.dirs+t.files == 0 {
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
	dst = append(dst, "</footer>\n<script>"...)
	dst = append(dst, listingScript...)
	return append(dst, "</script>\n</body>\n</html>\n"...)
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
