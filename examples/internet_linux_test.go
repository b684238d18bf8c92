package examples

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testInternet has the programs and the web server talk across a network: as it
// is, over a slow line, and over one that loses datagrams and segments.
func testInternet(t *testing.T, bin string) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("it takes root to make hosts and a router of network namespaces")
	}
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("it takes iproute2 and util-linux: ", err)
		}
	}
	install(t, bin, "../cmd/sws")
	n := newInternet(t)
	talk := func(t *testing.T) {
		t.Run("datagrams", func(t *testing.T) { n.datagrams(t, bin) })
		t.Run("streams", func(t *testing.T) { n.streams(t, bin) })
		t.Run("web server", func(t *testing.T) { n.web(t, bin) })
	}
	t.Run("as it is", talk)
	t.Run("neighbours", func(t *testing.T) { n.neighbours(t, bin) })
	t.Run("slow", func(t *testing.T) {
		n.slowDown(t)
		talk(t)
	})
	t.Run("with losses", func(t *testing.T) {
		lost := n.lose(t)
		t.Run("datagrams", func(t *testing.T) { n.lostDatagrams(t, bin, lost) })
		t.Run("streams", func(t *testing.T) { n.streams(t, bin) })
		t.Run("web server", func(t *testing.T) { n.web(t, bin) })
		if n := lost("tcp"); n == 0 && !t.Failed() {
			t.Error("no segment was lost")
		} else {
			t.Logf("%d segments were lost", n)
		}
	})
}

// An internet is two hosts, each on a network of its own, and between them a
// router. The addresses are those for documentation (RFC 5737, RFC 3849).
//
//	a                                 router                              b
//	192.0.2.2 ------------- 192.0.2.1        198.51.100.1 ----- 198.51.100.2
//	2001:db8:a::2 ----- 2001:db8:a::1        2001:db8:b::1 --- 2001:db8:b::2
//	                          fe80::1
type internet struct {
	a, router, b *host
	ofA, ofB     []string      // addresses, of IPv4 and of IPv6 if there is IPv6
	slow         time.Duration // what to fetch the largest document takes at least
}

func newInternet(t *testing.T) *internet {
	t.Helper()
	n := &internet{a: newHost(t), router: newHost(t), b: newHost(t)}
	n.a.wire(t, "line-a", n.router)
	n.b.wire(t, "line-b", n.router)
	n.ofA, n.ofB = []string{"192.0.2.2"}, []string{"198.51.100.2"}
	n.a.sh(t, "ip address add 192.0.2.2/24 dev line-a && ip route add default via 192.0.2.1")
	n.b.sh(t, "ip address add 198.51.100.2/24 dev line-b && ip route add default via 198.51.100.1")
	n.router.sh(t, `ip address add 192.0.2.1/24 dev line-a && ip address add 198.51.100.1/24 dev line-b &&
		echo 1 >/proc/sys/net/ipv4/ip_forward`)
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		t.Log("this host has no IPv6; IPv4 alone is tested")
		return n
	}
	n.ofA, n.ofB = append(n.ofA, "2001:db8:a::2"), append(n.ofB, "2001:db8:b::2")
	n.a.sh(t, "ip address add 2001:db8:a::2/64 dev line-a && ip route add default via 2001:db8:a::1")
	n.b.sh(t, "ip address add 2001:db8:b::2/64 dev line-b && ip route add default via 2001:db8:b::1")
	n.router.sh(t, `ip address add 2001:db8:a::1/64 dev line-a && ip address add fe80::1/64 dev line-a && ip address add 2001:db8:b::1/64 dev line-b &&
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding`)
	return n
}

// datagrams sends one from each host to the other, over each version of IP.
func (n *internet) datagrams(t *testing.T, bin string) {
	for i := range n.ofA {
		n.follow(t, bin, strings.ReplaceAll(strings.ReplaceAll(`1$ ./b ./dgramread
Socket has port #64293
2$ ./a ./dgramsend B 64293
--> The sea is calm tonight, the tide is full...
1$ ./a ./dgramread
Socket has port #64294
2$ ./b ./dgramsend A 64294
--> The sea is calm tonight, the tide is full...
1$
`, "A", n.ofA[i]), "B", n.ofB[i]))
	}
}

// lostDatagrams sends two from one host to the other, of which the first is lost:
// neither its sender nor the reader learns of it.
func (n *internet) lostDatagrams(t *testing.T, bin string, lost func(protocol string) int) {
	for i, address := range n.ofB {
		s := n.session(t, bin)
		s.follow(strings.ReplaceAll(`1$ ./b ./dgramread
Socket has port #64293
2$ ./a ./dgramsend B 64293
2$
`, "B", address))
		if got, want := lost("udp"), i+1; got != want {
			t.Errorf("%d datagrams were lost, want %d", got, want)
		}
		s.follow(strings.ReplaceAll(`2$ ./a ./dgramsend B 64293
--> The sea is calm tonight, the tide is full...
1$
`, "B", address))
	}
}

// neighbours has a host and the router talk over the line between them, by an
// address that is good for nothing without the name of the line (RFC 4007).
func (n *internet) neighbours(t *testing.T, bin string) {
	if len(n.ofA) == 1 {
		t.Skip("only IPv6 has such addresses")
	}
	n.follow(t, bin, `1$ ./router ./streamread
Socket has port #65398
2$ ./a ./streamwrite fe80::1%line-a 65398
--> Half a league, half a league . . .
Ending connection
1< ^C
1$ ./router ./dgramread
Socket has port #64293
2$ ./a ./dgramsend fe80::1%line-a 64293
--> The sea is calm tonight, the tide is full...
1$
`)
}

// streams has clients of each version of IP talk to one server, and to one that
// does something else meanwhile.
func (n *internet) streams(t *testing.T, bin string) {
	for i := range n.ofA {
		n.follow(t, bin, strings.ReplaceAll(strings.ReplaceAll(`1$ ./b ./streamread
Socket has port #65398
2$ ./a ./streamwrite B 65398
--> Half a league, half a league . . .
Ending connection
2$ ./a ./nc B 65398
2< moo
--> moo

3$ ./a ./streamwrite B 65398
3$
2< ^D
Ending connection
2$
--> Half a league, half a league . . .
Ending connection
1< ^C
1$ ./a ./strchkread
Socket has port #65399
2$ ./b ./streamwrite A 65399
--> Half a league, half a league . . .
Ending connection
1< ^C
1$
`, "A", n.ofA[i]), "B", n.ofB[i]))
	}
}

// web serves a tree from one host and fetches it from the other.
func (n *internet) web(t *testing.T, bin string) {
	tree := map[string][]byte{
		"index.html":       []byte("<!DOCTYPE html><title>Xanadu</title>"),
		"caverns/sea.txt":  []byte("sunless"),
		"caverns/alph.bin": make([]byte, bulk),
	}
	random := rand.NewChaCha8([32]byte{}) // the same each time
	random.Read(tree["caverns/alph.bin"])
	s := n.session(t, bin)
	for name, content := range tree {
		file := filepath.Join(s.dir, "tree", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The addresses that are good on the wire alone are made of random numbers.
	s.run("1", "./b ./sws -f -p 0 -l log tree | sed -u /fe80:/d")
	s.expect("http://127.0.0.1:33085/")
	if len(n.ofB) > 1 {
		s.expect("http://[::1]:33085/")
	}
	for _, address := range n.ofB {
		s.expect("http://" + net.JoinHostPort(address, "33085") + "/")
	}
	for i := range n.ofB {
		for name, want := range tree {
			begin := time.Now()
			got, err := n.fetch(s, n.ofB[i], name)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s from %s: %d bytes, %v, want %d", name, n.ofB[i], len(got), err, len(want))
			}
			if took := time.Since(begin); len(want) == bulk && took < n.slow {
				t.Errorf("%s from %s took %v, want %v at least: the line is not slow", name, n.ofB[i], took, n.slow)
			}
		}
	}
	s.follow("1< ^C\n1$\n")
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range n.ofA {
		if got := strings.Count("\n"+string(log), "\n"+client+" "); got != len(tree) {
			t.Errorf("the log has %d requests of %s, want %d:\n%s", got, client, len(tree), log)
		}
	}
}

// bulk is the size of the largest document.
const bulk = 200_000

// fetch gets a document, over the wire of host a and without help from a library.
// A network that loses all would have it wait for minutes.
func (n *internet) fetch(s *session, address, name string) ([]byte, error) {
	words := append(n.a.enter(), filepath.Join(s.dir, "nc"), address, s.real["33085"])
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // nsenter has a child
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	keys, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	defer keys.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer cmd.Wait()
	defer keys.Close()
	fmt.Fprintf(keys, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", name, net.JoinHostPort(address, s.real["33085"]))
	answer, err := io.ReadAll(out)
	if err != nil {
		return nil, err
	}
	head, body, found := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !found || !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return nil, fmt.Errorf("the answer is %q", head)
	}
	return body, nil
}

// slowDown makes the line slow until the test ends.
func (n *internet) slowDown(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tc"); err != nil {
		t.Skip("it takes iproute2's tc: ", err)
	}
	const both = "for line in line-a line-b; do tc qdisc %s dev $line root %s || exit; done"
	t.Cleanup(func() {
		n.slow = 0
		n.router.try(fmt.Sprintf(both, "delete", ""))
	})
	_, err := n.router.try(fmt.Sprintf(both, "add", "netem delay 25ms"))
	if err == nil {
		n.slow = 100 * time.Millisecond // two round trips: to connect, and to ask
		return
	}
	t.Logf("this kernel cannot delay packets, so the line has 4 Mbit/s instead: %v", err)
	const bytesPerSecond, burst = 4_000_000 / 8, 3100
	if _, err := n.router.try(fmt.Sprintf(both, "add", fmt.Sprintf("tbf rate 4mbit burst %d latency 400ms", burst))); err != nil {
		t.Skip("nor can it slow them down: ", err)
	}
	n.slow = (bulk - burst) * time.Second / bytesPerSecond
}

// lose has the router drop each twelfth segment of TCP and each second datagram
// of UDP, the first one to begin with, until the test ends. Lost counts those of a
// protocol.
func (n *internet) lose(t *testing.T) (lost func(protocol string) int) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("it takes nftables: ", err)
	}
	_, err := n.router.try(`nft add table inet lossy &&
		nft add chain inet lossy forward '{ type filter hook forward priority 0; }' &&
		nft add rule inet lossy forward meta l4proto tcp numgen inc mod 12 7 counter drop &&
		nft add rule inet lossy forward meta l4proto udp numgen inc mod 2 0 counter drop`)
	if err != nil {
		t.Skip("this kernel cannot count packets and drop them: ", err)
	}
	t.Cleanup(func() { n.router.sh(t, "nft delete table inet lossy") })
	return func(protocol string) int {
		m := regexp.MustCompile(protocol + ` .* packets (\d+)`).FindStringSubmatch(n.router.sh(t, "nft list table inet lossy"))
		if m == nil {
			t.Fatalf("nft shows no counter of %s", protocol)
		}
		count, _ := strconv.Atoi(m[1])
		return count
	}
}

// session returns a person at terminals where "./a COMMAND" runs a command on
// host a, ./b on host b and ./router on the router.
func (n *internet) session(t *testing.T, bin string) *session {
	t.Helper()
	s := newSession(t, bin)
	for name, h := range map[string]*host{"a": n.a, "b": n.b, "router": n.router} {
		script := "#!/bin/sh\nexec " + strings.Join(h.enter(), " ") + ` "$@"` + "\n"
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (n *internet) follow(t *testing.T, bin, transcript string) {
	t.Helper()
	n.session(t, bin).follow(transcript)
}

// A host is a network namespace, which goes when no process is in it any more. So
// that none stays, it is a process namespace as well: that one's first process
// reads until this process ends, in whatever way, and then the kernel kills all
// others.
type host struct{ pid int }

func newHost(t *testing.T) *host {
	t.Helper()
	first := exec.Command("cat")
	first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID}
	end, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		end.Close()
		t.Skip("this root cannot make namespaces: ", err)
	}
	t.Cleanup(func() {
		end.Close()
		first.Wait()
	})
	h := &host{pid: first.Process.Pid}
	h.sh(t, "ip link set lo up")
	// An IPv6 address serves at once, without a look for others that have it.
	h.try("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad")
	return h
}

// wire joins the host to the router by a line that has the same name on both of
// its ends. No packet is longer than a frame, so that one that is slowed down or
// lost is not many at once.
func (h *host) wire(t *testing.T, name string, router *host) {
	t.Helper()
	h.sh(t, fmt.Sprintf(`ip link add name %[1]s gso_max_segs 1 type veth peer name %[1]s gso_max_segs 1 netns %[2]d &&
		ip link set dev %[1]s up`, name, router.pid))
	router.sh(t, "ip link set dev "+name+" up")
}

// enter is what a command of the host begins with.
func (h *host) enter() []string {
	return []string{"nsenter", "-t", strconv.Itoa(h.pid), "-n", "-p", "--"}
}

// sh runs a line of shell on the host's network and returns what it prints.
func (h *host) sh(t *testing.T, line string) string {
	t.Helper()
	out, err := h.try(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return out
}

// try is sh for what not every kernel can do.
func (h *host) try(line string) (string, error) {
	out, err := exec.Command("nsenter", "-t", strconv.Itoa(h.pid), "-n", "--", "sh", "-c", line).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return string(out), nil
}
