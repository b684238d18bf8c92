package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"xanadu/ipc/addr"
	"xanadu/ipc/ready"
	"xanadu/ipc/sock"
	"xanadu/web"
	"xanadu/web/accesslog"
	"xanadu/web/cgi"
)

const (
	defaultPort = 8080 // the manual's

	// maxLoops and maxMaxConnections are beyond any machine's cores and any
	// process's descriptors (fs.nr_open is 2^20 by default): they only keep a
	// slip of the finger from being obeyed.
	maxLoops          = 1024
	maxMaxConnections = 1 << 24
	maxPrograms       = 1 << 16

	// minContent is what is held in memory before any file is made, and
	// minMemory less than what the smallest shell needs: a smaller bound would
	// have no effect, or nothing would run.
	minContent = 64 << 10
	minMemory  = 1 << 20

	// minTime is the shortest time that the server measures: a tick of its
	// loops. maxTime is beyond what anybody waits for.
	minTime = 100 * time.Millisecond
	maxTime = 24 * time.Hour
)

// settings is the command line, understood. Its paths are absolute, since a
// daemon changes its working directory.
type settings struct {
	dir            string      // or a file
	addresses      []addr.Addr // of -i, their ports not set; none: every address
	port           uint16
	socketMode     fs.FileMode // 0: the umask's
	socketOwner    *sock.Owner // nil: this process's
	trustProxy     web.Proxies
	log            string   // "" for none, "-" for stdout
	logFormat      string   // "" for the manual's own
	cgi            string   // "": no programs
	cgiEnv         []string // names of variables
	cgiAuth        bool
	cgiArgs        bool
	followLinks    bool
	cgiLinks       bool
	noSetID        bool
	cgiMax         int           // 0: some per core
	cgiTimeout     time.Duration // this and the next four: 0: the server's own
	cgiContent     int64         // octets
	cgiOutput      int64         // octets; -1: no limit
	cgiCPU         time.Duration // -1: no limit
	cgiMemory      int64         // octets; -1: no limit
	debug          int           // how often -d was given: 1 for debugging, more to see the heads
	foreground     bool
	qr             bool
	pidFile        string // "": none
	stop           bool   // the server of pidFile, rather than to serve
	noUsers        bool
	userDir        string // "" for the manual's own
	dirsFirst      bool
	poller         string        // "": the best
	loops          int           // 0: one per core
	cacheSize      int64         // octets; 0: the default
	maxConnections int           // 0: what the limit of open files allows
	idleTimeout    time.Duration // these four: 0: the server's own
	headTimeout    time.Duration
	contentTimeout time.Duration
	answerTimeout  time.Duration
	replyTimeout   time.Duration
	help           bool
	completion     string // the shell whose completions are to be printed, or ""
	version        bool
}

// A usageError is a command line that cannot be understood, or a value that no
// option takes: exit status 2. It says what to do.
type usageError struct{ problem string }

func (e usageError) Error() string { return e.problem }

// misuse returns a usageError of a command line whose remedy is to read how it is
// to be.
func misuse(problem string) usageError { return usageError{problem + "; sws -h shows the usage"} }

// parse reads the command line, without the name of the command.
func parse(args []string) (*settings, error) {
	s := &settings{port: defaultPort}
	flags := s.flags()
	if err := flags.Parse(args); err != nil {
		return nil, explain(err, flags, args)
	}
	if arg := passedOver(args); arg != "" {
		return nil, misuse("unknown option " + arg)
	}
	switch {
	case s.help || s.version || s.completion != "":
		return s, nil
	case flags.NArg() > 1:
		return nil, tooMany(flags, args)
	case s.stop && s.pidFile == "":
		return nil, misuse("--stop: name the file of the server with --pid-file")
	case s.stop && flags.NArg() > 0:
		return nil, misuse("--stop: a server is ended by its --pid-file, not by what it serves")
	case s.stop:
		return s, nil
	case s.debug < 0:
		return nil, usageError{fmt.Sprintf("-d: a number from 0 on is wanted, not %d", s.debug)}
	case s.log == "-" && s.debug == 0 && !s.foreground:
		return nil, misuse("-l -: a daemon has no stdout; name a file, or add -f")
	case s.logFormat != "" && s.log == "" && s.debug == 0:
		return nil, misuse("--log-format: there is no log; name its file with -l")
	case (s.socketMode != 0 || s.socketOwner != nil) && !hasSocketFile(s.addresses):
		return nil, misuse("--socket-mode and --socket-group: there is no socket file; name one with -i unix:/path")
	case s.cgi == "" && (s.cgiEnv != nil || s.cgiAuth || s.cgiArgs || s.cgiLinks || s.noSetID || s.cgiMax > 0 || s.cgiTimeout > 0 ||
		s.cgiContent != 0 || s.cgiOutput != 0 || s.cgiCPU != 0 || s.cgiMemory != 0):
		return nil, misuse("there are no programs; name their directory with -c")
	case s.userDir != "" && s.noUsers:
		return nil, misuse("--user-dir and --no-users exclude each other")
	}
	if s.debug > 0 {
		s.log = "-"
	}
	var err error
	dir := "."
	if flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	if s.dir, err = absolute(dir); err != nil {
		return nil, err
	}
	if s.log != "" && s.log != "-" {
		if s.log, err = absolute(s.log); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// A group is the flags of one purpose, in the order in which the usage and the
// manual have them.
type group struct {
	title string
	flags *pflag.FlagSet
}

// groups returns all flags; parsing them fills in s. What stands in back quotes
// is the name of an operand, by which completions know a file and a dir.
func (s *settings) groups() []group {
	return []group{
		{"Basic options", s.basicFlags()},
		{"Lists and user directories", s.listFlags()},
		{"Programs", s.programFlags()},
		{"Log", s.logFlags()},
		{"Tuning", s.tuningFlags()},
	}
}

// flags returns the flags of all groups.
func (s *settings) flags() *pflag.FlagSet {
	all := newFlags()
	for _, g := range s.groups() {
		all.AddFlagSet(g.flags)
	}
	return all
}

func newFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("sws", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {}
	return flags
}

func (s *settings) basicFlags() *pflag.FlagSet {
	flags := newFlags()
	flags.BoolVarP(&s.foreground, "foreground", "f", false, "stay in the foreground, print where it listens")
	flags.FuncP("port", "p", "listen on this `port` (default: 8080; 0: any free one)", func(text string) (err error) {
		s.port, err = addr.ParsePort(text)
		return err
	})
	flags.FuncP("address", "i", "listen on an IP `address`, a host name or unix:/path; may be given repeatedly (default: all addresses)", func(text string) error {
		a, err := listenAddress(text)
		s.addresses = append(s.addresses, a)
		return err
	})
	flags.SetAnnotation("address", repeats, nil)
	flags.CountVarP(&s.debug, "debug", "d", "log to stdout, one connection at a time (-dd: heads)")
	flags.SetAnnotation("debug", repeats, nil)
	flags.BoolVar(&s.qr, "qr", false, "on a terminal, draw the network's URL as a QR code")
	flags.Func("pid-file", "write the process id to this `file` while serving", func(file string) (err error) {
		if file == "" {
			return errors.New("name a file")
		}
		s.pidFile, err = filepath.Abs(file)
		return err
	})
	flags.BoolVar(&s.stop, "stop", false, "end the server of --pid-file, and wait for its end")
	flags.Func("socket-mode", "the `mode` of the file of unix:/path, as 0660", socketMode(&s.socketMode))
	flags.Func("socket-group", "the `group` of that file", socketGroup(&s.socketOwner))
	flags.Func("trust-proxy", "take the client's address from the `proxy` at unix, an IP address or prefix (10.0.0.0/8); may be given repeatedly", func(text string) error {
		return addProxy(&s.trustProxy, text)
	})
	flags.SetAnnotation("trust-proxy", repeats, nil)
	choice(flags, &s.completion, "completion", "print completions for this `shell`: ", shellNames())
	flags.BoolVarP(&s.help, "help", "h", false, "print this text")
	flags.BoolVar(&s.version, "version", false, "print the version")
	return flags
}

func (s *settings) listFlags() *pflag.FlagSet {
	flags := newFlags()
	flags.BoolVar(&s.dirsFirst, "dirs-first", false, "list directories before files")
	flags.BoolVar(&s.followLinks, "follow-links", false, "follow links out of dir to what their owner owns")
	flags.BoolVar(&s.noUsers, "no-users", false, "serve no user directories, as /~user/")
	flags.Func("user-dir", "the `name` of such a directory in a home (default: sws)", func(name string) error {
		if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
			return fmt.Errorf("a path that leads into a home is wanted, not %q", name)
		}
		s.userDir = name
		return nil
	})
	return flags
}

func (s *settings) programFlags() *pflag.FlagSet {
	flags := newFlags()
	flags.FuncP("cgi", "c", "run CGI programs from `dir`, as /cgi-bin/", func(dir string) (err error) {
		if dir == "" {
			return errors.New("name a directory")
		}
		s.cgi, err = filepath.Abs(dir)
		return err
	})
	flags.Func("cgi-env", "give programs the variable of that `name`, if it is set", func(name string) error {
		s.cgiEnv = append(s.cgiEnv, name)
		return cgi.Inheritable(name)
	})
	flags.SetAnnotation("cgi-env", repeats, nil)
	flags.BoolVar(&s.cgiAuth, "cgi-auth", false, "show programs Authorization, and passwords in it")
	flags.BoolVar(&s.cgiArgs, "cgi-args", false, "make a program's arguments of a query without \"=\"")
	flags.Func("cgi-max", "run `n` programs at once (default: 4 per core)", counter(&s.cgiMax, maxPrograms))
	flags.Func("cgi-timeout", "end programs that are silent for this `time` (60s)", duration(&s.cgiTimeout))
	flags.Func("cgi-content", "gather this `size` of content before a start (8M)", sizeFrom(&s.cgiContent, minContent))
	flags.Func("cgi-output", "end programs that write more than this `size` (1G)", orNone(&s.cgiOutput, sizeFrom(&s.cgiOutput, 1)))
	flags.Func("cgi-cpu", "give a process this `time` of the processor (60s)", orNone(&s.cgiCPU, duration(&s.cgiCPU)))
	flags.Func("cgi-memory", "give a process this `size` of memory (2G)", orNone(&s.cgiMemory, sizeFrom(&s.cgiMemory, minMemory)))
	flags.BoolVar(&s.cgiLinks, "cgi-links", false, "follow root's and its owner's links out of the dir of -c")
	flags.BoolVar(&s.noSetID, "no-setid", false, "let no program become another user or group")
	return flags
}

func (s *settings) logFlags() *pflag.FlagSet {
	flags := newFlags()
	flags.FuncP("log", "l", "append a line for each request to `file`; \"-\": stdout", func(file string) error {
		if file == "" {
			return errors.New("name a file")
		}
		s.log = file
		return nil
	})
	choice(flags, &s.logFormat, "log-format", "the `format` of the log: ", accesslog.FormatNames())
	return flags
}

func (s *settings) tuningFlags() *pflag.FlagSet {
	flags := newFlags()
	flags.Func("loops", "`n` event loops, a thread each (default: one per core)", counter(&s.loops, maxLoops))
	flags.Func("cache-size", "keep documents in memory of this `size` (22M)", sizeFrom(&s.cacheSize, minCacheSize))
	flags.Func("max-connections", "hold `n` at once (default: what ulimit -n allows)", counter(&s.maxConnections, maxMaxConnections))
	flags.Func("idle-timeout", "close connections idle for this `time` (75s)", duration(&s.idleTimeout))
	flags.Func("head-timeout", "refuse heads not complete after this `time` (20s)", duration(&s.headTimeout))
	flags.Func("content-timeout", "close when content takes this `time` (30s)", duration(&s.contentTimeout))
	flags.Func("answer-timeout", "wait for a file system for this `time` (10s)", duration(&s.answerTimeout))
	flags.Func("reply-timeout", "end replies that stand still for this `time` (30s)", duration(&s.replyTimeout))
	choice(flags, &s.poller, "poller", "the `call` to wait with: ", ready.Names())
	return flags
}

// Annotations of flags, for their completion.
const (
	choices = "choices" // the names of which the operand is one
	repeats = "repeats" // more than one such flag says more than one
)

// choice adds a flag whose operand is one of names, which end its usage; the
// first is what it is without the flag, if anything.
func choice(flags *pflag.FlagSet, set *string, name, usage string, names []string) {
	last := len(names) - 1
	usage += strings.Join(names[:last], ", ") + " or " + names[last]
	flags.Func(name, usage, func(text string) error {
		if !slices.Contains(names, text) {
			return fmt.Errorf("%q is none of %s%s", text, strings.Join(names, ", "), didYouMean(text, names...))
		}
		*set = text
		return nil
	})
	flags.SetAnnotation(name, choices, names)
}

// counter returns a function that reads a number from 1 to limit into n.
func counter(n *int, limit int) func(string) error {
	return func(text string) error {
		count, err := strconv.ParseUint(text, 10, 32)
		if err != nil || count < 1 || count > uint64(limit) {
			return fmt.Errorf("a number from 1 to %d is wanted, not %q", limit, text)
		}
		*n = int(count)
		return nil
	}
}

// duration returns a function that reads a time from minTime to maxTime into d.
func duration(d *time.Duration) func(string) error {
	return func(text string) error {
		t, err := time.ParseDuration(text)
		switch {
		case err != nil || t <= 0:
			return fmt.Errorf("a time as 90s or 5m is wanted, not %q", text)
		case t < minTime || t > maxTime:
			return fmt.Errorf("a time from 100ms to 24h is wanted, not %q", text)
		}
		*d = t
		return nil
	}
}

// sizeFrom returns a function that reads a size of at least least octets into n.
func sizeFrom(n *int64, least int64) func(string) error {
	return func(text string) error {
		size, err := parseSize(text)
		if err == nil && size < least {
			err = fmt.Errorf("a size from %dK on is wanted, not %q", least>>10, text)
		}
		if err == nil {
			*n = size
		}
		return err
	}
}

// orNone returns a function that makes set -1 for "none" and has read read the
// rest.
func orNone[T int64 | time.Duration](set *T, read func(string) error) func(string) error {
	return func(text string) error {
		if text == "none" {
			*set = -1
			return nil
		}
		if err := read(text); err != nil {
			return fmt.Errorf("%w; \"none\" is no limit%s", err, didYouMean(text, "none"))
		}
		return nil
	}
}

// absolute is filepath.Abs, which would take "" for the working directory.
func absolute(path string) (string, error) {
	if path == "" {
		return "", misuse("what to serve has an empty name")
	}
	return filepath.Abs(path)
}
