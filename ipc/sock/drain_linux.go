package sock

import (
	"os"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// The octet of a TCP header that holds its flags, and two of them (RFC 9293
// §3.1).
const (
	tcpFlags = 13
	tcpSYN   = 0x02
	tcpACK   = 0x10
)

// firstSYN is a filter (socket(7), SO_ATTACH_FILTER) that drops the segment
// with which a client begins a connection and takes all others.
var firstSYN = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: tcpFlags},
	{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: tcpSYN | tcpACK},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: tcpSYN, Jt: 0, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
}

// dropClients has the kernel drop what would begin a connection on the TCP
// listener fd, and hold back no client whose handshake is done (tcp(7),
// TCP_DEFER_ACCEPT). Sockets that are accepted from now on inherit the filter,
// which means nothing to them: they are connected.
func dropClients(fd *ipc.FD) error {
	if err := unix.SetsockoptInt(fd.Number(), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 0); err != nil {
		return os.NewSyscallError("setsockopt TCP_DEFER_ACCEPT", err)
	}
	program := unix.SockFprog{Len: uint16(len(firstSYN)), Filter: &firstSYN[0]}
	if err := unix.SetsockoptSockFprog(fd.Number(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
	}
	return nil
}
