"""The shell on the console: its commands against what is so, its keys, and
when it is there at all."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

import harness

UP, LEFT = "\033[A", "\033[D"
LINES = [
    "help", "tasks", "vmas 1", "walk 1 0x401000", "walk 1 0x10000000",
    "uffd", "ledger 5", "mem", "demo file", "run demo-anon", "demo nothing",
    "vmas 4000", "walk", "nonsense", "run report args one two",
    "memx\x7f",              # Backspace
    "asks" + 4 * LEFT + "t",  # the cursor
    UP + UP,                 # back to "mem"
    "xx\x15tasks",           # ^U
    "exit"]


@pytest.fixture(scope="module")
def said(tmp_path_factory, program):
    data = tmp_path_factory.mktemp("shell") / "data"
    data.write_bytes(bytes(range(256)) * 32)
    ran = harness.boot("--shell", "--icount", "--data", data, "--module",
                       program("report"), limit=60,
                       stdin="".join(x + "\r" for x in LINES).encode())
    return ran.expect(0)


def answers(said):
    """What came after each prompt, line by line of LINES."""
    return re.split(r"faultline> ", said.text)[-len(LINES):] \
        if "\033[K" not in said.text else \
        [re.split(r"\n", p, maxsplit=1)[-1]
         for p in re.split(r"(?<!\r)faultline> ", said.text)[1:]]


def answer(said, line):
    return answers(said)[LINES.index(line)]


def test_commands_answer(said):
    assert re.search(r"^ +1 +0 +1 .* init$", answer(said, "tasks"), re.M), \
        said.story()
    assert re.search(r"^00401000-\w+ r-xp .* /init$", answer(said, "vmas 1"),
                     re.M)
    assert re.search(r"^MemTotal: +\d+ kB$", answer(said, "mem"), re.M)
    assert "no area is registered" in answer(said, "uffd")
    for name in ("demo", "run", "tasks", "vmas", "walk", "uffd", "ledger",
                 "mem", "help", "exit"):
        assert re.search(rf"^{name}\b", answer(said, "help"), re.M)


def test_walk_is_in_the_area(said):
    walk = answer(said, "walk 1 0x401000")
    assert len(re.findall(r"^P\w+ *\[", walk, re.M)) == 4
    assert re.search(r"^PT  \[  1\] \w+5 present user accessed", walk, re.M)
    assert "PT  [" not in answer(said, "walk 1 0x10000000")


def test_ledger_shows_the_last_faults(said):
    lines = re.findall(r"^#(\d+) \[(\d+)/\d+\] ip \w+: .* ticks: .+$",
                       answer(said, "ledger 5"), re.M)
    numbers = [int(n) for n, _ in lines]
    assert len(numbers) == 5 and numbers == sorted(numbers)


def test_demos_run(said):
    assert re.search(r"pager: 2 pages, 2 faults served",
                     answer(said, "demo file")), said.story()
    assert "first reads, of the zero page" in answer(said, "run demo-anon")
    assert answer(said, "run report args one two").startswith(
        "1 [one]\n2 [two]\n"), said.story()
    assert "no demo is named nothing" in answer(said, "demo nothing")


def test_mistakes_are_named(said):
    assert "no task has the number 4000" in answer(said, "vmas 4000")
    assert "usage: walk PID ADDRESS" in answer(said, "walk")
    assert "nonsense: no such command" in answer(said, "nonsense")


def test_keys(said):
    assert "MemTotal" in answer(said, "memx\x7f"), said.story()
    assert "parent" in answer(said, "asks" + 4 * LEFT + "t")
    assert "MemTotal" in answer(said, UP + UP)
    assert "parent" in answer(said, "xx\x15tasks")


def test_files_it_reads(program):
    ran = harness.run(program("lookself")).expect(
        0, text=[r"^before: \d\d\d0 leaf 0$", r"^after: 1111 leaf 7$"])
    region = int(re.search(r"^region (\w+)", ran.text, re.M).group(1), 16)
    assert re.search(rf"^\[\d+\] {region:x}-{region + 8192:x} missing: 1 "
                     "faults unread, 0 being served$", ran.text, re.M), \
        ran.story()


def read_until(fd, words, seconds):
    text, end = b"", time.monotonic() + seconds
    while words not in text and time.monotonic() < end:
        if select.select([fd], [], [], 0.5)[0]:
            text += os.read(fd, 4096)
    return text


def test_a_terminal_gets_the_shell():
    """Without options on a terminal: a prompt, raw keys; ^D ends it, and the
    terminal is as it was."""
    ours, theirs = pty.openpty()
    before = subprocess.run(["stty", "-g"], stdin=theirs, capture_output=True,
                            check=True).stdout
    process = harness.spawn([], stdin=theirs, stdout=theirs, stderr=theirs)
    try:
        text = read_until(ours, b"faultline> ", 100)
        assert b"faultline> " in text, text[-500:]
        os.write(ours, b"mem\r")
        assert b"MemTotal" in read_until(ours, b"MemAvail", 30)
        os.write(ours, b"\x04")
        read_until(ours, b"CRC agrees", 30)
        assert process.wait(timeout=30) == 0
    finally:
        process.terminate()
    after = subprocess.run(["stty", "-g"], stdin=theirs, capture_output=True,
                           check=True).stdout
    assert after == before


def test_no_terminal_powers_off():
    ran = harness.boot(limit=60).expect(0)
    assert "faultline> " not in ran.text
