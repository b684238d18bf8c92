package cgi

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"xanadu/web"
)

// request makes a request of its field lines, "Name: value".
func request(fields ...string) *web.Request {
	r := &web.Request{
		Method: []byte("GET"), Target: []byte("/cgi-bin/p"), Path: []byte("/cgi-bin/p"), Minor: 1,
		Peer: netip.MustParseAddrPort("192.0.2.7:4711"),
	}
	known := map[string]web.Names{"content-type": web.ContentType, "authorization": web.Authorization, "host": web.Host}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		f := web.Field{Name: []byte(name), Value: []byte(value), Known: known[strings.ToLower(name)]}
		if f.Known == web.Host {
			r.Host = f.Value
		}
		r.Fields = append(r.Fields, f)
		r.Seen |= f.Known
	}
	return r
}

var (
	local   = netip.MustParseAddrPort("192.0.2.1:8080")
	program = &web.Program{
		Name: "p", Script: "/cgi-bin/p", Info: "/a b/ü", Translated: "/srv/www/a b/ü",
		Filename: "/srv/cgi/p", Root: "/srv/www",
	}
)

// TestEnvironment holds the whole environment of one request against a list, so
// that nothing comes in unseen.
func TestEnvironment(t *testing.T) {
	r := request(
		"Host: Example.org:8080", "User-Agent: ua/1", "Content-Type: text/plain", "Content-Length: 5",
		"Cookie: a=1", "cookie: b=2", "Accept: text/html", "ACCEPT: */*", "Proxy: http://evil", "Authorization: Basic c2VjcmV0",
		"Proxy-Authorization: Basic c2VjcmV0", "Connection: keep-alive, X", "Keep-Alive: 5", "TE: trailers", "Trailer: x",
		"Transfer-Encoding: x", "Upgrade: h2c", "Expect: 100-continue", "Proxy-Connection: close", "X-1-b: c", "X_A: evil", "X.Y: evil", "X-Empty: ",
	)
	r.Method, r.Path, r.Query, r.HasQuery = []byte("PATCH"), []byte("/cgi-bin/p/a%20b/%C3%BC"), []byte("q=1&r=%00"), true
	g := &Gateway{Software: "sws/1", Inherit: []string{"PATH=/bin", "TZ=UTC"}}
	got, err := g.Environment(r, program, local, 5)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{
		"CONTENT_LENGTH=5",
		"CONTENT_TYPE=text/plain",
		"DOCUMENT_ROOT=/srv/www",
		"GATEWAY_INTERFACE=CGI/1.1",
		"HTTP_ACCEPT=text/html, */*",
		"HTTP_COOKIE=a=1; b=2",
		"HTTP_HOST=Example.org:8080",
		"HTTP_USER_AGENT=ua/1",
		"HTTP_X_1_B=c",
		"HTTP_X_EMPTY=",
		"PATH=/bin",
		"PATH_INFO=/a b/ü",
		"PATH_TRANSLATED=/srv/www/a b/ü",
		"QUERY_STRING=q=1&r=%00",
		"REDIRECT_STATUS=200",
		"REMOTE_ADDR=192.0.2.7",
		"REMOTE_HOST=192.0.2.7",
		"REMOTE_PORT=4711",
		"REQUEST_METHOD=PATCH",
		"REQUEST_URI=/cgi-bin/p/a%20b/%C3%BC?q=1&r=%00",
		"SCRIPT_FILENAME=/srv/cgi/p",
		"SCRIPT_NAME=/cgi-bin/p",
		"SERVER_NAME=example.org",
		"SERVER_PORT=8080",
		"SERVER_PROTOCOL=HTTP/1.1",
		"SERVER_SOFTWARE=sws/1",
		"TZ=UTC",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// value returns a variable, and whether it is set.
func value(env []string, name string) (string, bool) {
	for _, v := range env {
		if text, ok := strings.CutPrefix(v, name+"="); ok {
			return text, true
		}
	}
	return "", false
}

func TestEnvironmentOfLittle(t *testing.T) {
	r := request()
	r.Minor, r.Peer = 0, netip.AddrPort{}
	p := *program
	p.Info, p.Translated = "", ""
	env, err := new(Gateway).Environment(r, &p, netip.AddrPort{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "0", "REQUEST_URI": "/cgi-bin/p",
		"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.0", "SERVER_SOFTWARE": "xanadu",
	} {
		if got, ok := value(env, name); got != want || !ok {
			t.Errorf("%s=%s, %t; want %s", name, got, ok, want)
		}
	}
	for _, name := range []string{"CONTENT_LENGTH", "CONTENT_TYPE", "PATH_INFO", "PATH_TRANSLATED", "PATH", "HTTP_HOST"} {
		if got, ok := value(env, name); ok {
			t.Errorf("%s=%s, want it unset", name, got)
		}
	}
}

func TestFields(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		want   string // the variables; "" with err
		err    error
	}{
		{"forged beside real", []string{"X-Forwarded-For: 1", "X_Forwarded_For: 2"}, "", ErrAmbiguous},
		{"forged before real", []string{"X_Forwarded_For: 2", "X-Forwarded-For: 1"}, "", ErrAmbiguous},
		{"two forged", []string{"X.A: 1", "X_A: 2"}, "", ErrAmbiguous},
		{"forged alone", []string{"X_A: 1"}, "", nil},
		{"forged twice alike", []string{"X_A: 1", "x_a: 2"}, "", nil},
		{"length with underscore", []string{"Content-Length: 5", "Content_Length: 7"}, "", ErrAmbiguous},
		{"type with underscore", []string{"Content_Type: a", "Content-Type: b"}, "", ErrAmbiguous},
		{"host with underscore", []string{"Host: a", "HO_ST: b"}, "", nil},
		{"two types", []string{"Content-Type: a", "content-type: b"}, "", errTwoTypes},
		{"httpoxy", []string{"Proxy: x", "PROXY: y", "proxy: z"}, "", nil},
		{"httpoxy by underscore", []string{"_PROXY: x"}, "", nil},
		{"authorization", []string{"Authorization: x"}, "", nil},
		{"no other setting by a dash", []string{"-PROXY: x"}, "HTTP__PROXY=x", nil},
		{"list", []string{"A: 1", "B: 2", "a: 3"}, "HTTP_A=1, 3 HTTP_B=2", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, err := new(Gateway).fieldVariables(request(c.fields...).Fields)
			if got := strings.Join(env, " "); got != c.want || err != c.err {
				t.Errorf("%q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
	env, err := (&Gateway{Authorization: true}).fieldVariables(request("Authorization: x").Fields)
	if len(env) != 1 || env[0] != "HTTP_AUTHORIZATION=x" || err != nil {
		t.Errorf("with Authorization: %q, %v", env, err)
	}
}

// TestEveryNameOctet has a field name with each octet that a token may hold.
func TestEveryNameOctet(t *testing.T) {
	for c := range byte(0x7f) {
		if !isTokenOctet(c) {
			continue
		}
		env, err := new(Gateway).fieldVariables(request("X" + string(c) + "Y: v").Fields)
		want := ""
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			want = "HTTP_X" + strings.ToUpper(string(c)) + "Y=v"
		case c == '-':
			want = "HTTP_X_Y=v"
		}
		if got := strings.Join(env, " "); got != want || err != nil {
			t.Errorf("X%cY: %q, %v; want %q", c, got, err, want)
		}
	}
}

func TestServerAddress(t *testing.T) {
	six := netip.MustParseAddrPort("[fe80::1%eth0]:81")
	for _, c := range []struct {
		host       string
		local      netip.AddrPort
		name, port string
	}{
		{"Example.ORG", local, "example.org", "8080"},
		{"example.org:9", local, "example.org", "8080"},
		{"example.org:9", netip.AddrPort{}, "example.org", "9"},
		{"example.org:", netip.AddrPort{}, "example.org", "80"},
		{"192.0.2.3:9", local, "192.0.2.3", "8080"},
		{"[2001:db8::1]:9", local, "[2001:db8::1]", "8080"},
		{"[2001:DB8::1]", local, "[2001:db8::1]", "8080"},
		{"", local, "192.0.2.1", "8080"},
		{"", six, "[fe80::1]", "81"},
		{"..", local, "192.0.2.1", "8080"},
		{"-h", local, "192.0.2.1", "8080"},
		{"a;b", local, "192.0.2.1", "8080"},
		{"$(id)", six, "[fe80::1]", "81"},
		{"%2e", local, "192.0.2.1", "8080"},
		{"[v1.x]", local, "192.0.2.1", "8080"},
	} {
		if name, port := serverAddress([]byte(c.host), c.local); name != c.name || port != c.port {
			t.Errorf("%q at %v: %s %s, want %s %s", c.host, c.local, name, port, c.name, c.port)
		}
	}
	if addr, port := clientAddress(six); addr != "fe80::1" || port != "81" {
		t.Errorf("client %v: %s %s", six, addr, port)
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		query, method string
		want          []string
	}{
		{"", "GET", nil},
		{"one", "GET", []string{"one"}},
		{"one+two", "HEAD", []string{"one", "two"}},
		{"one+two", "POST", nil},
		{"a%20b+%2B%3d", "GET", []string{"a b", "+="}},
		{"a=b", "GET", nil},
		{"one++two", "GET", []string{"one", "", "two"}},
		{"$(id)+`id`+;id", "GET", []string{"$(id)", "`id`", ";id"}},
		{"-s", "GET", nil},
		{"%2ds", "GET", nil},
		{"a+-d+b", "GET", nil},
		{"a%0", "GET", nil},
		{"a%gg", "GET", nil},
		{"a%00", "GET", nil},
		{strings.Repeat("a+", maxArguments), "GET", nil},
	} {
		r := request()
		r.Method, r.Query, r.HasQuery = []byte(c.method), []byte(c.query), true
		if got := (&Gateway{Indexed: true}).Arguments(r); !slices.Equal(got, c.want) {
			t.Errorf("%s ?%s: %q, want %q", c.method, c.query, got, c.want)
		}
		if got := new(Gateway).Arguments(r); got != nil {
			t.Errorf("%s ?%s without the option: %q", c.method, c.query, got)
		}
	}
}

// FuzzEnvironment: whatever fields come, each variable stands once, is spelled
// as one, and none is HTTP_PROXY or one of the server's own.
func FuzzEnvironment(f *testing.F) {
	f.Add("X-A: 1\nX_A: 2\nProxy: p", "h:80", "a=b")
	f.Add("Cookie: a\ncookie: b\nAuthorization: c", "[::1]", "")
	f.Add("PROXY: x\nHttp-Proxy: y\nContent_Length: 3", "a/b", "-s")
	f.Fuzz(func(t *testing.T, fields, host, query string) {
		var lines []string
		for line := range strings.SplitSeq(fields, "\n") {
			name, _, _ := strings.Cut(line, ": ")
			if name != "" && strings.IndexFunc(name, func(c rune) bool { return c > 0x7e || !isTokenOctet(byte(c)) }) < 0 {
				lines = append(lines, line)
			}
		}
		r := request(lines...)
		r.Host, r.Query = []byte(host), []byte(query)
		own, _ := new(Gateway).Environment(request(), program, local, 3)
		env, err := new(Gateway).Environment(r, program, local, 3)
		if err != nil {
			return
		}
		seen := make(map[string]bool)
		for _, v := range env {
			name, text, ok := strings.Cut(v, "=")
			if !ok || seen[name] || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				t.Fatalf("%q stands twice or is none", v)
			}
			seen[name] = true
			if _, mine := value(own, name); !mine && !strings.HasPrefix(name, "HTTP_") && name != "CONTENT_TYPE" {
				t.Fatalf("a field became %q", v)
			}
			if withheld[name] && name != "HTTP_HOST" || name == "HTTP_AUTHORIZATION" {
				t.Fatalf("%q is passed on", v)
			}
			if name == "SERVER_NAME" && strings.ContainsAny(text, " \t\"'`$;&|<>()\\/%") {
				t.Fatalf("%q", v)
			}
		}
	})
}
