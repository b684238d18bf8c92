//go:build unix

package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testCalls holds what strace(1) shows of the programs against what their source
// says: no call that talks to others is hidden, and none is missing.
func testCalls(t *testing.T, bin string) {
	if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v %s", err, out)
	}
	const listen = "socket setsockopt setsockopt bind getsockname listen "
	for _, test := range []struct {
		program, transcript string
		want                string // a pattern: a server may come to its next wait, or not
	}{
		{"udgramread", `1$ TRACE ./udgramread
socket --> socket
2$ ./udgramsend socket
--> The sea is calm tonight, the tide is full...
1$
`, "socket bind getsockname recvfrom"},
		{"udgramsend", `2$ ./udgramread
socket --> socket
1$ TRACE ./udgramsend socket
--> The sea is calm tonight, the tide is full...
1$
`, "socket sendto"},
		{"dgramread", `1$ TRACE ./dgramread
Socket has port #64293
2$ ./dgramsend 127.0.0.1 64293
--> The sea is calm tonight, the tide is full...
1$
`, "socket setsockopt bind getsockname recvfrom"},
		{"dgramsend", `1$ TRACE ./dgramsend 127.0.0.1 9
1$
`, "socket sendto"},
		{"streamread", `1$ TRACE ./streamread
Socket has port #65398
2$ ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
1< ^C
1$
`, listen + "accept4 recvfrom recvfrom( accept4)*"},
		{"streamwrite", `2$ ./streamread
Socket has port #65398
1$ TRACE ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
1$
`, "socket connect sendto"},
		{"strchkread", `1$ TRACE ./strchkread
Socket has port #65398
2$ ./streamwrite 127.0.0.1 65398
--> Half a league, half a league . . .
Ending connection
1< ^C
1$
`, listen + "pselect6 accept4 recvfrom recvfrom( pselect6)*"},
		{"socketpair", `1$ TRACE ./socketpair
78482 --> sending: In Xanadu, did Kubla Khan . . .
78483 --> sending: A stately pleasure dome decree . . .
78483 --> reading: In Xanadu, did Kubla Khan . . .
78482 --> reading: A stately pleasure dome decree . . .
1$
`, "socketpair sendto sendto recvfrom recvfrom"},
		{"sockopt", `1$ TRACE ./sockopt SO_SNDLOWAT
SO_SNDLOWAT is 1 byte
does    minimum count for output
note    always 1 on Linux
1$
`, "socket getsockopt"},
		{"sockopt", `1$ TRACE ./sockopt SO_LINGER 2s
asked for 2s, kept 2s
1$
`, "socket setsockopt getsockopt"},
		{"multiplex", `1$ TRACE ./multiplex -how pselect ': >&2'
1 ends
1$
`, "pselect6"},
	} {
		t.Run(test.program, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, bin)
			trace := "strace -f -o calls -e signal=none -e trace=%network,pselect6"
			s.follow(strings.ReplaceAll(test.transcript, "TRACE", trace))
			calls, err := os.ReadFile(filepath.Join(s.dir, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllStringSubmatch(string(calls), -1) {
				got = append(got, m[1])
			}
			if list := strings.Join(got, " "); !regexp.MustCompile("^" + test.want + "$").MatchString(list) {
				t.Errorf("it calls %s, want %s\n%s", list, test.want, calls)
			}
			source, err := os.ReadFile(test.program + "/main.go")
			if err != nil {
				t.Fatal(err)
			}
			top, _, _ := strings.Cut(string(source), "\npackage main")
			if test.program == "strchkread" {
				top = strings.ReplaceAll(top, "those of streamread", listen+"recvfrom")
			}
			if test.program == "multiplex" {
				return // its calls stand in the file of each way
			}
			for _, call := range got {
				if !strings.Contains(top, call) {
					t.Errorf("the comment on top of main.go does not name %s", call)
				}
			}
		})
	}
}
