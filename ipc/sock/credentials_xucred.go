//go:build darwin || freebsd

package sock

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// PeerCredentials returns who the other end of a UNIX connection was when it
// connected or listened (LOCAL_PEERCRED, unix(4)). The system does not say which
// process that was.
func PeerCredentials(fd *ipc.FD) (Credentials, error) {
	const solLocal = 0 // SOL_LOCAL, <sys/un.h>
	u, err := unix.GetsockoptXucred(fd.Number(), solLocal, unix.LOCAL_PEERCRED)
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials of the peer of %s: %w", fd, os.NewSyscallError("getsockopt", err))
	}
	return Credentials{UID: int(u.Uid), GID: int(u.Groups[0])}, nil
}
