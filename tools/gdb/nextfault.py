"""Running to a fault: the command pf-next, and what pf-follow shares with it:
which faults are wanted, and the fault at whose entry the machine stands.
"""

import gdb

from areas import holding
from constants import K, VM
from kernel import (Command, current, go_on, integer, place, pointer_to, text,
                    thread_name)
from physical import register
from verdict import area_words

ENTRY = "*do_page_fault"
KINDS = ("read", "write", "exec", "user", "kernel", "pager")


class Trap:
    """The fault whose handler is about to run: we stand at do_page_fault's
    first instruction, its arguments in the registers."""

    def __init__(self):
        self.address = register("cr2")
        self.code = register("rsi")
        self.regs = pointer_to("struct regs", register("rdi"))
        self.ip = integer(self.regs["ip"])
        self.thread = current()
        self.user = bool(integer(self.regs["cs"]) & 3)

    @property
    def access(self):
        return "write" if self.code & 2 else \
            "exec" if self.code & 16 else "read"

    def vma(self):
        if self.thread is None or not integer(self.thread["mm"]):
            return None
        return holding(self.thread["mm"], self.address)

    def to_pager(self):
        vma = self.vma()
        return vma is not None and not self.code & 1 and \
            bool(integer(vma["vm_flags"]) & VM["UFFD_MISSING"])

    def is_kind(self, kind):
        return {"user": self.user, "kernel": not self.user,
                "pager": self.to_pager}.get(kind, self.access == kind)

    def words(self):
        where = place(self.ip)
        what = "instruction fetch" if self.access == "exec" else self.access
        why = "the entry forbids it" if self.code & 1 else "page not present"
        vma = self.vma()
        return f"{thread_name(self.thread)} at {self.ip:#x}" + \
            (f" ({where})" if where else "") + \
            f": {'user' if self.user else 'kernel'} {what} of " \
            f"{self.address:#x}, {why}; " + \
            (f"area {area_words(vma)}" if vma is not None else "no area")


class Wanted:
    """What the words after pf-next ask for; all of them must hold."""

    def __init__(self, argument):
        self.kinds, self.who, self.page = [], [], None
        for word in argument.split():
            if word in KINDS:
                self.kinds.append(word)
            elif word.startswith("0x") or word.startswith("&"):
                value = integer(gdb.parse_and_eval(f"(unsigned long)({word})"))
                self.page = value >> K["PAGE_SHIFT"]
            else:
                self.who.append(word)

    def is_met_by(self, trap):
        if self.page is not None and \
                trap.address >> K["PAGE_SHIFT"] != self.page:
            return False
        if not all(self.has_kind(trap, kind) for kind in self.kinds):
            return False
        return not self.who or self.is_from(trap.thread)

    @staticmethod
    def has_kind(trap, kind):
        answer = trap.is_kind(kind)
        return answer() if callable(answer) else answer

    def is_from(self, thread):
        task = thread["task"]
        names = {text(thread["name"]), str(int(thread["tid"]))}
        if integer(task):
            names.add(str(int(task["pid"])))
        return any(word in names for word in self.who)


class FaultBreakpoint(gdb.Breakpoint):
    """Stops at the entry of a wanted fault."""

    def __init__(self, wanted):
        super().__init__(ENTRY, gdb.BP_HARDWARE_BREAKPOINT, internal=True)
        self.silent = True
        self.wanted, self.trap = wanted, None

    def stop(self):
        trap = Trap()
        if not self.wanted.is_met_by(trap):
            return False
        self.trap = trap
        return True


def run_to_fault(wanted):
    """Continues to a wanted fault; its Trap, or None when something else
    stopped the machine."""
    breakpoint = FaultBreakpoint(wanted)
    try:
        go_on()
        return breakpoint.trap
    finally:
        breakpoint.delete()


class PfNext(Command):
    """pf-next [WORD...]: runs to the entry of the next fault that is all of:
read, write, exec; user, kernel; pager (its page is a pager's to fill); of a
task (name, pid or tid); at an address (0x..., its page). Then `pf-follow` goes
with it stage by stage, `finish` to where it is done."""

    NAME = "pf-next"

    def run(self, argument):
        trap = run_to_fault(Wanted(argument))
        print(trap.words() if trap else
              "something else has stopped the machine: see info program")


PfNext()
