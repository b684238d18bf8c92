// Sws is a simple web server: it serves the documents of one directory over
// HTTP, as a daemon unless told otherwise. "sws -h" lists its flags.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"

	"xanadu/ipc/proc"
	"xanadu/web/accesslog"
	"xanadu/web/cgi"
	"xanadu/web/httpd"
	"xanadu/web/site"
)

const version = "0.1.0"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command, from its arguments to its exit status: 0, 1 for a
// failure, 2 for a command line that cannot be understood or asks for what no
// option takes.
func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	s, err := parse(args)
	switch {
	case err != nil:
	case s.help:
		_, err = io.WriteString(stdout, usage())
	case s.version:
		_, err = fmt.Fprintln(stdout, "sws", version)
	case s.completion != "":
		_, err = io.WriteString(stdout, completion(s.completion))
	case s.stop:
		err = stop(s.pidFile)
	case s.debug > 0:
		err = serve(s, stdout, stderr, s.announcer(stderr, stderr)) // stdout is all log
	case s.foreground:
		err = serve(s, stdout, stderr, s.announcer(stdout, stderr))
	case !isDaemon():
		return launch(s, s.daemonArgs(args), stdout, stderr)
	default:
		d := becomeDaemon()
		stderr = d
		err = serve(s, io.Discard, d, d.ready)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "sws: %s\n", oneLine(err.Error()))
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

// serve opens what s names, tells ready where it listens, and serves until a
// signal ends it. What it opened is closed when it returns.
func serve(s *settings, stdout, stderr io.Writer, ready func(at []string) error) (err error) {
	surviveBrokenPipes()
	complaints := complainTo(stderr)
	defer complaints.end()

	var pid *pidFile
	if s.pidFile != "" {
		if pid, err = createPIDFile(s.pidFile); err != nil {
			return err
		}
		defer pid.remove()
	}

	docs, err := site.New(s.dir, &site.Options{
		DirsFirst:   s.dirsFirst,
		Users:       !s.noUsers,
		UserDir:     s.userDir,
		FollowLinks: s.followLinks,
		Programs:    s.cgi,

		ProgramLinks: s.cgiLinks,
		Errorf:       complaints.errorf,
	})
	if err != nil {
		return err
	}
	defer docs.Close()

	if s.cgi != "" {
		limits := s.programLimits()
		if err := limits.Check(); err != nil {
			complaints.errorf("-c %s: every program will be answered for with 500, since its limits cannot be set: %v; allow that call where this server is confined", s.cgi, err)
		}
	}

	release, err := s.adoptOrphans()
	if err != nil {
		complaints.errorf("%v: what CGI programs leave behind may not be found, nor be reaped", err)
	}
	defer release()

	log, err := s.openLog(stdout, complaints.errorf)
	if err != nil {
		return err
	}
	if log != nil {
		defer func() { err = errors.Join(err, log.Close()) }()
	}

	sockets, err := listen(s.addresses, s.port, s.socketOptions())
	if err != nil {
		return err
	}
	defer sockets.close()

	loops := cmp.Or(s.loops, runtime.GOMAXPROCS(0))
	memory := memoryFor(s.cacheSize, limitOfGroup())
	memory.apply()
	opt := s.serverOptions(loops, memory, log, complaints.errorf)
	if s.debug > 1 {
		opt.Trace = &accesslog.Trace{Root: s.dir, Color: colorful(stdout)}
	}
	opt.Draining, opt.Drained = sockets.drain, sockets.close
	server, err := httpd.New(docs, sockets.descriptors(), opt)
	if err != nil {
		return err
	}
	// One more than the loops: while a loop is busy, what it hands to others is
	// begun by another thread at once, not when the loop pauses. Not before New,
	// which reads the number of cores from it.
	runtime.GOMAXPROCS(loops + 1)
	hangUp := telling(func() { reopen(docs, log, complaints.errorf) }, func() {
		complaints.errorf("SIGHUP: a file system does not respond; the old log and the old directories are used until it does")
	})
	signals := obey(server, hangUp, func(status int) {
		complaints.errorf("the end takes too long, as when a file system does not respond: the rest is left undone")
		complaints.end()
		pid.remove()
		os.Exit(status)
	})
	defer signals.release()

	here, err := hostAddresses()
	if err != nil {
		complaints.errorf("the addresses of this host cannot be listed: %v; only those of the loopback interface are shown", err)
	}
	if err := ready(sockets.urls(here)); err != nil {
		server.Shutdown(0)
		return errors.Join(err, server.Serve(context.Background()))
	}
	return errors.Join(server.Serve(context.Background()), signals.verdict())
}

// reopen does what SIGHUP asks for. It may block for as long as a file system
// does.
func reopen(docs *site.Site, log *accesslog.Log, errorf func(string, ...any)) {
	if log != nil {
		if err := log.Reopen(); err != nil {
			errorf("%v; the old file is written on", err)
		}
	}
	if err := docs.Reopen(); err != nil {
		errorf("%v", err)
	}
}

// adoptOrphans has what programs leave behind come to this process, which finds it
// then when it is to be ended, and reaps it. As process 1 of a container this process
// gets all orphans there are, and is the only one to reap them. The caller calls
// release.
func (s *settings) adoptOrphans() (release func(), err error) {
	release = func() {}
	if s.cgi == "" && os.Getpid() != 1 {
		return release, nil
	}
	stop, err := proc.AdoptOrphans()
	switch {
	case err == nil:
		release = stop
	case errors.Is(err, errors.ErrUnsupported):
		err = nil
	}
	return release, err
}

// openLog opens the log that s asks for, nil when it asks for none.
func (s *settings) openLog(stdout io.Writer, errorf func(string, ...any)) (*accesslog.Log, error) {
	opt := &accesslog.Options{Errorf: errorf}
	if s.logFormat != "" {
		var err error
		if opt.Format, err = accesslog.ParseFormat(s.logFormat); err != nil {
			return nil, err
		}
	}
	switch s.log {
	case "":
		return nil, nil
	case "-":
		return accesslog.New(stdout, "on stdout", opt), nil
	}
	log, err := accesslog.Open(s.log, opt)
	if err != nil {
		return nil, fmt.Errorf("%w; name a file that can be written with -l", err)
	}
	return log, nil
}

// colorful reports whether w is a terminal whose user has nothing against
// colours: TERM says what it is, and NO_COLOR that there are to be none
// (no-color.org).
func colorful(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
}

func (s *settings) serverOptions(loops int, memory memory, log *accesslog.Log, errorf func(string, ...any)) *httpd.Options {
	opt := &httpd.Options{
		Poller:         s.poller,
		Loops:          loops,
		MaxConnections: s.maxConnections,
		CacheSize:      memory.cache,
		Idle:           debug.FreeOSMemory,
		IdleTimeout:    s.idleTimeout,
		HeadTimeout:    s.headTimeout,
		ContentTimeout: s.contentTimeout,
		AnswerTimeout:  s.answerTimeout,
		ReplyTimeout:   s.replyTimeout,
		OneAtATime:     s.debug > 0,
		TrustProxy:     s.trustProxy,
		Server:         "sws/" + version,
		Errorf:         errorf,
	}
	if s.cgi != "" {
		opt.Programs = s.programOptions()
	}
	if log != nil { // a nil *Log would be a Log that is not nil
		opt.Log = log
	}
	return opt
}

func (s *settings) programLimits() cgi.Limits {
	return cgi.Limits{CPU: s.cgiCPU, Memory: s.cgiMemory, NoSetID: s.noSetID}
}

// programOptions says how CGI programs are run. Of this process's environment
// they get PATH, and what --cgi-env names.
func (s *settings) programOptions() *httpd.ProgramOptions {
	var inherit []string
	for _, name := range append([]string{"PATH"}, s.cgiEnv...) {
		if value, ok := os.LookupEnv(name); ok && !slices.Contains(inherit, name+"="+value) {
			inherit = append(inherit, name+"="+value)
		}
	}
	return &httpd.ProgramOptions{
		Gateway: cgi.Gateway{
			Software:      "sws/" + version,
			Inherit:       inherit,
			Authorization: s.cgiAuth,
			Indexed:       s.cgiArgs,
		},
		Limits:    s.programLimits(),
		AtOnce:    s.cgiMax,
		Silence:   s.cgiTimeout,
		MaxOutput: s.cgiOutput,
		MaxSpool:  s.cgiContent,
		SpoolDir:  temporaryDir(),
	}
}

// temporaryDir is where TMPDIR has temporary files, "/tmp" without it. Its path
// is absolute, since a daemon changes its working directory.
func temporaryDir() string {
	dir, err := filepath.Abs(os.TempDir())
	if err != nil {
		return os.TempDir()
	}
	return dir
}
