package site

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"xanadu/web"
)

// inMounts reports whether the test has mounts of its own. Where it has not, it
// is run again so (mount_namespaces(7)), and there is nothing left to do.
func inMounts(t *testing.T) bool {
	t.Helper()
	const variable = "XANADU_TEST_MOUNTS"
	if os.Getenv(variable) == t.Name() {
		must(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
		return true
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), variable+"="+t.Name())
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := again.CombinedOutput()
	if err == nil {
		t.Logf("%s", out)
		return false
	}
	if _, ran := err.(*exec.ExitError); !ran {
		t.Skip("this system gives no mounts of one's own (unshare(2)): ", err)
	}
	t.Fatalf("%v: %s", err, out)
	return false
}

// mount has the directory from seen at to as well. What is mounted ends with the
// process.
func mount(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o755))
	must(t, syscall.Mount(from, to, "", syscall.MS_BIND, ""))
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	must(t, syscall.Unmount(dir, syscall.MNT_DETACH))
}

// The directory of programs is kept apart wherever it is mounted once more.
func TestApartFromMounts(t *testing.T) {
	if !inMounts(t) {
		return
	}
	eachKind(t, func(t *testing.T, kind *kind) {
		base := t.TempDir()
		plant(t, base, map[string]string{"docs/doc.txt": "doc", "docs/apps/run": source, "docs/apps/deep/er/run": source})
		must(t, os.Chmod(base+"/docs/apps/run", 0o755))
		mount(t, base+"/docs/apps", base+"/programs")
		d := serve(t, kind, base, base+"/programs")
		d.wantClosed("with programs from a second mount")
		d.wantRuns("docs/apps")
		mount(t, base+"/docs/apps", base+"/docs/again")
		d.wantClosed("with a third mount among the documents")
		mount(t, base+"/docs/apps", base+"/docs/apps/deep")
		d.wantClosed("with a mount of the directory within itself")
		if p := get(t, d.Site, "/apps/deep/run"); p.Status != 404 {
			t.Errorf("within itself: %d", p.Status)
		}
		unmount(t, base+"/docs/apps/deep")
		unmount(t, base+"/docs/again")
		must(t, os.Remove(base+"/docs/again"))
		d.sh("cp -a apps ../n; mv apps o")
		unmount(t, base+"/programs")
		wantStatus(t, get(t, d.Site, "/cgi-bin/run"), "without the mount", 404)
		mount(t, base+"/n", base+"/programs")
		d.wantRuns("n")
		d.sh("mv ../n apps", "rm -rf o")
		d.wantRuns("docs/apps")
		unmount(t, base+"/programs")
		if p := get(t, d.Site, "/doc.txt"); p.Status != 200 {
			t.Errorf("a document: %d", p.Status)
		}
	})
}

// Without a /proc documents are served, programs are found, and their source is
// kept apart.
func TestWithoutProc(t *testing.T) {
	if !inMounts(t) {
		return
	}
	d := deployed(t, bestKind(), "docs/apps")
	plain := serve(t, bestKind(), d.base, "")
	must(t, syscall.Mkfifo(d.base+"/docs/fifo", 0o644))
	link(t, "doc.txt", d.base+"/docs/to-doc")
	must(t, syscall.Mount("none", "/proc", "tmpfs", 0, ""))
	defer unmount(t, "/proc")
	for _, s := range []*Site{d.Site, plain.Site} {
		for target, want := range map[string]int{"/doc.txt": 200, "/to-doc": 200, "/": 200, "/fifo": 404, "/nothing": 404} {
			if p := get(t, s, target); p.Status != want {
				t.Errorf("%s: %d, want %d", target, p.Status, want)
			}
		}
		s.now = func() time.Time { return time.Now().Add(time.Hour) }
		if got := get(t, s, "/doc.txt").Unchanged(); got == web.Changed {
			t.Errorf("a document without a change: %v", got)
		}
	}
	d.wantClosed("without /proc")
	d.sh("cp -a apps n", "mv apps o", "mv n apps", "rm -rf o")
	d.wantRuns("docs/apps")
	other, err := New(d.base+"/docs", &Options{Programs: d.base + "/docs/apps"})
	must(t, err)
	defer other.Close()
	if p := get(t, other, "/apps/run"); p.Status != 404 {
		t.Errorf("a program's source: %d", p.Status)
	}
}
