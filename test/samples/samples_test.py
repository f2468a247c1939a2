#!/usr/bin/env python3
"""Starts each sample program as a user would and drives it with real clients, under each back end.

    python3 samples_test.py --bin DIR [--lib DIR] [--wrap COMMAND] [NAME...]

DIR holds the programs and LIB, if given, the shared libraries that they shall run on.  COMMAND is put in
front of each program (a memory checker, say).  A NAME limits the run to the tests whose name contains it.
Every program must end with the expected status, so a build with a leak checker checks for leaks as well.
"""

import argparse
import fcntl
import functools
import json
import os
import random
import re
import resource
import select
import shlex
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import zlib

DEADLINE = 10.0  # seconds for any one thing to happen
SIOCOUTQNSD = 0x894B  # how much of what was written the kernel has not sent yet, see tcp(7)
MAX_LINE = 16 * 1024  # of the ROT13 servers
METHODS = {
    'epoll': {},
    'poll': {'EVENT_NOEPOLL': '1'},
    'select': {'EVENT_NOEPOLL': '1', 'EVENT_NOPOLL': '1'},
}
OPTIONS = argparse.Namespace(bin='.', lib=None, wrap='', deadline=DEADLINE)


def rot13(data):
    upper, lower = b'ABCDEFGHIJKLMNOPQRSTUVWXYZ', b'abcdefghijklmnopqrstuvwxyz'
    turn = lambda letters: letters[13:] + letters[:13]
    return data.translate(bytes.maketrans(upper + lower, turn(upper) + turn(lower)))


@functools.lru_cache
def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def until(condition, what):
    """Waits until `condition` holds, which no descriptor announces."""
    end = time.monotonic() + OPTIONS.deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError('not in time: ' + what)
        time.sleep(0.0005)


def unless_wrapped(test):
    """For what cannot hold under a checker that needs descriptors itself and closes those over the limit."""
    @functools.wraps(test)
    def wrapper(self):
        if OPTIONS.wrap:
            self.skipTest('not under ' + OPTIONS.wrap)
        test(self)
    return wrapper


class Stream:
    """Collects what a program writes, so that it never has to wait for its reader."""

    def __init__(self, file):
        self.data = b''
        self.ended = False
        self.changed = threading.Condition()
        self.file = file
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        while True:
            chunk = os.read(self.file.fileno(), 65536)
            with self.changed:
                self.data += chunk
                self.ended = not chunk
                self.changed.notify_all()
            if not chunk:
                return

    def wait(self, condition, what):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self.data) or self.ended, OPTIONS.deadline):
                raise AssertionError('not in time: %s; so far %r' % (what, self.data[-500:]))
            if not condition(self.data):
                raise AssertionError('ended without %s: %r' % (what, self.data[-500:]))
            return self.data

    def match(self, pattern):
        compiled = re.compile(pattern.encode())
        return compiled.search(self.wait(compiled.search, repr(pattern)))

    def to_end(self):
        with self.changed:
            if not self.changed.wait_for(lambda: self.ended, OPTIONS.deadline):
                raise AssertionError('not in time: end of output; so far %r' % self.data[-500:])
            return self.data

    def close(self):
        self.thread.join(OPTIONS.deadline)
        self.file.close()


class Program:
    """A sample that runs, with its three standard streams."""

    def __init__(self, method, name, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, files=None):
        environment = {key: value for key, value in os.environ.items() if not key.startswith('EVENT_')}
        environment.update(METHODS[method], EVENT_SHOW_METHOD='1')
        if OPTIONS.lib:
            environment['LD_LIBRARY_PATH'] = OPTIONS.lib
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        command = shlex.split(OPTIONS.wrap) + [os.path.join(OPTIONS.bin, name), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                                        env=environment, preexec_fn=limit)
        self.pid = self.process.pid
        self.stdin = self.process.stdin
        self.out = Stream(self.process.stdout) if stdout == subprocess.PIPE else None
        self.err = Stream(self.process.stderr)

    def signal(self, number):
        self.process.send_signal(number)

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def status(self):
        """The fields of /proc/PID/stat that follow the name; the first is the state."""
        with open('/proc/%d/stat' % self.pid) as file:
            return file.read().rpartition(') ')[2].split()

    def sleeps(self):
        return self.status()[0] == 'S'

    def processor_time(self):
        return (int(self.status()[11]) + int(self.status()[12])) / os.sysconf('SC_CLK_TCK')

    def wait(self):
        try:
            return self.process.wait(OPTIONS.deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError('did not end; it wrote %r' % self.err.data[-500:])

    def finish(self):
        """Ends it for good, whatever the state in which a test left it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.out, self.err):
            if stream is not None:
                stream.close()
        if self.stdin is not None and not self.stdin.closed:
            try:
                self.stdin.close()
            except BrokenPipeError:
                pass


class Server(Program):
    """A sample that has said where it listens."""

    def __init__(self, method, name, *arguments, said=None, **keywords):
        super().__init__(method, name, *arguments, **keywords)
        try:
            line = getattr(self, said or 'out').match(r'listening on (\S+):(\d+)\n')
        except AssertionError:
            self.finish()
            raise
        self.address = (line[1].decode().strip('[]'), int(line[2]))


class Client:
    """A connection whose every operation has a deadline."""

    def __init__(self, address, small=False):
        family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(OPTIONS.deadline)
        if small:  # the kernel on our side shall hold little
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 128 * 1024)
        self.socket.connect(address)

    def send(self, data):
        self.socket.sendall(data)

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def read(self, size):
        parts = []
        while size > 0:
            part = self.socket.recv(min(size, 1 << 20))
            if not part:
                raise AssertionError('closed after %r' % b''.join(parts)[-200:])
            parts.append(part)
            size -= len(part)
        return b''.join(parts)

    def to_end(self):
        parts = []
        while True:
            part = self.socket.recv(1 << 20)
            if not part:
                return b''.join(parts)
            parts.append(part)

    def nothing_to_read(self):
        return not select.select([self.socket], [], [], 0)[0]

    def exchange(self, data):
        """Sends all of it and shuts down, while reading what comes, until the end."""
        sender = threading.Thread(target=lambda: (self.send(data), self.end()), daemon=True)
        sender.start()
        result = self.to_end()
        sender.join(OPTIONS.deadline)
        return result

    def fill(self, data):
        """Sends without reading until the server takes no more for a while; returns how much it took.

        Should the machine be so slow that the pause is taken for the end, the test is weaker but not wrong."""
        self.socket.setblocking(False)
        sent = 0
        while sent < len(data) and select.select([], [self.socket], [], 0.1)[1]:
            try:
                sent += self.socket.send(data[sent:sent + 65536])
            except BlockingIOError:
                pass
        self.socket.settimeout(OPTIONS.deadline)
        return sent

    def queued(self, request):
        return struct.unpack('i', fcntl.ioctl(self.socket, request, b'\0\0\0\0'))[0]

    def unread(self):
        return self.queued(termios.FIONREAD)

    def unsent(self):
        return self.queued(SIOCOUTQNSD)

    def other_end(self):
        """Of the server's socket (IPv4): the state, and how many bytes the kernel has to send and to be read."""
        ports = (self.socket.getpeername()[1], self.socket.getsockname()[1])
        with open('/proc/net/tcp') as table:
            for line in table.readlines()[1:]:
                _, local, remote, state, sizes = line.split()[:5]
                if (int(local[-4:], 16), int(remote[-4:], 16)) == ports:
                    return (int(state, 16), *(int(size, 16) for size in sizes.split(':')))
        raise AssertionError('no such connection')

    def send_in_steps(self, server, data, enough):
        """Sends, without reading, until `enough` holds of the connection once the server has nothing to do;
        returns how much."""
        step = 64 * 1024
        for end in range(step, len(data), step):
            self.send(data[end - step:end])
            # At rest it has either taken all, or leaves unread what fills the window.
            until(lambda: server.sleeps() and (self.unsent() == 0 or self.other_end()[2] > 0), 'the server resting')
            if end >= 8 * step and enough(end):  # the kernel holds more than that, and to look is costly
                return end
        raise AssertionError('it never was enough')

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class SampleTest(unittest.TestCase):
    method = 'epoll'

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def run_program(self, *arguments, **keywords):
        program = Program(self.method, *arguments, **keywords)
        self.addCleanup(program.finish)
        return program

    def run_server(self, name, *arguments, **keywords):
        server = Server(self.method, name, *arguments, **keywords)
        self.addCleanup(server.finish)
        return server

    def connect(self, server, **keywords):
        client = Client(server.address, **keywords)
        self.addCleanup(client.close)
        return client

    def idle_descriptors(self, server):
        """After a first connection, from which on a listener's base holds one descriptor in reserve."""
        client = self.connect(server)
        self.ask(client, b'first\n')
        client.end()
        client.to_end()
        return server.descriptors()

    def assertEnds(self, program, status=0, complaints=()):
        """It ends with that status, and said nothing on standard error but its method and the complaints."""
        self.assertEqual(program.wait(), status, program.err.to_end())
        lines = program.err.to_end().decode(errors='replace').splitlines()
        expected = (r'\[msg\] libevent using: ', 'listening on ', 'reading ', '==\\d+==') + tuple(complaints)
        odd = [line for line in lines if not any(re.match(pattern, line) for pattern in expected)]
        self.assertEqual(odd, [])

    def assertMethod(self, program, method=None):
        shown = program.err.match(r'\[msg\] libevent using: (.*)\n')[1].decode()
        self.assertEqual(shown.split(' ')[0], method or self.method)

    def assertInterruptible(self, server, **keywords):
        server.signal(signal.SIGINT)
        self.assertEnds(server, **keywords)

    def assertBytes(self, got, expected):
        """Like assertEqual, but no diff of millions of bytes."""
        if got != expected:
            same = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
            self.fail('%d bytes instead of %d, the first %d are right; then %r instead of %r' %
                      (len(got), len(expected), same, got[same:same + 40], expected[same:same + 40]))


ESTABLISHED, CLOSE_WAIT = 1, 8  # of the kernel's states of a TCP connection; the latter: the other side has ended
GONE = ('client: ', 'recv: ', 'send: ')  # what a server may say of a client that broke off


class ServerTests:
    """What holds for each of the servers that answer; `answer` maps what a client sent to what it gets."""

    program = None

    def start(self, **keywords):
        return self.run_server(self.program, '-p', '0', **keywords)

    def ask(self, client, data):
        client.send(data)
        expected = self.answer(data)
        self.assertBytes(client.read(len(expected)), expected)

    def test_uses_the_requested_method(self):
        server = self.start()
        self.assertMethod(server)
        self.ask(self.connect(server), b'Hello\n')
        self.assertInterruptible(server)

    def test_prints_only_its_listening_address(self):
        server = self.start()
        self.assertInterruptible(server)
        self.assertEqual(server.out.to_end(), b'listening on 127.0.0.1:%d\n' % server.address[1])

    def test_listens_on_the_given_address(self):
        server = self.run_server(self.program, '-b', '127.0.0.2', '-p', '0')
        self.assertEqual(server.address[0], '127.0.0.2')
        self.ask(self.connect(server), b'Hello\n')
        self.assertInterruptible(server)

    def test_listens_on_ipv6(self):
        if not os.path.exists('/proc/net/if_inet6') or '00000001 01' not in open('/proc/net/if_inet6').read():
            self.skipTest('no IPv6 loopback')
        server = self.run_server(self.program, '-b', '::1', '-p', '0')
        self.assertEqual(server.address[0], '::1')
        self.ask(self.connect(server), b'Hello\n')
        self.assertInterruptible(server)

    def test_fails_on_a_port_in_use(self):
        server = self.start()
        second = self.run_program(self.program, '-p', server.address[1])
        self.assertEnds(second, 1, ('listening socket: ', '.*: the event loop could not run'))
        self.assertEqual(second.out.to_end(), b'')
        self.assertInterruptible(server)

    def test_many_clients_at_once(self):
        server = self.start()
        clients = [self.connect(server) for _ in range(40)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.send(b'turn %d of client %d\n' % (turn, number))
            for number, client in reversed(list(enumerate(clients))):
                expected = self.answer(b'turn %d of client %d\n' % (turn, number))
                self.assertEqual(client.read(len(expected)), expected)
        self.assertInterruptible(server)

    def test_half_close_receives_all_replies_and_eof(self):
        server = self.start()
        idle = self.idle_descriptors(server)
        client = self.connect(server)
        self.assertEqual(client.exchange(b'one\ntwo\nno newline'), self.answer(b'one\ntwo\nno newline'))
        self.assertEqual(self.connect(server).exchange(b''), b'')
        until(lambda: server.descriptors() == idle, 'closing its side')
        self.assertInterruptible(server)

    def test_bulk_data_is_exact(self):
        server = self.start()
        data = self.bulk(6 << 20)
        self.assertBytes(self.connect(server).exchange(data), self.answer(data))
        self.assertInterruptible(server)

    def test_a_client_that_does_not_read_is_not_read_from(self):
        server = self.start()
        client = self.connect(server, small=True)
        data = self.bulk(48 << 20)
        sent = client.fill(data)
        self.assertLess(sent, len(data), 'it buffers without a bound')
        self.ask(self.connect(server), b'others are served\n')
        client.end()
        self.assertBytes(client.to_end(), self.answer(data[:sent]))
        self.assertInterruptible(server)

    def test_disconnected_clients_are_released(self):
        server = self.start()
        idle = self.idle_descriptors(server)
        for leave in (Client.close, Client.reset):
            clients = [self.connect(server) for _ in range(4)]
            clients[0].send(b'in the middle of a li')
            self.ask(clients[1], b'after an answer\n')
            clients[2].send(b'before an answer\n' * 100)  # 3: nothing at all
            until(lambda: server.descriptors() == idle + 4, 'accepting four clients')
            for client in clients:
                leave(client)
            until(lambda: server.descriptors() == idle, 'letting go of clients that left')
        self.ask(self.connect(server), b'still there\n')
        self.assertInterruptible(server, complaints=GONE)

    def test_reset_with_unsent_replies_is_released(self):
        server = self.start()
        idle = self.idle_descriptors(server)
        client = self.connect(server, small=True)
        client.fill(self.bulk(16 << 20))
        client.reset()
        until(lambda: server.descriptors() == idle, 'letting go of a client that left')
        self.ask(self.connect(server), b'still there\n')
        self.assertInterruptible(server, complaints=GONE)

    def test_eof_and_reset_with_unsent_replies_is_released(self):
        server = self.start()
        idle = self.idle_descriptors(server)
        client = self.connect(server, small=True)
        client.send_in_steps(server, self.bulk(48 << 20), lambda _: client.other_end()[2] > 0)
        client.end()
        until(lambda: client.other_end()[0] == CLOSE_WAIT, 'the end arriving')
        client.reset()  # which makes the server's next write fail with EPIPE
        until(lambda: server.descriptors() == idle, 'letting go of a client that left')
        self.ask(self.connect(server), b'still there\n')
        self.assertInterruptible(server, complaints=GONE)

    @unless_wrapped
    def test_recovers_from_running_out_of_descriptors(self):
        server = self.start(files=24)
        clients = [self.connect(server) for _ in range(30)]
        server.err.match('accept: ')  # it has run out
        self.ask(clients[0], b'served before\n')
        for client in clients[:15]:
            client.close()
        for client in clients[15:]:
            self.ask(client, b'served in the end\n')
        self.assertInterruptible(server, complaints=('accept: ',))

    def test_interrupt_with_clients_connected(self):
        server = self.start()
        clients = [self.connect(server) for _ in range(5)]
        for client in clients[:4]:
            self.ask(client, b'Hello\n')
        clients[0].send(b'an incomplete line')
        self.assertInterruptible(server)


class EchoServerTest(ServerTests, SampleTest):
    program = 'echo-server'
    answer = staticmethod(lambda data: data)
    bulk = staticmethod(noise)

    def test_echoes_without_newline(self):
        server = self.start()
        client = self.connect(server)
        for part in (b'h', b'el', b'lo', b'\0', b'\r\n', bytes(range(256))):
            self.ask(client, part)
        self.assertInterruptible(server)

    def test_half_close_with_megabytes_unsent_receives_all_replies(self):
        server = self.start()
        client = self.connect(server, small=True)
        data = self.bulk(48 << 20)

        def much(sent):
            _, sending, receiving = client.other_end()
            return receiving == 0 and sent - sending - client.unread() >= 96 * 1024

        sent = client.send_in_steps(server, data, much)
        client.end()
        until(lambda: client.other_end()[0] == CLOSE_WAIT and server.sleeps(), 'the end arriving')
        self.assertBytes(client.to_end(), data[:sent])
        self.assertInterruptible(server)


class TlsEchoServerTest(SampleTest):
    """The clients are Python's, which is OpenSSL, and the openssl command."""

    def start(self):
        if not os.path.exists(os.path.join(OPTIONS.bin, 'tls-echo-server')):
            self.skipTest('built without OpenSSL')
        return self.run_server('tls-echo-server', '-p', '0')

    def connect_tls(self, server, version):
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        client = socket.create_connection(server.address, OPTIONS.deadline)
        self.addCleanup(client.close)
        client = context.wrap_socket(client, server_hostname='localhost')
        self.addCleanup(client.close)
        return client

    def exchange(self, client, data):
        """Sends and receives in one thread: a session must not be used by two at once."""
        received = bytearray()
        sent = 0
        client.setblocking(False)
        end = time.monotonic() + OPTIONS.deadline
        while len(received) < len(data):
            self.assertLess(time.monotonic(), end, 'the echo takes too long')
            waits = 0
            try:
                if sent < len(data):
                    sent += client.send(data[sent:sent + 65536])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                waits += 1
            try:
                part = client.recv(65536)
                self.assertTrue(part, 'the server ended')
                received += part
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                waits += 1
            if waits == 2 or (waits and sent == len(data)):
                select.select([client], [client] if sent < len(data) else [], [], 1)
        client.settimeout(OPTIONS.deadline)
        self.assertBytes(bytes(received), data)

    def test_echoes_in_each_version(self):
        server = self.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.connect_tls(server, version)
            for part in (b'h', b'ello', bytes(range(256)), noise(4 << 20)):
                self.exchange(client, part)
            client.unwrap()  # fails unless the server sends close_notify too
        server.out.match('client: TLSv1.2, .*\nclient: TLSv1.3, ')
        self.assertInterruptible(server)

    def test_serves_openssl_s_client(self):
        server = self.start()
        with tempfile.TemporaryFile() as errors:
            client = subprocess.Popen(['openssl', 's_client', '-quiet', '-connect', '%s:%d' % server.address],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
            try:
                client.stdin.write(b'Hello\n')
                client.stdin.flush()
                self.assertEqual(client.stdout.readline(), b'Hello\n')
            finally:
                client.kill()
                client.communicate()
        self.assertInterruptible(server, complaints=('client: unexpected eof while reading',))

    def test_rejects_a_client_without_tls(self):
        server = self.start()
        with socket.create_connection(server.address, OPTIONS.deadline) as client:
            client.sendall(b'GET / HTTP/1.0\r\n\r\n')
            try:
                while client.recv(1000):
                    pass
            except ConnectionResetError:
                pass  # it did not read everything
        other = self.connect_tls(server, ssl.TLSVersion.TLSv1_3)
        self.exchange(other, b'still there')
        server.err.match('client: (http request|wrong version number)')
        self.assertInterruptible(server, complaints=('client: ',))


class Rot13Tests(ServerTests):
    answer = staticmethod(rot13)

    @staticmethod
    @functools.lru_cache
    def bulk(size):
        """Lines of very different lengths, some beyond the bound, with bytes of every value in them."""
        block, dice = noise(1 << 20), random.Random(2)
        lines, total = [], 0
        while total < size:
            length = dice.choice((0, 1, 10, 80, 1000, MAX_LINE - 1, MAX_LINE, 3 * MAX_LINE))
            start = dice.randrange(len(block) - length)
            lines.append(block[start:start + length] + b'\n')
            total += length + 1
        return b''.join(lines)[:size]

    def test_rotates_letters_only(self):
        server = self.start()
        client = self.connect(server)
        client.send(b'Hello, World! 123 [AZaz] \xc3\xa4\n')
        self.assertEqual(client.read(28), b'Uryyb, Jbeyq! 123 [NMnm] \xc3\xa4\n')
        self.ask(client, bytes(range(256)).replace(b'\n', b'') + b'\n')
        self.assertInterruptible(server)

    def test_line_is_answered_when_complete(self):
        server = self.start()
        first, second = self.connect(server), self.connect(server)
        first.send(b'Hel')
        self.ask(second, b'another client\n')
        first.send(b'lo, ')
        self.ask(second, b'another client\n')
        self.assertTrue(first.nothing_to_read())
        first.send(b'World\nand the next')
        self.assertEqual(first.read(13), b'Uryyb, Jbeyq\n')
        self.ask(second, b'another client\n')
        self.assertTrue(first.nothing_to_read())
        first.send(b'\n')
        self.assertEqual(first.read(13), rot13(b'and the next\n'))
        self.assertInterruptible(server)

    def test_input_may_arrive_byte_by_byte(self):
        server = self.start()
        client = self.connect(server)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b'Hello, World!\r\n':
            client.send(bytes([byte]))
        self.assertEqual(client.read(15), b'Uryyb, Jbeyq!\r\n')
        self.assertInterruptible(server)

    def test_many_lines_in_one_segment_are_answered(self):
        server = self.start()
        self.ask(self.connect(server), b''.join(b'line %d\n' % i for i in range(2000)) + b'\n\n\n')
        self.assertInterruptible(server)

    def test_a_line_of_exactly_the_limit_is_answered(self):
        server = self.start()
        client = self.connect(server)
        for length in (MAX_LINE - 2, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1):
            self.ask(client, b'x' * length + b'\n')
        self.assertInterruptible(server)

    def test_a_line_beyond_the_limit_is_answered_in_pieces(self):
        server = self.start()
        client = self.connect(server)
        client.send(b'long' * MAX_LINE)  # no newline yet, and four times the bound
        self.assertBytes(client.read(4 * MAX_LINE), b'ybat' * MAX_LINE)
        self.ask(client, b' and its end\n')
        self.assertInterruptible(server)


class Rot13EventsTest(Rot13Tests, SampleTest):
    program = 'rot13-server-events'


class Rot13BuffereventTest(Rot13Tests, SampleTest):
    program = 'rot13-server-bufferevent'


class Rot13ServerTest(Rot13Tests, SampleTest):
    program = 'rot13-server'

    def test_terminate_without_clients_exits(self):
        server = self.start()
        server.signal(signal.SIGTERM)
        self.assertEnds(server)

    def test_terminate_with_idle_clients_exits_immediately(self):
        server = self.start()
        clients = [self.connect(server) for _ in range(5)]
        for client in clients:
            self.ask(client, b'Hello\n')
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        for client in clients:
            self.assertEqual(client.to_end(), b'')
        self.assertEnds(server)
        self.assertLess(time.monotonic() - begin, 1.5)

    def stop_with_answers_waiting(self):
        server = self.start()
        client = self.connect(server, small=True)
        data = self.bulk(48 << 20)
        sent = client.fill(data)
        before = server.descriptors()
        server.signal(signal.SIGTERM)
        until(lambda: server.descriptors() < before, 'closing the listening socket')
        with self.assertRaises(ConnectionRefusedError):
            self.connect(server)
        self.assertEqual(client.other_end()[0], ESTABLISHED)
        return server, client, self.answer(data[:sent])

    def test_terminate_sends_pending_replies(self):
        server, client, expected = self.stop_with_answers_waiting()
        got = b''
        try:
            while part := client.socket.recv(1 << 20):
                got += part
        except ConnectionResetError:
            pass  # it does not read to the end of what we sent, so the connection ends with a reset
        self.assertGreaterEqual(len(got), 4 * MAX_LINE)
        self.assertBytes(got, expected[:len(got)])
        self.assertEnds(server)

    def test_second_signal_exits_immediately(self):
        server, _, _ = self.stop_with_answers_waiting()
        begin = time.monotonic()
        server.signal(signal.SIGINT)
        self.assertEnds(server)
        self.assertLess(time.monotonic() - begin, 1.5)


class HelloWorldTest(SampleTest):
    def start(self, **keywords):
        return self.run_server('hello-world', '-p', '0', **keywords)

    def test_greets_and_closes(self):
        server = self.start()
        idle = server.descriptors()
        self.assertMethod(server)
        self.assertEqual(server.address[0], '127.0.0.1')
        clients = [self.connect(server) for _ in range(20)]
        for client in clients:
            self.assertEqual(client.to_end(), b'Hello, World!\n')
        until(lambda: server.descriptors() == idle + 1, 'closing its side')  # one is held in reserve
        self.assertInterruptible(server)

    def test_a_client_may_disconnect_first(self):
        server = self.start()
        for _ in range(20):
            self.connect(server).reset()
        self.assertEqual(self.connect(server).to_end(), b'Hello, World!\n')
        self.assertInterruptible(server)

    @unless_wrapped
    def test_recovers_from_running_out_of_descriptors(self):
        server = self.start(files=12)
        clients = [self.connect(server) for _ in range(20)]
        for client in clients:
            self.assertEqual(client.to_end(), b'Hello, World!\n')
        self.assertInterruptible(server, complaints=('accept: ',))

    def test_interrupt_exits(self):
        server = self.start()
        self.assertInterruptible(server)
        with self.assertRaises(ConnectionRefusedError):
            self.connect(server)

    def test_port_can_be_reused_immediately(self):
        server = self.start()
        self.assertEqual(self.connect(server).to_end(), b'Hello, World!\n')  # the server closes first: TIME_WAIT
        self.assertInterruptible(server)
        again = self.run_server('hello-world', '-p', server.address[1])
        self.assertEqual(self.connect(again).to_end(), b'Hello, World!\n')
        self.assertInterruptible(again)


class SignalTest(SampleTest):
    def count(self, wanted, *arguments):
        program = self.run_program('signal-test', *arguments)
        self.assertEqual(int(program.out.match(r'waiting for SIGINT, process (\d+)\n')[1]), program.pid)
        self.assertMethod(program)
        for number in range(1, wanted + 1):
            self.assertIsNone(program.process.poll())
            program.signal(signal.SIGINT)
            program.out.match('SIGINT %d of %d\n' % (number, wanted))
        program.out.match('done\n')
        self.assertEnds(program)

    def test_counts_three_signals_by_default(self):
        self.count(3)

    def test_counts_one_signal(self):
        self.count(1, '-n', 1)

    def test_counts_twenty_signals(self):
        self.count(20, '-n', 20)

    def test_other_signals_keep_their_default_action(self):
        program = self.run_program('signal-test')
        program.out.match('waiting for SIGINT')
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait(), -signal.SIGTERM)


class TimeTest(SampleTest):
    COARSE = 0.010  # a loop may take its time from the kernel's coarse clock, which is a tick behind at most

    def ticks(self, count, milliseconds, *arguments):
        begin = time.monotonic()
        program = self.run_program('time-test', '-i', milliseconds, '-n', count, *arguments)
        self.assertEnds(program)
        took = time.monotonic() - begin
        self.assertMethod(program)
        lines = program.out.to_end().decode().splitlines()
        elapsed = []
        for number, line in enumerate(lines, 1):
            seconds = re.fullmatch(r'tick %d: (\d+\.\d{6}) s elapsed' % number, line)
            self.assertIsNotNone(seconds, line)
            elapsed.append(float(seconds[1]))
        self.assertEqual(len(elapsed), count)
        self.assertLessEqual(sum(elapsed), took)
        return elapsed

    def test_one_shot_timer_is_re_added(self):
        for seconds in self.ticks(5, 40):
            self.assertGreaterEqual(seconds, 0.040 - self.COARSE)

    def test_persistent_timer_ticks(self):
        elapsed = self.ticks(5, 40, '-p')
        self.assertGreaterEqual(sum(elapsed), 5 * 0.040 - self.COARSE)

    def test_stops_after_a_single_tick(self):
        self.assertGreaterEqual(self.ticks(1, 1)[0], 0)

    def test_interrupt_exits(self):
        program = self.run_program('time-test', '-p', '-i', 5)
        program.out.match('tick 3: ')
        program.signal(signal.SIGINT)
        self.assertEnds(program)


class MetricsTest(SampleTest):
    LINE = re.compile(r'(\d+) iterations, (\d+) reads, (\d+) timeouts, (\d+) slow; '
                      r'(\d+\.\d) % in callbacks, (\d+\.\d) % waiting; '
                      r'half within (\d+\.\d) us, 99 % within (\d+\.\d) us; '
                      r'timers at most (\d+\.\d) us late')

    def assertSensible(self, line):
        match = self.LINE.fullmatch(line)
        self.assertIsNotNone(match, line)
        iterations, reads, timeouts, slow = map(int, match.groups()[:4])
        in_callbacks, waiting, half, most, _ = map(float, match.groups()[4:])
        self.assertGreater(reads, 0)  # the message went back and forth
        self.assertGreater(timeouts, 0)  # at least the timer that prints this
        self.assertLessEqual(iterations, reads + timeouts + 10)  # no turn without work, but for signals
        self.assertLessEqual(slow, reads + timeouts)
        self.assertLessEqual(half, most)
        return in_callbacks + waiting

    def test_prints_lines_of_figures(self):
        program = self.run_program('loop-metrics', '-i', 50, '-n', 2)
        self.assertEnds(program, complaints=('slow: ',))
        self.assertMethod(program)
        lines = program.out.to_end().decode().splitlines()
        self.assertEqual(len(lines), 2)
        shares = [self.assertSensible(line) for line in lines]
        # Each is rounded. Later lines also count the whole callback that printed the one before.
        self.assertLessEqual(shares[0], 100.2)

    def test_slow_callbacks_are_reported(self):
        program = self.run_program('loop-metrics', '-i', 20)
        report = program.err.match(r'slow: callback 0x[0-9a-f]+ took (\d+) us\n')
        self.assertGreaterEqual(int(report[1]), 1000)
        program.signal(signal.SIGINT)
        self.assertEnds(program, complaints=('slow: ',))

    def test_prints_the_state_as_json(self):
        program = self.run_program('loop-metrics', '-i', 3600 * 1000)
        # Not before its handler is there, which the first report of a slow callback proves.
        program.err.match('slow: ')
        program.signal(signal.SIGUSR1)
        dump = json.loads(program.out.match(r'^(\{.*\})\n')[1])
        self.assertEqual(dump['method'], self.method)
        self.assertEqual(len([event for event in dump['events'] if not event['internal']]), 6)
        self.assertGreater(dump['metrics']['reads'], 0)
        program.signal(signal.SIGINT)
        self.assertEnds(program, complaints=('slow: ',))
        self.assertEqual(program.out.to_end().count(b'\n'), 1)


class FifoTest(SampleTest):
    def start(self, path):
        program = self.run_program('event-read-fifo', path)
        program.err.match('reading ')
        return program

    def write(self, path, data):
        end = os.open(path, os.O_WRONLY)
        try:
            while data:
                data = data[os.write(end, data):]
        finally:
            os.close(end)

    def test_creates_reads_and_removes_the_fifo(self):
        path = self.path('made')
        program = self.start(path)
        self.assertMethod(program)
        self.assertTrue(stat.S_ISFIFO(os.stat(path).st_mode))
        self.write(path, b'Hello\n')
        program.out.wait(lambda data: data == b'Hello\n', 'the first data')
        self.write(path, b'and a second writer\n')  # the first one's end was not the end
        program.out.wait(lambda data: data == b'Hello\nand a second writer\n', 'the second data')
        self.assertInterruptible(program)
        self.assertFalse(os.path.exists(path))

    def test_keeps_an_existing_fifo(self):
        path = self.path('kept')
        os.mkfifo(path)
        program = self.start(path)
        self.write(path, b'x')
        program.out.wait(lambda data: data == b'x', 'the data')
        self.assertInterruptible(program)
        self.assertTrue(stat.S_ISFIFO(os.stat(path).st_mode))

    def test_bulk_data_is_exact(self):
        path = self.path('bulk')
        program = self.start(path)
        data = noise(2 << 20)
        self.write(path, data)
        self.assertBytes(program.out.wait(lambda got: len(got) >= len(data), 'all data'), data)
        self.assertInterruptible(program)

    def test_does_not_spin_between_writers(self):
        path = self.path('rest')
        program = self.start(path)
        self.write(path, b'x')
        program.out.wait(lambda data: data == b'x', 'the data')
        until(program.sleeps, 'sleeping')
        before = program.processor_time()
        self.assertNotIn(program.out.file, select.select([program.out.file], [], [], 0.1)[0])
        self.assertLessEqual(program.processor_time() - before, 0.05)
        self.assertInterruptible(program)

    def test_rejects_other_files(self):
        path = self.path('file')
        open(path, 'w').close()
        self.assertEnds(self.run_program('event-read-fifo', path), 1, (re.escape(path) + ': ',))
        self.assertTrue(os.path.exists(path))
        path = self.path('no/such/directory')
        self.assertEnds(self.run_program('event-read-fifo', path), 1, (re.escape(path) + ': ',))


class BecatTest(SampleTest):
    def listen(self, **keywords):
        keywords.setdefault('stdin', subprocess.PIPE)
        return self.run_server('becat', '-l', '-p', '0', said='err', **keywords)

    def call(self, address, **keywords):
        keywords.setdefault('stdin', subprocess.PIPE)
        return self.run_program('becat', *address, **keywords)

    def feed(self, program, data):
        def write():
            with program.stdin as pipe:
                pipe.write(data)
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        self.addCleanup(thread.join, OPTIONS.deadline)

    def test_transfers_in_both_directions_at_once(self):
        server = self.listen()
        client = self.call(server.address)
        question, reply = noise(3 << 20, 1), noise(3 << 20, 2)
        self.feed(server, reply)
        self.feed(client, question)
        self.assertBytes(server.out.to_end(), question)
        self.assertBytes(client.out.to_end(), reply)
        for program in (server, client):
            self.assertMethod(program)
            self.assertEnds(program)

    def test_passes_messages_in_turn(self):
        server = self.listen()
        client = self.call(server.address)
        for number in range(1, 6):
            for speaker, hearer in ((server, client), (client, server)):
                speaker.stdin.write(b'%d' % number)
                speaker.stdin.flush()
                hearer.out.wait(lambda data: data == b'12345'[:number], 'what was said')
        server.stdin.close()
        client.stdin.close()
        self.assertEnds(server)
        self.assertEnds(client)

    def test_half_close_by_standard_input(self):
        server = self.listen()
        peer = self.connect(server)
        server.stdin.write(b'question')
        server.stdin.close()
        self.assertEqual(peer.to_end(), b'question')
        self.assertIsNone(server.process.poll())
        peer.send(b'a late answer')
        server.out.wait(lambda data: data == b'a late answer', 'the answer')
        peer.close()
        self.assertEqual(server.out.to_end(), b'a late answer')
        self.assertEnds(server)

    def test_half_close_by_the_peer(self):
        server = self.listen()
        peer = self.connect(server)
        peer.send(b'last words')
        peer.end()
        self.assertEqual(server.out.to_end(), b'last words')  # standard output has ended, standard input not
        server.stdin.write(b'still ')
        server.stdin.flush()
        self.assertEqual(peer.read(6), b'still ')
        server.stdin.write(b'heard')
        server.stdin.close()
        self.assertEqual(peer.to_end(), b'heard')
        self.assertEnds(server)

    def test_accepts_one_connection(self):
        server = self.listen()
        peer = self.connect(server)
        peer.send(b'x')
        server.out.match('x')
        with self.assertRaises(ConnectionRefusedError):
            self.connect(server)
        peer.end()
        server.stdin.close()
        self.assertEnds(server)

    def test_transfers_files_and_the_null_device(self):
        data = noise(2 << 20)
        with open(self.path('original'), 'wb') as file:
            file.write(data)
        with open(self.path('copy'), 'wb') as copy:
            server = self.listen(stdin=subprocess.DEVNULL, stdout=copy)
        with open(self.path('original'), 'rb') as original:
            client = self.call(server.address, stdin=original)
        for program in (server, client):
            self.assertEnds(program)
            self.assertMethod(program, 'poll' if self.method == 'epoll' else None)  # epoll cannot watch files
        self.assertEqual(client.out.to_end(), b'')
        with open(self.path('copy'), 'rb') as copy:
            self.assertBytes(copy.read(), data)

    def test_talks_to_echo_server(self):
        server = self.run_server('echo-server', '-p', '0')
        client = self.call(('localhost', server.address[1]))
        data = noise(4 << 20)
        self.feed(client, data)
        self.assertBytes(client.out.to_end(), data)
        self.assertEnds(client)
        self.assertInterruptible(server)

    def test_slow_peer_suspends_standard_input(self):
        server = self.listen()
        peer = self.connect(server, small=True)
        os.set_blocking(server.stdin.fileno(), False)
        data = memoryview(noise(48 << 20))
        sent = 0
        while sent < len(data) and select.select([], [server.stdin], [], 0.1)[1]:
            sent += os.write(server.stdin.fileno(), data[sent:sent + 4096])
        self.assertLess(sent, len(data), 'it buffers without a bound')
        peer.send(b'the other direction is free')
        server.out.match('the other direction is free')
        server.stdin.close()
        peer.end()
        self.assertBytes(peer.to_end(), bytes(data[:sent]))
        self.assertEnds(server)

    def test_reports_a_broken_standard_output(self):
        reading, writing = os.pipe()
        server = self.listen(stdout=writing)
        os.close(writing)
        os.close(reading)
        self.connect(server).send(b'nobody reads this')
        self.assertEnds(server, 1, ('becat: standard output: ',))

    def test_reports_a_reset_by_the_peer(self):
        server = self.listen()
        peer = self.connect(server)
        peer.send(b'x')
        server.out.match('x')
        peer.reset()
        self.assertEnds(server, 1, ('becat: connection: ',))

    def test_reports_a_refused_connection(self):
        with socket.socket() as unused:
            unused.bind(('127.0.0.1', 0))  # bound, but not listening
            client = self.call(unused.getsockname())
            self.assertEnds(client, 1, ('becat: connection: Connection refused',))


class ZlibFilterTest(SampleTest):
    def receiver(self):
        if not os.path.exists(os.path.join(OPTIONS.bin, 'zlib-filter')):
            self.skipTest('built without zlib')
        return self.run_server('zlib-filter', '-l', '-p', '0', said='err')

    def test_sent_data_arrives(self):
        for data in (b'', b'hello\n', noise(1000000).hex().encode()):
            receiver = self.receiver()
            with open(self.path('original'), 'wb') as file:
                file.write(data)
            with open(self.path('original'), 'rb') as file:
                sender = self.run_program('zlib-filter', *receiver.address, stdin=file)
            self.assertEnds(sender)
            self.assertBytes(receiver.out.to_end(), data)
            self.assertEnds(receiver)

    def test_uncompressed_or_truncated_input_is_rejected(self):
        for data in (b'plain text', zlib.compress(b'hello')[:-1]):
            receiver = self.receiver()
            with socket.create_connection(receiver.address, OPTIONS.deadline) as client:
                client.sendall(data)
            self.assertEnds(receiver, 1, ('zlib-filter: the connection ',))


class UsageTest(SampleTest):
    """Wrong options are refused with status 2 and a usage line, and nothing is started."""

    def refused(self, *command):
        program = self.run_program(*command)
        self.assertEqual(program.wait(), 2, command)
        self.assertIn(b'usage: ', program.err.to_end())
        self.assertEqual(program.out.to_end(), b'')

    def test_servers_reject_invalid_options(self):
        for name in ('rot13-server', 'rot13-server-events', 'rot13-server-bufferevent', 'echo-server', 'hello-world'):
            for wrong in (['-p', '65536'], ['-p', '-1'], ['-p', 'http'], ['-p', '9 '], ['-p', ''], ['-p'],
                          ['-p', '99999999999999999999'], ['-b', 'localhost'], ['-b', '1.2.3'], ['-x'], ['9995']):
                self.refused(name, *wrong)

    def test_other_samples_reject_invalid_options(self):
        self.refused('signal-test', '-n', '0')
        self.refused('signal-test', '-n', 'x')
        self.refused('signal-test', '3')
        self.refused('time-test', '-i', '0')
        self.refused('time-test', '-n', '-1')
        self.refused('time-test', 'x')
        self.refused('loop-metrics', '-i', '0')
        self.refused('loop-metrics', '-n', 'two')
        self.refused('loop-metrics', '-x')
        self.refused('loop-metrics', 'x')
        self.refused('event-read-fifo', 'a', 'b')
        self.refused('event-read-fifo', '-x')
        self.refused('becat')
        self.refused('becat', '-l', 'localhost')
        self.refused('becat', '-b', '127.0.0.1', 'localhost')
        self.refused('becat', 'localhost', 'x')
        self.refused('becat', 'localhost', '0')
        self.refused('becat', 'localhost', '1', '2')

    def test_help_prints_the_default_port(self):
        program = self.run_program('rot13-server', '-h')
        self.assertEnds(program)
        self.assertIn(b'9995', program.out.to_end())


TESTS = (EchoServerTest, TlsEchoServerTest, Rot13EventsTest, Rot13BuffereventTest, Rot13ServerTest, HelloWorldTest,
         SignalTest, TimeTest, MetricsTest, FifoTest, BecatTest, ZlibFilterTest)


def all_tests(names):
    """Each test under each method; what does not depend on it, once."""
    suite = unittest.TestSuite()
    loader = unittest.TestLoader()
    classes = [type('%s_%s' % (test.__name__, method), (test,), {'method': method})
               for test in TESTS for method in METHODS] + [UsageTest]
    for test in classes:
        for case in loader.loadTestsFromTestCase(test):
            if not names or any(name in case.id() for name in names):
                suite.addTest(case)
    return suite


class Result(unittest.TextTestResult):
    """Keeps the slowest tests in mind, to say so when asked."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.times = []

    def startTest(self, test):
        self.begin = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.times.append((time.monotonic() - self.begin, test.id()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--bin', required=True, help='where the programs are')
    parser.add_argument('--lib', help='where the shared libraries are')
    parser.add_argument('--wrap', default='', help='a command to put in front of each program')
    parser.add_argument('--deadline', type=float, default=DEADLINE, help='seconds for any one thing to happen')
    parser.add_argument('--slowest', action='store_true', help='name the slowest tests')
    parser.add_argument('-v', '--verbose', action='store_true')
    parser.add_argument('names', nargs='*')
    parser.parse_args(namespace=OPTIONS)
    runner = unittest.TextTestRunner(verbosity=1 + OPTIONS.verbose, resultclass=Result)
    result = runner.run(all_tests(OPTIONS.names))
    if OPTIONS.slowest:
        for seconds, name in sorted(result.times, reverse=True)[:15]:
            print('%6.2f s  %s' % (seconds, name))
    failed = len({test.id() for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    if skipped:
        print('%d skipped' % skipped)
    print('%d passed, %d failed' % (result.testsRun - failed - skipped, failed))
    return 1 if failed or result.testsRun == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
