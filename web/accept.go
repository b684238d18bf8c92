package web

import (
	"bytes"
	"strings"
)

// A Form is a form in which the same content can be had.
type Form struct {
	Name  string // what format= in a query calls it
	Media string // its media type, without parameters, as Accept calls it
}

// The forms of generated content: lists and the pages of errors and redirects.
var (
	HTML = Form{"html", "text/html"}
	JSON = Form{"json", "application/json"}
	Text = Form{"text", "text/plain"}
)

// maxForms bounds the forms that ChooseForm chooses from, for it not to allocate.
const maxForms = 4

// ChooseForm returns the index of the one of forms, which stand in the server's
// order of preference, that r asks for: by format= in its query, or else by Accept
// (RFC 9110 §12.5.1). A client that takes none of them gets the first, as the RFC
// allows. ChooseForm panics when there are more than four forms.
func ChooseForm(r *Request, forms []Form) int {
	if len(forms) > maxForms {
		panic("web: ChooseForm: too many forms")
	}
	if name, ok := r.Parameter("format="); ok {
		for i := range forms {
			if forms[i].Name == string(name) {
				return i
			}
		}
	}
	best, most := 0, wanted{}
	if r.Seen&Accept != 0 {
		all := acceptance(r, forms)
		for i, w := range all[:len(forms)] {
			if w.quality > most.quality || w.quality == most.quality && w.exact > most.exact {
				best, most = i, w
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
func acceptance(r *Request, forms []Form) (all [maxForms]wanted) {
	for i := range r.Fields {
		if r.Fields[i].Known != Accept {
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
			for j, f := range forms {
				// The most exact range says how much (§12.5.1, Table 5).
				if exact := matches(media, f.Media); exact > all[j].exact {
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
				if value[i] < '0' || value[i] > '9' {
					return 0, false
				}
				quality += int(value[i] - '0')
			}
		}
		return quality, quality <= 1000
	}
	return 1000, true
}
