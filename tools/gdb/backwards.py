"""Going backwards in a recorded run (run-qemu.sh --replay). reverse-stepi and
reverse-continue are GDB's and QEMU's own; here is rewind, which goes to a
fault by its number.
"""

import re
import socket
import time

import gdb

from kernel import Command, go_on, integer, symbol
from nextfault import FaultBreakpoint

PATIENCE = 120  # seconds of the host's, for a run from its first instruction


class Replay:
    """Whether this is one, and where its kernel began, in instructions."""

    entry = socket = None


def monitor(command):
    """Asks QEMU's monitor by a way of its own: a word to the stub would stop
    the machine in the middle of its way back."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        link.connect(Replay.socket)
        said = until_prompt(link)
        link.sendall(command.encode() + b"\n")
        said = until_prompt(link)
    return said


def until_prompt(link):
    said = b""
    while not said.endswith(b"(qemu) "):
        more = link.recv(4096)
        if not more:
            break
        said += more
    return said.decode(errors="replace")


def instruction_count():
    found = re.search(r"instruction count = (\d+)", monitor("info replay"))
    return int(found.group(1)) if found else None


def connected(path):
    """At the kernel's entry: notes where that is; says what cannot be done."""
    Replay.socket = path
    Replay.entry = instruction_count()
    said = gdb.execute("maint packet qSupported", to_string=True)
    if Replay.entry is None or "ReverseStep+" not in said:
        Replay.entry = None
        print("This QEMU runs the recording but cannot go backwards in it.")


def flush_registers():
    """GDB does not know that the machine is elsewhere now."""
    try:
        gdb.execute("maintenance flush register-cache", to_string=True)
    except gdb.error:
        gdb.execute("flushregs", to_string=True)


def seek(count):
    """QEMU loads a snapshot from before and runs to that instruction."""
    monitor(f"replay_seek {count}")
    deadline = time.monotonic() + PATIENCE
    while "paused" not in monitor("info status") or \
            instruction_count() != count:
        if time.monotonic() > deadline:
            raise gdb.GdbError("QEMU does not get back to the kernel's entry")
        time.sleep(0.1)
    flush_registers()


class IsFault:
    """A filter for pf-next's breakpoint: the fault that will get this id."""

    def __init__(self, number):
        self.number = number

    def is_met_by(self, _trap):
        return last_fault() == self.number - 1


def last_fault():
    return integer(symbol("ledger_last_id"))


class Rewind(Command):
    """rewind N: in a replayed run, goes to the entry of fault N of the ledger
(pf and ledger show the numbers), whether that is behind or ahead.
rewind: goes to the kernel's entry."""

    NAME = "rewind"

    def run(self, argument):
        if Replay.entry is None:
            raise gdb.GdbError("only a recorded run goes backwards: "
                               "./run-qemu.sh --record FILE, then --replay "
                               "FILE --gdb")
        word = argument.strip().lstrip("#")
        number = int(word) if word else 0
        if not number or last_fault() >= number:
            seek(Replay.entry)
        if number:
            self.to_fault(number)
        gdb.execute("frame")

    @staticmethod
    def to_fault(number):
        stop = FaultBreakpoint(IsFault(number))
        try:
            go_on()
        finally:
            stop.delete()
        if stop.trap is None:
            raise gdb.GdbError(f"the run has no fault #{number}, or something "
                               "else stopped it before")
        print(f"fault #{number}: {stop.trap.words()}")


Rewind()
