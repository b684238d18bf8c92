package httpd_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/ready"
	"xanadu/ipc/sock"
	"xanadu/web"
	"xanadu/web/httpd"
)

func TestMain(m *testing.M) {
	// Most tests wait most of the time. What is given on the command line goes
	// before this.
	flag.Set("test.parallel", "16")
	kit.Main(m)
}

// patience bounds what a test waits for something that is sure to happen, on
// whatever else the machine has to do.
const patience = 30 * time.Second

// pollers are the names of all that this system has.
func pollers() []string { return ready.Names() }

// each runs a test under every poller.
func each(t *testing.T, test func(t *testing.T, poller string)) {
	t.Parallel()
	for _, name := range pollers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name)
		})
	}
}

// A rig is a server that runs, on one loop if its options do not say otherwise.
type rig struct {
	*httpd.Server
	t        testing.TB
	at       addr.Addr
	log      *records
	troubles chan string // what Errorf was told
	ended    chan error  // what Serve returned
}

// start runs a server until the test ends, when it must have left nothing
// behind. It listens on a UNIX socket.
func start(t testing.TB, site web.Site, opt httpd.Options) *rig {
	t.Helper()
	a, err := addr.Path(addr.Unix, filepath.Join(kit.SocketDir(t), "s"))
	must(t, err)
	return startAt(t, a, site, opt)
}

// startTCP is start with a free port of the loopback.
func startTCP(t testing.TB, site web.Site, opt httpd.Options) *rig {
	t.Helper()
	return startAt(t, addr.MustParse("tcp:127.0.0.1:0"), site, opt)
}

func startAt(t testing.TB, a addr.Addr, site web.Site, opt httpd.Options) *rig {
	t.Helper()
	r := prepare(t, a, site, opt)
	r.serve(context.Background())
	return r
}

// prepare makes a server that does not run yet.
func prepare(t testing.TB, a addr.Addr, site web.Site, opt httpd.Options) *rig {
	t.Helper()
	ln, err := sock.Listen(a, &sock.Options{NoDelay: true})
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	r := &rig{t: t, at: ln.Addr(), log: newRecords(), troubles: make(chan string, 64), ended: make(chan error, 1)}
	if opt.Loops == 0 {
		opt.Loops = 1
	}
	if opt.Log == nil {
		opt.Log = r.log
	}
	opt.Errorf = func(format string, args ...any) {
		select {
		case r.troubles <- fmt.Sprintf(format, args...):
		default:
		}
	}
	r.Server, err = httpd.New(site, []*ipc.FD{ln.FD()}, &opt)
	must(t, err)
	return r
}

func (r *rig) serve(ctx context.Context) {
	go func() { r.ended <- r.Serve(ctx) }()
	r.t.Cleanup(func() {
		r.Shutdown(0)
		r.wait()
	})
}

// wait waits until Serve has returned, and wants no error of it.
func (r *rig) wait() {
	r.t.Helper()
	if err := await(r.t, r.ended, "the end of Serve"); err != nil {
		r.t.Errorf("Serve: %v", err)
	}
	r.ended <- nil // for who waits next
}

// barrier returns when the one loop has had whole turns, so that what it was
// sent before has been acted on and logged.
func (r *rig) barrier() {
	r.t.Helper()
	c := r.dial()
	c.write("GET " + barrier + " HTTP/1.0\r\n\r\n")
	c.all()
	c.Close()
}

// barrier is a path that no site has and no log shows.
const barrier = "/barrier"

func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

// never wants nothing to come for a moment.
func never[T any](t testing.TB, c <-chan T, what string) {
	t.Helper()
	select {
	case v := <-c:
		t.Errorf("%s: %v", what, v)
	case <-time.After(50 * time.Millisecond):
	}
}

// eventually waits for what no event tells of, as what other processes do.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	inTime(t, func() error {
		if !holds() {
			return fmt.Errorf("waited in vain for %s", what)
		}
		return nil
	})
}

// inTime calls try until it succeeds, for what a server may rightly refuse when
// the machine is too busy: a client or a program that stood still although it
// did not mean to. What a server never may do is not told by try's error.
func inTime(t testing.TB, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(pause)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A record is what the log was told of one request.
type record struct {
	line   string
	status int
	octets int64
}

func (r record) String() string { return fmt.Sprintf("%q %d %d", r.line, r.status, r.octets) }

// records is a log that keeps what it is told.
type records struct {
	mu    sync.Mutex
	more  sync.Cond
	turns [][]record // one element for each delivery
	next  chan []record
}

func newRecords() *records {
	l := new(records)
	l.more.L = &l.mu
	return l
}

func (l *records) Append(dst []byte, rec *web.Record) []byte {
	return fmt.Appendf(dst, "%q %d %d\n", rec.Line, rec.Status, rec.Bytes)
}

func (l *records) Deliver(lines []byte) {
	var turn []record
	for line := range strings.Lines(string(lines)) {
		var rec record
		quoted, err := strconv.QuotedPrefix(line)
		if err == nil {
			rec.line, err = strconv.Unquote(quoted)
		}
		if err == nil {
			_, err = fmt.Sscanln(line[len(quoted):], &rec.status, &rec.octets)
		}
		if err != nil {
			panic(fmt.Sprintf("Deliver(%q): %v", lines, err))
		}
		if !strings.HasPrefix(rec.line, "GET "+barrier) {
			turn = append(turn, rec)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turns = append(l.turns, turn)
	l.more.Broadcast()
	if l.next != nil && len(turn) > 0 {
		l.next <- turn
		l.next = nil
	}
}

// await waits for n records and returns all there are.
func (l *records) await(t testing.TB, n int) []record {
	t.Helper()
	late := time.AfterFunc(patience, l.more.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		all := slices.Concat(l.turns...)
		if len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d records, want %d: %v", len(all), n, all)
		}
		l.more.Wait()
	}
}

// deliveries returns the records of each turn so far.
func (l *records) deliveries() [][]record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.turns)
}

// change returns a channel that gets the next delivery which shows anything.
func (l *records) change() <-chan []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = make(chan []record, 1)
	return l.next
}

// forget empties the log.
func (l *records) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turns = nil
}

// want fails unless the log comes to hold these lines and no others.
func (l *records) want(t testing.TB, lines ...string) {
	t.Helper()
	var got []string
	for _, rec := range l.await(t, len(lines)) {
		got = append(got, rec.String())
	}
	if !slices.Equal(got, lines) {
		t.Errorf("log:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// A quietLog formats lines and drops them.
type quietLog struct{ httpd.Log }

func (*quietLog) Append(dst []byte, rec *web.Record) []byte {
	return append(append(dst, rec.Line...), '\n')
}
func (*quietLog) Deliver([]byte) {}
