package sock

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// An Owner is who a socket file is to belong to (chown(2)). -1 leaves the user
// or the group as it is.
type Owner struct{ UID, GID int }

// fileOptions are what Options asks for of a socket file.
type fileOptions struct {
	mode  fs.FileMode
	owner *Owner
}

func (o *Options) file() fileOptions { return fileOptions{o.Mode, o.Owner} }

// before has the file come into being with no more permissions than it is to
// have. On Linux bind(2) takes them from the socket, less the umask (unix(7));
// elsewhere that does nothing.
func (o fileOptions) before(fd int) {
	if o.mode != 0 {
		unix.Fchmod(fd, uint32(o.mode.Perm()))
	}
}

// after gives the file that was made its owner and its permissions, before the
// socket listens: until then nobody can connect to it.
//
// The file is named anew here. Neither call follows a symbolic link that was put
// in its place; where the system has no chmod that does not (Linux before 6.6),
// the file is compared first, and whoever may rename files in its directory
// could still be quicker.
func (o fileOptions) after(f socketFile) error {
	if o.owner != nil {
		if err := unix.Lchown(f.path, o.owner.UID, o.owner.GID); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if o.mode == 0 {
		return nil
	}
	mode := uint32(o.mode.Perm())
	err := unix.Fchmodat(unix.AT_FDCWD, f.path, mode, unix.AT_SYMLINK_NOFOLLOW)
	if isErrno(err, unix.ENOSYS, unix.EOPNOTSUPP) {
		if !f.stands() {
			return fmt.Errorf("the socket file is another's: %w", unix.EEXIST)
		}
		err = unix.Chmod(f.path, mode)
	}
	return os.NewSyscallError("chmod", err)
}
