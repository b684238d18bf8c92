package site

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// sampleSize is how much of a file's start tells its type: as much as the
// patterns of magic numbers look at, and mimetype's own default.
const sampleSize = 3072

// contentType decides the Content-Type of the file called name, of whose content
// start is the beginning, or the whole, and its Content-Encoding: "" for none.
//
// The extension decides, and where it says nothing the content does (as magic(5)
// has it). But content alone makes nothing active: what looks like HTML, SVG or
// a script, and is not called so, is plain text. Else a log, or a picture that
// somebody was allowed to leave, could act in the name of the site.
//
// Text is said to be UTF-8 where the whole of it was seen and nothing speaks
// against it. Otherwise no charset is sent, since one would override what a page
// says of itself (HTML §13.2.3.2).
func (s *Site) contentType(name string, start []byte, whole bool) (kind, coding string) {
	extension := extensionOf(name)
	kind = extensions[extension]
	if kind == "" {
		kind = s.types.of(extension, start)
	}
	switch {
	case extension == "svgz" && bytes.HasPrefix(start, gzipped):
		return kind, "gzip"
	case whole && strings.HasPrefix(kind, "text/") && isUTF8(start) && !namesAnother(kind, start):
		return kind + "; charset=utf-8", ""
	}
	return kind, ""
}

// gzipped is how gzip data begin (RFC 1952 §2.3.1).
var gzipped = []byte{0x1f, 0x8b}

// extensionOf returns the extension of name in lower case: "" where there is none, or
// none that anybody knows.
func extensionOf(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > maxExtension {
		return ""
	}
	return strings.ToLower(name[dot+1:])
}

// byContent finds a type by magic numbers.
func byContent(start []byte) string {
	found := mimetype.Detect(start)
	for m := found; m != nil; m = m.Parent() {
		if m.Is("text/plain") {
			return "text/plain"
		}
	}
	kind, _, _ := strings.Cut(found.String(), ";")
	return kind
}

// isUTF8 reports whether the text b is UTF-8 rather than ASCII or an encoding
// that consists of ASCII octets as well: ISO-2022-JP switches character sets by
// ESC (RFC 1468), HZ by "~{" (RFC 1843).
func isUTF8(b []byte) bool {
	rest := cutASCII(b)
	return len(rest) > 0 && utf8.Valid(rest) && bytes.IndexByte(b, '\x1b') < 0 && !bytes.Contains(b, toGB)
}

// cutASCII returns what is left of b from its first octet above 127 on, or a few
// octets before it: nothing where there is none. It reads a word at a time, since
// most documents are nothing else.
func cutASCII(b []byte) []byte {
	for len(b) >= 8 && binary.NativeEndian.Uint64(b)&0x8080808080808080 == 0 {
		b = b[8:]
	}
	for len(b) > 0 && len(b) < 8 && b[0] < utf8.RuneSelf {
		b = b[1:]
	}
	return b
}

var toGB = []byte("~{")

// prescan is how much of a page a browser searches for the name of its encoding
// (HTML §13.2.3.2).
const prescan = 1024

// namesAnother reports whether a page or a style sheet names an encoding other
// than UTF-8. A few letters of another encoding can happen to be valid UTF-8, as
// "Ні" of windows-1251 is, so that the name counts for more than the octets.
func namesAnother(kind string, b []byte) bool {
	if kind != "text/html" && kind != "text/css" {
		return false
	}
	var room [prescan]byte
	lower := room[:copy(room[:], b)]
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	for _, word := range [...]string{"charset", "encoding"} {
		_, rest, found := bytes.Cut(lower, []byte(word))
		for ; found; _, rest, found = bytes.Cut(rest, []byte(word)) {
			// charset=NAME of a meta element, encoding="NAME" of an XML
			// declaration, @charset "NAME" of a style sheet.
			name := bytes.TrimLeft(rest, " \t\r\n\f")
			if named := bytes.TrimLeft(name, "=\"' \t\r\n\f"); len(named) < len(name) {
				return !bytes.HasPrefix(named, []byte("utf-8")) && !bytes.HasPrefix(named, []byte("utf8"))
			}
		}
	}
	return false
}

const maxExtension = 16 // longer than any below, with its dot

// extensions are the types of what web sites are made of and what is left on them
// to be fetched, by extension in lower case: the registered ones (IANA), and where
// browsers know another name, that. What people read rather than run is text. They go
// before the system's, which are not there in every container.
var extensions = map[string]string{
	"css":         "text/css",
	"htm":         "text/html",
	"html":        "text/html",
	"js":          "text/javascript",
	"json":        "application/json",
	"jsonld":      "application/ld+json",
	"map":         "application/json",
	"mjs":         "text/javascript",
	"wasm":        "application/wasm",
	"webmanifest": "application/manifest+json",
	"xhtml":       "application/xhtml+xml",
	"xml":         "application/xml",
	"xsl":         "application/xslt+xml",

	"atom":    "application/atom+xml",
	"csv":     "text/csv",
	"geojson": "application/geo+json",
	"ics":     "text/calendar",
	"md":      "text/markdown",
	"rss":     "application/rss+xml",
	"tsv":     "text/tab-separated-values",
	"vcf":     "text/vcard",
	"vtt":     "text/vtt",

	"c":     "text/plain",
	"cfg":   "text/plain",
	"conf":  "text/plain",
	"diff":  "text/plain",
	"go":    "text/plain",
	"h":     "text/plain",
	"ini":   "text/plain",
	"log":   "text/plain",
	"patch": "text/plain",
	"py":    "text/plain",
	"rs":    "text/plain",
	"sh":    "text/plain",
	"toml":  "text/plain",
	"txt":   "text/plain",
	"yaml":  "text/plain",
	"yml":   "text/plain",

	"apng": "image/apng",
	"avif": "image/avif",
	"bmp":  "image/bmp",
	"gif":  "image/gif",
	"heic": "image/heic",
	"ico":  "image/x-icon",
	"jpeg": "image/jpeg",
	"jpg":  "image/jpeg",
	"jxl":  "image/jxl",
	"png":  "image/png",
	"svg":  "image/svg+xml",
	"svgz": "image/svg+xml",
	"tif":  "image/tiff",
	"tiff": "image/tiff",
	"webp": "image/webp",

	"aac":  "audio/aac",
	"flac": "audio/flac",
	"m4a":  "audio/mp4",
	"mid":  "audio/midi",
	"mp3":  "audio/mpeg",
	"oga":  "audio/ogg",
	"ogg":  "audio/ogg",
	"opus": "audio/ogg",
	"wav":  "audio/wav",
	"weba": "audio/webm",

	"avi":  "video/x-msvideo",
	"m3u8": "application/vnd.apple.mpegurl",
	"m4v":  "video/mp4",
	"mkv":  "video/matroska",
	"mov":  "video/quicktime",
	"mp4":  "video/mp4",
	"mpd":  "application/dash+xml",
	"mpeg": "video/mpeg",
	"mpg":  "video/mpeg",
	"ogv":  "video/ogg",
	"ts":   "video/mp2t",
	"webm": "video/webm",

	"eot":   "application/vnd.ms-fontobject",
	"otf":   "font/otf",
	"ttc":   "font/collection",
	"ttf":   "font/ttf",
	"woff":  "font/woff",
	"woff2": "font/woff2",

	"doc":  "application/msword",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"epub": "application/epub+zip",
	"odp":  "application/vnd.oasis.opendocument.presentation",
	"ods":  "application/vnd.oasis.opendocument.spreadsheet",
	"odt":  "application/vnd.oasis.opendocument.text",
	"pdf":  "application/pdf",
	"ppt":  "application/vnd.ms-powerpoint",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"ps":   "application/postscript",
	"rtf":  "application/rtf",
	"xls":  "application/vnd.ms-excel",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",

	"crt":          "application/x-x509-ca-cert",
	"gpx":          "application/gpx+xml",
	"jnlp":         "application/x-java-jnlp-file",
	"kml":          "application/vnd.google-earth.kml+xml",
	"mobileconfig": "application/x-apple-aspen-config",
	"msix":         "application/msix",
	"msixbundle":   "application/msixbundle",
	"pkpass":       "application/vnd.apple.pkpass",
	"pkpasses":     "application/vnd.apple.pkpasses",
	"usdz":         "model/vnd.usdz+zip",

	"7z":  "application/x-7z-compressed",
	"apk": "application/vnd.android.package-archive",
	"bin": "application/octet-stream",
	"bz2": "application/x-bzip2",
	"deb": "application/vnd.debian.binary-package",
	"dmg": "application/x-apple-diskimage",
	"exe": "application/octet-stream",
	"gz":  "application/gzip",
	"img": "application/octet-stream",
	"iso": "application/x-iso9660-image",
	"jar": "application/java-archive",
	"rar": "application/vnd.rar",
	"rpm": "application/x-rpm",
	"tar": "application/x-tar",
	"tgz": "application/gzip",
	"xz":  "application/x-xz",
	"zip": "application/zip",
	"zst": "application/zstd",
}
