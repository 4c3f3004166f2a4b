"""Memory runs out: of the machine, and of a group of tasks. Somebody is killed
and says so on the console; everybody else goes on, and no frame is lost (or
the run does not end well)."""

import re

import harness

KILLED = r"^Out of memory: Killed process \d+ \(hog\) total-vm:\d+kB"


def hog(program, *argv, options=("--icount",), mem="40M", limit=120):
    return harness.boot(*options, "--mem", mem, "--run", program("hog"), *argv,
                        limit=limit)


def test_a_hundred_rounds(program):
    ran = hog(program, "rounds", 100).expect(0, text=r"^100 rounds")
    assert len(re.findall(KILLED, ran.text, re.M)) == 100, ran.story()


def test_many_at_once(program):
    """Hogs with two threads each, on two processors."""
    hog(program, "crowd", 4, options=("--smp", "2")).expect(
        0, text=[KILLED, r"^4 killed"])


def test_nobody_to_kill(program):
    hog(program, "nobody", 0).expect(
        0, text=[r"^out of memory: killing task hog\[\d+\]$", r"^ended by 9"])


def test_nobody_to_kill_for_a_system_call(program):
    """It is told that it cannot have that page: EFAULT."""
    hog(program, "nobody_copy", 0).expect(0, text=r"^ended by 0, errno 14$")


def test_all_who_share_the_memory(program):
    """They go with it, and it is one victim."""
    ran = hog(program, "shares", 0).expect(0, text=r"^ended by 9")
    assert len(re.findall(KILLED, ran.text, re.M)) == 1, ran.story()


def test_group(program):
    """Its own limit, inherited, and its own victims."""
    ran = hog(program, "group", 8, mem="64M").expect(
        0, text=[r"^Memory group out of memory: Killed process \d+ \(hog\)",
                 r"^group: 0$"])
    assert not re.search(KILLED, ran.text, re.M), ran.story()


def test_what_the_kernel_keeps_goes_first(program):
    """Stacks of threads that have ended, slabs without objects: dozens of
    pages come of them before anybody is killed."""
    ran = hog(program, "spare", 16).expect(0, text=KILLED)
    more = re.search(r"^(\d+) more, ended by 9$", ran.text, re.M)
    assert more and int(more.group(1)) > 50, ran.story()
