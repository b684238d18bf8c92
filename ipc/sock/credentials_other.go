//go:build netbsd || openbsd

package sock

import (
	"errors"
	"fmt"

	"xanadu/ipc"
)

// PeerCredentials returns who the other end of a UNIX connection is. It is not
// there yet for these systems: golang.org/x/sys lacks their calls.
func PeerCredentials(fd *ipc.FD) (Credentials, error) {
	return Credentials{}, fmt.Errorf("credentials of the peer of %s: %w on this system", fd, errors.ErrUnsupported)
}
