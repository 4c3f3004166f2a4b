"""The last system calls, from the ring the kernel keeps when asked to (the
option `calls`, or a trace); the command syscalls."""

import os
import re

import gdb

from constants import ROOT
from kernel import Command, find_task, integer, symbol


def names():
    """{number: name}, from the kernel's own table."""
    with open(os.path.join(ROOT, "kernel", "syscall_name.c"),
              encoding="utf-8") as f:
        source = f.read()
    first = int(re.search(r"#define NEW_FIRST (\d+)", source).group(1))
    old = int(re.search(r"#define OLD_COUNT (\d+)", source).group(1))
    body = source[source.index("names[] ="):]
    words = "".join(re.findall(r'"([^"]*)"', body[:body.index(";")])) \
        .replace("\\0", " ").split()
    return {i if i < old else first + i - old: n for i, n in enumerate(words)}


ERRORS = {1: "EPERM", 2: "ENOENT", 4: "EINTR", 9: "EBADF", 10: "ECHILD",
          11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 14: "EFAULT",
          16: "EBUSY", 17: "EEXIST", 22: "EINVAL", 38: "ENOSYS",
          110: "ETIMEDOUT"}


def result(call):
    if not integer(call["end"]):
        return "has not returned"
    value = integer(call["result"])
    if value >> 12 == (1 << 52) - 1:
        return "-" + ERRORS.get((1 << 64) - value, str((1 << 64) - value))
    return hex(value) if value > 4096 else str(value)


class Syscalls(Command):
    """syscalls [COUNT [TASK]]: the last system calls (10 if not said), oldest
first: by whom, what, with which arguments, what came back, how many ticks it
took. The kernel notes them when it is started with `--append calls`, --record
FILE or --trace FILE; a kernel that is not asked spends nothing on it."""

    NAME = "syscalls"

    def run(self, argument):
        words = argument.split()
        count = int(words[0], 0) if words else 10
        tids = self.tids(" ".join(words[1:]))
        last = integer(symbol("trace_call_count"))
        if not last:
            raise gdb.GdbError("no system call is noted: start the run with "
                               "--append calls")
        ring, known = symbol("trace_calls"), names()
        low, high = ring.type.range()
        size, found = high - low + 1, []
        for n in range(last - 1, max(last - size, 0) - 1, -1):
            slot = ring[n % size]
            if tids is None or integer(slot["tid"]) in tids:
                found.append(self.line(n, slot, known))
                if len(found) == count:
                    break
        print("\n".join(reversed(found)))

    @staticmethod
    def tids(word):
        from kernel import threads
        if not word:
            return None
        task = integer(find_task(word))
        return {integer(t["tid"]) for t in threads()
                if integer(t["task"]) == task}

    @staticmethod
    def line(n, slot, known):
        call = slot["call"]
        number = integer(call["number"])
        args = [integer(call["arg"][i]) for i in range(3)]
        if known.get(number) == "ioctl":
            args[1] &= 0xffffffff  # C libraries extend its sign
        args = ", ".join(map(hex, args))
        took = integer(call["end"]) - integer(slot["begin"])
        return f"{n + 1:>6}  tid {integer(slot['tid']):<4} " \
            f"{known.get(number, number)}({args}, ...) = {result(call)}" + \
            (f", {took} ticks" if took > 0 else "")


Syscalls()
