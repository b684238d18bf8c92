package httpd_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xanadu/web"
	"xanadu/web/cgi"
	"xanadu/web/httpd"
	"xanadu/web/site"
)

// A stage is a directory of programs and one of documents, served.
type stage struct {
	*rig
	dir string // holds docs and programs
}

// documents are those of every stage.
var documents = map[string]string{"hello.txt": "Hello\n", "dir/index.html": "<p>index</p>\n"}

// play serves the programs, each the text of a shell script without its first
// line, over TCP.
func play(t testing.TB, scripts map[string]string, opt httpd.Options) *stage {
	t.Helper()
	dir := t.TempDir()
	install(t, dir, scripts)
	s, err := site.New(filepath.Join(dir, "docs"), &site.Options{Programs: filepath.Join(dir, "programs")})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	var programs httpd.ProgramOptions
	if opt.Programs != nil {
		programs = *opt.Programs
	}
	opt.Programs = &programs
	if programs.Gateway.Inherit == nil {
		programs.Gateway.Inherit = []string{"PATH=/usr/bin:/bin", "DIR=" + dir}
	}
	if programs.Nice == 0 {
		programs.Nice = -1 // a busy machine would starve what a test waits for
	}
	if programs.SpoolDir == "" {
		programs.SpoolDir = dir
	}
	return &stage{startTCP(t, s, opt), dir}
}

func install(t testing.TB, dir string, scripts map[string]string) {
	t.Helper()
	// A child that is forked while a script is open to be written would keep
	// it busy (ETXTBSY) for whoever starts it next.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for name, content := range documents {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, "docs", name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "docs", name), []byte(content), 0o644))
	}
	must(t, os.MkdirAll(filepath.Join(dir, "programs"), 0o755))
	for name, script := range scripts {
		if !strings.HasPrefix(script, "#!") {
			script = "#!/bin/sh\n" + script
		}
		must(t, os.WriteFile(filepath.Join(dir, "programs", name), []byte(script), 0o755))
	}
}

// A result is a response to a request for a program: its content may come in
// chunks, or up to the end of the connection.
type result struct {
	*http.Response
	body string
	cut  error // why the content ended early; nil: it did not
}

// result reads the response to a request of the method.
func (c *client) result(method string) *result {
	c.t.Helper()
	p, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal("read a response: ", err)
	}
	body, err := io.ReadAll(p.Body)
	return &result{p, string(body), err}
}

func (c *client) run(target string) *result {
	c.t.Helper()
	c.write(request("GET", target))
	return c.result("GET")
}

// wantAlive fails unless the connection answers another request, and in order.
func (c *client) wantAlive() {
	c.t.Helper()
	c.get("/hello.txt").want(c.t, 200, documents["hello.txt"])
}

// TestProgram has one program after the other answer on the same connection, as
// long as that stays open.
func TestProgram(t *testing.T) {
	plain := "printf 'Content-Type: text/plain\\n\\n'\n"
	moved := string(web.ErrorReply(&web.Request{Path: []byte("/cgi-bin/x")}, 302, web.ReplyField{Name: "Location", Value: "http://example.com/x"}).Body)
	cases := []struct {
		name, script string
		status       int
		body         string // not looked at when it is "*", or "" and status 400 or above
		fields       string // "Name: value|Name: value" that are there
		trouble      string // what the error log says
		closes       bool   // the connection ends
		cut          bool   // in the middle of the content
	}{
		{name: "document", script: plain + "echo hello", status: 200, body: "hello\n",
			fields: "Content-Type: text/plain|X-Content-Type-Options: nosniff|Transfer-Encoding: chunked"},
		{name: "CR LF", script: `printf 'Content-Type: text/plain\r\nX-A: b\r\n\r\nhello'`, status: 200, body: "hello", fields: "X-A: b"},
		{name: "no content", script: plain, status: 200, body: ""},
		{name: "status", script: `printf 'Status: 404 Nope\nContent-Type: text/plain\n\ngone'`, status: 404, body: "gone"},
		{name: "unusual status", script: `printf 'Status: 418 Teapot\nContent-Type: text/plain\n\ntea'`, status: 418, body: "tea"},
		{name: "length", script: `printf 'Content-Type: a/b\nContent-Length: 5\n\nhello'`, status: 200, body: "hello", fields: "Content-Length: 5"},
		{name: "length 0", script: `printf 'Content-Type: a/b\nContent-Length: 0\n\n'`, status: 200, body: "", fields: "Content-Length: 0"},
		{name: "two cookies", script: `printf 'Content-Type: a/b\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n'`, status: 200, fields: "Set-Cookie: a=1, b=2"},
		{name: "status line", script: `printf 'HTTP/1.1 404 Nope\r\nContent-Type: text/plain\r\n\r\ngone'`, status: 404, body: "gone",
			fields: "Transfer-Encoding: chunked|Connection: "},
		{name: "type twice", script: `printf 'Content-Type: a/b\nContent-Type: a/b\n\nhello'`, status: 200, body: "hello", fields: "Content-Type: a/b"},
		{name: "connection", script: `printf 'Content-Type: a/b\nConnection: close\nDate: x\nServer: x\n\nhello'`,
			status: 200, body: "hello", fields: "Connection: |Server: sws/test"},
		{name: "nosniff said by the program", script: `printf 'Content-Type: a/b\nx-content-type-options: nosniff\n\n'`, status: 200, fields: "X-Content-Type-Options: nosniff"},
		{name: "head in pieces", script: `printf 'Content-'; sleep 0.01; printf 'Type: a/b\n'; sleep 0.01; printf '\nhello'`, status: 200, body: "hello"},
		{name: "much", script: plain + "head -c 300000 /dev/zero", status: 200, body: strings.Repeat("\x00", 300000)},
		{name: "exit status", script: plain + "echo hello; exit 3", status: 200, body: "hello\n"},
		{name: "client redirect", script: `printf 'Location: http://example.com/x\n\n'`, status: 302, body: "*",
			fields: "Location: http://example.com/x|Content-Type: text/html; charset=utf-8|X-Content-Type-Options: nosniff|Vary: Accept"},
		{name: "client redirect, stray content", script: `printf 'Location: http://example.com/x\n\n<p>there'`, status: 302, body: moved, fields: "Content-Type: text/html; charset=utf-8"},
		{name: "client redirect with fields of its own", script: `printf 'Location: //h/\nx-content-type-options: no\nVary: Cookie\n\n'`, status: 302, body: "*",
			fields: "X-Content-Type-Options: no|Vary: Cookie, Accept|Location: //h/"},
		{name: "created", script: `printf 'Status: 201\nLocation: /x\n\n'`, status: 201, fields: "Location: /x|Content-Length: 0"},
		{name: "client redirect with document", script: `printf 'Status: 301\nLocation: http://example.com/x\nContent-Type: a/b\n\nthere'`,
			status: 301, body: "there", fields: "Location: http://example.com/x|Content-Type: a/b"},
		{name: "local redirect", script: `printf 'Location: /hello.txt\n\n'`, status: 200, body: "Hello\n", fields: "Content-Length: 6"},
		{name: "local redirect to a directory", script: `printf 'Location: /dir\n\n'`, status: 301, body: "*", fields: "Location: /dir/"},
		{name: "local redirect to nothing", script: `printf 'Location: /nothing\n\n'`, status: 404},
		{name: "local redirect above the root", script: `printf 'Location: /../etc/passwd\n\n'`, status: 400},
		{name: "local redirect to a program", script: `printf 'Location: /cgi-bin/target/info?q=1\n\n'`, status: 200, body: "/cgi-bin/target /info q=1 GET \n"},
		{name: "circle", script: `printf 'Location: /cgi-bin/circle\n\n'`, status: 502, trouble: "it redirects in a circle"},
		{name: "status alone", script: `printf 'Status: 404\n\n'`, status: 404, fields: "Content-Length: 0"},
		{name: "204", script: `printf 'Status: 204\n\n'`, status: 204, fields: "Content-Length: "},
		{name: "204 with content", script: `printf 'Status: 204\nContent-Length: 5\nContent-Type: a/b\n\nhello'`, status: 204, fields: "Content-Length: "},
		{name: "205 with content", script: `printf 'Status: 205\nContent-Type: a/b\n\nhello'`, status: 205, fields: "Content-Length: 0"},
		{name: "304 with content", script: `printf 'Status: 304\nETag: "x"\n\nhello'`, status: 304, fields: `Etag: "x"`},
		{name: "closed output", script: plain + "echo hello; exec >&-; sleep 0.05", status: 200, body: "hello\n"},

		{name: "more than its length", script: `printf 'Content-Type: a/b\nContent-Length: 5\n\nhelloHTTP/1.1 200 OK\r\n'`, status: 200, body: "hello",
			trouble: "it writes more than its Content-Length says: the rest is dropped"},
		{name: "less than its length", script: `printf 'Content-Type: a/b\nContent-Length: 6\n\nhello'`, status: 200, cut: true,
			trouble: "exit status 0, and 1 octets of its Content-Length are missing"},
		{name: "late crash", script: plain + "echo hello; exec >&-; sleep 0.3; kill -SEGV $$", status: 200, cut: true, trouble: "SIGSEGV"},
		{name: "crash in the middle", script: plain + "echo hello; kill -SEGV $$", status: 200, cut: true, trouble: "SIGSEGV"},

		{name: "no output", script: "exit 0", status: 502, trouble: "exit status 0, and it has said nothing"},
		{name: "failure", script: "exit 3", status: 502, trouble: "exit status 3, and it has said nothing"},
		{name: "crash", script: "kill -SEGV $$", status: 502, trouble: "SIGSEGV"},
		{name: "no type", script: `printf 'X-A: b\n\n<script>'`, status: 502, trouble: "the program's head has no Content-Type, Location or Status"},
		{name: "status, content, no type", script: `printf 'Status: 200\n\n<script>'`, status: 500, trouble: "the program's content has no Content-Type"},
		{name: "status, late content, no type", script: `printf 'Status: 200\n\n'; sleep 0.01; echo '<script>'`, status: 500, trouble: "the program's content has no Content-Type"},
		{name: "no head", script: "echo this is not a header", status: 502, trouble: "a line of the program's head is not a field"},
		{name: "no empty line", script: `printf 'Content-Type: a/b\n'`, status: 502, trouble: "exit status 0, and its head has no empty line at its end"},
		{name: "two status", script: `printf 'Status: 200\nStatus: 404\nContent-Type: a/b\n\n'`, status: 502, trouble: "the program gives two values of a field that may have one"},
		{name: "framing", script: `printf 'Content-Type: a/b\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n'`, status: 502,
			trouble: "the program's head has a Transfer-Encoding: the server frames the content, and programs write it as it is"},
		{name: "bare CR", script: `printf 'Location: /x\rSet-Cookie: a\n\n'`, status: 502, trouble: "a control octet in the program's head"},
		{name: "NUL", script: `printf 'Content-Type: a/b\000\n\n'`, status: 502, trouble: "a control octet in the program's head"},
		{name: "1xx", script: `printf 'Status: 100\n\nStatus: 200\nContent-Type: a/b\n\n'`, status: 502, trouble: "the program's Status is not a final status code"},
		{name: "64 KiB head", script: `printf 'X: '; head -c 65536 /dev/zero | tr '\0' x; printf '\nContent-Type: a/b\n\n'`, status: 502, trouble: "the program's head is too long"},
		{name: "endless head", script: `while :; do echo 'X: y'; done`, status: 502, trouble: "the program's head has too many fields"},
		{name: "no interpreter", script: "#!/no/such/interpreter\n", status: 500, trouble: "start ./no-interpreter: execve: no such file or directory: its interpreter is missing"},
		{name: "no program at all", script: "#!\x7fELF", status: 500},
	}
	scripts := map[string]string{"target": plain + `echo "$SCRIPT_NAME $PATH_INFO $QUERY_STRING $REQUEST_METHOD $CONTENT_LENGTH"`}
	target := func(name string) string {
		return strings.NewReplacer(" ", "-", ",", "").Replace(name)
	}
	for _, c := range cases {
		scripts[target(c.name)] = c.script
	}
	each(t, func(t *testing.T, poller string) {
		s := play(t, scripts, httpd.Options{Poller: poller, Server: "sws/test"})
		cl := s.dial()
		for _, c := range cases {
			p := cl.run("/cgi-bin/" + target(c.name))
			if p.StatusCode != c.status || (p.cut != nil) != c.cut {
				t.Errorf("%s: status %d, cut %v; want %d, %t", c.name, p.StatusCode, p.cut, c.status, c.cut)
			}
			if !c.cut && c.body != "*" && (c.status < 400 || c.body != "") && p.body != c.body {
				t.Errorf("%s: %.60q of %d octets, want %.60q", c.name, p.body, len(p.body), c.body)
			}
			wantFields(t, c.name, p, c.fields)
			if c.trouble != "" {
				want := "program /cgi-bin/" + target(c.name) + ": " + c.trouble
				if got := await(t, s.troubles, c.name+" in the error log"); got != want {
					t.Errorf("%s: the error log says %q, want %q", c.name, got, want)
				}
			}
			if c.cut {
				cl.Close()
				cl = s.dial()
			}
			cl.wantAlive()
		}
	})
}

// wantFields looks for fields as TestProgram lists them; Transfer-Encoding is
// where net/http puts it.
func wantFields(t *testing.T, name string, p *result, fields string) {
	t.Helper()
	for field := range strings.SplitSeq(fields, "|") {
		key, want, _ := strings.Cut(field, ": ")
		got := strings.Join(p.Header.Values(key), ", ")
		if key == "Transfer-Encoding" {
			got = strings.Join(p.TransferEncoding, ", ")
		}
		if got != want {
			t.Errorf("%s: %s: %q, want %q", name, key, got, want)
		}
	}
}

// TestProgramMethods: every method reaches a program, and HEAD gets no content.
func TestProgramMethods(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{
			"method": `printf 'Content-Type: text/plain\n\n%s' "$REQUEST_METHOD"`,
			"length": `printf 'Content-Type: text/plain\nContent-Length: 5\n\nhello'`,
			"local":  `printf 'Location: /hello.txt\n\n'`,
		}, httpd.Options{Poller: poller})
		c := s.dial()
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "x-own"} {
			c.write(request(method, "/cgi-bin/method"))
			if p := c.result(method); p.StatusCode != 200 || p.body != method {
				t.Errorf("%s: %d %q", method, p.StatusCode, p.body)
			}
		}
		for target, length := range map[string]int64{"method": -1, "length": 5, "local": 6} {
			c.write(request("HEAD", "/cgi-bin/"+target))
			if p := c.result("HEAD"); p.StatusCode != 200 || p.ContentLength != length || p.body != "" {
				t.Errorf("HEAD %s: %d, length %d, %q", target, p.StatusCode, p.ContentLength, p.body)
			}
			c.wantAlive()
		}
		for _, method := range []string{"TRACE"} {
			c.write(request(method, "/cgi-bin/method"))
			if p := c.result(method); p.StatusCode != 501 {
				t.Errorf("%s: %d", method, p.StatusCode)
			}
		}
	})
}

// TestProgramHTTP10: without chunks the end of the connection ends the content,
// unless its length is known.
func TestProgramHTTP10(t *testing.T) {
	s := play(t, map[string]string{
		"open":   `printf 'Content-Type: text/plain\n\nhello'`,
		"length": `printf 'Content-Type: text/plain\nContent-Length: 5\n\nhello'`,
		"crash":  `printf 'Content-Type: text/plain\n\nhello'; kill -KILL $$`,
	}, httpd.Options{})
	ask := func(target string) *client {
		c := s.dial()
		c.write("GET /cgi-bin/" + target + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		return c
	}
	c := ask("open")
	if all := string(c.all()); !strings.HasSuffix(all, "\r\nConnection: close\r\n\r\nhello") || strings.Contains(all, "chunked") {
		t.Errorf("%q", all)
	}
	c = ask("length")
	if p := c.result("GET"); p.body != "hello" || p.Header.Get("Connection") != "keep-alive" {
		t.Errorf("%v %q", p.Header, p.body)
	}
	c.wantAlive()
	// A clean end would say that this is all.
	c = ask("crash")
	if p := c.result("GET"); p.cut == nil {
		t.Errorf("%q and no reset", p.body)
	}
}

// TestProgramPipeline: programs and documents on one connection are answered in
// order, also when the client has ended its side.
func TestProgramPipeline(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"echo": `printf 'Content-Type: text/plain\n\n'; echo "$QUERY_STRING"; cat`}, httpd.Options{Poller: poller})
		c := s.dial()
		var requests strings.Builder
		for i := range 10 {
			fmt.Fprintf(&requests, "POST /cgi-bin/echo?%d HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", i)
			requests.WriteString(request("GET", "/hello.txt"))
		}
		c.write(requests.String())
		c.closeWrite()
		for i := range 10 {
			if p := c.result("POST"); p.body != fmt.Sprintf("%d\nhello", i) {
				t.Errorf("%d: %q", i, p.body)
			}
			c.read("GET").want(t, 200, documents["hello.txt"])
		}
		c.wantEnd()
	})
}

// TestProgramSpeaksHTTP: what a program nph- writes is the response, and the end
// of the connection its end.
func TestProgramSpeaksHTTP(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{
			"nph-raw":  `printf 'HTTP/1.1 299 Own\r\nX-Own: 1\r\n\r\n'; sleep 0.01; printf 'content'`,
			"nph-not":  `printf 'Content-Type: text/plain\n\nhello'`,
			"nph-none": `exit 1`,
		}, httpd.Options{Poller: poller})
		c := s.dial()
		c.write(request("GET", "/cgi-bin/nph-raw") + request("GET", "/hello.txt"))
		if all := string(c.all()); all != "HTTP/1.1 299 Own\r\nX-Own: 1\r\n\r\ncontent" {
			t.Errorf("%q", all)
		}
		s.log.want(t, `"GET /cgi-bin/nph-raw HTTP/1.1" 299 37`)
		for _, name := range []string{"nph-not", "nph-none"} {
			if p := s.dial().run("/cgi-bin/" + name); p.StatusCode != 502 {
				t.Errorf("%s: %d", name, p.StatusCode)
			}
		}
	})
}

// TestProgramLog: one line for each request, with what was sent.
func TestProgramLog(t *testing.T) {
	s := play(t, map[string]string{
		"doc":   `printf 'Content-Type: text/plain\n\nhello'`,
		"local": `printf 'Location: /hello.txt\n\n'`,
		"fail":  `exit 1`,
		"none":  `printf 'Status: 204\n\n'`,
	}, httpd.Options{})
	c := s.dial()
	for _, target := range []string{"doc", "local", "none"} {
		c.run("/cgi-bin/" + target)
	}
	c.write(request("HEAD", "/cgi-bin/doc"))
	c.result("HEAD")
	size := len(c.run("/cgi-bin/fail").body)
	s.log.want(t, `"GET /cgi-bin/doc HTTP/1.1" 200 5`, `"GET /cgi-bin/local HTTP/1.1" 200 6`, `"GET /cgi-bin/none HTTP/1.1" 204 0`,
		`"HEAD /cgi-bin/doc HTTP/1.1" 200 0`, fmt.Sprintf(`"GET /cgi-bin/fail HTTP/1.1" 502 %d`, size))
}

// TestProgramEnvironment looks at the whole of what a program sees: variables,
// descriptors, directory, arguments, process group.
func TestProgramEnvironment(t *testing.T) {
	t.Setenv("LD_SECRET", "1")
	t.Setenv("LISTEN_FDS", "1")
	s := play(t, map[string]string{
		"env":  `printf 'Content-Type: text/plain\n\n'; env -u PWD -u _ -u SHLVL -u OLDPWD | LC_ALL=C sort; echo; pwd; echo "$# $0"; ls /proc/self/fd | tr '\n' ' '; ulimit -c`,
		"args": `printf 'Content-Type: text/plain\n\n'; for a; do echo "$a"; done`,
	}, httpd.Options{Server: "sws/test", Programs: &httpd.ProgramOptions{
		Gateway: cgi.Gateway{Software: "sws/test", Inherit: []string{"PATH=/usr/bin:/bin"}, Indexed: true},
	}})
	c := s.dial()
	c.write("GET /cgi-bin/env/a%20b?-s HTTP/1.1\r\nHost: Example.org:1\r\nProxy: evil\r\nAuthorization: Basic x\r\nX_A: evil\r\nX-B: b\r\n\r\n")
	p := c.result("GET")
	local := c.RemoteAddr().String()
	_, port, _ := strings.Cut(c.LocalAddr().String(), ":")
	want := `DOCUMENT_ROOT=` + s.dir + `/docs
GATEWAY_INTERFACE=CGI/1.1
HTTP_HOST=Example.org:1
HTTP_X_B=b
PATH=/usr/bin:/bin
PATH_INFO=/a b
PATH_TRANSLATED=` + s.dir + `/docs/a b
QUERY_STRING=-s
REDIRECT_STATUS=200
REMOTE_ADDR=127.0.0.1
REMOTE_HOST=127.0.0.1
REMOTE_PORT=` + port + `
REQUEST_METHOD=GET
REQUEST_URI=/cgi-bin/env/a%20b?-s
SCRIPT_FILENAME=` + s.dir + `/programs/env
SCRIPT_NAME=/cgi-bin/env
SERVER_NAME=example.org
SERVER_PORT=` + local[strings.LastIndexByte(local, ':')+1:] + `
SERVER_PROTOCOL=HTTP/1.1
SERVER_SOFTWARE=sws/test

` + s.dir + `/programs
0 ./env
0 1 2 3 0
` // 3 is the directory that ls reads
	if p.body != want {
		t.Errorf("got\n%s\nwant\n%s", p.body, want)
	}
	if p := c.run("/cgi-bin/args?one+t%20wo"); p.body != "one\nt wo\n" {
		t.Errorf("arguments %q", p.body)
	}
}

// TestProgramAmbiguous: a forged variable is refused and counted.
func TestProgramAmbiguous(t *testing.T) {
	s := play(t, map[string]string{"env": `printf 'Content-Type: text/plain\n\n'; env`}, httpd.Options{})
	c := s.dial()
	for range 4 {
		c.write("GET /cgi-bin/env HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1\r\nX_Forwarded_For: 2\r\n\r\n")
		if p := c.result("GET"); p.StatusCode != 400 {
			t.Errorf("status %d: %s", p.StatusCode, p.body)
		}
	}
	for _, n := range []int{1, 2, 4} {
		want := fmt.Sprintf("requests refused of which two field names become the same variable: %d", n)
		if got := await(t, s.troubles, "the count"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	c.wantAlive()
}

// TestProgramErrors: complaints go to the error log, line by line and bounded.
func TestProgramErrors(t *testing.T) {
	s := play(t, map[string]string{
		"few":  `printf 'one\r\n\n  \033[31mtw\377o\nlast' >&2; printf 'Content-Type: text/plain\n\nok'`,
		"long": `{ head -c 1000 /dev/zero | tr '\0' x; echo; echo next; } >&2; printf 'Status: 204\n\n'`,
		"many": `for i in $(seq 70); do echo $i >&2; done; printf 'Status: 204\n\n'`,
	}, httpd.Options{})
	c := s.dial()
	want := func(script string, lines ...string) {
		t.Helper()
		for _, line := range lines {
			if got := await(t, s.troubles, "a complaint"); got != "program /cgi-bin/"+script+": "+line {
				t.Errorf("%q, want %q", got, line)
			}
		}
	}
	if p := c.run("/cgi-bin/few"); p.body != "ok" {
		t.Errorf("%q", p.body)
	}
	want("few", "one", `  \x1b[31mtw\xffo`, "last")
	c.run("/cgi-bin/long")
	want("long", strings.Repeat("x", 512), "next", "octets of its complaints that are not shown: 488")
	c.run("/cgi-bin/many")
	for i := range 32 {
		want("many", fmt.Sprint(i+1))
	}
	want("many", "octets of its complaints that are not shown: 76")
}

// TestProgramStreams: the first octet arrives while the program still writes.
func TestProgramStreams(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"slow": `printf 'Content-Type: text/plain\n\none'; read go <"$DIR/fifo"; printf two`}, httpd.Options{Poller: poller})
		tell := s.fifo()
		c := s.dial()
		c.write(request("GET", "/cgi-bin/slow"))
		p, err := http.ReadResponse(c.r, nil)
		must(t, err)
		first := make([]byte, 3)
		_, err = io.ReadFull(p.Body, first)
		must(t, err)
		tell()
		rest, err := io.ReadAll(p.Body)
		must(t, err)
		if string(first)+string(rest) != "onetwo" {
			t.Errorf("%q, %q", first, rest)
		}
		c.wantAlive()
	})
}

// eachOfTwo is each with the best poller and the one that knows least: for tests
// that mostly wait.
func eachOfTwo(t *testing.T, test func(t *testing.T, poller string)) {
	t.Parallel()
	names := pollers()
	for _, name := range []string{names[0], names[len(names)-1]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name)
		})
	}
}

// count returns how many processes are there whose environment shows that they
// belong to s: programs, and whatever they have started.
func (s *stage) count() int {
	s.t.Helper()
	n := 0
	list, err := filepath.Glob("/proc/[0-9]*/environ")
	must(s.t, err)
	for _, file := range list {
		if b, err := os.ReadFile(file); err == nil && bytes.Contains(b, []byte("DIR="+s.dir)) {
			n++
		}
	}
	return n
}

// wantNone waits until none of s's programs is left.
func (s *stage) wantNone() {
	s.t.Helper()
	eventually(s.t, "the end of all processes", func() bool { return s.count() == 0 })
}

// awaitFile waits until the file in s's directory holds a line, and returns it.
func (s *stage) awaitFile(name string) (line string) {
	s.t.Helper()
	eventually(s.t, name, func() (ok bool) {
		b, _ := os.ReadFile(filepath.Join(s.dir, name))
		line, ok = strings.CutSuffix(string(b), "\n")
		return ok
	})
	return line
}

// fifo makes the FIFO from which scripts of s read a line for each call of tell.
// It is open at both ends, so that neither waits for the other to come.
func (s *stage) fifo() (tell func()) {
	s.t.Helper()
	path := filepath.Join(s.dir, "fifo")
	must(s.t, syscall.Mkfifo(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(s.t, err)
	s.t.Cleanup(func() { f.Close() })
	return func() {
		s.t.Helper()
		_, err := f.WriteString("go\n")
		must(s.t, err)
	}
}
