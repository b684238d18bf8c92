package http1

import (
	"net/netip"
	"testing"
)

func TestValidIPv6(t *testing.T) {
	for text, want := range map[string]bool{
		"::": true, "::1": true, "1::": true, "1::2": true, "2001:db8::1:0:0:1": true,
		"1:2:3:4:5:6:7:8": true, "1:2:3:4:5:6:7::": true, "::2:3:4:5:6:7:8": true,
		"::1.2.3.4": true, "1:2:3:4:5:6:1.2.3.4": true, "ABCD:ef01::": true,

		"": false, ":": false, ":::": false, "1": false, "1:": false, ":1": false, "1::2::3": false,
		"1:2:3:4:5:6:7": false, "1:2:3:4:5:6:7:8:9": false, "1:2:3:4:5:6:7:8::": false, "::1:2:3:4:5:6:7:8": false,
		"12345::": false, "g::": false, "1.2.3.4": false, "::1.2.3": false, "::1.2.3.256": false,
		"::1.2.3.04": false, "::1.2.3.4.5": false, "::1.2.3.4:5": false, "1:2:3:4:5:6:7:1.2.3.4": false,
		"::1.2.3.4444": false, "::1..3.4": false, "fe80::1%eth0": false, "::1 ": false,
	} {
		if got := validIPv6([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func FuzzValidIPv6(f *testing.F) {
	for _, seed := range []string{"::", "::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1::2::3", "::1.2.3.04"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := netip.ParseAddr(text)
		want := err == nil && a.Is6() && a.Zone() == ""
		if got := validIPv6([]byte(text)); got != want {
			t.Errorf("%q: %v, netip says %v", text, got, want)
		}
	})
}
