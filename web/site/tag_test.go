package site

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// sizes are lengths of files for each way to a tag: kept in memory, read once for it
// and not read, by a site of maxSummed.
var sizes = map[string]int{"short": 1000, "long": 300_000, "very long": 2 << 20}

// summing opens a site that reads only files up to 1.5 MiB for their tags.
func summing(t *testing.T, dir string) *Site {
	t.Helper()
	s, err := New(dir, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	s.maxSummed = 3 << 19
	return s
}

// The same content has the same tag, whatever happens to the file's other
// attributes and wherever a copy of it is served: but for what is too long to be read.
func TestSameContentSameTag(t *testing.T) {
	for name, size := range sizes {
		t.Run(name, func(t *testing.T) {
			dir, other := t.TempDir(), t.TempDir()
			want := noise(size)
			plant(t, dir, map[string]string{"a.bin": want})
			s := summing(t, dir)
			first := get(t, s, "/a.bin").ETag
			if !strings.HasPrefix(first, `"`) {
				t.Fatalf("the tag is %q, want a strong one", first)
			}
			if again := get(t, s, "/a.bin").ETag; again != first {
				t.Errorf("asked again: %s after %s", again, first)
			}
			check := func(what string, s *Site, target string) {
				t.Helper()
				p := get(t, s, target)
				if got := content(t, p); got != want {
					t.Fatalf("%s: another content", what)
				}
				if keeps := size <= int(s.maxSummed); (p.ETag == first) != keeps || p.ETag == "" {
					t.Errorf("%s: %s after %s, which is to stay: %v", what, p.ETag, first, keeps)
				}
			}
			must(t, os.Chmod(dir+"/a.bin", 0o755))
			check("chmod", s, "/a.bin")
			must(t, os.Chtimes(dir+"/a.bin", time.Now(), time.Now()))
			check("touch", s, "/a.bin")
			must(t, os.Link(dir+"/a.bin", dir+"/b.bin"))
			check("a hard link", s, "/b.bin")
			plant(t, other, map[string]string{"sub/a.bin": want})
			check("a copy on another server", summing(t, other), "/sub/a.bin")
			must(t, os.Rename(other+"/sub/a.bin", dir+"/a.bin"))
			check("replaced by a copy", s, "/a.bin")

			// Another type is another representation.
			plant(t, dir, map[string]string{"a.jpg": want})
			if got := get(t, s, "/a.jpg").ETag; got == first {
				t.Errorf("as another type: the tag is %s, too", got)
			}
		})
	}
}

// Equal tags are equal octets, by whatever means the file is changed: also where
// length and date stay the same. So If-Range never joins two versions.
func TestSameTagSameContent(t *testing.T) {
	for name, size := range sizes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := dir + "/a.bin"
			content1 := []byte(noise(size))
			must(t, os.WriteFile(path, content1, 0o644))
			s := summing(t, dir)
			seen := map[string]string{}
			for range 20 {
				switch content1[rand.IntN(size)]++; rand.IntN(4) {
				case 0: // rsync --inplace --times
					must(t, os.WriteFile(path, content1, 0o644))
					must(t, os.Chtimes(path, old, old))
				case 1: // rsync --times
					must(t, os.WriteFile(path+".new", content1, 0o644))
					must(t, os.Chtimes(path+".new", old, old))
					must(t, os.Rename(path+".new", path))
				case 2:
					must(t, os.WriteFile(path, content1, 0o644))
				case 3:
					must(t, os.WriteFile(path, content1, 0o644))
					must(t, os.Chmod(path, os.FileMode(0o600+rand.IntN(0o100))))
				}
				p := get(t, s, "/a.bin")
				got := content(t, p)
				if before, ok := seen[p.ETag]; ok && before != got {
					t.Errorf("the tag %s was that of another content", p.ETag)
				}
				if !strings.HasPrefix(p.ETag, `"`) || got != string(content1) {
					t.Errorf("the tag is %q", p.ETag)
				}
				for tag, before := range seen {
					r := &web.Request{Method: []byte("GET"), Seen: web.Range | web.IfRange, Fields: []web.Field{
						{Known: web.Range, Value: []byte("bytes=5-")}, {Known: web.IfRange, Value: []byte(tag)},
					}}
					if status := web.Select(r, p).Status; (status == 206) != (before == got) {
						t.Errorf("If-Range with the tag of the same content, %v: %d", before == got, status)
					}
				}
				seen[p.ETag] = got
			}
		})
	}
}

// Of a file that is too long for it to be read the facts make a tag, as far as they
// can: in an image only with the mount, which is counted anew after each boot.
func TestFactsTag(t *testing.T) {
	at := func(sec, nsec int64) sys.Time { return sys.Time{Sec: sec, Nsec: nsec} }
	st := sys.Stat{Ino: 1, Size: 2, Mtime: at(3, 4), Ctime: at(5, 6), Mount: 7, Dev: 8, Mode: 9}
	seen := map[string]string{}
	for name, change := range map[string]func(*sys.Stat){
		"itself": func(*sys.Stat) {}, "ino": func(st *sys.Stat) { st.Ino++ }, "size": func(st *sys.Stat) { st.Size++ },
		"mtime": func(st *sys.Stat) { st.Mtime.Sec++ }, "mtime's parts": func(st *sys.Stat) { st.Mtime.Nsec++ },
		"ctime": func(st *sys.Stat) { st.Ctime.Sec++ }, "ctime's parts": func(st *sys.Stat) { st.Ctime.Nsec++ },
	} {
		other := st
		change(&other)
		for _, stamped := range []bool{true, false} {
			name := fmt.Sprint(name, stamped)
			tag := factsTag("text/plain", &other, stamped)
			if before, ok := seen[tag]; ok || tag == "" {
				t.Errorf("%s: the tag %q is that of %s", name, tag, before)
			}
			seen[tag] = name
		}
	}
	for _, stamped := range []bool{true, false} {
		other := st
		other.Mount++
		if same := factsTag("", &st, stamped) == factsTag("", &other, stamped); same != stamped {
			t.Errorf("stamped %v: another mount has the same tag: %v", stamped, same)
		}
		other.Mount = 0
		if got := factsTag("", &other, stamped); (got != "") != stamped {
			t.Errorf("stamped %v: of an unknown mount: %q", stamped, got)
		}
	}
}

// What speaks for a version, by what is known of the file.
func TestVouch(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a": "1"})
	s := summing(t, dir)
	fd, st, err := s.root.open("a")
	must(t, err)
	defer fd.Close()
	if !sys.StampsChanges(fd.Number(), &st) {
		t.Skip("the temporary directory is on a file system that may be an image")
	}
	written := sys.Time{Sec: 1000, Nsec: 1}
	known := sys.Stat{Size: 1, Mtime: written, Ctime: written, Mount: 1}
	image := known
	image.Mtime.Nsec, image.Ctime.Nsec = 0, 0
	lost := image
	lost.Mount = 0
	for _, test := range []struct {
		name  string
		v     snapshot
		age   time.Duration
		tag   string // its first octet, W or "
		kept  web.Freshness
		dated bool
	}{
		{"whole", snapshot{st: known, local: true, whole: true, inline: true}, time.Hour, `"`, web.Changed, true},
		{"whole, young", snapshot{st: known, local: true, whole: true, inline: true}, time.Second, `"`, web.Changed, true},
		{"whole, far", snapshot{st: known, whole: true, inline: true}, time.Hour, `"`, web.Unknown, true},
		{"whole, in an image", snapshot{st: image, local: true, whole: true, inline: true}, time.Hour, `"`, web.Changed, true},
		{"whole, in an image somewhere", snapshot{st: lost, local: true, whole: true, inline: true}, time.Hour, `"`, web.Unknown, true},
		{"summed", snapshot{st: known, local: true, summable: true, summed: true}, time.Hour, `"`, web.Changed, true},
		{"summed, young", snapshot{st: known, local: true, summable: true, summed: true}, time.Second, `"`, web.Changed, true},
		{"summed, young, of a slow clock", snapshot{st: image, local: true, summable: true, summed: true}, time.Second, "W", web.Changed, true},
		{"not summed", snapshot{st: known, local: true, summable: true}, time.Hour, "", web.Changed, true},
		{"long", snapshot{st: known, local: true}, time.Hour, `"`, web.Changed, true},
		{"long, young", snapshot{st: known, local: true}, time.Second, `"`, web.Changed, true},
		{"long, young, of a slow clock", snapshot{st: image, local: true}, time.Second, "W", web.Changed, true},
		{"long, far", snapshot{st: known}, time.Hour, "W", web.Unknown, true},
		{"long, in an image", snapshot{st: image, local: true}, time.Hour, `"`, web.Changed, true},
		{"long, in an image somewhere", snapshot{st: lost, local: true}, time.Hour, "", web.Unknown, false},
	} {
		p := &web.Reply{Body: []byte("1"), Unchanged: outdated}
		test.v.looked = test.v.st.Ctime.Time().Add(test.age)
		test.v.vouch(p, place{root: s.root, name: "a"}, fd, p.Body)
		if got := p.ETag[:min(len(p.ETag), 1)]; got != test.tag {
			t.Errorf("%s: the tag is %q, want %s…", test.name, p.ETag, test.tag)
		}
		if got := p.Unchanged(); got != test.kept {
			t.Errorf("%s: Unchanged %v, want %v", test.name, got, test.kept)
		}
		if p.Modified.IsZero() == test.dated {
			t.Errorf("%s: Modified %v", test.name, p.Modified)
		}
	}
}

// While enough others are being read, a long file has no tag: asked again, it has.
func TestSumsBusy(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"prompt": noise(maxPrompt), "long": noise(maxPrompt + 1)})
	if !isLocal(t, dir) {
		t.Skip("the temporary directory is on a file system whose files are not read for their tags")
	}
	s := aged(summing(t, dir))
	for range (runtime.GOMAXPROCS(0) + 1) / 2 {
		if !s.sums.begin() {
			t.Fatal("there is no place though nobody has one")
		}
	}
	if p := get(t, s, "/prompt"); p.ETag == "" {
		t.Error("a file that takes no time has no tag")
	}
	if p := get(t, s, "/long"); p.ETag != "" || p.Unchanged() != web.Changed {
		t.Errorf("a file that nobody has read has the tag %s and is kept: %v", p.ETag, p.Unchanged())
	}
	s.sums.end()
	if p := get(t, s, "/long"); p.ETag == "" {
		t.Error("asked again, there is no tag")
	}
	if !s.sums.begin() || s.sums.begin() {
		t.Error("reading has not given back its one place")
	}
}

// A file is read for its tag once, and as many are remembered as there is room for.
func TestSumsBounded(t *testing.T) {
	var s sums
	for n := range 5 * maxSums {
		st := sys.Stat{Ino: uint64(n)}
		s.keep(&st, uint64(n))
		if sum, ok := s.find(&st); !ok || sum != uint64(n) {
			t.Fatalf("sum %d: %d %v", n, sum, ok)
		}
		if got := len(s.young) + len(s.old); got > 2*maxSums {
			t.Fatalf("%d sums are remembered", got)
		}
		if first := (sys.Stat{}); n > 0 {
			if _, ok := s.find(&first); !ok {
				t.Fatalf("one that is looked for all the time is forgotten after %d others", n)
			}
		}
	}
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{1 << 20, 16 << 20, 64 << 20} {
		b.Run(fmt.Sprint(size>>20, "MiB"), func(b *testing.B) {
			dir := b.TempDir()
			plant(b, dir, map[string]string{"a": noise(size)})
			s, err := New(dir, nil)
			must(b, err)
			defer s.Close()
			fd, _, err := s.root.open("a")
			must(b, err)
			defer fd.Close()
			st, err := result(sys.Fstat(fd.Number()))
			must(b, err)
			b.SetBytes(int64(size))
			for b.Loop() {
				s.sums.of(fd, &st, false)
			}
		})
	}
}
