package site

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// Two images of a file system that are made reproducibly and mounted after each other
// have files of the same inode numbers, lengths and dates. Their content still is
// told apart, for clients and for who keeps a reply.
func TestImages(t *testing.T) {
	for name, program := range map[string][]string{
		"squashfs": {"mksquashfs", "CONTENT", "IMAGE", "-noappend", "-all-root", "-all-time", "0", "-mkfs-time", "0", "-no-progress"},
		"erofs":    {"mkfs.erofs", "-T0", "--all-root", "-U", "00000000-0000-0000-0000-000000000001", "IMAGE", "CONTENT"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(program[0]); err != nil || os.Geteuid() != 0 {
				t.Skipf("no root, or no %s: nothing is mounted", program[0])
			}
			dir := t.TempDir()
			target := dir + "/root/image"
			var images []string
			for _, version := range []string{"1", "2"} {
				for name, size := range sizes {
					plant(t, dir, map[string]string{version + "/" + name: noise(size-1) + version})
				}
				image := dir + "/" + version + ".image"
				var args []string
				for _, arg := range program[1:] {
					switch arg {
					case "CONTENT":
						arg = dir + "/" + version
					case "IMAGE":
						arg = image
					}
					args = append(args, arg)
				}
				if out, err := exec.Command(program[0], args...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", program[0], err, out)
				}
				images = append(images, image)
			}
			must(t, os.MkdirAll(target, 0o755))
			mount := func(image string) {
				t.Helper()
				if out, err := exec.Command("mount", "-o", "loop,ro", image, target).CombinedOutput(); err != nil {
					t.Skipf("mount: %v: %s", err, out)
				}
			}
			unmount := func() { t.Helper(); must(t, exec.Command("umount", target).Run()) }

			mount(images[0])
			s := summing(t, dir+"/root")
			type seen struct {
				st        sys.Stat
				tag       string
				last      string
				unchanged func() web.Freshness
			}
			firsts := map[string]seen{}
			for name := range sizes {
				fd, _, err := s.root.open("image/" + name)
				must(t, err)
				st, err := result(sys.Fstat(fd.Number()))
				must(t, err)
				fd.Close()
				p := s.Answer(request("GET", "/image/"+name))
				got := content(t, p)
				firsts[name] = seen{st, p.ETag, got[len(got)-1:], p.Unchanged}
				if p.ETag == "" && st.Mount != 0 {
					t.Errorf("%s: no tag", name)
				}
				// The kernel may need a moment to have the way to it in memory.
				for start := time.Now(); p.Unchanged() != web.Same && st.Mount != 0 && time.Since(start) < 10*time.Second; {
				}
				p.Release()
			}
			unmount()
			mount(images[1])
			defer unmount()
			for name, first := range firsts {
				func() {
					p := s.Answer(request("GET", "/image/"+name))
					defer p.Release()
					fd, _, err := s.root.open("image/" + name)
					must(t, err)
					st, err := result(sys.Fstat(fd.Number()))
					fd.Close()
					must(t, err)
					mounted := st.Mount
					if st.Mount = first.st.Mount; st != first.st {
						t.Fatalf("the images can be told apart, so this tests nothing: %+v and %+v", first.st, st)
					}
					got := content(t, p)
					if first.last != "1" || got[len(got)-1:] != "2" {
						t.Errorf("%s: the contents end with %s and %s", name, first.last, got[len(got)-1:])
					}
					if p.ETag == first.tag && p.ETag != "" {
						t.Errorf("%s: both have the tag %s", name, p.ETag)
					}
					if got := first.unchanged(); got == web.Same {
						t.Errorf("%s: it is unchanged (mount %d and %d)", name, first.st.Mount, mounted)
					}
				}()
			}
		})
	}
}
