"""GDB where the person is: run-qemu.sh --gdb=here, in a terminal, and
--gdb=tmux, in a pane beside the console."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import termios
import time

import pytest

import harness

COLOUR = re.compile(r"\033\[[0-9;?]*[a-zA-Z]")
OPTIONS = ["--icount", "--append", "limit=60"]


def take_terminal():
    """Standard input becomes the session's terminal: ^C is a signal then."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal():
    """Starts run-qemu.sh on a terminal of its own; what is read of it."""
    ours, theirs = pty.openpty()
    started = []

    def start(*args, **env):
        started.append(harness.spawn(
            [*args, *OPTIONS], stdin=theirs, stdout=theirs, stderr=theirs,
            env=env, preexec_fn=take_terminal))
        os.close(theirs)
        return ours, started[0]

    yield start
    os.close(ours)  # hangs up
    for process in started:
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def read_until(fd, pattern, seconds=100):
    text, end = "", time.monotonic() + seconds
    while not re.search(pattern, text) and time.monotonic() < end:
        if select.select([fd], [], [], 0.5)[0]:
            text += COLOUR.sub("", os.read(fd, 4096).decode(errors="replace"))
    assert re.search(pattern, text), text[-1500:]
    return text


def test_gdb_here(terminal):
    """A prompt in this terminal, at the kernel's entry; ^C is GDB's; when it
    ends the guest does."""
    fd, process = terminal("--gdb=here")
    said = read_until(fd, r"kernel_main \([\s\S]*\(gdb\) $")
    assert "(y or n)" not in said
    os.write(fd, b"pf-next demo-file pager\n")
    read_until(fd, r"user read of 0x\w+, page not present[\s\S]*\(gdb\) $")
    os.write(fd, b"\x03")
    read_until(fd, r"Quit\s[\s\S]*\(gdb\) $")
    os.write(fd, b"tasks\n")
    read_until(fd, r"pager-file|demo-file\[3/3\]")
    os.write(fd, b"quit\n")
    assert process.wait(timeout=30) == 0


def test_gdb_in_tmux(terminal, tmp_path):
    """Outside of tmux it starts one, with GDB in the second pane; the console
    is in the first, to the end of the run."""
    assert shutil.which("tmux"), "tmux is missing (tools/install-deps test)"
    env = {"TMUX_TMPDIR": str(tmp_path), "TMUX": "", "TERM": "xterm"}

    def tmux(*words):
        return subprocess.run(
            ["tmux", *words], capture_output=True, text=True, check=False,
            env=dict(os.environ, TMUX_TMPDIR=str(tmp_path))).stdout

    def pane(number, pattern, seconds=100):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = tmux("capture-pane", "-pJ", "-t", f":.{number}")
            if re.search(pattern, text, re.M):
                return
            time.sleep(0.2)
        raise AssertionError("".join(
            tmux("capture-pane", "-pJ", "-t", f":.{n}") for n in (0, 1)))

    fd, process = terminal("--gdb=tmux", **env)
    try:
        pane(1, r"kernel_main \(")
        tmux("send-keys", "-t", ":.1", "pf-next demo-file pager", "Enter")
        pane(1, r"page not present")
        tmux("send-keys", "-t", ":.1", "detach", "Enter")
        pane(0, r"^host: CRC agrees")
        tmux("send-keys", "-t", ":.1", "quit", "Enter")
        tmux("send-keys", "-t", ":.0", "Enter")
        with contextlib.suppress(OSError):  # it has hung up
            while process.poll() is None and \
                    select.select([fd], [], [], 20)[0]:
                os.read(fd, 4096)
        assert process.wait(timeout=20) == 0
    finally:
        tmux("kill-server")
