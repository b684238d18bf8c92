package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Programs that read a directory's list, and the lists below it, get all that is
// in there, whatever the names.
func TestMirror(t *testing.T) {
	tree := map[string]string{}
	for _, name := range []string{
		"plain.txt", "a b.txt", "a b/c d", "\u00fc.txt", "a:b.txt", "sub/deep/x", "sub/in:side/y", "up:per/z", "100%.txt", "%41", "plus+x", "a&b.txt", "quote'.txt",
		`double".txt`, "#hash", "?query", "semi;colon", "[brackets]", "<tag>", "\u05e9\u05dc\u05d5\u05dd/z", `back\slash`, "@at", "a=b,c", "$d!*(1)", "sub/~tilde", "sub/index.html.bak",
	} {
		tree[name] = "content of " + name
	}
	docs := t.TempDir()
	for name, content := range tree {
		path := filepath.Join(docs, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("plain.txt", filepath.Join(docs, "link")); err != nil {
		t.Fatal(err)
	}
	tree["link"] = tree["plain.txt"]
	c := foreground(t, "-i", "127.0.0.1", docs)
	url := "http://" + c.at + "/"

	for _, test := range []struct {
		tool    string
		args    []string
		exact   bool   // it keeps nothing but the files, not the lists
		cannot  string // a name that it cannot cope with, on any server
		because string
	}{
		{"lftp", []string{"-c", "set net:max-retries 1; open " + url + "; mirror . ."}, true, "sub/~tilde", "it leaves out what begins with a tilde"},
		{"rclone", []string{"copy", "--config", "/dev/null", "--retries", "1", "--http-url", url, ":http:", "."}, true, "up:per/z",
			"it takes /./up:per/ for the path of the directory, and /up:per/z for that of a file elsewhere"},
		{"wget", []string{"-q", "-r", "-np", "-nH", "-t", "1", "--restrict-file-names=nocontrol", url}, false, "%41",
			"it decodes names twice"},
	} {
		t.Run(test.tool, func(t *testing.T) {
			if _, err := exec.LookPath(test.tool); err != nil {
				t.Skipf("%s is not installed", test.tool)
			}
			copied := t.TempDir()
			cmd := exec.Command(test.tool, test.args...)
			cmd.Dir = copied
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "no_proxy=*", "NO_PROXY=*")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, name := range slices.Sorted(maps.Keys(tree)) {
				switch got, err := os.ReadFile(filepath.Join(copied, name)); {
				case err == nil && string(got) == tree[name]:
				case name == test.cannot:
					t.Logf("%q: %v: %s", name, err, test.because)
				default:
					t.Errorf("%q: %q, %v", name, got, err)
				}
			}
			if stray := strayFiles(t, copied, tree); test.exact && len(stray) > 0 {
				t.Errorf("more than there is: %q", stray)
			} else {
				for _, name := range stray { // a list that is kept has the query in its name
					if strings.Contains(name, "?") || strings.Contains(name, "sort=") {
						t.Errorf("a list was got a second time, as %q", name)
					}
				}
			}
		})
	}
	c.signal(t, syscall.SIGTERM)
	c.end(t, 0, "")
}

// strayFiles returns the files in dir that are not in the tree.
func strayFiles(t *testing.T, dir string, tree map[string]string) (stray []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		name := strings.TrimPrefix(path, dir+"/")
		if _, ok := tree[name]; err == nil && !e.IsDir() && !ok {
			stray = append(stray, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return stray
}
