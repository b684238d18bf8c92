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
		{400, "400 Bad Request"},
		{404, "404 Not Found"},
		{405, "405 Method Not Allowed"},
		{431, "431 Request Header Fields Too Large"},
		{505, "505 HTTP Version Not Supported"},
		{301, "301 Moved Permanently"},
		{418, "Request refused"},
		{599, "Server error"},
	} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			p := ErrorReply(test.status, ReplyField{"Allow", "GET"})
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
	style := regexp.MustCompile(`<style>(.*)</style>`)
	for status := 200; status <= 599; status++ {
		p := ErrorReply(status, ReplyField{"X-Of", fmt.Sprint(status)})
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
		if policy := fields["Content-Security-Policy"]; !strings.HasPrefix(policy, "default-src 'none'; style-src "+allowed) {
			t.Errorf("ErrorReply(%d): policy %q does not allow its own style, %s", status, policy, allowed)
		}
		if fields["X-Content-Type-Options"] != "nosniff" || fields["X-Of"] != fmt.Sprint(status) || len(p.Fields) != 3 {
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
		case name == "meta":
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

func TestErrorReplyPanics(t *testing.T) {
	for _, status := range []int{-1, 0, 100, 199, 600} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("ErrorReply(%d) does not panic", status)
				}
			}()
			ErrorReply(status)
		}()
	}
}

func ExampleErrorReply() {
	p := ErrorReply(405, ReplyField{"Allow", "GET, HEAD"})
	defer p.Release()
	fmt.Println(p.Status, p.Type, p.Fields[0])
	// Output: 405 text/html; charset=utf-8 {Allow GET, HEAD}
}
