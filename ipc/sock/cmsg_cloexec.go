//go:build freebsd || netbsd || openbsd

package sock

import "golang.org/x/sys/unix"

const cmsgCloseOnExec = unix.MSG_CMSG_CLOEXEC
