package site

import (
	"cmp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A column is what a list can be ordered by.
type column uint8

const (
	byName column = iota
	bySize
	byDate
)

// columns are the values of ?sort=, by column.
var columns = [...]string{byName: "name", bySize: "size", byDate: "date"}

// An order is the order of the entries of a list. The zero order is that of
// names, ascending.
type order struct {
	by         column
	descending bool
}

// compare orders two names with their keys (see fold) and their values (see
// value). Entries of one value stand in the order of names, ascending.
func (o order) compare(a, b *item, aKey, bKey string) int {
	sign := 1
	if o.descending {
		sign = -1
	}
	if a.value != b.value {
		return sign * cmp.Compare(a.value, b.value)
	}
	c := compareKeys(aKey, bKey)
	if c == 0 {
		c = strings.Compare(a.name, b.name)
	}
	if o.by == byName {
		return sign * c
	}
	return c
}

// value returns the number by which e is ordered: 0 when it is its name. A
// directory has no size and stands below an empty file.
func (o order) value(e *entry) int64 {
	switch {
	case o.by == bySize && e.dir:
		return -1
	case o.by == bySize:
		return e.size
	case o.by == byDate:
		if t, ok := e.time(); ok {
			return t.Unix()
		}
		return minDate // a date that is not shown
	}
	return 0
}

const minDate = -1 << 63

// An item is a name with the number that it is ordered by.
type item struct {
	name  string
	value int64
}

// compareNames orders names as people do: by their keys, and names with equal
// keys by their octets. The order is total.
func compareNames(a, b string) int {
	if c := compareKeys(fold(a), fold(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// compareKeys orders keys by code point, but for decimal digits, which compare
// as the number they are: file2 comes before file10.
func compareKeys(x, y string) int {
	for x != "" && y != "" {
		if !isDigit(x[0]) || !isDigit(y[0]) {
			if x[0] != y[0] {
				return int(x[0]) - int(y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		var m, n string
		m, x = cutNumber(x)
		n, y = cutNumber(y)
		if len(m) != len(n) {
			return len(m) - len(n)
		}
		if m != n {
			return strings.Compare(m, n)
		}
	}
	return len(x) - len(y)
}

// cutNumber takes a number from the front of s, without its leading zeros.
func cutNumber(s string) (number, rest string) {
	zeros := 0
	for zeros < len(s) && s[zeros] == '0' {
		zeros++
	}
	end := zeros
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	return s[zeros:end], s[end:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// fold returns the key by which a name is ordered and filtered: in lower case,
// without accents, and the same whether the name is composed or decomposed
// (UAX #15). What the page shows as U+FFFD is U+FFFD in the key. The script of the
// page has the same function.
func fold(name string) string {
	switch asciiCase(name) {
	case folded:
		return name
	case upper:
		return strings.ToLower(name)
	}
	var b strings.Builder
	for _, c := range norm.NFD.String(name) {
		if '\u0300' <= c && c <= '\u036f' { // Combining Diacritical Marks
			continue
		}
		c = unicode.ToLower(c)
		if letters, ok := plainLetters[c]; ok {
			b.WriteString(letters)
			continue
		}
		if acts(c) {
			c = unicode.ReplacementChar
		}
		b.WriteRune(c)
	}
	return b.String()
}

// plainLetters are the letters of Latin scripts that have a mark of which they
// are not decomposed, and those that others are ordered with.
var plainLetters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŧ': "t", 'ς': "σ",
}

// A letterCase says what fold has to do.
type letterCase uint8

const (
	folded letterCase = iota // nothing
	upper                    // it is ASCII with capital letters
	other                    // it is not ASCII, or has control characters
)

func asciiCase(s string) letterCase {
	is := folded
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f:
			return other
		case 'A' <= c && c <= 'Z':
			is = upper
		}
	}
	return is
}
