#!/usr/bin/env python3
"""Starts the sample servers that are built for Windows under Wine, and talks to them from this side.

    python3 wine_test.py --bin DIR [--wine LOADER]
"""

import argparse
import os
import random
import re
import socket
import subprocess
import sys
import threading
import unittest

DEADLINE = 60.0  # seconds for any one thing to happen
OTHER_METHODS = {'win32': {}, 'wepoll': {'EVENT_NOWIN32': '1'}}  # what forbids them
OPTIONS = argparse.Namespace(bin='.', wine='/usr/lib/wine/wine64')


def rot13(data):
    upper, lower = b'ABCDEFGHIJKLMNOPQRSTUVWXYZ', b'abcdefghijklmnopqrstuvwxyz'
    turn = lambda letters: letters[13:] + letters[:13]
    return data.translate(bytes.maketrans(upper + lower, turn(upper) + turn(lower)))


class Server:
    def __init__(self, name, *options, method='win32'):
        self.process = subprocess.Popen([OPTIONS.wine, '%s/%s.exe' % (OPTIONS.bin, name), *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=dict(os.environ, EVENT_SHOW_METHOD='1', **OTHER_METHODS[method]))
        self.watchdog = threading.Timer(DEADLINE, self.process.kill)
        self.watchdog.start()
        line = self.process.stdout.readline().decode().strip()
        found = re.fullmatch(r'listening on \[?([0-9.:a-f]+?)\]?:(\d+)', line)
        if not found:
            self.stop()
            raise AssertionError('%s printed %r' % (name, line))
        self.address = found[1], int(found[2])
        line = self.process.stderr.readline().decode().strip()
        if not line.endswith('libevent using: ' + method):
            self.stop()
            raise AssertionError('%s logged %r' % (name, line))
        self.watchdog.cancel()

    def stop(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()

    def client(self):
        return socket.create_connection(self.address, DEADLINE)

    def conversation(self, data):
        """All that comes back for data, to the end."""
        with self.client() as client:
            sender = threading.Thread(target=self.send_all, args=(client, data))
            sender.start()
            answer = b''
            while chunk := client.recv(1 << 16):
                answer += chunk
            sender.join(DEADLINE)
            return answer

    @staticmethod
    def send_all(client, data):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)


class ServerTests:
    OPTIONS = ('-p', '0')
    METHOD = 'win32'

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.NAME, *cls.OPTIONS, method=cls.METHOD)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_a_line_is_answered(self):
        with self.server.client() as client:
            client.sendall(b'Hello from a client\n')
            self.assertEqual(client.makefile('rb').readline(), self.expected(b'Hello from a client\n'))

    def test_half_close_receives_all_replies_and_eof(self):
        self.assertEqual(self.server.conversation(b'one\ntwo\nthree'), self.expected(b'one\ntwo\nthree'))

    def test_bulk_data_is_exact(self):
        lines = random.Random(1)
        data = b''.join(lines.randbytes(lines.randrange(200)).replace(b'\n', b'.') + b'\n' for _ in range(20000))
        self.assertEqual(self.server.conversation(data), self.expected(data))

    def test_many_clients_at_once(self):
        clients = [self.server.client() for _ in range(100)]
        for number, client in enumerate(clients):
            client.sendall(b'client %d\n' % number)
        for number, client in enumerate(clients):
            self.assertEqual(client.makefile('rb').readline(), self.expected(b'client %d\n' % number))
        for client in clients:
            client.close()

    def test_disconnected_clients_do_not_affect_others(self):
        for _ in range(20):
            with self.server.client() as client:
                client.sendall(b'never read\n' * 1000)
        self.test_a_line_is_answered()


class EchoServer(ServerTests, unittest.TestCase):
    NAME = 'echo-server'

    @staticmethod
    def expected(data):
        return data


class EchoServerOnWepoll(EchoServer):
    METHOD = 'wepoll'


class Rot13Tests(ServerTests):
    @staticmethod
    def expected(data):
        return rot13(data)


class Rot13Server(Rot13Tests, unittest.TestCase):
    NAME = 'rot13-server'


class Rot13ServerOnWepoll(Rot13Tests, unittest.TestCase):
    NAME = 'rot13-server'
    METHOD = 'wepoll'


class Rot13Bufferevent(Rot13Tests, unittest.TestCase):
    NAME = 'rot13-server-bufferevent'


class Rot13Events(Rot13Tests, unittest.TestCase):
    NAME = 'rot13-server-events'


@unittest.skipUnless(os.path.exists('/proc/net/if_inet6'), 'there is no IPv6')
class Rot13ServerOnIpv6(Rot13Tests, unittest.TestCase):
    NAME = 'rot13-server'
    OPTIONS = ('-p', '0', '-b', '::1')


class HelloWorld(unittest.TestCase):
    def test_greets_and_closes(self):
        server = Server('hello-world', '-p', '0')
        try:
            self.assertEqual(server.conversation(b''), b'Hello, World!\n')
        finally:
            server.stop()


class TimeTest(unittest.TestCase):
    def test_ticks_and_ends(self):
        run = subprocess.run([OPTIONS.wine, OPTIONS.bin + '/time-test.exe', '-i', '5', '-n', '10'], timeout=DEADLINE,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.assertEqual(run.returncode, 0)
        self.assertEqual(len(run.stdout.splitlines()), 10)


class Usage(unittest.TestCase):
    def test_an_unknown_option_is_rejected(self):
        run = subprocess.run([OPTIONS.wine, OPTIONS.bin + '/echo-server.exe', '-x'], timeout=DEADLINE,
                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b'usage:', run.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bin', default=OPTIONS.bin)
    parser.add_argument('--wine', default=OPTIONS.wine)
    parser.parse_args(namespace=OPTIONS)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    print('%d passed, %d failed' % (result.testsRun - bad, bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
