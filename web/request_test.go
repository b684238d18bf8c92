package web

import "testing"

func TestParameter(t *testing.T) {
	for _, test := range []struct {
		query, value string
		ok           bool
	}{
		{"", "", false},
		{"a=1", "1", true},
		{"b=2&a=1", "1", true},
		{"a=1&a=2", "1", true},
		{"a=", "", true},
		{"a=x=y", "x=y", true},
		{"a", "", false},
		{"&&a=%41+b&", "%41+b", true},
		{"aa=1&ba=1&A=1", "", false},
	} {
		r := &Request{Query: []byte(test.query)}
		if value, ok := r.Parameter("a="); string(value) != test.value || ok != test.ok {
			t.Errorf("%q: %q, %v, want %q, %v", test.query, value, ok, test.value, test.ok)
		}
	}
}
