package site

import (
	"cmp"
	"testing"
)

func TestCompareNames(t *testing.T) {
	ordered := []string{
		"", "0", "00", "001", "01", "1", "1a", "2", "10", "10a", "99999999999999999999", "100000000000000000000", "README", "a", "a0", "a0b", "a1",
		"a01b", "a1b", "a2", "a10", "a10b2", "a10b10", "b", "file2", "file10", "file10.txt", "v1.2", "v1.10", "\xff",
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
