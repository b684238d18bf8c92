package site

import "strings"

// compareNames orders names as people count: digits compare as the number they
// are, so that file2 comes before file10, and everything else byte by byte. The
// order is total; names that differ in leading zeros alone are ordered by bytes.
func compareNames(a, b string) int {
	x, y := a, b
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
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return strings.Compare(a, b)
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
