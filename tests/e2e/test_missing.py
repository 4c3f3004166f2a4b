"""What is not there: system calls, which the console hears of once per task
and number, and processors, when no table names them."""

import re
import struct

import pytest

import gdbstub
import harness
from test_bad_input import tags

TOLD = (r"^task (\S+)\[(\d+)/\d+\]: system call (\d+) \((.*)\) "
        "is not implemented")


def test_missing_calls_are_named_once(program):
    ran = harness.boot("--run", program("missing")).expect(0)
    told = re.findall(TOLD, ran.text, re.M)
    tasks = sorted({pid for _, pid, _, _ in told}, key=int)
    assert len(tasks) == 2, ran.story()
    assert [(n, name) for _, pid, n, name in told if pid == tasks[0]] == [
        ("253", "inotify_init"), ("300", "fanotify_init"),
        ("500", "no such call")], ran.story()
    assert [n for _, pid, n, _ in told if pid == tasks[1]] == ["253"]


def test_missing_calls_are_no_news_when_quiet(program):
    ran = harness.boot("--quiet", "--run", program("missing")).expect(0)
    assert "not implemented" not in ran.text, ran.story()


OLD_ACPI, NEW_ACPI = 14, 15


@pytest.mark.parametrize("lie, cpus", [
    ("none", 4), ("no tables", 1), ("bad checksum", 1)])
def test_processors(program, lie, cpus):
    """Without the tables' word there is one processor, and all works."""
    with gdbstub.Stub("--smp", "4", "--append", "limit=30", "--run",
                      program("cpus")) as stub:
        stub.run_to(gdbstub.symbols()["_start"] & 0x7fffffff)
        base = stub.register("rbx") & 0xffffffff
        size, = struct.unpack("<I", stub.read(base, 4))
        there = tags(stub.read(base, size))
        for kind in {OLD_ACPI, NEW_ACPI} & set(there):
            at = base + there[kind]
            if lie == "no tables":
                stub.write(at, struct.pack("<I", 77))
            elif lie == "bad checksum":
                stub.write(at + 8 + 9, b"?")  # in the maker's name
        ran = stub.finish()
    ran.expect(cpus)
