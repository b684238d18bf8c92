package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"xanadu/ipc/addr"
	"xanadu/ipc/ready"
	"xanadu/ipc/sock"
	"xanadu/web"
)

func TestParse(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	address := func(text string) addr.Addr {
		a, err := listenAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	poller := ready.Names()[len(ready.Names())-1]
	for _, c := range []struct {
		args string
		want settings
	}{
		{"/srv", settings{dir: "/srv"}},
		{"", settings{dir: here}},
		{"-f", settings{dir: here, foreground: true}},
		{"docs/../site", settings{dir: here + "/site"}},
		{"-- -docs", settings{dir: here + "/-docs"}},
		{"--pid-file pid /srv", settings{dir: "/srv", pidFile: here + "/pid"}},
		{"--stop --pid-file /run/pid", settings{pidFile: "/run/pid", stop: true}},
		{"-f /srv", settings{dir: "/srv", foreground: true}},
		{"--foreground /srv", settings{dir: "/srv", foreground: true}},
		{"/srv -f", settings{dir: "/srv", foreground: true}},
		{"-d /srv", settings{dir: "/srv", debug: 1, log: "-"}},
		{"--debug -l file /srv", settings{dir: "/srv", debug: 1, log: "-"}},
		{"-df /srv", settings{dir: "/srv", debug: 1, foreground: true, log: "-"}},
		{"-dd /srv", settings{dir: "/srv", debug: 2, log: "-"}},
		{"--debug -f --debug /srv", settings{dir: "/srv", debug: 2, foreground: true, log: "-"}},
		{"-d --log-format json /srv", settings{dir: "/srv", debug: 1, log: "-", logFormat: "json"}},
		{"--no-users --dirs-first --follow-links /srv", settings{dir: "/srv", noUsers: true, followLinks: true, dirsFirst: true}},
		{"--user-dir public_html /srv", settings{dir: "/srv", userDir: "public_html"}},
		{"-l log --log-format=combined /srv", settings{dir: "/srv", log: here + "/log", logFormat: "combined"}},
		{"-l log /srv", settings{dir: "/srv", log: here + "/log"}},
		{"--log /var/log/sws /srv", settings{dir: "/srv", log: "/var/log/sws"}},
		{"-fl - /srv", settings{dir: "/srv", foreground: true, log: "-"}},
		{"-p 80 /srv", settings{dir: "/srv", port: 80}},
		{"-p0 /srv", settings{dir: "/srv", port: 0}},
		{"--port=65535 /srv", settings{dir: "/srv", port: 65535}},
		{"-i 127.0.0.1 --address [::1] -i ::1 /srv", settings{dir: "/srv",
			addresses: []addr.Addr{address("127.0.0.1"), address("::1"), address("::1")}}},
		{"-i localhost -i unix:sock /srv", settings{dir: "/srv",
			addresses: []addr.Addr{address("localhost"), address("unix:" + here + "/sock")}}},
		{"--loops 3 --max-connections 7 --poller " + poller + " /srv", settings{dir: "/srv",
			loops: 3, maxConnections: 7, poller: poller}},
		{"--idle-timeout 5m --head-timeout 1.5s --content-timeout 100ms --answer-timeout 3s --reply-timeout=24h /srv", settings{dir: "/srv",
			idleTimeout: 5 * time.Minute, headTimeout: 1500 * time.Millisecond, contentTimeout: 100 * time.Millisecond, answerTimeout: 3 * time.Second, replyTimeout: 24 * time.Hour}},
		{"-c /b --cgi-content 50M --cgi-output none --cgi-cpu 90s --cgi-memory 512MiB /srv", settings{dir: "/srv", cgi: "/b",
			cgiContent: 50 << 20, cgiOutput: -1, cgiCPU: 90 * time.Second, cgiMemory: 512 << 20}},
		{"-c /b --cgi-output 64k --cgi-cpu none --cgi-memory none /srv", settings{dir: "/srv", cgi: "/b",
			cgiOutput: 64 << 10, cgiCPU: -1, cgiMemory: -1}},
		{"-c /b --no-setid --cgi-links /srv", settings{dir: "/srv", cgi: "/b", noSetID: true, cgiLinks: true}},
		{"--trust-proxy unix --trust-proxy=127.0.0.1 --trust-proxy 10.1.2.3/8 --trust-proxy ::ffff:192.0.2.0/120 --trust-proxy fd00::/8 /srv",
			settings{dir: "/srv", trustProxy: web.Proxies{Unix: true, Prefixes: []netip.Prefix{
				netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"),
				netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fd00::/8")}}}},
		{"-i unix:/s --socket-mode 0660 --socket-group 54321 /srv", settings{dir: "/srv", addresses: []addr.Addr{address("unix:/s")},
			socketMode: 0o660, socketOwner: &sock.Owner{UID: -1, GID: 54321}}},
		{"-i unix:/s -i 127.0.0.1 --socket-mode=666 /srv", settings{dir: "/srv",
			addresses: []addr.Addr{address("unix:/s"), address("127.0.0.1")}, socketMode: 0o666}},
		{"-h", settings{help: true}},
		{"--help", settings{help: true}},
		{"-fh a b c", settings{foreground: true, help: true}},
		{"--version", settings{version: true}},
		{"--completion fish", settings{completion: "fish"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			if c.want.port == 0 && !strings.Contains(c.args, "-p0") {
				c.want.port = 8080
			}
			got, err := parse(strings.Fields(c.args))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*got, c.want, cmp.AllowUnexported(settings{}),
				cmp.Comparer(func(a, b addr.Addr) bool { return a == b }),
				cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	maxPath := len(syscall.RawSockaddrUnix{}.Path) - 1
	long := "/" + strings.Repeat("x", 200)
	for _, c := range []struct {
		args  []string
		usage bool // with a word about sws -h
		want  string
	}{
		{[]string{""}, true, "what to serve has an empty name"},
		{[]string{"a", "b"}, true, `one directory or file can be served, not "a" and "b"`},
		{[]string{"a", "b", "c", "d", "e f"}, true, `one directory or file can be served, not "a", "b", "c" and 2 more`},
		{[]string{"-log", "x", "a"}, false, `one directory or file can be served, not "x" and "a"; did you mean --log?`},
		{[]string{"-x", "a"}, true, "unknown option -x"},
		{[]string{"-fx", "a"}, true, "unknown option -x"},
		{[]string{"-é", "a"}, true, "unknown option -é"},
		{[]string{"-P", "80", "a"}, false, "unknown option -P; did you mean -p?"},
		{[]string{"--p", "80", "a"}, false, "unknown option --p; did you mean -p?"},
		{[]string{"--prot=80", "a"}, false, "unknown option --prot; did you mean --port?"},
		{[]string{"--PORT", "80", "a"}, false, "unknown option --PORT; did you mean --port?"},
		{[]string{"-port", "80", "a"}, false, `-p: the port must be 0 to 65535, not "ort"; did you mean --port?`},
		{[]string{"-help"}, false, "unknown option -e; did you mean --help?"},
		{[]string{"-verison"}, false, "unknown option -v; did you mean --version?"},
		{[]string{"--idle", "5m", "a"}, false, "unknown option --idle; did you mean --idle-timeout?"},
		{[]string{"---port", "a"}, true, "unknown option ---port"},
		{[]string{"-test.v", "a"}, true, "unknown option -test.v"},
		{[]string{"--=80", "a"}, true, "unknown option --=80"},
		{[]string{"-f=maybe", "a"}, false, `-f: no value is wanted, not "maybe"`},
		{[]string{"--debug=a", "a"}, false, `-d: no value is wanted, not "a"`},
		{[]string{"--debug=-1", "a"}, false, "-d: a number from 0 on is wanted, not -1"},
		{[]string{"--listing", "a"}, true, "unknown option --listing"},
		{[]string{"a", "-p"}, true, "-p: the value is missing, as in -p port"},
		{[]string{"a", "--port"}, true, "-p: the value is missing, as in -p port"},
		{[]string{"--stop"}, true, "--stop: name the file of the server with --pid-file"},
		{[]string{"--stop", "--pid-file", "f", "a"}, true, "--stop: a server is ended by its --pid-file, not by what it serves"},
		{[]string{"--pid-file", "", "a"}, false, "--pid-file: name a file"},
		{[]string{"-l", "-", "a"}, true, "-l -: a daemon has no stdout; name a file, or add -f"},
		{[]string{"--log-format", "json", "a"}, true, "--log-format: there is no log; name its file with -l"},
		{[]string{"--log-format", "apache", "-d", "a"}, false, `--log-format: "apache" is none of sws, common, combined, json`},
		{[]string{"--log-format", "JSON", "-d", "a"}, false, `--log-format: "JSON" is none of sws, common, combined, json; did you mean json?`},
		{[]string{"--log-format", "comon", "-d", "a"}, false, `--log-format: "comon" is none of sws, common, combined, json; did you mean common?`},
		{[]string{"--user-dir", "..", "a"}, false, `--user-dir: a path that leads into a home is wanted, not ".."`},
		{[]string{"--user-dir", "", "a"}, false, `--user-dir: a path that leads into a home is wanted, not ""`},
		{[]string{"--user-dir", "www", "--no-users", "a"}, true, "--user-dir and --no-users exclude each other"},
		{[]string{"--completion", "tcsh"}, false, `--completion: "tcsh" is none of bash, zsh, fish`},
		{[]string{"--completion", "bahs"}, false, `--completion: "bahs" is none of bash, zsh, fish; did you mean bash?`},
		{[]string{"-c", "", "a"}, false, "-c: name a directory"},
		{[]string{"--cgi-auth", "a"}, true, "there are no programs; name their directory with -c"},
		{[]string{"--cgi-env", "HTTP_PROXY", "-c", "b", "a"}, false, "--cgi-env: HTTP_PROXY is for a field of the request"},
		{[]string{"--cgi-max", "0", "-c", "b", "a"}, false, `--cgi-max: a number from 1 to 65536 is wanted, not "0"`},
		{[]string{"--cgi-memory", "1G", "a"}, true, "there are no programs; name their directory with -c"},
		{[]string{"--cgi-content", "10M", "a"}, true, "there are no programs; name their directory with -c"},
		{[]string{"--cgi-output", "none", "a"}, true, "there are no programs; name their directory with -c"},
		{[]string{"--cgi-cpu", "none", "a"}, true, "there are no programs; name their directory with -c"},
		{[]string{"--cgi-content", "none", "-c", "b", "a"}, false, `--cgi-content: a size as 65536, 64M or 2G is wanted, not "none"`},
		{[]string{"--cgi-content", "65535", "-c", "b", "a"}, false, `--cgi-content: a size from 64K on is wanted, not "65535"`},
		{[]string{"--cgi-memory", "1000K", "-c", "b", "a"}, false, `--cgi-memory: a size from 1024K on is wanted, not "1000K"; "none" is no limit`},
		{[]string{"--cgi-output", "0", "-c", "b", "a"}, false, `--cgi-output: a size as 65536, 64M or 2G is wanted, not "0"; "none" is no limit`},
		{[]string{"--cgi-cpu", "0", "-c", "b", "a"}, false, `--cgi-cpu: a time as 90s or 5m is wanted, not "0"; "none" is no limit`},
		{[]string{"--cgi-timeout", "90", "-c", "b", "a"}, false, `--cgi-timeout: a time as 90s or 5m is wanted, not "90"`},
		{[]string{"--trust-proxy", "", "a"}, false, `--trust-proxy: unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not ""`},
		{[]string{"--trust-proxy", "localhost", "a"}, false, `--trust-proxy: unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not "localhost"`},
		{[]string{"--trust-proxy", "Unix", "a"}, false, `--trust-proxy: unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not "Unix"; did you mean unix?`},
		{[]string{"--cgi-cpu", "non", "-c", "b", "a"}, false, `--cgi-cpu: a time as 90s or 5m is wanted, not "non"; "none" is no limit; did you mean none?`},
		{[]string{"--trust-proxy", "fe80::1%eth0", "a"}, false, `--trust-proxy: unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not "fe80::1%eth0"`},
		{[]string{"--trust-proxy", "::ffff:0:0/8", "a"}, false, `--trust-proxy: unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not "::ffff:0:0/8"`},
		{[]string{"--socket-mode", "0888", "-i", "unix:s", "a"}, false, `--socket-mode: permissions in octal as 0660 are wanted, not "0888"`},
		{[]string{"--socket-mode", "4755", "-i", "unix:s", "a"}, false, `--socket-mode: permissions in octal as 0660 are wanted, not "4755"`},
		{[]string{"--socket-mode", "0", "-i", "unix:s", "a"}, false, `--socket-mode: permissions in octal as 0660 are wanted, not "0"`},
		{[]string{"--socket-group", "no such", "-i", "unix:s", "a"}, false, `--socket-group: no group is called "no such"; give the name of a group of this host, or a number`},
		{[]string{"--socket-group", "-1", "-i", "unix:s", "a"}, false, `--socket-group: no group is called "-1"; give the name of a group of this host, or a number`},
		{[]string{"--socket-group", "4294967295", "-i", "unix:s", "a"}, false, `--socket-group: no group is called "4294967295"; give the name of a group of this host, or a number`},
		{[]string{"--socket-mode", "0666", "a"}, true, "--socket-mode and --socket-group: there is no socket file; name one with -i unix:/path"},
		{[]string{"--socket-group", "0", "-i", "127.0.0.1", "a"}, true, "--socket-mode and --socket-group: there is no socket file; name one with -i unix:/path"},
		{[]string{"-l", "", "a"}, false, "-l: name a file"},
		{[]string{"-p", "99999", "a"}, false, `-p: the port must be 0 to 65535, not "99999"`},
		{[]string{"-p", "80a", "a"}, false, `-p: the port must be 0 to 65535, not "80a"`},
		{[]string{"-p", "-1", "a"}, false, `-p: the port must be 0 to 65535, not "-1"`},
		{[]string{"--port=", "a"}, false, `-p: the port must be 0 to 65535, not ""`},
		{[]string{"-i", "", "a"}, false, "-i: an IPv4 or IPv6 address, a host name or unix:/path is wanted"},
		{[]string{"-i", "127.0.0.1:80", "a"}, false, `-i: "127.0.0.1:80": the port is given with -p`},
		{[]string{"-i", "localhost:80", "a"}, false, `-i: "localhost:80": the port is given with -p`},
		{[]string{"-i", "[::1]:80", "a"}, false, `-i: "[::1]:80": the port is given with -p`},
		{[]string{"-i", "256.0.0.1", "a"}, false, `-i: "256.0.0.1" is neither an IP address nor a host name: an IPv4 address is four numbers from 0 to 255`},
		{[]string{"-i", "::g", "a"}, false, `-i: "::g" is not an IPv6 address`},
		{[]string{"-i", "a b", "a"}, false, `-i: "a b" is neither an IP address nor a host name: it may hold letters, digits, hyphens and dots`},
		{[]string{"-i", "unix:", "a"}, false, "-i: unix: is followed by a path"},
		{[]string{"-i", "unx:/s", "a"}, false, `-i: "unx:/s" is not an IPv6 address; did you mean unix:/s?`},
		{[]string{"-i", "unix:" + long, "a"}, false, fmt.Sprintf(`-i: address "unix:%.115s" and 86 bytes more: the path is 201 bytes long; a socket's may have %d at most`, long, maxPath)},
		{[]string{"--loops", "0", "a"}, false, `--loops: a number from 1 to 1024 is wanted, not "0"`},
		{[]string{"--loops", "two", "a"}, false, `--loops: a number from 1 to 1024 is wanted, not "two"`},
		{[]string{"--max-connections", "-5", "a"}, false, `--max-connections: a number from 1 to 16777216 is wanted, not "-5"`},
		{[]string{"--idle-timeout", "75", "a"}, false, `--idle-timeout: a time as 90s or 5m is wanted, not "75"`},
		{[]string{"--idle-timeout", "0", "a"}, false, `--idle-timeout: a time as 90s or 5m is wanted, not "0"`},
		{[]string{"--idle-timeout", "", "a"}, false, `--idle-timeout: a time as 90s or 5m is wanted, not ""`},
		{[]string{"--head-timeout", "-1s", "a"}, false, `--head-timeout: a time as 90s or 5m is wanted, not "-1s"`},
		{[]string{"--content-timeout", "99ms", "a"}, false, `--content-timeout: a time from 100ms to 24h is wanted, not "99ms"`},
		{[]string{"--reply-timeout", "24h1s", "a"}, false, `--reply-timeout: a time from 100ms to 24h is wanted, not "24h1s"`},
		{[]string{"--cgi-timeout", "25h", "-c", "b", "a"}, false, `--cgi-timeout: a time from 100ms to 24h is wanted, not "25h"`},
		{[]string{"--poller", "kqueue9", "a"}, false, `--poller: "kqueue9" is none of ` + strings.Join(ready.Names(), ", ")},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			_, err := parse(c.args)
			if err == nil {
				t.Fatal("no error")
			}
			if c.usage {
				c.want += "; sws -h shows the usage"
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !errors.As(err, new(usageError)) {
				t.Error("it is no usageError")
			}
		})
	}
}

// Each option has a value that it does not take, and says so with exit status 2.
// No message is Go's.
func TestWrongValues(t *testing.T) {
	wrong := map[string]string{ // of the others it is the empty one
		"address": "1.2.3", "port": "http", "socket-mode": "rw", "socket-group": "no such", "trust-proxy": "localhost",
		"user-dir": "/home", "cgi-env": "A=B", "cgi-max": "0", "cgi-timeout": "60", "cgi-content": "1", "cgi-output": "much",
		"cgi-cpu": "long", "cgi-memory": "1TB", "log-format": "xml", "loops": "0", "cache-size": "-1", "max-connections": "all",
		"idle-timeout": "0", "head-timeout": "20", "content-timeout": "1ns", "answer-timeout": "1d", "reply-timeout": "99h",
		"poller": "none", "completion": "csh",
	}
	new(settings).flags().VisitAll(func(f *pflag.Flag) {
		t.Run(f.Name, func(t *testing.T) {
			value := wrong[f.Name]
			if f.NoOptDefVal != "" {
				value = "maybe"
			}
			var stdout, stderr strings.Builder
			status := run([]string{"-f", "--" + f.Name + "=" + value, t.TempDir() + "/none"}, nil, &stdout, &stderr)
			if said := stderr.String(); status != 2 || stdout.Len() > 0 || !strings.HasPrefix(said, "sws: "+shownAs(f)+": ") ||
				strings.Count(said, "\n") != 1 || regexp.MustCompile(`strconv|parsing|invalid|\[\S+ `).MatchString(said) {
				t.Errorf("%q: exit status %d, %q, %q", value, status, stdout.String(), said)
			}
		})
	})
}

// No command line helps where the working directory is gone.
func TestNoWorkingDirectory(t *testing.T) {
	dir, err := os.MkdirTemp("", "sws")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := os.Remove(dir); err != nil {
		t.Skipf("this system keeps a working directory: %v", err)
	}
	for _, args := range [][]string{{"-c", "b", "/srv"}, {"-i", "unix:s", "/srv"}, {"-l", "log", "/srv"}, {"srv"}} {
		if _, err := parse(args); err == nil || errors.As(err, new(usageError)) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// The usage has every flag, says what its operand is called, and fits a window.
func TestUsage(t *testing.T) {
	text := usage()
	new(settings).flags().VisitAll(func(f *pflag.Flag) {
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		operand, does := describe(f)
		if takes := f.NoOptDefVal == ""; takes != (operand != "") {
			t.Errorf("--%s takes an operand: %v; the usage calls it %q", f.Name, takes, operand)
		}
		if operand != "" {
			name += " " + operand
		}
		first, _, _ := strings.Cut(does, " ")
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `  +` + regexp.QuoteMeta(first)).MatchString(text) {
			t.Errorf("the usage has no line %q with %q", name, does)
		}
	})
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, line := range lines {
		if len(line) > 80 || strings.HasSuffix(line, " ") {
			t.Errorf("%d columns, want 80 at most and none of them blank at the end: %q", len(line), line)
		}
	}
	if len(lines) > 60 {
		t.Errorf("the usage has %d lines, want 60 at most", len(lines))
	}
	titles := regexp.MustCompile(`(?m)^(\w.*):$`).FindAllStringSubmatch(text, -1)
	groups := new(settings).groups()
	if len(titles) != len(groups) {
		t.Fatalf("headings %q, want %d", titles, len(groups))
	}
	for i, g := range groups {
		if titles[i][1] != g.title {
			t.Errorf("heading %q, want %q", titles[i][1], g.title)
		}
	}
	if !strings.HasPrefix(text, "usage: sws [-dfh] [-c dir] [-i address] [-l file] [-p port] [dir | file]\n") {
		t.Error("the usage does not begin with the synopsis")
	}
}
