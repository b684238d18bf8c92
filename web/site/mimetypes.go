package site

import (
	"bufio"
	"io"
	"os"
	"strings"
	"sync"
)

// typesFiles is where systems have their mime.types: the first that can be read is
// used.
var typesFiles = []string{
	"/etc/mime.types",           // Debian, Fedora, Alpine, Arch
	"/usr/local/etc/mime.types", // FreeBSD
	"/etc/apache2/mime.types",   // macOS
	"/etc/httpd/conf/mime.types",
	"/usr/share/misc/mime.types",
}

// maxTypesFile bounds how much of a mime.types is read. The largest known has 80 KB.
const maxTypesFile = 1 << 20

// types are the types that the system knows, by extension in lower case.
type types map[string]string

// systemTypes reads the system's mime.types, once. Where there is none it is nil.
var systemTypes = sync.OnceValue(func() types {
	for _, name := range typesFiles {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		return parseTypes(io.LimitReader(f, maxTypesFile))
	}
	return nil
})

// parseTypes reads a mime.types: lines of a type and the extensions that mean it. Of
// two types for one extension the first counts. What is no type is passed over,
// and so is what could act in the name of the site: such types we say ourselves.
func parseTypes(r io.Reader) types {
	ts := make(types)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 || !isType(words[0]) || isActive(words[0]) {
			continue
		}
		for _, extension := range words[1:] {
			if extension = strings.ToLower(extension); ts[extension] == "" {
				ts[extension] = words[0]
			}
		}
	}
	return ts
}

// isType reports whether s is a type and subtype (RFC 6838 §4.2), in lower case as
// all known types are.
func isType(s string) bool {
	kind, subtype, ok := strings.Cut(s, "/")
	isName := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-") == ""
	}
	return ok && isName(kind) && isName(subtype) && len(s) < 128
}

// isActive reports whether a browser may run scripts in a document of that type: HTML,
// all that is XML, where scripts can be embedded, scripts themselves, and mail.
func isActive(kind string) bool {
	for _, sign := range [...]string{
		"html", "/xml", "+xml", "/xsl", "javascript", "ecmascript", "jscript", "livescript", "vbscript",
		"flash", "x-component", "multipart/", "message/",
	} {
		if strings.Contains(kind, sign) {
			return true
		}
	}
	return false
}

// of returns the type of a file with an extension that is not among ours, and whose
// content begins with start.
//
// A type that a browser would rather store than show, or that not every browser
// knows for text, counts only for what is no text: a program's source and an
// SQL script are there to be read.
func (ts types) of(extension string, start []byte) string {
	kind := ts[extension]
	if kind != "" && !strings.HasPrefix(kind, "text/x-") && !strings.HasPrefix(kind, "application/") {
		return kind
	}
	if content := byContent(start); kind == "" || content == "text/plain" {
		return content
	}
	return kind
}
