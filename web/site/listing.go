package site

import (
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode"
	"unicode/utf8"

	"xanadu/internal/sys"
	"xanadu/web"
)

const (
	// maxListed bounds the names of a directory that are read for a list:
	// about half a second's work.
	maxListed = 100_000

	// maxPage bounds the octets of a list's page. So many names of a usual
	// length fit in; of long ones that need escaping, fewer.
	maxPage = 16 << 20
)

// An entry is what a list shows of a file or directory.
type entry struct {
	name     string
	dir      bool
	size     int64
	modified sys.Time
}

// listing answers with a list of the directory at at.
//
// The sizes in it can change without a change of the directory, so it is good
// for the moment only.
func (s *Site) listing(at place) *web.Reply {
	entries, complete, err := list(at, s.maxListed)
	if err != nil {
		return s.refuse("list", at.path, err)
	}
	page := appendListing(nil, at.path, entries, complete)
	return &web.Reply{
		Status:    200,
		Type:      "text/html; charset=utf-8",
		Fields:    listingFields(),
		Body:      page,
		Size:      int64(len(page)),
		Unchanged: outdated,
		AnyQuery:  true,
	}
}

var listingFields = sync.OnceValue(func() []web.ReplyField { return web.PageFields(listingStyle) })

// list returns what can be served from the directory at at, in alphanumeric
// order: regular files and directories without dot names, and links to such. It
// is not complete when the directory holds more than limit names.
func list(at place, limit int) (entries []entry, complete bool, err error) {
	fd, err := at.root.open(at.name)
	if err != nil {
		return nil, false, err
	}
	dir := os.NewFile(uintptr(fd.Disown()), "directory")
	defer dir.Close()
	number := int(dir.Fd())
	if st, err := result(sys.Fstat(number)); err != nil {
		return nil, false, err
	} else if !st.IsDir() {
		return nil, false, syscall.ENOTDIR
	}
	for left := limit; !complete && left >= 0; {
		names, err := dir.Readdirnames(min(1024, left+1))
		if err != nil && err != io.EOF {
			return nil, false, errnoIn(err)
		}
		for _, name := range names[:min(len(names), left)] {
			if e, ok := look(at, number, name); ok {
				entries = append(entries, e)
			}
		}
		left -= len(names)
		complete = err == io.EOF
	}
	slices.SortFunc(entries, func(a, b entry) int { return compareNames(a.name, b.name) })
	return entries, complete, nil
}

// look finds out about one name in the open directory dir, which is at at. It
// reports false for what a client would not get.
func look(at place, dir int, name string) (entry, bool) {
	if name[0] == '.' {
		return entry{}, false
	}
	st, err := result(sys.Lstatat(dir, name))
	if err == nil && st.IsSymlink() {
		st, err = at.root.stat(at.within(name))
	}
	if err != nil || !st.IsRegular() && !st.IsDir() {
		return entry{}, false
	}
	return entry{name, st.IsDir(), st.Size, st.Mtime}, true
}

func errnoIn(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

const listingStyle = `:root{color-scheme:light dark}` +
	`body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}` +
	`h1{font-size:1.25rem;overflow-wrap:anywhere}` +
	`table{width:100%;border-collapse:collapse}` +
	`th{text-align:left}` +
	`th,td{padding:.15rem .5rem .15rem 0;vertical-align:top}` +
	`td:first-child{overflow-wrap:anywhere}` +
	`th+th,td+td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}`

// appendListing appends the page that shows entries as what is in the directory
// p. Names are shown as text and linked to as references (RFC 3986 §4.2), both
// whatever bytes they are made of.
func appendListing(dst []byte, p path, entries []entry, complete bool) []byte {
	dst = append(dst, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>Index of "...)
	dst = appendTitle(dst, p)
	dst = append(dst, "</title>\n<style>"+listingStyle+"</style>\n</head>\n<body>\n<h1>Index of "...)
	dst = appendTitle(dst, p)
	dst = append(dst, "</h1>\n<table>\n<thead><tr><th>Name</th><th>Size</th><th>Modified (UTC)</th></tr></thead>\n<tbody>\n"...)
	if p.name != "" {
		dst = append(dst, `<tr><td><a href="../">../</a></td><td></td><td></td></tr>`+"\n"...)
	}
	for i := range entries {
		if len(dst) > maxPage {
			complete = false
			break
		}
		dst = appendEntry(dst, &entries[i])
	}
	dst = append(dst, "</tbody>\n</table>\n"...)
	if !complete {
		dst = append(dst, "<p>The directory holds more names than are listed here.</p>\n"...)
	}
	return append(dst, "</body>\n</html>\n"...)
}

func appendTitle(dst []byte, p path) []byte {
	dst = append(dst, '/')
	if p.name != "" {
		dst = appendText(dst, p.name)
		dst = append(dst, '/')
	}
	return dst
}

func appendEntry(dst []byte, e *entry) []byte {
	slash := ""
	if e.dir {
		slash = "/"
	}
	dst = append(dst, `<tr><td><a href="`...)
	if strings.Contains(e.name, ":") {
		dst = append(dst, "./"...) // or it would read as a scheme
	}
	dst = appendEncoded(dst, e.name, inPath)
	dst = append(dst, slash...)
	dst = append(dst, `"><bdi>`...)
	dst = appendText(dst, e.name)
	dst = append(dst, slash...)
	dst = append(dst, `</bdi></a></td><td>`...)
	if !e.dir {
		dst = appendSize(dst, e.size)
	}
	dst = append(dst, `</td><td>`...)
	dst = e.modified.Time().UTC().AppendFormat(dst, "2006-01-02 15:04")
	return append(dst, "</td></tr>\n"...)
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
		case unicode.In(c, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
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
