//go:build unix

package kit

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the path that our import paths begin with.
const module = "xanadu"

// A room is a package: what it may open on, besides the standard library.
// "web/..." means web and all below it, as the name of a room too: packages
// that the map does not list on their own.
type room struct {
	ours    []string // our packages
	outside []string // modules of others
	pure    bool     // no I/O: it imports nothing that reaches the system
}

// rooms is the map of the house that ARCHITECTURE.md draws. Arrows go down
// only: a new one is drawn in both places, or not made.
var rooms = map[string]room{
	// Doors: flags in, exit code out.
	"cmd/sws": {ours: []string{"ipc/...", "web/...", "internal/sys"}, outside: []string{"github.com/KimMachineGun/automemlimit", "github.com/spf13/pflag", "rsc.io/qr"}},

	// The lecture's programs: what a program of anybody's could use.
	"examples/...": {ours: []string{"ipc/..."}},

	// Measured beside others.
	"bench/...": {ours: []string{"ipc/...", "internal/sys"}},

	// The wing that answers requests.
	"web/httpd":     {ours: []string{"ipc", "ipc/loop", "ipc/proc", "ipc/ready", "web", "web/cgi", "web/http1", "internal/sys"}},
	"web/site":      {ours: []string{"ipc", "web", "internal/sys"}, outside: []string{"github.com/gabriel-vasile/mimetype", "github.com/zeebo/xxh3", "golang.org/x/text"}},
	"web/cgi":       {ours: []string{"ipc", "ipc/pipe", "ipc/proc", "web"}},
	"web/http1":     {ours: []string{"web"}, pure: true},
	"web/accesslog": {ours: []string{"web"}},
	"web":           {ours: []string{"ipc"}, pure: true},

	// The wing in which processes talk.
	"ipc/async": {ours: []string{"ipc", "internal/sys"}, outside: []string{"golang.org/x/sys"}},
	"ipc/loop":  {ours: []string{"ipc", "ipc/ready", "internal/sys"}},
	"ipc/pipe":  {ours: []string{"ipc", "internal/sys"}, outside: []string{"golang.org/x/sys"}},
	"ipc/proc":  {ours: []string{"ipc", "ipc/pipe", "ipc/sock", "internal/sys"}, outside: []string{"golang.org/x/sys"}},
	"ipc/ready": {ours: []string{"ipc", "internal/sys"}, outside: []string{"golang.org/x/sys"}},
	"ipc/sock":  {ours: []string{"ipc", "ipc/addr", "internal/sys"}, outside: []string{"golang.org/x/sys"}},
	"ipc/addr":  {pure: true},
	"ipc":       {outside: []string{"golang.org/x/sys"}},

	// The cellar.
	"internal/sys": {outside: []string{"golang.org/x/sys"}},
	"internal/kit": {ours: []string{"internal/sys"}},
}

// forTests are the modules that tests may use besides: any test, but
// golang.org/x/sys only where refuse lets it in at all.
var forTests = []string{"github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "golang.org/x/sys"}

// guarded are packages of the standard library with the rooms that alone may
// import them.
var guarded = map[string][]string{
	"C":            nil,
	"net":          {"cmd/...", "examples/..."}, // it sets options behind one's back; these resolve host names with it
	"net/http":     nil,
	"net/http/cgi": nil,
	"os/exec":      {"cmd/..."},
	"testing":      {"internal/kit"},
	"unsafe":       {"internal/sys"},
}

// reaching are the packages that a pure room does without.
var reaching = []string{"io/fs", "log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "os/user", "path/filepath", "syscall"}

func TestArrows(t *testing.T) {
	for _, c := range complaints(os.DirFS("../.."), rooms) {
		t.Error(c)
	}
}

// complaints holds all Go files of a module, for whatever system they are,
// against the map.
func complaints(house fs.FS, rooms map[string]room) []string {
	var list []string
	seen := make(map[string]bool)
	err := fs.WalkDir(house, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(house, name)
		}
		if path.Ext(name) != ".go" || strings.HasPrefix(path.Base(name), "_") {
			return nil
		}
		here := path.Dir(name)
		row := rowOf(here, rooms)
		r, listed := rooms[row]
		if !listed {
			if !seen[here] {
				list = append(list, fmt.Sprintf("%s is a package that the map does not list: give it a row in rooms (internal/kit/arrows_test.go) and draw it in ARCHITECTURE.md", here))
			}
			seen[here] = true
			return nil
		}
		seen[row] = true
		text, err := fs.ReadFile(house, name)
		if err != nil {
			return err
		}
		list = append(list, fileComplaints(here, r, name, text)...)
		return nil
	})
	if err != nil {
		list = append(list, err.Error())
	}
	for here := range rooms {
		if !seen[here] {
			list = append(list, fmt.Sprintf("the map lists %s, and there is no such package: build it or take its row away", here))
		}
	}
	slices.Sort(list)
	return list
}

// rowOf returns the name under which the map has the package: its own, or that
// of the tree it stands in.
func rowOf(here string, rooms map[string]room) string {
	if _, listed := rooms[here]; listed {
		return here
	}
	for row := range rooms {
		if covers([]string{row}, here) {
			return row
		}
	}
	return here
}

// enter skips the folders that the go command does not take for packages of
// this module, as another module inside it.
func enter(house fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(house, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func fileComplaints(here string, r room, name string, text []byte) []string {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	test := strings.HasSuffix(name, "_test.go")
	var list []string
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
		if why := refuse(here, r, imported, test); why != "" {
			list = append(list, fmt.Sprintf("%s imports %s: %s", name, imported, why))
		}
	}
	if !test && here != "internal/sys" {
		for _, call := range rawCalls(file) {
			list = append(list, fmt.Sprintf("%s uses %s: raw system calls live in internal/sys", name, call))
		}
	}
	return list
}

// refuse says why a file of the package here may not import what it imports, or
// returns "".
func refuse(here string, r room, imported string, test bool) string {
	inIPC := covers([]string{"ipc/..."}, here)
	first, rest, _ := strings.Cut(imported, "/")
	switch {
	case first == module:
		if inIPC && covers([]string{"web/..."}, rest) {
			return "web stands on ipc, never the reverse"
		}
		if test {
			return ""
		}
		if rest == "internal/kit" {
			return "only tests use the kit"
		}
		if !covers(r.ours, rest) {
			return here + " does not open on it (rooms in internal/kit/arrows_test.go)"
		}
	case strings.Contains(first, "."):
		if covers([]string{"golang.org/x/sys/..."}, imported) && !inIPC && here != "internal/sys" {
			return "golang.org/x/sys stays in ipc and internal/sys"
		}
		if !inModules(r.outside, imported) && !(test && inModules(forTests, imported)) {
			return here + " does not use that module (rooms in internal/kit/arrows_test.go)"
		}
	default:
		only, isGuarded := guarded[imported]
		if isGuarded && !covers(only, here) && !(test && imported != "unsafe" && imported != "C") {
			if only == nil {
				return "nothing of ours is built on it"
			}
			return "only " + strings.Join(only, ", ") + " may"
		}
		if r.pure && !test && slices.Contains(reaching, imported) {
			return here + " does no I/O"
		}
	}
	return ""
}

// covers reports whether one of the patterns means the package.
func covers(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		above, tree := strings.CutSuffix(p, "/...")
		return pkg == above || tree && strings.HasPrefix(pkg, above+"/")
	})
}

func inModules(modules []string, imported string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return covers([]string{m + "/..."}, imported) })
}

// rawCalls lists the uses of syscall.RawSyscall and its sisters.
func rawCalls(file *ast.File) []string {
	var list []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			pkg, ok := s.X.(*ast.Ident)
			if ok && (pkg.Name == "syscall" || pkg.Name == "unix") &&
				(strings.HasPrefix(s.Sel.Name, "Syscall") || strings.HasPrefix(s.Sel.Name, "RawSyscall")) {
				list = append(list, pkg.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return list
}

// TestComplaints builds a house with one fault after the other.
func TestComplaints(t *testing.T) {
	plan := map[string]room{
		"ipc":          {},
		"ipc/sock":     {ours: []string{"ipc", "internal/sys"}, outside: []string{"golang.org/x/sys"}},
		"web":          {ours: []string{"ipc"}},
		"web/http1":    {ours: []string{"web"}, pure: true},
		"cmd/sws":      {ours: []string{"ipc/...", "web/..."}, outside: []string{"github.com/spf13/pflag"}},
		"examples/...": {ours: []string{"ipc/..."}},
		"internal/sys": {outside: []string{"golang.org/x/sys"}},
	}
	sound := map[string]string{
		"ipc/fd.go":                     `package ipc; import "os"`,
		"ipc/sock/sock_openbsd.go":      `package sock; import ("golang.org/x/sys/unix"; "xanadu/internal/sys"; "xanadu/ipc")`,
		"ipc/sock/sock_test.go":         `package sock_test; import ("net"; "testing"; "xanadu/internal/kit"; "github.com/google/go-cmp/cmp")`,
		"ipc/fd_test.go":                `package ipc; import "golang.org/x/sys/unix"`,
		"web/web.go":                    `package web; import "xanadu/ipc"`,
		"web/http1/head.go":             `package http1; import ("net/netip"; "xanadu/web")`,
		"web/http1/head_test.go":        `package http1; import ("net/http"; "os"; "testing")`,
		"cmd/sws/main.go":               `package main; import ("github.com/spf13/pflag"; "os/exec"; "xanadu/ipc/sock"; "xanadu/web")`,
		"examples/pipe/main.go":         `package main; import ("xanadu/ipc"; "xanadu/ipc/sock")`,
		"internal/sys/sys.go":           `package sys; import ("syscall"; "unsafe"); var _, _ = syscall.RawSyscall, unsafe.Pointer(nil)`,
		"bench/floor/go.mod":            `module floor`,
		"bench/floor/epoll/main.go":     `package main; import "unsafe"`,
		"web/http1/testdata/x/any.go":   `package x; import "unsafe"`,
		"web/http1/_draft.go":           `package x; import "unsafe"`,
		".ci/tool/main.go":              `package main; import "unsafe"`,
		"cmd/sws/testdata/not go at al": `?`,
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"sound", "ipc/fd.go", sound["ipc/fd.go"], ""},
		{"unlisted package", "ipc/relay/relay.go", `package relay`, "ipc/relay is a package that the map does not list"},
		{"package gone", "internal/sys/sys.go", "", "the map lists internal/sys, and there is no such package"},
		{"arrow up", "ipc/fd.go", `package ipc; import "xanadu/web"`, "never the reverse"},
		{"arrow up in a test", "ipc/fd_test.go", `package ipc; import "xanadu/web/http1"`, "never the reverse"},
		{"arrow aside", "web/http1/head.go", `package http1; import "xanadu/ipc/sock"`, "does not open on it"},
		{"arrow below a tree", "examples/pipe/main.go", `package main; import "xanadu/internal/sys"`, "examples/pipe does not open on it"},
		{"tree gone", "examples/pipe/main.go", "", "the map lists examples/..., and there is no such package"},
		{"arrow of another system", "web/web_netbsd.go", `package web; import "xanadu/ipc/sock"`, "does not open on it"},
		{"arrow behind a constraint", "web/web.go", "//go:build ignore\n\npackage web; import \"xanadu/ipc/sock\"", "does not open on it"},
		{"kit outside of tests", "cmd/sws/main.go", `package main; import "xanadu/internal/kit"`, "only tests use the kit"},
		{"testing outside of tests", "cmd/sws/main.go", `package main; import "testing"`, "only internal/kit may"},
		{"foreign module", "web/web.go", `package web; import "github.com/spf13/pflag"`, "does not use that module"},
		{"like a known module", "cmd/sws/main.go", `package main; import "github.com/spf13/pflagger"`, "does not use that module"},
		{"test module outside of tests", "web/web.go", `package web; import "github.com/google/go-cmp/cmp"`, "does not use that module"},
		{"x/sys in a room without it", "ipc/fd.go", `package ipc; import "golang.org/x/sys/unix"`, "does not use that module"},
		{"x/sys in a test of web", "web/web_test.go", `package web; import "golang.org/x/sys/unix"`, "stays in ipc and internal/sys"},
		{"unsafe", "ipc/fd.go", `package ipc; import "unsafe"`, "only internal/sys may"},
		{"unsafe in a test", "ipc/fd_test.go", `package ipc; import _ "unsafe"`, "only internal/sys may"},
		{"cgo", "internal/sys/sys.go", `package sys; import "C"`, "nothing of ours is built on it"},
		{"net/http", "web/web.go", `package web; import "net/http"`, "nothing of ours is built on it"},
		{"pure room", "web/http1/head.go", `package http1; import "os"`, "does no I/O"},
		{"raw system call", "ipc/fd.go", `package ipc; import "syscall"; var _ = syscall.RawSyscall6`, "uses syscall.RawSyscall6"},
		{"no Go", "ipc/fd.go", `packag ipc`, "expected 'package'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			house := make(fstest.MapFS)
			for name, text := range sound {
				house[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if c.text == "" {
				delete(house, c.file)
			} else {
				house[c.file] = &fstest.MapFile{Data: []byte(c.text)}
			}
			got := complaints(house, plan)
			if c.want == "" {
				if len(got) != 0 {
					t.Errorf("got %q, want no complaint", got)
				}
			} else if len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("got %q, want one complaint with %q", got, c.want)
			}
		})
	}
}
