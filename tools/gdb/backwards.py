"""Going backwards in a recorded run (run-qemu.sh --replay): reverse-stepi,
reverse-continue, rewind.

A place in the run is a count of instructions. QEMU's monitor goes to one
(replay_seek): it loads the machine as it was at the start and runs forward.
All three are made of that. GDB's own reverse-continue lets QEMU 7.2 look for
breakpoints on its way, and sometimes it does not come back; ours runs forward
from the kernel's entry and notes the count at each stop.
"""

import contextlib
import re
import socket
import time

import gdb

from kernel import Command, go_on, integer, symbol
from nextfault import ENTRY, Trap

PATIENCE = 200  # seconds of the host's, for a run from its first instruction
SLACK = 20000   # instructions between the guess of a place and the place


class Replay:
    """Whether this is one, where its kernel began, in instructions, and what
    the time-stamp counter showed then."""

    entry = socket = cycles = None


def monitor(command):
    """Asks QEMU's monitor by a way of its own: a word to the stub would stop
    the machine in the middle of its way back."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        link.connect(Replay.socket)
        until_prompt(link)
        link.sendall(command.encode() + b"\n")
        return until_prompt(link)


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
    Replay.cycles = integer(gdb.parse_and_eval("(unsigned long)$rsi"))
    if Replay.entry is None:
        print("This QEMU runs the recording but cannot go backwards in it.")


def check():
    if Replay.entry is None:
        raise gdb.GdbError("only a recorded run goes backwards: "
                           "./run-qemu.sh --record FILE, then --replay FILE "
                           "--gdb")


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
            raise gdb.GdbError(f"QEMU does not get to instruction {count}")
        time.sleep(0.1)
    flush_registers()


def seek_before(count):
    """To that instruction, and nothing of it done. An instruction that faults
    is not counted, and QEMU may stop before or after its exception: so from
    one instruction earlier in single steps."""
    seek(max(count - 1, 0))
    while instruction_count() < count:
        gdb.execute("stepi", to_string=True)


@contextlib.contextmanager
def undisturbed():
    """What listens to stops does not hear those on the way; at the end the
    symbols are those of the program that runs there."""
    import follow
    import session
    if follow.PfFollow.follower:
        follow.PfFollow.follower.end()
    gdb.events.stop.disconnect(session.follow_programs)
    try:
        with session.quiet():
            yield
    finally:
        gdb.events.stop.connect(session.follow_programs)
        session.follow_programs(None)


def number_in(argument):
    word = argument.strip().lstrip("#")
    return int(gdb.parse_and_eval(word)) if word else 0


class ReverseStepi(Command):
    """reverse-stepi [N]: in a replayed run, one instruction back, or N."""

    NAME = "reverse-stepi"

    def run(self, argument):
        check()
        with undisturbed():
            seek_before(max(instruction_count() -
                            (number_in(argument) or 1), 0))
        gdb.execute("frame")


class Hits:
    """Notes at which instruction the machine last stopped, and why."""

    def __init__(self):
        self.count, self.why = None, ""

    def __call__(self, event):
        count = instruction_count()
        stops = getattr(event, "breakpoints", [])
        if stops and count < self.before:
            self.count = count
            self.why = " ".join(str(b.number) for b in stops)

    def until(self, before):
        """Runs to that instruction, by way of everything that stops."""
        self.before = before
        monitor(f"replay_break {before}")
        gdb.events.stop.connect(self)
        try:
            while instruction_count() < before:
                go_on()
        finally:
            gdb.events.stop.disconnect(self)


class ReverseContinue(Command):
    """reverse-continue: in a replayed run, back to where a breakpoint or a
watchpoint would last have stopped the machine; if none would have, to the
kernel's entry."""

    NAME = "reverse-continue"

    def run(self, _argument):
        check()
        start, hits = instruction_count(), Hits()
        with undisturbed():
            seek(min(Replay.entry, start))
            if any(b.enabled for b in gdb.breakpoints() or ()):
                hits.until(start)
            if hits.count is not None:
                seek_before(hits.count)
            elif instruction_count() != Replay.entry:
                seek(Replay.entry)
        print(f"breakpoint {hits.why}, instruction {hits.count}"
              if hits.why else "nothing stops the machine before: this is "
              "the kernel's entry")
        gdb.execute("frame")


class FaultEntry(gdb.Breakpoint):
    """Stops at the entry of the fault that will have this number."""

    def __init__(self, number):
        super().__init__(ENTRY, gdb.BP_HARDWARE_BREAKPOINT, internal=True)
        self.silent = True
        self.before, self.met = number - 1, False

    def stop(self):
        self.met = last_fault() == self.before
        return self.met


def last_fault():
    return integer(symbol("ledger_last_id"))


def go_before(number):
    """To shortly before fault N. The ledger has its time; times and counts
    of instructions go the same way but for idling, which takes time only: so
    the first guess may be late, and is then corrected from there."""
    from ledger import slots, stamps
    for _ in range(3):
        times = {integer(s["id"]): stamps(s) for s in slots()}
        if number not in times:
            break
        guess = min(Replay.entry + times[number][0] - Replay.cycles,
                    instruction_count() - max(map(max, times.values())) +
                    times[number][0]) - SLACK
        seek(max(guess, Replay.entry))
        if last_fault() < number:
            return
    seek(Replay.entry)


class Rewind(Command):
    """rewind N: in a replayed run, goes to the entry of fault N of the ledger
(pf and ledger show the numbers), whether that is behind or ahead.
rewind: goes to the kernel's entry."""

    NAME = "rewind"

    def run(self, argument):
        check()
        number = number_in(argument)
        with undisturbed():
            if not number:
                seek(Replay.entry)
            elif last_fault() >= number:
                go_before(number)
            if number:
                self.to_fault(number)
        if number:
            print(f"fault #{number}: {Trap().words()}")
        gdb.execute("frame")

    @staticmethod
    def to_fault(number):
        stop = FaultEntry(number)
        try:
            go_on()
            met = stop.met
        finally:
            stop.delete()
        if not met:
            raise gdb.GdbError(f"the run has no fault #{number}, or something "
                               "else stopped it before")


for kind in (ReverseStepi, ReverseContinue, Rewind):
    kind()
