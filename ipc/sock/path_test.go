package sock_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
)

// dirNames lists what is in dir.
func dirNames(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	for _, e := range must(os.ReadDir(dir))(t) {
		list = append(list, e.Name())
	}
	return list
}

// boundTo returns a socket of the type that is bound to a's path.
func boundTo(t testing.TB, a addr.Addr, typ sock.Type) *ipc.FD {
	t.Helper()
	fd := kept(t, must(sock.Socket(sock.AF_UNIX, typ, 0))(t))
	if err := sock.Bind(fd, a); err != nil {
		t.Fatal(err)
	}
	return fd
}

// makeStale leaves at a's path what a killed server leaves. It makes its socket
// without asking for a new descriptor if there is a file already.
func makeStale(t testing.TB, a addr.Addr) {
	t.Helper()
	if _, err := os.Lstat(a.Path()); err != nil {
		if fd, err := sock.Socket(sock.AF_UNIX, sock.SOCK_STREAM, 0); err == nil {
			defer fd.Close()
			if err := sock.Bind(fd, a); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var pathNetworks = []string{"unix:", "unix-dgram:", "unix-seqpacket:"}

// open is Listen or BindDatagram, as the address wants.
func open(a addr.Addr) (*sock.Bound, error) { return openWith(a, nil) }

func openWith(a addr.Addr, opt *sock.Options) (*sock.Bound, error) {
	if a.Network() == addr.UnixDatagram {
		return sock.BindDatagram(a, opt)
	}
	l, err := sock.Listen(a, opt)
	if err != nil {
		return nil, err
	}
	return &l.Bound, nil
}

func TestSocketFile(t *testing.T) {
	for _, network := range pathNetworks {
		t.Run(network, func(t *testing.T) {
			dir := kit.SocketDir(t)
			b := must(open(addr.MustParse(network + dir + "/s")))(t)
			defer b.Close()
			st := must(os.Lstat(dir + "/s"))(t)
			if st.Mode().Type() != os.ModeSocket {
				t.Errorf("the file's mode is %v, want a socket's", st.Mode())
			}
			if names := dirNames(t, dir); len(names) != 1 {
				t.Errorf("in the directory are %q, want s alone", names)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			if names := dirNames(t, dir); len(names) != 0 {
				t.Errorf("after Close in the directory are %q", names)
			}
		})
	}
}

// A socket file has the permissions and the owner that were asked for, whatever
// the umask is, and otherwise what the umask leaves.
func TestSocketFileMode(t *testing.T) {
	group := os.Getgid()
	if os.Getuid() == 0 {
		group = 54321 // anybody's
	}
	for _, c := range []struct {
		name  string
		umask int
		opt   sock.Options
		want  os.FileMode
		group int
	}{
		{"the umask's", 0o027, sock.Options{}, 0o750, os.Getgid()},
		{"more than the umask leaves", 0o077, sock.Options{Mode: 0o666}, 0o666, os.Getgid()},
		{"less", 0, sock.Options{Mode: 0o600}, 0o600, os.Getgid()},
		{"a group", 0o022, sock.Options{Mode: 0o660, Owner: &sock.Owner{UID: -1, GID: group}}, 0o660, group},
		{"a group and the umask's mode", 0o022, sock.Options{Owner: &sock.Owner{UID: -1, GID: group}}, 0o755, group},
	} {
		for _, network := range pathNetworks {
			t.Run(c.name+"/"+network, func(t *testing.T) {
				defer syscall.Umask(syscall.Umask(c.umask))
				a := addr.MustParse(network + kit.SocketDir(t) + "/s")
				for range 2 { // the second time over a stale file
					b := must(openWith(a, &c.opt))(t)
					st := must(os.Lstat(a.Path()))(t)
					if got := st.Mode().Perm(); got != c.want {
						t.Errorf("the mode is %v, want %v", got, c.want)
					}
					if got := int(st.Sys().(*syscall.Stat_t).Gid); got != c.group {
						t.Errorf("the group is %d, want %d", got, c.group)
					}
					b.KeepFile()
					b.Close()
				}
			})
		}
	}
}

// A file that cannot have what was asked for does not stay.
func TestSocketFileModeFails(t *testing.T) {
	for _, c := range []struct {
		name string
		skip bool
		opt  sock.Options
		want error
	}{
		{"a mode with more than permissions", false, sock.Options{Mode: 0o666 | os.ModeSetuid}, nil},
		{"another's group", os.Getuid() == 0, sock.Options{Owner: &sock.Owner{UID: -1, GID: 0}}, syscall.EPERM},
	} {
		for _, network := range pathNetworks {
			t.Run(c.name+"/"+network, func(t *testing.T) {
				if c.skip {
					t.Skip("root may give files to anybody")
				}
				dir := kit.SocketDir(t)
				b, err := openWith(addr.MustParse(network+dir+"/s"), &c.opt)
				if err == nil {
					b.Close()
				}
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if names := dirNames(t, dir); len(names) != 0 {
					t.Errorf("in the directory are %q", names)
				}
			})
		}
	}
}

// What a dead server left is taken over, whatever its type was.
func TestStalePath(t *testing.T) {
	for _, network := range pathNetworks {
		for _, dead := range []sock.Type{sock.SOCK_STREAM, sock.SOCK_DGRAM, sock.SOCK_SEQPACKET} {
			t.Run(fmt.Sprint(network, "after ", dead), func(t *testing.T) {
				dir := kit.SocketDir(t)
				a := addr.MustParse(network + dir + "/s")
				boundTo(t, a, dead).Close()
				b, err := open(a)
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if names := dirNames(t, dir); !slices.Equal(names, []string{"s"}) {
					t.Errorf("in the directory are %q, want s alone", names)
				}
				connect(t, a, nil)
				b.Close()
				if names := dirNames(t, dir); len(names) != 0 {
					t.Errorf("after Close in the directory are %q", names)
				}
			})
		}
	}
}

// A path that a process has open is never stolen, and the process does not
// notice that somebody asked.
func TestLivePath(t *testing.T) {
	for name, live := range map[string]func(t *testing.T, a addr.Addr) *ipc.FD{
		"listening stream": func(t *testing.T, a addr.Addr) *ipc.FD { return listen(t, a.String(), nil).FD() },
		"stream that does not listen yet": func(t *testing.T, a addr.Addr) *ipc.FD {
			return boundTo(t, a, sock.SOCK_STREAM|sock.SOCK_NONBLOCK)
		},
		"listener with a full backlog": func(t *testing.T, a addr.Addr) *ipc.FD {
			fd := boundTo(t, a, sock.SOCK_STREAM|sock.SOCK_NONBLOCK)
			if err := sock.ListenOn(fd, 0); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				sock.ConnectTo(kept(t, must(sock.Socket(sock.AF_UNIX, sock.SOCK_STREAM|sock.SOCK_NONBLOCK, 0))(t)), a)
			}
			for range 2 {
				if fd, _, err := sock.Accept(fd, 0); err == nil {
					defer fd.Close()
				}
			}
			return fd
		},
		"connected stream": func(t *testing.T, a addr.Addr) *ipc.FD {
			l := listen(t, "unix:"+a.Path()+"2", nil)
			fd := boundTo(t, a, sock.SOCK_STREAM|sock.SOCK_NONBLOCK)
			if err := sock.ConnectTo(fd, l.Addr()); err != nil {
				t.Fatal(err)
			}
			return fd
		},
		"packets":   func(t *testing.T, a addr.Addr) *ipc.FD { return boundTo(t, a, sock.SOCK_SEQPACKET|sock.SOCK_NONBLOCK) },
		"datagrams": func(t *testing.T, a addr.Addr) *ipc.FD { return boundTo(t, a, sock.SOCK_DGRAM|sock.SOCK_NONBLOCK) },
		"datagrams of one peer": func(t *testing.T, a addr.Addr) *ipc.FD {
			fd := boundTo(t, a, sock.SOCK_DGRAM|sock.SOCK_NONBLOCK)
			peer := addr.MustParse("unix-dgram:" + a.Path() + "2")
			boundTo(t, peer, sock.SOCK_DGRAM)
			if err := sock.ConnectTo(fd, peer); err != nil {
				t.Fatal(err)
			}
			return fd
		},
	} {
		for _, network := range pathNetworks {
			t.Run(network+" against "+name, func(t *testing.T) {
				dir := kit.SocketDir(t)
				fd := live(t, addr.MustParse("unix:"+dir+"/s"))
				before := must(os.Lstat(dir + "/s"))(t)
				b, err := open(addr.MustParse(network + dir + "/s"))
				if err == nil {
					b.Close()
				}
				if !errors.Is(err, unix.EADDRINUSE) {
					t.Fatalf("%v, want EADDRINUSE", err)
				}
				// A datagram socket that has a peer refuses others, which is
				// all that can be seen of it.
				if name != "datagrams of one peer" && !strings.HasSuffix(err.Error(), ": a process has that socket open") {
					t.Errorf("%v, want it to say that the socket is open", err)
				}
				if after := must(os.Lstat(dir + "/s"))(t); !os.SameFile(before, after) {
					t.Error("the file is another one now")
				}
				if conn, _, err := sock.Accept(fd, sock.SOCK_NONBLOCK); err == nil {
					conn.Close()
					t.Error("the server got a connection from the asking")
				}
				b2 := make([]byte, 10)
				if n, err := unix.Read(fd.Number(), b2); err == nil && n > 0 {
					t.Errorf("the server received %q from the asking", b2[:n])
				}
				if names := dirNames(t, dir); slices.Contains(names, "s.takeover") {
					t.Errorf("in the directory are %q", names)
				}
			})
		}
	}
}

// What is no socket is never removed.
func TestPathOfSomethingElse(t *testing.T) {
	for name, place := range map[string]func(t *testing.T, path string) error{
		"regular file":  func(t *testing.T, path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"empty file":    func(t *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) },
		"directory":     func(t *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"FIFO":          func(t *testing.T, path string) error { return unix.Mkfifo(path, 0o600) },
		"dangling link": func(t *testing.T, path string) error { return os.Symlink(path+"2", path) },
		"link to a stale socket": func(t *testing.T, path string) error {
			makeStale(t, addr.MustParse("unix:"+path+"2"))
			return os.Symlink(path+"2", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := kit.SocketDir(t)
			if err := place(t, dir+"/s"); err != nil {
				t.Fatal(err)
			}
			before, names := must(os.Lstat(dir+"/s"))(t), dirNames(t, dir)
			l, err := sock.Listen(addr.MustParse("unix:"+dir+"/s"), nil)
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "the file there is no socket") {
				t.Errorf("%v, want EADDRINUSE and that it is no socket", err)
			}
			after := must(os.Lstat(dir + "/s"))(t)
			if !os.SameFile(before, after) || before.Size() != after.Size() {
				t.Error("it was touched")
			}
			if now := dirNames(t, dir); !slices.Equal(now, names) {
				t.Errorf("in the directory are %q, want %q", now, names)
			}
		})
	}
}

// Close leaves a file that another has put in the place of its own.
func TestCloseLeavesFilesOfOthers(t *testing.T) {
	for name, place := range map[string]func(t *testing.T, path string){
		"another server": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			listen(t, "unix:"+path, nil).KeepFile()
		},
		"a file": func(t *testing.T, path string) {
			if err := os.WriteFile(path+"2", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+"2", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := kit.SocketDir(t)
			l := must(sock.Listen(addr.MustParse("unix:"+dir+"/s"), nil))(t)
			place(t, dir+"/s")
			before := must(os.Lstat(dir + "/s"))(t)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if after, err := os.Lstat(dir + "/s"); err != nil || !os.SameFile(before, after) {
				t.Errorf("the other's file: %v, %v", after, err)
			}
		})
	}
}

func TestCloseAfterTheFileIsGone(t *testing.T) {
	dir := kit.SocketDir(t)
	l := listen(t, "unix:"+dir+"/s", nil)
	os.Remove(dir + "/s")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// A second Close touches nothing, though the path, and perhaps the inode's number,
// is a successor's by then.
func TestCloseTwice(t *testing.T) {
	a := addr.MustParse("unix:" + kit.SocketDir(t) + "/s")
	for range 20 {
		l := listen(t, a.String(), nil)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		successor := listen(t, a.String(), nil)
		if err := l.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a second Close: %v, want ErrClosed", err)
		}
		if _, err := os.Lstat(a.Path()); err != nil {
			t.Fatal("the successor's file is gone: ", err)
		}
		successor.Close()
	}
}

// A daemon that changes its directory still finds its file.
func TestRelativePath(t *testing.T) {
	dir := kit.SocketDir(t)
	t.Chdir(dir)
	l := listen(t, "unix:s", nil)
	if l.Addr().Path() != "s" {
		t.Errorf("bound to %v, want the path as given", l.Addr())
	}
	t.Chdir("/")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if names := dirNames(t, dir); len(names) != 0 {
		t.Errorf("%q is left", names)
	}
}

// A lock file that a killed starter has left is no obstacle. One that is locked
// is one, and so is what no starter has made.
func TestLockFile(t *testing.T) {
	for name, test := range map[string]struct {
		place func(t *testing.T, lock string) // makes what is at the lock's path
		says  string                          // of the error; "" for none
	}{
		"left behind": {func(t *testing.T, lock string) { write(t, lock, "") }, ""},
		"locked": {func(t *testing.T, lock string) {
			write(t, lock, "")
			holder := must(os.Open(lock))(t)
			t.Cleanup(func() { holder.Close() })
			if err := unix.Flock(int(holder.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}, "another process holds"},
		"a file with content": {func(t *testing.T, lock string) { write(t, lock, "precious") }, "not one that a starter has made"},
		"a link": {func(t *testing.T, lock string) {
			if err := os.Symlink(lock+"2", lock); err != nil {
				t.Fatal(err)
			}
		}, "open: "},
		"a directory": {func(t *testing.T, lock string) {
			if err := os.Mkdir(lock, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "open: "},
		"a FIFO": {func(t *testing.T, lock string) {
			if err := unix.Mkfifo(lock, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not one that a starter has made"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := kit.SocketDir(t)
			a := addr.MustParse("unix:" + dir + "/s")
			makeStale(t, a)
			test.place(t, dir+"/s.takeover")
			want := []string{"s", "s.takeover"}
			l, err := sock.Listen(a, nil)
			switch {
			case test.says == "" && err != nil:
				t.Fatal(err)
			case test.says == "":
				want = nil
				l.Close()
			case err == nil:
				l.Close()
				t.Fatal("no error")
			case !strings.Contains(err.Error(), test.says):
				t.Errorf("%v, want it to say %q", err, test.says)
			}
			if names := dirNames(t, dir); !slices.Equal(names, want) {
				t.Errorf("in the directory are %q, want %q", names, want)
			}
		})
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Of several that start at the same time over a stale file one wins, and the
// winner is the one that clients reach.
func TestRacingStarters(t *testing.T) {
	dir := kit.SocketDir(t)
	a := addr.MustParse("unix:" + dir + "/s")
	for round := range 100 {
		makeStale(t, a)
		var won [4]*sock.Listener
		var errs [4]error
		var starters sync.WaitGroup
		for i := range won {
			starters.Go(func() { won[i], errs[i] = sock.Listen(a, nil) })
		}
		starters.Wait()
		winner := -1
		for i, l := range won {
			switch {
			case l == nil && !errors.Is(errs[i], unix.EADDRINUSE):
				t.Errorf("round %d: %v, want EADDRINUSE", round, errs[i])
			case l != nil && winner >= 0:
				t.Errorf("round %d: two have won", round)
			case l != nil:
				winner = i
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody has won: %v", round, errs)
		}
		client := must(sock.Connect(a, nil))(t)
		conn, _, err := won[winner].Accept()
		if err != nil {
			t.Errorf("round %d: the winner's client: %v", round, err)
		} else {
			conn.Close()
		}
		client.Close()
		if names := dirNames(t, dir); !slices.Equal(names, []string{"s"}) {
			t.Errorf("round %d: in the directory are %q, want s alone", round, names)
		}
		won[winner].KeepFile() // the next round's stale file
		for _, l := range won {
			if l != nil {
				l.Close()
			}
		}
		if t.Failed() {
			return
		}
	}
}

// starterPath is the environment variable that makes the test binary a starter
// of the path in it.
const starterPath = "XANADU_TEST_STARTER"

// starter waits for a byte on stdin, listens on the path, says on stdout how
// that went, waits for the end of stdin and exits without removing the file, as
// a killed server does.
func starter(path string) {
	io.ReadFull(os.Stdin, make([]byte, 1))
	a, err := addr.Path(addr.Unix, path)
	if err == nil {
		_, err = sock.Listen(a, nil)
	}
	switch {
	case err == nil:
		fmt.Println("won")
	case errors.Is(err, unix.EADDRINUSE):
		fmt.Println("lost")
	default:
		fmt.Println(err)
	}
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// The same race between processes.
func TestRacingProcesses(t *testing.T) {
	dir := kit.SocketDir(t)
	a := addr.MustParse("unix:" + dir + "/s")
	makeStale(t, a)
	for range 3 {
		type child struct {
			cmd    *exec.Cmd
			stdin  io.WriteCloser
			stdout *bufio.Reader
		}
		var children []child
		for range 4 {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			// The race detector would have each child wait a second at its end.
			cmd.Env = append(os.Environ(), starterPath+"="+filepath.Join(dir, "s"), "GORACE=atexit_sleep_ms=0")
			c := child{cmd: cmd, stdin: must(cmd.StdinPipe())(t)}
			c.stdout = bufio.NewReader(must(cmd.StdoutPipe())(t))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			children = append(children, c)
		}
		for _, c := range children {
			c.stdin.Write([]byte("g"))
		}
		results := make(map[string]int)
		for _, c := range children {
			line, err := c.stdout.ReadString('\n')
			if err != nil {
				t.Error(err)
			}
			results[strings.TrimSpace(line)]++
		}
		if results["won"] != 1 || results["lost"] != len(children)-1 {
			t.Errorf("the starters say %v, want one won and the others lost", results)
		}
		connect(t, a, nil) // the winner's socket is the one at the path
		for _, c := range children {
			c.stdin.Close()
		}
		for _, c := range children {
			if err := c.cmd.Wait(); err != nil {
				t.Error(err)
			}
		}
	}
}
