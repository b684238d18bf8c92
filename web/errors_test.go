package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestErrorReply(t *testing.T) {
	for _, test := range []struct {
		status int
		says   string
	}{
		{400, "<small>400</small> Bad Request"},
		{404, "<small>404</small> Not Found"},
		{405, "<small>405</small> Method Not Allowed"},
		{431, "<small>431</small> Request Header Fields Too Large"},
		{505, "<small>505</small> HTTP Version Not Supported"},
		{301, "<small>301</small> Moved Permanently"},
		{418, "Request refused"},
		{599, "Server error"},
	} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			p := ErrorReply(nil, test.status, ReplyField{"Allow", "GET"})
			if p.Status != test.status || p.Unchanged != nil || p.File != nil || p.Size != int64(len(p.Body)) {
				t.Errorf("ErrorReply(%d) = %+v", test.status, p)
			}
			if !strings.Contains(string(p.Body), "<h1>"+test.says+"</h1>") {
				t.Errorf("ErrorReply(%d) does not say %q:\n%s", test.status, test.says, p.Body)
			}
			if p.Fields[0] != (ReplyField{"Allow", "GET"}) {
				t.Errorf("ErrorReply(%d) has fields %v, want Allow first", test.status, p.Fields)
			}
		})
	}
}

// Every page is well-formed, needs no more than its policy allows, and the
// fields of one reply do not show in another.
func TestErrorPages(t *testing.T) {
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`)
	for status := 200; status <= 599; status++ {
		p := ErrorReply(nil, status, ReplyField{"X-Of", fmt.Sprint(status)})
		if status == 204 || status == 304 {
			if p.Size != 0 || p.Body != nil || p.Type != "" {
				t.Errorf("ErrorReply(%d) has content", status)
			}
			continue
		}
		if p.Size == 0 || p.Type != "text/html; charset=utf-8" || strings.Contains(string(p.Body), "%!") {
			t.Errorf("ErrorReply(%d): %s\n%s", status, p.Type, p.Body)
		}
		if err := wellFormed(p.Body); err != nil {
			t.Errorf("ErrorReply(%d): %v\n%s", status, err, p.Body)
		}
		sum := sha256.Sum256(style.FindSubmatch(p.Body)[1])
		allowed := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		fields := map[string]string{}
		for _, field := range p.Fields {
			fields[field.Name] = field.Value
		}
		if policy := fields["Content-Security-Policy"]; !strings.HasPrefix(policy, "default-src 'none'; style-src "+allowed) || !strings.Contains(policy, "; img-src data:;") || strings.Count(string(p.Body), PageIcon) != 1 {
			t.Errorf("ErrorReply(%d): policy %q does not allow its own style, %s", status, policy, allowed)
		}
		if fields["X-Content-Type-Options"] != "nosniff" || fields["X-Of"] != fmt.Sprint(status) || fields["Vary"] != "Accept" || len(p.Fields) != 4 {
			t.Errorf("ErrorReply(%d): fields %v", status, p.Fields)
		}
	}
}

// wellFormed checks that tags are nested and that no other "<" or ">" is there.
func wellFormed(page []byte) error {
	body, ok := strings.CutPrefix(string(page), "<!DOCTYPE html>\n")
	if !ok {
		return errors.New("no doctype")
	}
	var open []string
	tags := regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)(?: [a-z]+="[^"<>]*")*>`)
	for _, tag := range tags.FindAllStringSubmatch(body, -1) {
		switch name := tag[2]; {
		case name == "meta" || name == "link":
		case tag[1] == "":
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Errorf("</%s> within %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v not closed", open)
	}
	if rest := tags.ReplaceAllString(body, ""); strings.ContainsAny(rest, "<>") {
		return fmt.Errorf("stray < or > in %q", rest)
	}
	return nil
}

// What a person reads, in each form, and where the links lead.
func TestErrorForms(t *testing.T) {
	location := ReplyField{"Location", "docs/?a=1&b=<2>"}
	ask := func(target, accept string) *Request {
		path, query, _ := strings.Cut(target, "?")
		r := &Request{Path: []byte(path), Query: []byte(query)}
		if accept != "" {
			r.Seen, r.Fields = Accept, []Field{{[]byte("accept"), []byte(accept), Accept}}
		}
		return r
	}
	internal := ask("/a/b", "")
	internal.Internal = true
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	root := func(href string) string { return `<p><a href="` + href + `">Root of this site</a></p>` }
	for _, test := range []struct {
		name   string
		r      *Request
		status int
		fields []ReplyField
		kind   string
		says   string // a part of a page, and all of what is none
	}{
		{"nothing", ask("/x", browser), 404, nil, "text/html; charset=utf-8", "<p>There is nothing at this address.</p>"},
		{"forbidden", ask("/x", ""), 403, nil, "text/html; charset=utf-8", "<p>You do not have access to this.</p>"},
		{"too many", ask("/x", ""), 429, nil, "text/html; charset=utf-8", "<p>Too many requests. Try again later.</p>"},
		{"program", ask("/x", ""), 502, nil, "text/html; charset=utf-8", "<p>A program on this server gave an invalid answer.</p>"},
		{"curl", ask("/x", "*/*"), 404, nil, "text/html; charset=utf-8", "<p>There is nothing at this address.</p>"},
		{"moved", ask("/docs", ""), 301, []ReplyField{location}, "text/html; charset=utf-8",
			`<p>This page has moved to <a href="docs/?a=1&amp;b=&lt;2&gt;">docs/?a=1&amp;b=&lt;2&gt;</a>.</p>`},
		{"moved for now", ask("/docs", ""), 302, []ReplyField{{"Location", "s"}}, "text/html; charset=utf-8",
			`<p>For now, this page has moved to <a href="s">s</a>.</p>`},
		{"see other", ask("/docs", ""), 303, []ReplyField{{"Location", "s"}}, "text/html; charset=utf-8",
			`<p>The answer is at another address. Go to <a href="s">s</a>.</p>`},
		{"script", ask("/docs", ""), 302, []ReplyField{{"Location", "JavaScript:alert(1)"}}, "text/html; charset=utf-8",
			`<p>For now, this page has moved to JavaScript:alert(1).</p>`},
		{"moved nowhere", ask("/docs", ""), 301, nil, "text/html; charset=utf-8", "<p>This page has moved.</p>"},
		{"JSON", ask("/x", "application/json"), 404, nil, "application/json",
			`{"status":404,"title":"Not Found","detail":"There is nothing at this address."}` + "\n"},
		{"JSON by query", ask("/x/?format=json", browser), 403, nil, "application/json",
			`{"status":403,"title":"Forbidden","detail":"You do not have access to this."}` + "\n"},
		{"JSON moved", ask("/docs", "application/json, text/html;q=0.5"), 301, []ReplyField{{"Location", "docs/"}}, "application/json",
			`{"status":301,"title":"Moved Permanently","detail":"This page has moved to docs/.","location":"docs/"}` + "\n"},
		{"text", ask("/x", "text/plain"), 404, nil, "text/plain; charset=utf-8", "404 Not Found: There is nothing at this address.\n"},
		{"no form of ours", ask("/x", "image/png"), 404, nil, "text/html; charset=utf-8", "<p>There is nothing"},

		{"root from the root", ask("/", ""), 403, nil, "text/html; charset=utf-8", root("./")},
		{"root from a file", ask("/x", ""), 404, nil, "text/html; charset=utf-8", root("./")},
		{"root from a directory", ask("/x/", ""), 404, nil, "text/html; charset=utf-8", root("../")},
		{"root from far below", ask("/a/b/c", ""), 404, nil, "text/html; charset=utf-8", root("../../")},
		{"root from as deep as it goes", ask(strings.Repeat("/a", maxSteps+1), ""), 404, nil, "text/html; charset=utf-8", root(strings.Repeat("../", maxSteps))},
		{"root from too deep", ask(strings.Repeat("/a", maxSteps+2), ""), 404, nil, "text/html; charset=utf-8", root("/")},
		{"root from no path", ask("*", ""), 404, nil, "text/html; charset=utf-8", root("/")},
		{"root from no request", nil, 400, nil, "text/html; charset=utf-8", root("/")},
		{"root from a path that the client does not know", internal, 404, nil, "text/html; charset=utf-8", root("/")},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := ErrorReply(test.r, test.status, test.fields...)
			if p.Type != test.kind || p.Size != int64(len(p.Body)) {
				t.Errorf("%s of %d octets, want %s of %d", p.Type, p.Size, test.kind, len(p.Body))
			}
			page := strings.HasPrefix(test.kind, "text/html")
			if body := string(p.Body); page && !strings.Contains(body, test.says) || !page && body != test.says {
				t.Errorf("got\n%s, want\n%s", body, test.says)
			}
			var varies bool
			for _, f := range p.Fields {
				varies = varies || f == ReplyField{"Vary", "Accept"}
			}
			if !varies {
				t.Errorf("fields %v have no Vary", p.Fields)
			}
			if page {
				if err := wellFormed(p.Body); err != nil {
					t.Errorf("%v:\n%s", err, p.Body)
				}
			}
		})
	}
}

func TestErrorReplyPanics(t *testing.T) {
	for _, status := range []int{-1, 0, 100, 199, 600} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("ErrorReply(%d) does not panic", status)
				}
			}()
			ErrorReply(nil, status)
		}()
	}
}

func ExampleErrorReply() {
	p := ErrorReply(nil, 405, ReplyField{"Allow", "GET, HEAD"})
	defer p.Release()
	fmt.Println(p.Status, p.Type, p.Fields[0])
	// Output: 405 text/html; charset=utf-8 {Allow GET, HEAD}
}
