package httpd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/ipc/proc"
	"xanadu/web/httpd"
)

// leave is a script's line that starts another process by a shell's command and
// writes its number to a file, with the request's query in its name.
func leave(how, redirections string) string {
	return how + ` sh -c 'echo $$ >"$DIR/left'"$QUERY_STRING"'"; exec sleep 1000' ` + redirections + ` & `
}

// wayward are the ways for a process to leave the one that started it, alone or
// for good. timeout(1) makes itself a group.
var wayward = map[string]string{
	"in the group":     leave("", "%s"),
	"its own group":    leave("timeout 1000", "%s"),
	"its own session":  leave("setsid", "%s"),
	"orphan, group":    `(` + leave("timeout 1000", "%s") + `); `,
	"orphan, session":  `(` + leave("setsid", "%s") + `); `,
	"orphan of orphan": `(setsid sh -c '(setsid sh -c "echo \$\$ >\"\$DIR/left$QUERY_STRING\"; exec sleep 1000" %s &) '); `,
}

// alive reports whether the process whose number a file holds runs.
func (s *stage) alive(file string) (pid int, runs bool) {
	s.t.Helper()
	pid, err := strconv.Atoi(s.awaitFile(file))
	must(s.t, err)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return pid, err == nil && !strings.Contains(string(stat), ") Z ")
}

func adoptOrphans(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid(1) is not installed")
	}
	stop, err := proc.AdoptOrphans()
	must(t, err)
	t.Cleanup(stop)
}

// wantReaped waits until nobody's children are left.
func wantReaped(t *testing.T) {
	t.Helper()
	eventually(t, "all orphans are reaped", func() bool {
		lists, _ := filepath.Glob("/proc/self/task/*/children")
		for _, name := range lists {
			if list, _ := os.ReadFile(name); len(list) > 0 {
				return false
			}
		}
		return true
	})
}

// TestProgramLeavesJobs: what a program has left when it has ended in order lives,
// when it holds none of the program's pipes, and it keeps no place. What holds one
// is ended, and it alone.
func TestProgramLeavesJobs(t *testing.T) {
	adoptOrphans(t)
	scripts := make(map[string]string)
	name := strings.NewReplacer(" ", "-", ",", "").Replace
	for how, line := range wayward {
		scripts[name(how)] = plainHead + fmt.Sprintf(line, `</dev/null >/dev/null 2>&1`) + `until [ -s "$DIR/left$QUERY_STRING" ]; do :; done; echo done`
		scripts["holds-"+name(how)] = plainHead + strings.ReplaceAll(fmt.Sprintf(line, `</dev/null >/dev/null`), "left", "holds") +
			strings.ReplaceAll(fmt.Sprintf(line, `</dev/null >/dev/null 2>&1`), "left", "bare") +
			`until [ -s "$DIR/holds$QUERY_STRING" ] && [ -s "$DIR/bare$QUERY_STRING" ]; do :; done; echo done; exit 7`
	}
	scripts["nohup"] = plainHead + leave("nohup", `</dev/null >/dev/null 2>&1`) + `until [ -s "$DIR/left$QUERY_STRING" ]; do :; done; echo done`
	s := play(t, scripts, httpd.Options{Programs: &httpd.ProgramOptions{AtOnce: 3}})
	c := s.dial()
	for script := range scripts {
		if p := c.run("/cgi-bin/" + script + "?" + script); p.body != "done\n" || p.StatusCode != 200 || p.cut != nil {
			t.Errorf("%s: %d %q, %v", script, p.StatusCode, p.body, p.cut)
		}
	}
	eventually(t, "all places are free", func() bool { return httpd.FreePlaces(s.Server) == 3 })
	for script := range scripts {
		lives := []string{"left" + script}
		if strings.HasPrefix(script, "holds") {
			lives = []string{"bare" + script}
			eventually(t, "who holds a pipe has ended: "+script, func() bool { _, runs := s.alive("holds" + script); return !runs })
		}
		for _, file := range lives {
			pid, runs := s.alive(file)
			if !runs {
				t.Errorf("%s has ended", file)
				continue
			}
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	s.wantNone()
	wantReaped(t)
}

// TestProgramEndsAll: when the client goes away, or the time is up, all that belongs
// to a program is ended, and whoever has one of its pipes, in whatever group and
// session, and the place is free again.
func TestProgramEndsAll(t *testing.T) {
	adoptOrphans(t)
	scripts := make(map[string]string)
	name := strings.NewReplacer(" ", "-", ",", "").Replace
	for how, line := range wayward {
		begin := plainHead + `echo begun; ` + fmt.Sprintf(line, "")
		scripts["output-"+name(how)] = plainHead + `echo begun; ` + fmt.Sprintf(line, "</dev/null 2>/dev/null") + `sleep 1000`
		scripts["waits-"+name(how)] = begin + `wait; sleep 1000`
		scripts["stubborn-"+name(how)] = `trap '' TERM; ` + begin + `while :; do sleep 1; done`
		scripts["ends-"+name(how)] = begin + `exit 0`
	}
	for _, way := range []string{"closes", "waits", "shutdown"} {
		t.Run(way, func(t *testing.T) {
			opt := httpd.ProgramOptions{AtOnce: len(scripts), Grace: 100 * time.Millisecond}
			if way == "waits" {
				opt.Silence = time.Second
			}
			s := play(t, scripts, httpd.Options{Programs: &opt})
			var clients []*client
			for script := range scripts {
				c := s.dial()
				c.write(request("GET", "/cgi-bin/"+script+"?"+script))
				clients = append(clients, c)
			}
			for script := range scripts {
				s.alive("left" + script)
			}
			began := time.Now()
			switch way {
			case "closes":
				for _, c := range clients {
					c.Close()
				}
			case "waits":
				for _, c := range clients {
					if p := c.result("GET"); p.cut == nil {
						t.Errorf("%d %q is whole", p.StatusCode, p.body)
					}
				}
			case "shutdown":
				s.Shutdown(0)
				s.wait()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the end took %v", took)
				}
			}
			s.wantNone()
			if way != "shutdown" {
				eventually(t, "all places are free", func() bool { return httpd.FreePlaces(s.Server) == len(scripts) })
			}
			wantReaped(t)
		})
	}
}
