package main

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "65536": 65536, "1B": 1, "1b": 1,
		"64K": 64 << 10, "64k": 64 << 10, "64KiB": 64 << 10, "64kib": 64 << 10,
		"8M": 8 << 20, "8MiB": 8 << 20, "2G": 2 << 30, "2gib": 2 << 30,
		"1048576G": maxSize,
	} {
		if got, err := parseSize(text); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	const wanted = "a size as 65536, 64M or 2G is wanted, not "
	for text, want := range map[string]string{
		"": wanted + `""`, "M": wanted + `"M"`, "B": wanted + `"B"`, "0": wanted + `"0"`, "0G": wanted + `"0G"`,
		"-1": wanted + `"-1"`, "+1M": wanted + `"+1M"`, "1.5G": wanted + `"1.5G"`, " 1M": wanted + `" 1M"`, "1 M": wanted + `"1 M"`,
		"1MB": wanted + `"1MB"`, "1KK": wanted + `"1KK"`, "1T": wanted + `"1T"`, "0x10": wanted + `"0x10"`, "1_000": wanted + `"1_000"`,
		"99999999999999999999": wanted + `"99999999999999999999"`,
		"1048577G":             `"1048577G" is more than the largest size, 1048576G`,
		"9223372036854775807K": `"9223372036854775807K" is more than the largest size, 1048576G`,
	} {
		if got, err := parseSize(text); err == nil || err.Error() != want {
			t.Errorf("%q: %d, %v; want %s", text, got, err, want)
		}
	}
}

// FuzzParseSize: what is accepted lies within the bounds.
func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"1", "64K", "8MiB", "2G", "9223372036854775807g", "0B"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSize(text); err == nil && (n < 1 || n > maxSize) {
			t.Errorf("%q: %d", text, n)
		}
	})
}
