"""Faultline's own userfaultfd requests, which the oracle does not know."""

import re

import pytest

import harness


@pytest.mark.parametrize("how", [["--icount"], ["--smp", "4"]],
                         ids=["icount", "smp4"])
@pytest.mark.parametrize("name", ["object_pager", "object_races",
                                  "object_killed"])
def test_objects(program, name, how):
    ran = harness.boot(*how, "--quiet", "--run", program(name), limit=60)
    ran.expect(0, text=r"^1\.\.\d+$")
    assert b"not ok" not in ran.out


@pytest.mark.parametrize("name", ["one_entry", "object_crowd", "guarded"])
def test_counted(program, name):
    ran = harness.boot("--icount", "--quiet", "--run", program(name))
    ran.expect(0, text=r"^1\.\.\d+$")
    assert b"not ok" not in ran.out


def test_object_story(program):
    """A fault that an object's pager served, stage by stage."""
    ran = harness.boot("--icount", "--append", "trace", "--run",
                       program("object_pager"))
    ran.expect(0, text=r"queued as a message \+\d+ read by the pager \+\d+ "
               r"filled \+\d+ woken \+\d+ resumed\n +end +the pager filled")


def test_object_shrink(program):
    """Memory is short: a pager is asked before a task is killed."""
    ran = harness.boot("--icount", "--mem", "64M", "--run",
                       program("object_shrink"))
    ran.expect(0, text=r"^1\.\.\d+$")
    assert b"not ok" not in ran.out and "Killed process" not in ran.text


def test_deadlocks(program):
    ran = harness.boot("--icount", "--run", program("deadlock"))
    ran.expect(0, text=[
        r"^1\.\.\d+$",
        r"userfaultfd: deadlock closed by 2\[2\]: SIGBUS\s+"
        r"2\[2\] at [0-9a-f]+, fault #\d+, waits for 2\[2\]",
        r"deadlock closed by (2\[\d\]): SIGBUS\s+"
        r"\1 at [0-9a-f]+, fault #\d+, waits for (2\[\d\])\s+"
        r"\2 at [0-9a-f]+, fault #\d+, waits for \1\s+ok"])
    assert b"not ok" not in ran.out
    assert "unless" not in ran.text


@pytest.mark.parametrize("how", [["--icount"], ["--smp", "4"]],
                         ids=["icount", "smp4"])
def test_certain_deadlocks(program, how):
    ran = harness.boot(*how, "--run", program("deadlock_certain"))
    ran.expect(0, text=[
        r"^1\.\.\d+$",
        r"userfaultfd: deadlock closed by (\d+)\[\d+\]: SIGBUS\s+"
        r"\1\[\d+\] at [0-9a-f]+, fault #\d+, waits for( \1\[\d+\]){8} "
        r"\.\.\.\n(  \1\[.*\n){7}  and 33 more",
        r"deadlock closed by (\d+\[\d+\]), unless a new one comes\s+"
        r"\1 at [0-9a-f]+, fault #\d+, waits for \1\s+ok"])
    assert b"not ok" not in ran.out
    assert ran.text.count("unless") == 1


@pytest.mark.parametrize("how", [["--icount"], ["--smp", "4"]],
                         ids=["icount", "smp4"])
def test_deadlocked_calls(program, how):
    ran = harness.boot(*how, "--run", program("deadlock_calls"))
    ran.expect(0, text=[
        r"^1\.\.\d+$",
        r"userfaultfd: deadlock closed by 2\[2\]: SIGBUS\s+2\[2\] at "
        r"[0-9a-f]+, fault #\d+, waits for 2\[2\]\s+ok 1 - mlock: refused",
        r"deadlock closed by 2\[2\]: goes on untold\s+2\[2\] at "
        r"[0-9a-f]+, fault #\d+, waits for 2\[2\]\s+ok \d+ - munmap"])
    assert b"not ok" not in ran.out


@pytest.mark.parametrize("name, checks", [("ten_thousand", 5),
                                          ("ten_tasks", 6)])
def test_ten_thousand(program, name, checks):
    """All of them wait for one descriptor; the frames are exact after it."""
    ran = harness.boot("--icount", "--mem", "512M", "--run",
                       program(name), limit=60)
    ran.expect(0, text=rf"^1\.\.{checks}$")
    assert b"not ok" not in ran.out
    before, after = re.search(r"frames: (\d+) in use before the first task, "
                              r"(\d+) at the end", ran.text).groups()
    assert before == after


def test_own_faults(program):
    ran = harness.boot("--icount", "--quiet", "--run", program("own_faults"))
    ran.expect(0, text=r"^1\.\.\d+$")
    assert b"not ok" not in ran.out
