package cgi_test

import (
	"net/netip"
	"strings"
	"testing"

	"xanadu/web"
	"xanadu/web/cgi"
)

func TestInheritable(t *testing.T) {
	for name, want := range map[string]string{
		"TZ":           "",
		"PATH":         "",
		"HTTPS":        "",
		"":             "the name of a variable is wanted",
		"A=B":          "the name of a variable is wanted",
		"HTTP_PROXY":   "HTTP_PROXY is for a field of the request",
		"REMOTE_ADDR":  "REMOTE_ADDR is for the request to say",
		"QUERY_STRING": "QUERY_STRING is for the request to say",
	} {
		got := ""
		if err := cgi.Inheritable(name); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// What Environment sets, nobody can inherit.
func TestEnvironmentIsNotInheritable(t *testing.T) {
	r := &web.Request{Method: []byte("POST"), Path: []byte("/"), Host: []byte("h")}
	env, err := new(cgi.Gateway).Environment(r, &web.Program{Info: "/info", Translated: "/srv/info"}, netip.AddrPort{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range env {
		if name, _, _ := strings.Cut(variable, "="); cgi.Inheritable(name) == nil && name != "PATH" {
			t.Errorf("%s is set, and could be inherited as well", name)
		}
	}
}
