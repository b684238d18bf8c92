package main

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	long, _ := flagNames(new(settings).flags())
	for _, c := range []struct{ typed, want string }{
		{"prot", "port"},
		{"PORT", "port"},
		{"prt", "port"},
		{"foregruond", "foreground"},
		{"max-conections", "max-connections"},
		{"loop", "loops"},
		{"idle", "idle-timeout"},
		{"no-", ""}, // begins several
		{"c", ""},   // one letter is no beginning
		{"x", ""},
		{"listing", ""},
		{"", ""},
		{"p\xffrt", "port"},
		{strings.Repeat("port", maxWord), ""},
	} {
		if got := nearest(c.typed, long); got != c.want {
			t.Errorf("%q: got %q, want %q", c.typed, got, c.want)
		}
	}
	if got := nearest("crown", []string{"brown", "crow"}); got != "" {
		t.Errorf("of two equally near words: got %q", got)
	}
	if got := nearest("crown", []string{"brown", "frown", "crown"}); got != "crown" {
		t.Errorf("of a word that is the same: got %q", got)
	}
}

func TestSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"port", "port", 0},
		{"prot", "port", 1}, {"pot", "port", 1}, {"poort", "port", 1}, {"part", "port", 1},
		{"ca", "abc", 3}, // what was exchanged is not changed again
		{"köln", "koln", 1},
	} {
		if got := slips(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
