package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// asSession is the environment variable with the example that the test binary
// is to play, in JSON.
const asSession = "SWS_TEST_SESSION"

// TestManualExamples types each example of the manual into a shell, word for
// word, and compares what comes of it. Each has a network and processes of its
// own, so that the ports in the manual are free and nothing of it stays.
func TestManualExamples(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed: the examples of the manual are not tried")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, steps := range sessions(t, manual(t)) {
		t.Run(steps[0].Command, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			plantSession(t, dir, exe)
			text, err := json.Marshal(steps)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(exe)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), asSession+"="+string(text),
				"PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "NO_PROXY=*", "CURL_HOME="+dir)
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			}
			output, err := cmd.CombinedOutput()
			if cmd.Process == nil {
				t.Skipf("this system gives no network of its own (unshare(2)): %v", err)
			}
			if err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// plantSession makes what the examples take for granted.
func plantSession(t *testing.T, dir, exe string) {
	t.Helper()
	for name, content := range map[string]string{
		"docroot/index.html": "hello\n",
		"cgi-bin/hello": `#!/bin/sh
echo 'Content-Type: text/plain'
echo
echo "hello, $REMOTE_ADDR"
`,
		".curlrc": "silent\n", // as curl is on a terminal
		"bin/sws": fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asCommand, exe),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// playSession plays the example in text and returns the exit status. When it
// ends, as the first process of its kind, all that it has started is killed.
func playSession(text string) int {
	os.Unsetenv(asSession)
	var steps []step
	if err := json.Unmarshal([]byte(text), &steps); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := raiseLoopback(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := play(steps); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func play(steps []step) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.SetReadDeadline(time.Now().Add(20 * time.Second))
	shell := exec.Command("/bin/sh", "-s")
	shell.Stdout, shell.Stderr = w, w
	stdin, err := shell.StdinPipe()
	if err != nil {
		return err
	}
	if err := shell.Start(); err != nil {
		return err
	}
	terminal := bufio.NewScanner(r)
	for _, s := range append(steps, step{Command: "echo the end", Output: []string{"the end"}}) {
		fmt.Fprintln(stdin, s.Command)
		for _, want := range s.Output {
			if want == "..." {
				return nil
			}
			if !terminal.Scan() {
				return fmt.Errorf("$ %s\nwant %s\ngot  nothing: %v", s.Command, want, terminal.Err())
			}
			if got := settledLine(terminal.Text()); got != settledLine(want) {
				return fmt.Errorf("$ %s\nwant %s\ngot  %s", s.Command, want, got)
			}
		}
	}
	return nil
}

// raiseLoopback makes the addresses of this host its own (rtnetlink(7),
// RTM_NEWLINK): in a new network not even the loopback interface is up.
func raiseLoopback() error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	const loopback = 1 // the number of its interface in every network
	message := make([]byte, syscall.SizeofNlMsghdr+syscall.SizeofIfInfomsg)
	order := binary.NativeEndian
	order.PutUint32(message[0:], uint32(len(message)))
	order.PutUint16(message[4:], syscall.RTM_NEWLINK)
	order.PutUint16(message[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_ACK)
	order.PutUint32(message[20:], loopback)
	order.PutUint32(message[24:], syscall.IFF_UP) // ifi_flags
	order.PutUint32(message[28:], syscall.IFF_UP) // ifi_change: of them, which
	if err := syscall.Sendto(fd, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	if n < 20 || order.Uint16(answer[4:]) != syscall.NLMSG_ERROR {
		return fmt.Errorf("netlink answers %x", answer[:n])
	}
	if errno := -int32(order.Uint32(answer[16:])); errno != 0 {
		return os.NewSyscallError("RTM_NEWLINK", syscall.Errno(errno))
	}
	return nil
}
