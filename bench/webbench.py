#!/usr/bin/env python3
"""Measures sws beside other web servers on the same files.

Every server runs pinned to one CPU and wrk(1) to another. The rounds are
interleaved, so that what disturbs the machine disturbs all, and the figures are
medians over the rounds:

  req/s       requests answered per second
  cpu us/req  CPU time per request, in microseconds, user and system, of all
              threads of all the server's processes: the figure to trust on a
              noisy machine
  p99 ms      what 99 of 100 requests took at most, in milliseconds
  PSS KiB     proportional memory of all the server's processes after the round

Files: /1k.html /10k.css /100k.bin /10m.bin, /dir/, which holds 200 files and no
index, and /many/ with 20,000 files of 300 B to 20 KB. CGI programs, compiled: /cgi-bin/hello, which does as little as can
be, and /cgi-bin/spin, which burns a tenth of a second.

Peers: nginx, lighttpd, h2o, caddy, and nethttp, the standard library's file
server. Floors, which answer the constant /1k.html and can do nothing else:
epoll (a bare loop in Go) and uring (a bare ring in C). What is not installed is
left out with a note.
With a CGI program for --path the servers are lighttpd (mod_cgi), busybox httpd
and sws.

  bench/webbench.py                               1 KiB, 64 connections kept alive
  bench/webbench.py --path /100k.bin --rounds 9
  bench/webbench.py --close                       a connection per request
  bench/webbench.py --header 'If-None-Match: "x"'
  bench/webbench.py --many                        20,000 files, asked for at random
  bench/webbench.py --log                         each server writes its access log
  bench/webbench.py --idle 5000                   memory of idle connections
  bench/webbench.py --path /cgi-bin/hello         a CGI program
  bench/webbench.py --flood 200                   1 KiB, alone and while 200 clients wait for programs
  bench/webbench.py --suite                       the figures that sws is built to reach
"""

import argparse
import contextlib
import dataclasses
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "127.0.0.1"
PEERS = ("nginx", "lighttpd", "h2o", "caddy", "nethttp", "busybox")
GATEWAYS = ("lighttpd", "busybox", "sws")
CGI = "/cgi-bin/"
FLOORS = ("epoll", "uring")
FLOOR_PATH = "/1k.html"
MANY = 20_000
MANY_SIZES = (300, 20_000)  # octets, from the smallest to the largest
MANY_KINDS = ("html", "css", "js", "txt", "png")


@dataclasses.dataclass(frozen=True)
class Load:
    """What wrk asks for."""
    path: str = FLOOR_PATH
    conns: int = 64
    close: bool = False
    headers: tuple = ()
    many: bool = False  # the files of /many/ at random, in place of path
    log: bool = False   # the servers write their access logs

    def title(self, args):
        what = f"{MANY:,} files of /many/ at random" if self.many else self.path
        kept = "a connection per request" if self.close else "kept alive"
        more = "".join(f", {h}" for h in self.headers) + (", access log" if self.log else "")
        return (f"{what}, {self.conns} connections, {kept}{more}; {args.rounds} rounds of {args.secs} s, "
                f"server on CPU {','.join(map(str, sorted(args.cpus)))}")


def parse_arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--path", default=FLOOR_PATH)
    ap.add_argument("--conns", type=int, default=64, help="connections of wrk (64)")
    ap.add_argument("--secs", type=int, default=3, help="seconds of a round (3)")
    ap.add_argument("--rounds", type=int, default=5, help="rounds of every server (5)")
    ap.add_argument("--close", action="store_true", help="Connection: close with every request")
    ap.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'", help="a field of every request")
    ap.add_argument("--many", action="store_true", help=f"ask for {MANY:,} files at random instead of --path")
    ap.add_argument("--log", action="store_true", help="each server writes its access log")
    ap.add_argument("--servers", metavar="A,B,...",
                    help="which servers, and in which order (all that can, but uring)")
    ap.add_argument("--sws", metavar="FILE", help="the sws to measure (built from ./cmd/sws)")
    ap.add_argument("--sws-args", default="", metavar="FLAGS", help="more flags for sws")
    ap.add_argument("--cpus", default="0", metavar="N,N,...", help="the CPUs of the server (0); wrk gets the first other one")
    ap.add_argument("--idle", type=int, default=0, metavar="N", help="hold N connections instead, and report memory per connection")
    ap.add_argument("--flood", type=int, default=0, metavar="N",
                    help="while N more clients than programs run ask for /cgi-bin/spin, measure --path, and without them")
    ap.add_argument("--suite", action="store_true", help="run all figures; exit 1 when sws misses one")
    ap.add_argument("--json", metavar="FILE", help="write the figures there too")
    args = ap.parse_args()
    args.cpus = {int(n) for n in args.cpus.split(",")}
    if args.servers is None:
        args.servers = ",".join(GATEWAYS if runs_programs(args) else (*(p for p in PEERS if p != "busybox"), "epoll", "sws"))
    args.servers = [s for s in args.servers.split(",") if s]
    unknown = set(args.servers) - {*PEERS, *FLOORS, "sws"}
    if unknown:
        ap.error(f"unknown server {', '.join(sorted(unknown))}")
    if args.conns < 1 or args.secs < 1 or args.rounds < 1 or args.idle < 0 or args.flood < 0:
        ap.error("--conns, --secs and --rounds must be 1 or more")
    others = sorted(os.sched_getaffinity(0) - args.cpus)
    if not args.cpus <= os.sched_getaffinity(0) or not others:
        ap.error("the server and wrk need CPUs of their own")
    args.client_cpu = others[0]
    args.load = Load(args.path, args.conns, args.close, tuple(args.header), args.many, args.log)
    return args


def runs_programs(args):
    return args.flood > 0 or args.path.startswith(CGI)


# The servers

@dataclasses.dataclass
class Server:
    name: str
    port: int
    command: list
    environment: dict = dataclasses.field(default_factory=dict)
    log: str = ""
    process: subprocess.Popen = None


def make_site(root):
    """Writes the document root."""
    files = {
        "1k.html": b"<p>0001</p>\n" * 85 + b"xxxx",
        "index.html": b"<h1>hello</h1>\n",
        "10k.css": b"body { color: #333 }\n" * 500,
        "100k.bin": os.urandom(100 << 10),
        "10m.bin": os.urandom(10 << 20),
    }
    os.makedirs(f"{root}{CGI}")
    files.update({f"dir/file-{i:03}.txt": b"x" * i for i in range(200)})
    os.makedirs(f"{root}/dir")
    for name, content in files.items():
        with open(f"{root}/{name}", "wb") as f:
            f.write(content)


def make_many(root):
    """Writes the files of /many/, the same ones each time, and returns their paths."""
    chance = random.Random(1)
    line = b"In Xanadu did Kubla Khan a stately pleasure-dome decree\n"
    text = line * (MANY_SIZES[1] // len(line) + 1)
    os.makedirs(f"{root}/many")
    paths = []
    for i in range(MANY):
        kind = MANY_KINDS[i % len(MANY_KINDS)]
        size = chance.randint(*MANY_SIZES)
        paths.append(f"/many/{i:05}.{kind}")
        with open(root + paths[-1], "wb") as f:
            f.write(chance.randbytes(size) if kind == "png" else text[:size])
    return paths


# Each request is put together once, so that wrk has little to do but send it.
MANY_SCRIPT = """
local requests = {}
function init(args)
	math.randomseed(1)
	for path in io.lines("%s") do
		requests[#requests + 1] = wrk.format("GET", path)
	end
end
function request()
	return requests[math.random(#requests)]
end
"""


def make_programs(root):
    """Compiles the CGI programs, if that can be done."""
    for name, source in (("hello", "cgi.c"), ("spin", "spin.c")):
        try:
            subprocess.run(["cc", "-O2", "-o", f"{root}{CGI}{name}", f"{HERE}/floor/{source}"], check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as e:
            print(f"no CGI programs: {e}", file=sys.stderr)
            return


def prepare(args, work):
    """Writes what is served, and builds and configures the servers asked for; returns those that can run."""
    root = f"{work}/www"
    make_site(root)
    if runs_programs(args):
        make_programs(root)
    if args.many or args.suite:
        paths = write(f"{work}/many.txt", "".join(path + "\n" for path in make_many(root)))
        args.script = write(f"{work}/many.lua", MANY_SCRIPT % paths)
    return commands(args, work, root)


def commands(args, work, root):
    """Configures the servers asked for; returns those that can run."""
    workers = str(len(args.cpus))
    servers = []
    for name, port in zip(args.servers, free_ports(len(args.servers))):
        try:
            command = COMMANDS[name](args, work, root, port, workers)
        except (FileNotFoundError, subprocess.CalledProcessError) as e:
            print(f"{name}: left out: {e}", file=sys.stderr)
            continue
        if shutil.which(command[0]) is None:
            print(f"{name}: left out: {command[0]} is not installed", file=sys.stderr)
            continue
        servers.append(Server(name, port, command, {"GOMAXPROCS": workers, "HOME": work}, f"{work}/{name}.log"))
    return servers


def free_ports(n):
    """Numbers of n ports that nobody uses at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(n)]
        return [s.getsockname()[1] for s in sockets]


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def nginx(args, work, root, port, workers):
    return ["nginx", "-c", write(f"{work}/nginx.conf", f"""
worker_processes {workers}; daemon off; pid {work}/nginx.pid; error_log /dev/null;
events {{ worker_connections 16000; }}
http {{
	access_log {f"{work}/nginx-access.log combined buffer=64k flush=1s" if args.log else "off"}; sendfile on; tcp_nopush on; autoindex on;
	keepalive_requests 1000000000;
	open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
	types {{ text/html html; text/css css; }}
	server {{ listen {HOST}:{port} backlog=4096; root {root}; }}
}}
""")]


def lighttpd(args, work, root, port, workers):
    return ["lighttpd", "-D", "-f", write(f"{work}/lighttpd.conf", f"""
server.document-root = "{root}"
server.bind = "{HOST}"
server.port = {port}
server.modules = ( "mod_dirlisting", "mod_cgi"{', "mod_accesslog"' if args.log else ""} )
{f'accesslog.filename = "{work}/lighttpd-access.log"' if args.log else ""}
$HTTP["url"] =~ "^{CGI}" {{ cgi.assign = ( "" => "" ) }}
dir-listing.activate = "enable"
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 60
server.max-fds = 20000
server.max-connections = 12000
server.listen-backlog = 4096
mimetype.assign = ( ".html" => "text/html", ".css" => "text/css" )
""")]


def h2o(args, work, root, port, workers):
    return ["h2o", "-c", write(f"{work}/h2o.conf", f"""
num-threads: {workers}
max-connections: 16000
http1-request-timeout: 60
{f"access-log: {work}/h2o-access.log" if args.log else ""}
listen: {{ port: {port}, host: {HOST} }}
hosts: {{ default: {{ paths: {{ "/": {{ file.dir: {root}, file.dirlisting: ON }} }} }} }}
""")]


def caddy(args, work, root, port, workers):
    log = f"\tlog {{\n\t\toutput file {work}/caddy-access.log\n\t}}" if args.log else ""
    return ["caddy", "run", "--adapter", "caddyfile", "--config", write(f"{work}/Caddyfile", f"""{{
	admin off
	auto_https off
}}
http://{HOST}:{port} {{
	root * {root}
	file_server browse
{log}
}}
""")]


def nethttp(args, work, root, port, workers):
    return [build_go(f"{HERE}/floor", "./nethttp", f"{work}/nethttp"), str(port), root]


def busybox(args, work, root, port, workers):
    return ["busybox", "httpd", "-f", "-p", f"{HOST}:{port}", "-h", root, "-c", "/dev/null"]


def epoll(args, work, root, port, workers):
    return [build_go(f"{HERE}/floor", "./epoll", f"{work}/epoll"), str(port), root + FLOOR_PATH]


def uring(args, work, root, port, workers):
    out = f"{work}/uring"
    subprocess.run(["cc", "-O2", "-o", out, f"{HERE}/floor/uring.c", "-luring"], check=True)
    return [out, str(port), root + FLOOR_PATH]


def sws(args, work, root, port, workers):
    if args.sws:
        binary = os.path.abspath(args.sws)
    else:
        binary = build_go(os.path.dirname(HERE), "./cmd/sws", f"{work}/sws")
    programs = ["-c", root + CGI] if runs_programs(args) else []
    log = ["-l", f"{work}/sws-access.log", "--log-format", "combined"] if args.log else []
    return [binary, *programs, *log, *shlex.split(args.sws_args), "-f", "-i", HOST, "-p", str(port), root]


def build_go(directory, package, out):
    subprocess.run(["go", "build", "-o", out, package], check=True, cwd=directory)
    return out


COMMANDS = {f.__name__: f for f in (nginx, lighttpd, h2o, caddy, nethttp, busybox, epoll, uring, sws)}


@contextlib.contextmanager
def running(servers, cpus):
    """Starts the servers for the length of the block and yields those that answer."""
    started = []
    try:
        for s in servers:
            with open(s.log, "w") as log:
                s.process = subprocess.Popen(
                    s.command, env={**os.environ, **s.environment}, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
            started.append(s)
        yield [s for s in started if answers(s)]
    finally:
        for s in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(s.process.pid, signal.SIGTERM)
        for s in started:
            try:
                s.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(s.process.pid, signal.SIGKILL)
                s.process.wait()


def answers(server):
    """Waits until the server has answered a first request, which also fills its caches."""
    problem = "it answers nothing"
    for _ in range(100):
        if server.process.poll() is not None:
            problem = "it ended"
            break
        try:
            fetch(server, FLOOR_PATH)
            return True
        except OSError as e:
            problem = e
            time.sleep(0.05)
    with open(server.log) as log:
        print(f"{server.name}: left out: {problem}: {log.read()[-400:].strip()}", file=sys.stderr)
    return False


# What the kernel knows about them

def process_tree(pid):
    yield pid
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as f:
                children = f.read().split()
            for child in children:
                yield from process_tree(int(child))


def cpu_seconds(server):
    """CPU time, to the nanosecond, of all threads that live now (proc(5), schedstat), and, to the tick, of all
    children that the server has waited for (stat, cutime and cstime)."""
    with open(f"/proc/{server.process.pid}/stat") as f:
        user, system = f.read().rpartition(")")[2].split()[13:15]
    total = (int(user) + int(system)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    for pid in process_tree(server.process.pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                    total += int(f.read().split()[0])
    return total / 1e9


def pss_kib(server):
    """Memory of the processes, of shared pages their share (proc(5), smaps_rollup)."""
    total = 0
    for pid in process_tree(server.process.pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.MULTILINE)[1])
    return total


# The client

def connect(server):
    sock = socket.create_connection((HOST, server.port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def ask(sock, path, headers=()):
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", *headers, "", ""]
    sock.sendall("\r\n".join(lines).encode())


def read_answer(sock):
    """Reads one whole answer; returns its status and how many octets of content it has."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split(None, 2)[1])
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    got = len(body)
    if status in (204, 304):  # they have no content, whatever Content-Length says
        return status, got
    if length:
        while got < int(length[1]):
            got += len(receive(sock))
        return status, got
    while not body.endswith(b"\r\n0\r\n\r\n"):  # chunked, as a listing may be
        body += receive(sock)
    return status, len(body)


def receive(sock):
    data = sock.recv(1 << 16)
    if not data:
        raise ConnectionError("the server closed the connection within an answer")
    return data


def fetch(server, path, headers=()):
    with connect(server) as sock:
        ask(sock, path, headers)
        return read_answer(sock)


# The measurements

@dataclasses.dataclass
class Round:
    rps: float
    cpu_us: float
    p99_ms: float
    pss_kib: float
    notes: str = ""


def run_wrk(server, load, args):
    fields = [*load.headers, *(["Connection: close"] if load.close else [])]
    command = ["wrk", "-t1", f"-c{load.conns}", f"-d{args.secs}s", "--latency"]
    for field in fields:
        command += ["-H", field]
    if load.many:
        command += ["-s", args.script]
    before = cpu_seconds(server)
    out = subprocess.run([*command, f"http://{HOST}:{server.port}{load.path}"], check=True, capture_output=True, text=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, {args.client_cpu})).stdout
    spent = cpu_seconds(server) - before
    requests = int(re.search(r"(\d+) requests in", out)[1])
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", out).groups()
    notes = re.findall(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", out)
    return Round(float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), spent / max(requests, 1) * 1e6,
                 float(value) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit], pss_kib(server), "; ".join(notes))


def measure_requests(servers, args, load):
    """Medians of interleaved rounds, by server."""
    if load != Load(conns=load.conns):
        servers = [s for s in servers if s.name not in FLOORS]
    with running(servers, args.cpus) as servers:
        rounds = {s.name: [] for s in servers}
        shapes = {}
        for s in servers:
            shapes[s.name] = "status %d, %d octets" % fetch(s, load.path, load.headers)
        if load.many:
            for s in servers:
                run_wrk(s, load, args)  # the caches fill
        for _ in range(args.rounds):
            for s in servers:
                rounds[s.name].append(run_wrk(s, load, args))
    medians = {}
    for name, done in rounds.items():
        medians[name] = median(done)
        if len(set(shapes.values())) > 1:
            medians[name].notes = "; ".join(filter(None, (medians[name].notes, shapes[name])))
        if name == "busybox" and runs_programs(args):
            medians[name].notes += "; its programs' CPU is not counted: it does not wait for them"
    return medians


@dataclasses.dataclass
class Flooded:
    alone: Round
    flooded: Round


def measure_flood(servers, args):
    """Medians of requests without and with programs in all places and more clients waiting, by server."""
    # What sws runs at once, so that args.flood clients wait.
    conns = max(8, 4 * len(args.cpus)) + args.flood
    with running(servers, args.cpus) as servers:
        rounds = {s.name: ([], []) for s in servers}
        for _ in range(args.rounds):
            for s in servers:
                alone, flooded = rounds[s.name]
                alone.append(run_wrk(s, args.load, args))
                flood = subprocess.Popen(
                    ["wrk", "-t1", f"-c{conns}", f"-d{args.secs + 1}s", "--timeout", "60s", f"http://{HOST}:{s.port}{CGI}spin"],
                    stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {args.client_cpu}))
                time.sleep(0.5)
                flooded.append(run_wrk(s, args.load, args))
                flood.wait()
    return {name: Flooded(median(alone), median(flooded)) for name, (alone, flooded) in rounds.items()}


def median(rounds):
    return Round(**{k: statistics.median(getattr(r, k) for r in rounds) for k in ("rps", "cpu_us", "p99_ms", "pss_kib")},
                 notes="; ".join(sorted({r.notes for r in rounds if r.notes})))


@dataclasses.dataclass
class Held:
    connections: int  # that answered a second request while all were open
    base_kib: int
    pss_kib: int
    octets_each: float
    notes: str = ""


def measure_held(servers, args, n):
    """Holds n connections to one server after the other, each with one request answered."""
    need = n + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < need:
        sys.exit(f"webbench: {n} connections need {need} descriptors, and the limit is {hard} (ulimit -n)")
    with running([s for s in servers if s.name not in FLOORS], args.cpus) as servers:
        return {s.name: hold(s, n) for s in servers}


def hold(server, n):
    base = pss_kib(server)
    notes = ""
    with contextlib.ExitStack() as stack:
        socks = []
        try:
            for _ in range(n):
                socks.append(stack.enter_context(connect(server)))
                ask(socks[-1], FLOOR_PATH)
            for sock in socks:
                read_answer(sock)
        except OSError as e:
            notes = f"{len(socks)} connected: {e}"
        time.sleep(0.5)  # for what the server tidies up when it is idle
        after = pss_kib(server)
        alive = 0
        for sock in socks:
            try:
                ask(sock, FLOOR_PATH)
                alive += read_answer(sock)[0] == 200
            except OSError as e:
                notes = notes or str(e)
    return Held(alive, base, after, (after - base) * 1024 / n, notes)


# The tables

def print_requests(medians, title):
    print(title)
    print(f"{'server':9} {'req/s':>10} {'cpu us/req':>11} {'p99 ms':>8} {'PSS KiB':>8}  notes")
    for name, m in medians.items():
        print(f"{name:9} {m.rps:10.0f} {m.cpu_us:11.2f} {m.p99_ms:8.2f} {m.pss_kib:8.0f}  {m.notes}".rstrip())
    peers = [p for p in PEERS if p in medians]
    if "sws" in medians and peers:
        fastest = max(peers, key=lambda p: medians[p].rps)
        thriftiest = min(peers, key=lambda p: medians[p].cpu_us)
        print(f"sws against the best peer: {medians['sws'].rps / medians[fastest].rps:.2f} x the requests/s of {fastest}, "
              f"{medians['sws'].cpu_us / medians[thriftiest].cpu_us:.2f} x the CPU per request of {thriftiest}")


def print_flood(medians, title):
    print(title)
    print(f"{'server':9} {'req/s':>10} {'flooded':>8} {'p99 ms':>8} {'flooded':>8} {'ratio':>6}  notes")
    for name, m in medians.items():
        print(f"{name:9} {m.alone.rps:10.0f} {m.flooded.rps:8.0f} {m.alone.p99_ms:8.2f} {m.flooded.p99_ms:8.2f} "
              f"{m.flooded.p99_ms / m.alone.p99_ms:6.2f}  {m.flooded.notes}".rstrip())


def print_held(held, n):
    print(f"{n} connections held, each idle after one request")
    print(f"{'server':9} {'B each':>8} {'base KiB':>9} {'now KiB':>8} {'answer':>7}  notes")
    for name, h in held.items():
        print(f"{name:9} {h.octets_each:8.0f} {h.base_kib:9} {h.pss_kib:8} {h.connections:7}  {h.notes}".rstrip())


@dataclasses.dataclass
class Figure:
    """A line of the suite: what sws shows, and what it is to reach."""
    name: str
    unit: str
    values: dict                 # by server
    target: float                # None when who sets it did not run
    target_name: str
    more_is_better: bool = False

    def line(self):
        peers = {p: self.values[p] for p in PEERS if p in self.values}
        best = (max if self.more_is_better else min)(peers, key=peers.get) if peers else None
        mine = self.values.get("sws")
        ratio = f"{mine / peers[best]:.2f}" if mine is not None and best and peers[best] else "-"
        verdict = "-" if self.reached() is None else "reached" if self.reached() else "MISSED"
        return (f"{self.name:34} {self.unit:10} {number(mine):>8} {number(self.target):>8}  {self.target_name:26} "
                f"{best + ' ' + number(peers[best]) if best else '-':16} {ratio:>6}  {verdict}")

    def reached(self):
        mine = self.values.get("sws")
        if mine is None or self.target is None:
            return None
        return mine >= self.target if self.more_is_better else mine <= self.target


def number(value):
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def suite(servers, logging, args):
    """Runs all figures; returns them and all that was measured. The servers of logging write access logs."""
    measured, figures = {}, []

    def measure(key, load):
        measured[key] = measure_requests(logging if load.log else servers, args, load)
        print_requests(measured[key], load.title(args))
        print()
        return measured[key]

    def lowest(*values):
        return min((v for v in values if v is not None), default=None)

    def figure(name, unit, medians, field, *, times=1.0, more_is_better=False, floor=None, most=None):
        values = {server: getattr(m, field) for server, m in medians.items()}
        peers = [values[p] for p in PEERS if p in values]
        target = (max if more_is_better else min)(peers) * times if peers else None
        which = "best peer" if times == 1 else f"{times:g} x best peer"
        if floor is not None:
            target, which = lowest(target, floor), "1.15 x epoll, best peer"
        if most is not None:
            target, which = most, f"{most:g} {unit}"
        figures.append(Figure(name, unit, values, target, which, more_is_better))

    small = measure("1k", Load())
    figure("1 KiB, kept alive", "cpu us/req", small, "cpu_us", floor=small["epoll"].cpu_us * 1.15 if "epoll" in small else None)
    figure("100 KiB, kept alive", "cpu us/req", measure("100k", Load("/100k.bin")), "cpu_us")
    large = measure("10m", Load("/10m.bin", 8))
    figure("10 MiB, 8 connections", "cpu us/req", large, "cpu_us")
    figure("10 MiB, 8 connections", "req/s", large, "rps", times=0.95, more_is_better=True)
    many = measure("many", Load(many=True))
    figure("20,000 files at random", "cpu us/req", many, "cpu_us")
    figure("20,000 files at random", "p99 ms", many, "p99_ms", times=2)
    figure("20,000 files at random", "PSS KiB", many, "pss_kib", most=48 << 10)
    figure("1 KiB, access log", "cpu us/req", measure("log", Load(log=True)), "cpu_us")
    figure("1 KiB, 512 connections", "cpu us/req", measure("512", Load(conns=512)), "cpu_us")
    figure("1 KiB, a connection per request", "cpu us/req", measure("close", Load(close=True)), "cpu_us")
    for key, n in ("idle", 5000), ("held", 10000):
        measured[key] = measure_held(servers, args, n)
        print_held(measured[key], n)
        print()
    octets = {name: h.octets_each for name, h in measured["idle"].items()}
    figures += [
        Figure("5,000 idle connections", "B each", octets, octets.get("nginx"), "nginx"),
        Figure("10,000 connections held", "answered", {n: h.connections for n, h in measured["held"].items()}, 10000,
               "all of them", True),
    ]
    print(f"{'figure':34} {'unit':10} {'sws':>8} {'target':>8}  {'which is':26} {'best peer':16} {'ratio':>6}  verdict")
    for f in figures:
        print(f.line())
    return figures, measured


def main():
    args = parse_arguments()
    if not args.idle and shutil.which("wrk") is None:
        sys.exit("webbench: wrk is not installed (README.md names the packages)")
    # The servers inherit the limit, so that all can hold the same number.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A terminated run still stops its servers, in the finally of running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    missed = False
    with tempfile.TemporaryDirectory(prefix="webbench", ignore_cleanup_errors=True) as work:
        os.chmod(work, 0o755)  # servers that give up root read it too
        servers = prepare(args, work)
        if not servers:
            sys.exit("webbench: no server to measure")
        if args.suite:
            args.log = True
            os.mkdir(f"{work}/logging")
            logging = commands(args, f"{work}/logging", f"{work}/www")
            figures, measured = suite(servers, logging, args)
            missed = any(f.reached() is False for f in figures)
        elif args.idle:
            measured = measure_held(servers, args, args.idle)
            print_held(measured, args.idle)
        elif args.flood:
            measured = measure_flood(servers, args)
            print_flood(measured, args.load.title(args) + f"; {args.flood} clients wait for programs")
        else:
            measured = measure_requests(servers, args, args.load)
            print_requests(measured, args.load.title(args))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(measured, f, indent=1, default=dataclasses.asdict)
            f.write("\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
