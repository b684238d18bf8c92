package site

import (
	"bytes"
	"strings"
	"sync"

	"xanadu/web"
)

// A format is a way to write a list.
type format struct {
	name   string // what ?format= calls it
	media  string // what Accept calls it
	kind   string // Content-Type
	fields func() []web.ReplyField

	begin func(dst []byte, p path) []byte               // of the directory p
	entry func(dst []byte, e *entry, before int) []byte // behind so many others
	end   func(dst []byte, t *tally) []byte
}

// formats stand in the order in which we prefer them.
var formats = [...]*format{
	{"html", "text/html", "text/html; charset=utf-8", pageFields, beginHTML, appendHTML, endHTML},
	{"json", "application/json", "application/json", listFields, beginJSON, appendJSON, endJSON},
	{"text", "text/plain", "text/plain; charset=utf-8", listFields, beginText, appendLine, endText},
}

// The same path has other forms, as the request's Accept has it.
var vary = web.ReplyField{Name: "Vary", Value: "Accept"}

var (
	pageFields = sync.OnceValue(func() []web.ReplyField {
		return append(web.PageFields(listingStyle, listingScript), vary)
	})
	listFields = sync.OnceValue(func() []web.ReplyField { return append(nosniff[:1:1], vary) })
)

// chosen returns the format that r asks for: by its query, or else by Accept. A
// client that takes none of ours gets the first (RFC 9110 §12.5.1 lets it).
func chosen(r *web.Request) *format {
	for rest := r.Query; len(rest) > 0; {
		var parameter []byte
		parameter, rest, _ = bytes.Cut(rest, []byte("&"))
		if name, ok := bytes.CutPrefix(parameter, []byte("format=")); ok {
			for _, f := range formats {
				if f.name == string(name) {
					return f
				}
			}
			break
		}
	}
	best, most := formats[0], wanted{}
	if r.Seen&web.Accept != 0 {
		for i, w := range acceptance(r) {
			if w.quality > most.quality || w.quality == most.quality && w.exact > most.exact {
				best, most = formats[i], w
			}
		}
	}
	return best
}

// A wanted is how much a client wants a format: quality in thousandths, and how
// exactly it has named it, 3 with type and subtype, 0 not at all.
type wanted struct{ quality, exact int }

// acceptance reads the Accept fields of r (RFC 9110 §12.5.1). What is not
// well-formed wants nothing.
func acceptance(r *web.Request) (all [len(formats)]wanted) {
	for i := range r.Fields {
		if r.Fields[i].Known != web.Accept {
			continue
		}
		for rest := r.Fields[i].Value; len(rest) > 0; {
			var element []byte
			element, rest = cutOutside(rest, ',')
			media, parameters := cutOutside(element, ';')
			quality, ok := qualityIn(parameters)
			if !ok {
				continue
			}
			media = bytes.Trim(media, " \t")
			for j, f := range formats {
				// The most exact range says how much (§12.5.1, Table 5).
				if exact := matches(media, f.media); exact > all[j].exact {
					all[j] = wanted{quality, exact}
				}
			}
		}
	}
	return all
}

// cutOutside cuts b around the first separator that is in no quoted string.
func cutOutside(b []byte, separator byte) (before, after []byte) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			quoted = !quoted
		case quoted && b[i] == '\\':
			i++
		case !quoted && b[i] == separator:
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

// matches returns how exactly a media range names a media type, 0 when not.
func matches(media []byte, kind string) int {
	slash := strings.IndexByte(kind, '/') + 1
	switch {
	case strings.EqualFold(string(media), kind):
		return 3
	case len(media) == slash+1 && media[slash] == '*' && strings.EqualFold(string(media[:slash]), kind[:slash]):
		return 2
	case string(media) == "*/*":
		return 1
	}
	return 0
}

// qualityIn finds the weight among parameters, in thousandths (RFC 9110 §12.4.2).
func qualityIn(parameters []byte) (quality int, ok bool) {
	for len(parameters) > 0 {
		var parameter []byte
		parameter, parameters = cutOutside(parameters, ';')
		name, value, _ := bytes.Cut(bytes.Trim(parameter, " \t"), []byte("="))
		if len(name) != 1 || name[0]|0x20 != 'q' {
			continue
		}
		if len(value) == 0 || len(value) > len("0.000") || value[0] != '0' && value[0] != '1' || len(value) > 1 && value[1] != '.' {
			return 0, false
		}
		quality = int(value[0] - '0')
		for i := 2; i < len("0.000"); i++ {
			quality *= 10
			if i < len(value) {
				if !isDigit(value[i]) {
					return 0, false
				}
				quality += int(value[i] - '0')
			}
		}
		return quality, quality <= 1000
	}
	return 1000, true
}
