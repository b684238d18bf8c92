package site

import (
	"cmp"
	"testing"
)

func TestCompareNames(t *testing.T) {
	ordered := []string{
		"", "0", "00", "001", "01", "1", "1a", "2", "10", "10a", "99999999999999999999", "100000000000000000000", "A", "a", "a0", "a0b", "a1",
		"a01b", "a1b", "a2", "a10", "a10b2", "a10b10", "AE", "ae", "\u00e6", "Ae1", "\u00c4f", "b",
		"Cafe", "cafe", "cafe\u0301", "caf\u00e9", "Cafe2", "caf\u00e92", "cafe\u030110", "cafes", "file2", "FILE3", "file10", "file10.txt",
		"oa", "\u00f8a", "ob", "README", "readme.txt", "STRASSE", "strasse", "stra\u00dfe", "v1.2", "V1.10", "z",
		"\u03a3", "\u03c2", "\u03c3", "\u0435\u0438\u0308\u0301", "\u0451\u043b", "\u0415\u043c", "\xff",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := cmp.Compare(compareNames(a, b), 0), cmp.Compare(i, j); got != want {
				t.Errorf("compareNames(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

// FuzzCompareNames: it is an order, and a total one.
func FuzzCompareNames(f *testing.F) {
	f.Add("a1", "a01", "a10")
	f.Add("1a", "01", "1")
	f.Add("a", "a0", "a:")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if (compareNames(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d", a, b, compareNames(a, b))
		}
		if (compareNames(a, b) < 0) != (compareNames(b, a) > 0) {
			t.Fatalf("%q and %q: %d and %d", a, b, compareNames(a, b), compareNames(b, a))
		}
		if compareNames(a, b) < 0 && compareNames(b, c) < 0 && compareNames(a, c) >= 0 {
			t.Fatalf("%q < %q < %q, but not the first and the last", a, b, c)
		}
	})
}
