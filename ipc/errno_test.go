package ipc_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"xanadu/ipc"
)

func TestErrnoName(t *testing.T) {
	_, missing := os.Open("/there/is/no/such/file")
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"plain", syscall.EADDRINUSE, "EADDRINUSE"},
		{"wrapped", fmt.Errorf("listen: %w", os.NewSyscallError("bind", syscall.EACCES)), "EACCES"},
		{"of package os", missing, "ENOENT"},
		{"no errno", fs.ErrNotExist, ""},
		{"no error", nil, ""},
		{"no such errno", syscall.Errno(4000), ""},
		{"with a second name on Linux", syscall.EOPNOTSUPP, "EOPNOTSUPP"},
		{"with a second name everywhere", syscall.EWOULDBLOCK, "EAGAIN"},
		{"one of several", errors.Join(errors.New("first"), syscall.EPIPE), "EPIPE"},
	} {
		if got := ipc.ErrnoName(test.err); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
