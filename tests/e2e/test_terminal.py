"""Signals typed on the serial console reach the foreground group."""

import os
import select
import signal
import subprocess
import time

import pytest

import harness

WALL = 90


class Terminal:
    """A run whose console is typed on: .expect(text), .type(bytes)."""

    def __init__(self, *args):
        self.process = harness.spawn(
            ["--append", "limit=60", "--quiet", "--run", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.seen = b""
        self.end = time.monotonic() + WALL

    def expect(self, text):
        """Reads on until TEXT has come, and forgets what was before it."""
        out = self.process.stdout.fileno()
        while text not in self.seen:
            left = self.end - time.monotonic()
            more = b""
            if left > 0 and select.select([out], [], [], left)[0]:
                more = os.read(out, 4096)
            if not more:
                raise AssertionError(
                    f"wrong output: no {text!r} in {self.seen!r}")
            self.seen += more
        self.seen = self.seen.split(text, 1)[1]

    def type(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def status(self):
        return self.process.wait(WALL)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def terminal(program):
    opened = []

    def start(what):
        opened.append(Terminal(program("typed"), what))
        return opened[-1]

    yield start
    for t in opened:
        t.close()


@pytest.mark.parametrize("what, typed, number", [
    ("int", b"\x03", 2), ("quit", b"\x1c", 3)])
def test_signal(terminal, what, typed, number):
    t = terminal(what)
    t.expect(b"ready signal\n")
    t.type(typed)
    t.expect(b"signal %d\n" % number)
    assert t.status() == 0


def test_stop(terminal):
    t = terminal("stop")
    t.expect(b"ready stop\n")
    t.type(b"\x1a")
    t.expect(b"stopped 20\n")
    assert t.status() == 0


def test_raw(terminal):
    t = terminal("raw")
    t.expect(b"ready raw\n")
    t.type(b"\x03")
    t.expect(b"byte 3\n")
    assert t.status() == 0


def test_signal_forgets_what_was_typed(terminal):
    t = terminal("flush")
    t.expect(b"ready signal\n")
    t.type(b"half a li\x03")
    t.expect(b"ready line\n")
    t.type(b"a whole one\n")
    t.expect(b"line a whole one\n")
    assert t.status() == 0


def test_kills_the_program(terminal):
    t = terminal("die")
    t.expect(b"ready die\n")
    t.type(b"\x03")
    t.expect(b"killed by signal 2")
    assert t.status() == 128 + 2


def test_reader_is_killed(terminal):
    t = terminal("kill")
    t.expect(b"ready kill\n")
    t.type(b"half a line")
    t.expect(b"reader 9\n")
    assert t.status() == 0
