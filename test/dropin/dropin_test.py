#!/usr/bin/env python3
"""Runs programs of the distribution, as they are, on this library by `./dev with`, and uses them.

Each is asked over its own interface for what it is for, and its memory map must show our libraries and no other
libevent. The last line printed is `N passed, N failed`.
"""

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEV = os.path.join(ROOT, "dev")
LIB = os.environ.get("EVENTIDE_LIBDIR") or os.path.join(ROOT, "build/release/lib")
DEADLINE = 20.0
CONNECTED = (0, errno.EISCONN)

passed = 0
failed = 0


class Failure(Exception):
    pass


def check(name, function):
    global passed, failed
    with tempfile.TemporaryDirectory(prefix="eventide-dropin.") as scratch:
        try:
            function(scratch)
            passed += 1
            print(f"ok: {name}")
        except (Failure, OSError, subprocess.SubprocessError) as problem:
            failed += 1
            print(f"FAIL: {name}: {problem}")


def expect(condition, message):
    if not condition:
        raise Failure(message)


def eventually(what, condition):
    """Asks until the answer is true, which ends in bounded time."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise Failure(f"waited {DEADLINE:.0f} s: {what}")


def uses_our_libraries(pid):
    with open(f"/proc/{pid}/maps") as file:
        mapped = set(re.findall(r"(/\S*/libevent\S*)", file.read()))
    expect(mapped, f"process {pid} has loaded no libevent")
    foreign = [path for path in mapped if not path.startswith(os.path.realpath(LIB) + "/")]
    expect(not foreign, f"process {pid} has loaded {foreign}")


def with_ours(*command, **options):
    # The libraries were built before; a build here would hide what is tested.
    env = {**os.environ, "EVENTIDE_LIBDIR": LIB, "LC_ALL": "C.UTF-8", **options.pop("env", {})}
    return subprocess.Popen([DEV, "with", *command], env=env, text=True, **options)


def ended(process):
    try:
        return process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Failure("it did not end") from None


# ---- memcached: threads with a base each, events inside of its own structs ------------------------------------

class Memcached:
    def __init__(self, scratch, *flags):
        self.port_file = os.path.join(scratch, "port")
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        if user:
            os.chmod(scratch, 0o777)
        self.log = open(os.path.join(scratch, "log"), "w+")
        self.process = with_ours("memcached", "-l", "127.0.0.1", "-p", "-1", "-U", "0", *user, *flags,
                                 env={"MEMCACHED_PORT_FILENAME": self.port_file},
                                 stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        self.port = eventually("memcached reports its port", self.read_port)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def read_port(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise Failure(f"memcached ended with {self.process.returncode}: {self.log.read()[-500:]}")
        if os.path.exists(self.port_file):
            with open(self.port_file) as file:
                match = re.search(r"TCP INET: (\d+)", file.read())
            return match and int(match.group(1))
        return None

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def start_connecting(self):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", self.port))
        return connection


def ask(connection, question, end):
    connection.sendall(question)
    answer = b""
    while not answer.endswith(end):
        chunk = connection.recv(65536)
        expect(chunk, f"the connection ended after {answer[-100:]!r}")
        answer += chunk
    return answer


def memcached_values(scratch):
    with Memcached(scratch, "-t", "2") as server:
        uses_our_libraries(server.process.pid)
        large = os.urandom(500_000).replace(b"\r", b".").replace(b"\n", b".")
        connections = [server.connect() for _ in range(20)]
        for number, connection in enumerate(connections):
            ask(connection, b"set key%d 0 0 5\r\nval%02d\r\n" % (number, number), b"STORED\r\n")
        ask(connections[0], b"set large 0 0 %d\r\n%s\r\n" % (len(large), large), b"STORED\r\n")
        for number, connection in enumerate(reversed(connections)):
            answer = ask(connection, b"get key%d large\r\n" % number, b"END\r\n")
            expect(b"val%02d" % number in answer and large in answer, "a value came back changed")
        for connection in connections:
            connection.close()
        statistics = ask(server.connect(), b"stats\r\n", b"END\r\n").decode()
        expect("STAT get_hits 40" in statistics, "hits were not counted")
        expect(re.search(r"STAT libevent 2\.1\.12-stable", statistics), "memcached reports another libevent")


def memcached_pipelining(scratch):
    with Memcached(scratch, "-t", "1") as server:
        with server.connect() as connection:
            many = b"".join(b"set p%d 0 0 3 noreply\r\nabc\r\n" % number for number in range(2000))
            many += b"".join(b"get p%d\r\n" % number for number in range(2000)) + b"mn\r\n"
            answer = ask(connection, many, b"MN\r\n")
            expect(answer.count(b"abc") == 2000, f"{answer.count(b'abc')} of 2000 answers")


def memcached_connection_limit(scratch):
    """At its limit memcached stops listening for a while, and accepts again when connections end."""
    with Memcached(scratch, "-t", "1", "-c", "40", "-o", "no_maxconns_fast") as server:
        first = server.connect()
        held = []

        def at_the_limit():
            held.append(server.start_connecting())  # may have to wait: the limit is reached while we ask
            return re.search(rb"STAT listen_disabled_num [1-9]", ask(first, b"stats\r\n", b"END\r\n"))
        eventually("memcached is at its limit", at_the_limit)
        waiting = server.start_connecting()
        for connection in held:
            connection.close()
        waiting.settimeout(DEADLINE)
        eventually("the connection that waited", lambda: waiting.connect_ex(("127.0.0.1", server.port)) in CONNECTED)
        expect(ask(waiting, b"version\r\n", b"\r\n").startswith(b"VERSION"), "no answer after others left")
        waiting.close()


def memcached_ends_on_signal(scratch):
    with Memcached(scratch) as server:
        server.process.send_signal(signal.SIGTERM)
        expect(ended(server.process) == 0, f"status {server.process.returncode}")


# ---- tmux: the old interface, signals, bufferevents, a daemon --------------------------------------------------

class Tmux:
    def __init__(self, scratch):
        self.socket = os.path.join(scratch, "socket")

    def __enter__(self):
        expect(ended(self.start("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "cat")) == 0,
               "tmux did not start")
        self.pid = int(self.run("display-message", "-p", "#{pid}"))
        return self

    def __exit__(self, *_):
        self.start("kill-server", stderr=subprocess.DEVNULL).wait(DEADLINE)

    def start(self, *command, **options):
        return with_ours("tmux", "-S", self.socket, *command, env={"TERM": "xterm", "TMUX": ""}, **options)

    def run(self, *command):
        process = self.start(*command, stdout=subprocess.PIPE)
        output, _ = process.communicate(timeout=DEADLINE)
        expect(process.returncode == 0, f"tmux {command} ended with {process.returncode}")
        return output


def tmux_echoes_keys(scratch):
    with Tmux(scratch) as tmux:
        uses_our_libraries(tmux.pid)
        tmux.run("send-keys", "hello from a key", "Enter")
        eventually("cat answers", lambda: tmux.run("capture-pane", "-p").count("hello from a key") == 2)


def tmux_many_panes(scratch):
    with Tmux(scratch) as tmux:
        for _ in range(3):
            tmux.run("split-window", "seq 5000; echo finished; cat")
            tmux.run("select-layout", "tiled")
        panes = tmux.run("list-panes", "-F", "#{pane_id}").split()
        expect(len(panes) == 4, f"{len(panes)} panes")
        for pane in panes[1:]:
            eventually("a pane's program ends", lambda: "finished" in tmux.run("capture-pane", "-p", "-t", pane))


def tmux_run_shell_and_timers(scratch):
    with Tmux(scratch) as tmux:
        early, late = os.path.join(scratch, "early"), os.path.join(scratch, "late")
        tmux.run("run-shell", "-b", "-d", "0.3", f"echo made >{late}")
        tmux.run("run-shell", "-b", f"echo made >{early}")
        eventually("a background command ran", lambda: os.path.exists(early))
        eventually("a delayed command ran", lambda: os.path.exists(late))


def tmux_notices_children(scratch):
    """SIGCHLD reaches the loop: the server ends with its last pane."""
    with Tmux(scratch) as tmux:
        tmux.run("send-keys", "C-d")
        eventually("the server ends", lambda: not os.path.exists(f"/proc/{tmux.pid}"))


# ---- ./dev with itself ----------------------------------------------------------------------------------------

def status_is_passed_on(_):
    process = with_ours("sh", "-c", "exit 7", stderr=subprocess.PIPE)
    expect(ended(process) == 7, f"status {process.returncode}")
    expect("did not load a libevent library" in process.stderr.read(), "no word that libevent was not loaded")


def absent_program(_):
    process = with_ours("no-such-program", stderr=subprocess.PIPE)
    expect(ended(process) != 0 and "no program" in process.stderr.read(), "no word about a program that is not there")


TESTS = {
    "memcached": (memcached_values, memcached_pipelining, memcached_connection_limit, memcached_ends_on_signal),
    "tmux": (tmux_echoes_keys, tmux_many_panes, tmux_run_shell_and_timers, tmux_notices_children),
    "sh": (status_is_passed_on, absent_program),
}


def main():
    global failed
    os.environ.pop("LD_LIBRARY_PATH", None)
    for program, tests in TESTS.items():
        if not shutil.which(program):
            failed += 1
            print(f"FAIL: {program} is not installed")
            continue
        for test in tests:
            check(test.__name__.replace("_", " "), test)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
