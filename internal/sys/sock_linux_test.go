package sys

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers are those of a C program that prints sizeof and offsetof.
func TestMmsghdr(t *testing.T) {
	size, length := uintptr(64), uintptr(56)
	if unsafe.Sizeof(uintptr(0)) == 4 {
		size, length = 32, 28
	}
	if got := unsafe.Sizeof(mmsghdr{}); got != size {
		t.Errorf("struct mmsghdr has %d bytes, want %d", got, size)
	}
	if got := unsafe.Offsetof(mmsghdr{}.len); got != length {
		t.Errorf("msg_len is at %d, want %d", got, length)
	}
	if NameBytes != 128 {
		t.Errorf("struct sockaddr_storage has %d bytes, want 128", NameBytes)
	}
}

// The parts of a message come from and go to where its slices say, also when the
// pieces are more than a header finds room for at first.
func TestBatch(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	var batch Batch
	for _, count := range []int{1, 5, 2} {
		out, in := make([]Message, count), make([]Message, count+1)
		for i := range out {
			out[i].Data = [][]byte{{byte(i)}, {}, {byte(i), 'x'}}
		}
		for i := range in {
			in[i] = Message{Name: make([]byte, NameBytes), Data: [][]byte{make([]byte, 2), make([]byte, 1), make([]byte, 5)}}
		}
		if n, errno := batch.Sendmmsg(pair[0], out, 0); n != count || errno != 0 {
			t.Fatalf("sent %d of %d: %v", n, count, errno)
		}
		if n, errno := batch.Recvmmsg(pair[1], in, 0); n != count || errno != 0 {
			t.Fatalf("received %d of %d: %v", n, count, errno)
		}
		for i, m := range in[:count] {
			if m.N != 3 || m.Data[0][0] != byte(i) || m.Data[0][1] != byte(i) || m.Data[1][0] != 'x' || out[i].N != 3 {
				t.Errorf("message %d of %d: %d bytes %v", i, count, m.N, m.Data)
			}
		}
	}
	if _, errno := batch.Recvmmsg(pair[1], make([]Message, 1), 0); errno != unix.EAGAIN {
		t.Errorf("nothing is there: %v, want EAGAIN", errno)
	}
}
