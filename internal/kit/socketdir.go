//go:build unix

package kit

import (
	"os"
	"testing"
)

// socketDirMax is what a SocketDir leaves of sun_path's 104 bytes, the smaller
// bound (BSD; 108 on Linux, unix(7)), for a name of up to 63 bytes and the NUL.
const socketDirMax = 104 - 64 - 1

// SocketDir makes an empty folder for the sockets of one test and removes it
// with all that is in it when the test ends. Its path is at most 39 bytes long,
// so that a UNIX address has room for a name of 63; the one of t.TempDir holds
// the test's name and may leave none.
func SocketDir(t testing.TB) string {
	t.Helper()
	// TMPDIR may be long, as on macOS, so the short folder comes first.
	dir, err := os.MkdirTemp("/tmp", "ipc")
	if err != nil {
		dir, err = os.MkdirTemp("", "ipc")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if len(dir) > socketDirMax {
		t.Fatalf("%s is too long for sockets: %d bytes, want at most %d; set TMPDIR", dir, len(dir), socketDirMax)
	}
	return dir
}
