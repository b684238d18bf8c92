package site

import (
	"strings"
	"testing"
)

// One name with a dot is served, at the top of the root and of a user's (RFC 8615),
// and nothing of it is in a list. All other names with a dot are as they were.
func TestWellKnown(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		base := t.TempDir()
		plant(t, base, map[string]string{
			"root/.well-known/security.txt":       "SECURITY\n",
			"root/.well-known/acme/token":         "TOKEN\n",
			"root/.well-known/indexed/index.html": "INDEX\n",
			"root/.well-known/.hidden":            canary,
			"root/.well-known/acme/.hidden":       canary,
			"root/.well-known/.well-known/x":      canary,
			"root/.well-knownish":                 canary,
			"root/dir/.well-known/x":              canary,
			"root/dir/file":                       "FILE\n",
			"root/.hidden/.well-known/x":          canary,
			"alice/sws/.well-known/webfinger":     "ALICE\n",
			"alice/sws/.well-known/.hidden":       canary,
			"alice/sws/sub/.well-known/x":         canary,
			"alice/sws/~bob/.well-known/x":        canary,
			"root/~alice/.well-known/x":           "TILDE\n",
		})
		link(t, "../dir", base+"/root/.well-known/link")
		s := populated(t, open, base, homes{"alice": "alice"})
		for _, test := range []struct {
			target string
			status int
			want   string // the content, or where a redirect leads
		}{
			{"/.well-known/security.txt", 200, "SECURITY\n"},
			{"/%2ewell-known/security.txt", 200, "SECURITY\n"},
			{"//.well-known//security.txt", 200, "SECURITY\n"},
			{"/dir/../.well-known/security.txt", 200, "SECURITY\n"},
			{"/.well-known/acme/token", 200, "TOKEN\n"},
			{"/.well-known/acme/../security.txt", 200, "SECURITY\n"},
			{"/.well-known/link/file", 200, "FILE\n"},
			{"/.well-known/indexed/", 200, "INDEX\n"},
			{"/.well-known", 301, ""},
			{"/.well-known/acme", 301, ""},
			{"/.well-known/", 403, ""},
			{"/.well-known/acme/", 403, ""},
			{"/.well-known/?format=json", 403, ""},
			{"/.well-known/nothing", 404, ""},
			{"/.well-known/nothing/", 404, ""},
			{"/~alice/.well-known/webfinger", 200, "ALICE\n"},
			{"/~alice/.well-known/", 403, ""},
			{"/~nobody/.well-known/", 404, ""},

			{"/.well-known/.hidden", 404, ""},
			{"/.well-known/acme/.hidden", 404, ""},
			{"/.well-known/.well-known/x", 404, ""},
			{"/.well-known/" + strings.Repeat("n", 256), 404, ""},
			{"/.well-known/../dir/file", 404, ""},
			{"/.well-knownish", 404, ""},
			{"/.Well-Known/security.txt", 404, ""},
			{"/dir/.well-known/x", 404, ""},
			{"/.hidden/.well-known/x", 404, ""},
			{"/~alice/.well-known/.hidden", 404, ""},
			{"/~alice/sub/.well-known/x", 404, ""},
			{"/~alice/~bob/.well-known/x", 404, ""},
			{"/~.well-known/x", 404, ""},
			{"/.well-known%2fsecurity.txt", 404, ""},
		} {
			p := get(t, s, test.target)
			got := content(t, p)
			if p.Status != test.status || test.status == 200 && got != test.want || strings.Contains(got, canary) {
				t.Errorf("%.60s: %d %q, want %d %q", test.target, p.Status, got, test.status, test.want)
			}
		}
		for _, target := range []string{"/", "/?format=json", "/?format=text", "/dir/", "/~alice/", "/~alice/?format=text"} {
			if page := content(t, get(t, s, target)); strings.Contains(page, "well-known") {
				t.Errorf("%s: %s", target, page)
			}
		}
		s.users = nil
		for target, want := range map[string]int{"/~alice/.well-known/x": 404, "/.well-known/security.txt": 200} {
			if p := get(t, s, target); p.Status != want {
				t.Errorf("without users %s: %d, want %d", target, p.Status, want)
			}
		}
	})
}

// To programs it means nothing.
func TestWellKnownPrograms(t *testing.T) {
	eachSite(t, func(t *testing.T, s *Site, dir string) {
		plant(t, dir, map[string]string{".well-known/prog": source})
		for target, want := range map[string]int{"/cgi-bin/.well-known/prog": 404, "/cgi-bin/.well-known": 404} {
			if p := get(t, s, target); p.Status != want || p.Program != nil {
				t.Errorf("%s: %d", target, p.Status)
			}
		}
		if p := get(t, s, "/cgi-bin/prog/.well-known/x"); p.Program == nil || p.Program.Info != "/.well-known/x" {
			t.Errorf("behind a program: %d, %+v", p.Status, p.Program)
		}
	})
}
