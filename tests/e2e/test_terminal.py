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


# What the program is to do, then what it says and what is typed in turn.
@pytest.mark.parametrize("what, status, talk", [
    ("int", 0, [b"ready signal\n", b"\x03", b"signal 2\n"]),
    ("quit", 0, [b"ready signal\n", b"\x1c", b"signal 3\n"]),
    ("stop", 0, [b"ready stop\n", b"\x1a", b"stopped 20\n"]),
    ("raw", 0, [b"ready raw\n", b"\x03", b"byte 3\n"]),
    # A signal forgets what was typed.
    ("flush", 0, [b"ready signal\n", b"half a li\x03", b"ready line\n",
                  b"a whole one\n", b"line a whole one\n"]),
    ("die", 128 + 2, [b"ready die\n", b"\x03", b"killed by signal 2"]),
    # Of a reader, in the middle of a line.
    ("kill", 0, [b"ready kill\n", b"half a line", b"reader 9\n"]),
], ids=lambda v: v if isinstance(v, str) else "")
def test_typed(terminal, what, status, talk):
    t = terminal(what)
    for said, typed in zip(talk[::2], talk[1::2]):
        t.expect(said)
        t.type(typed)
    t.expect(talk[-1])
    assert t.status() == status
