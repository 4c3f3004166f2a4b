"""tests/guest/bad_pointers.c has a row for every pointer argument of every
call: what the calls take is read from the kernel's own declarations."""

import glob
import os
import re

import harness

# Never touched, or only after the call has said yes.
NO_ROW = {
    ("execve", 1): "no path leads to a program; execveat has the rows",
    ("execve", 2): "the same",
    ("getcwd", 0): "there are no directories: ENOENT before it is looked at",
    ("set_tid_address", 0): "kept for the thread's end; test_kept()",
    ("set_robust_list", 0): "the same",
    ("clone", 2): "written with nobody to tell; test_kept()",
    ("clone", 3): "the same",
}
# ioctl: whose argument is no pointer, or which need a controlling terminal.
NO_IOCTL_ROW = {
    "TCFLSH", "TCSBRK", "TCXONC", "TIOCSCTTY", "TIOCNOTTY",  # a number
    # the terminal's: tests/guest/tty_job.c, pointers()
    "TCGETS", "TCSETS", "TCSETSW", "TCSETSF", "TIOCGWINSZ", "TIOCSWINSZ",
    "TIOCGPGRP", "TIOCGSID", "TIOCSPGRP", "FIONREAD", "TIOCOUTQ",
}


def read(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as f:
        return f.read()


def declarations():
    """{handler: [its parameters]}"""
    text = "".join(read(p) for p in glob.glob(
        os.path.join(harness.ROOT, "include", "kernel", "*.h")))
    return {name: re.split(r",\s*", parameters) for name, parameters
            in re.findall(r"^long (sys_\w+)\(([^)]*)\)", text, re.M)}


def names():
    """{number: Linux's name}, as docs/syscalls.md has them."""
    return {int(n): name for n, name in re.findall(
        r"^\| (\d+) \| (\w+) \|", read("docs", "syscalls.md"), re.M)}


def wanted():
    """{(call, argument)} of the calls that there are."""
    there, known, found = declarations(), names(), set()
    table = re.findall(r"CALL\((\d+), (sys_\w+)\)",
                       read("kernel", "syscall_table.c"))
    assert len(table) > 150
    for number, handler in table:
        for i, parameter in enumerate(there[handler]):
            if "__user" in parameter:
                found.add((known[int(number)], i))
    return found


def rows():
    """[(call, its arguments)]"""
    text = "".join(read("tests", "guest", f"bad_pointers_{part}.h")
                   for part in ("files", "tasks"))
    found = re.findall(r'ROW\("[^"]*",\s*SYS_(\w+),\s*'
                       r"A\(((?:[^()]|\([^()]*\))*)\)", text)
    assert len(found) == text.count("ROW("), "a row is not understood"
    return [(name, re.split(r",\s*", arguments)) for name, arguments in found]


def covered():
    return {({"pselect": "pselect6"}.get(name, name), i)
            for name, arguments in rows()
            for i, argument in enumerate(arguments) if argument == "P"}


def test_every_pointer_has_a_row():
    missing = wanted() - covered() - set(NO_ROW)
    assert not missing, sorted(missing)


def test_the_exceptions_are_needed():
    assert set(NO_ROW) <= wanted()
    assert not set(NO_ROW) & covered()


def commands(call):
    return {arguments[1 if call == "ioctl" else 0] for name, arguments
            in rows() if name == call and "P" in arguments}


def test_every_ioctl_has_a_row():
    text = "".join(read(p) for p in glob.glob(
        os.path.join(harness.ROOT, "kernel", "*.c")))
    there = set(re.findall(r"case ((?:UFFDIO|TC|TIOC|FIO)\w+):", text))
    there |= set(re.findall(r"^#define (PROCMAP_QUERY|FIONBIO)\b", text,
                            re.M))
    there |= set(re.findall(r"^#define (UFFDIO_FL_\w+) +0x", "".join(
        read(p) for p in glob.glob(os.path.join(
            harness.ROOT, "include", "uapi", "faultline", "*.h"))), re.M))
    assert len(there) > 20
    missing = there - commands("ioctl") - NO_IOCTL_ROW
    assert not missing, sorted(missing)


def test_every_prctl_has_a_row():
    text = read("kernel", "sys_prctl.c")
    there = set(re.findall(r"case (PR_\w+):\s*return [^;]*?__user", text))
    assert len(there) > 4
    missing = there - commands("prctl")
    assert not missing, sorted(missing)


def test_our_own_numbers():
    """The test is built without our headers, for Linux."""
    ours = {}
    for name in ("prctl", "userfaultfd", "object_pager"):
        ours.update(re.findall(r"^#define (\w+) +(0x\w+)",
                               read("include", "uapi", "faultline",
                                    f"{name}.h"), re.M))
    used = re.findall(r"^#define ((?:UFFDIO_FL|PR)_\w+) +(0x\w+)",
                      read("tests", "guest", "bad_pointers.c"), re.M)
    assert len(used) > 2
    assert {name: ours.get(name) for name, _ in used} == dict(used)
