"""The command pf-follow: one fault from its trap to the resumed instruction,
with a stop at every stage.

The fault's ledger record is the guide: the kernel notes the time of each
stage in it, wherever the code for that stage stands, and a watchpoint on each
of these words stops at the very moment.
"""

import gdb

import nextfault
from kernel import (Command, current, go_on, integer, place,
                    thread_name)
from ledger import ENDS, Record
from tasks import SLEEPERS, sleeping_stack
from verdict import area_words

# After the trap, by number of the stage in enum fault_stage: where we are and
# what to look at.
TOLD = {
    1: ("queued", "no lock may be held while a pager works: the fault goes "
        "on its context's queue as a message, the area is unlocked, the "
        "thread sleeps. Look at: uffd, tasks, locks, backtrace"),
    2: ("read", "the pager's read(2) takes the message. Look at: uffd (now "
        "\"read\"), backtrace (we are in the pager's system call)"),
    3: ("filled", "the page is in place: UFFDIO_COPY or ZEROPAGE has "
        "installed the entry. Look at: pt {address:#x} {pid}"),
    4: ("woken", "the sleeper is told to look again. Look at: tasks"),
    5: ("done", "the kernel is done with the fault: {end}. Look at: "
        "pt {address:#x} {pid}, ledger #{id}"),
}
FATAL = ("END_SIGSEGV", "END_SIGBUS", "END_KILLED", "END_FIXUP",
         "END_DEADLOCK")


class StageWatch(gdb.Breakpoint):
    """Stops when the kernel notes a stage's time in the record."""

    def __init__(self, follower, stage, address):
        super().__init__(f"*(unsigned long *){address:#x}",
                         gdb.BP_WATCHPOINT, gdb.WP_WRITE, internal=True)
        self.silent = True
        self.follower, self.stage = follower, stage


class Place(gdb.Breakpoint):
    """Stops where the thread we follow comes by."""

    def __init__(self, follower, where, tell):
        super().__init__(where, gdb.BP_HARDWARE_BREAKPOINT, internal=True)
        self.silent = True
        self.follower, self.tell = follower, tell

    def stop(self):
        thread = current()
        return thread is not None and \
            integer(thread["tid"]) == self.follower.tid


class Follower:
    """The fault being followed."""

    def __init__(self, trap):
        self.trap, self.tid = trap, integer(trap.thread["tid"])
        self.record, self.watches, self.tries = None, [], 0
        self.said, self.quiet = [], True
        self.places = [Place(self, "*handle_mm_fault", self.at_handler),
                       Place(self, "*signal_force", self.at_signal)]
        self.say("trap", f"the CPU has raised #PF: {trap.words()}. Look at: "
                 f"info registers cr2, pt {trap.address:#x}")
        gdb.events.stop.connect(self.on_stop)

    def say(self, stage, words):
        """Now, or, while our own command runs the machine (and GDB's output
        is kept from the terminal), when it is back."""
        self.said.append(f"[{stage}] {words}")
        if not self.quiet:
            self.print_said()

    def print_said(self):
        for line in self.said:
            print(line)
        self.said = []

    def go_on(self):
        self.quiet = True
        try:
            go_on()
        finally:
            self.quiet = False
        if not self.said:
            self.said = ["something else has stopped the machine: see info "
                         "program; pf-follow goes on"]
        self.print_said()

    def on_stop(self, event):
        for hit in getattr(event, "breakpoints", []):
            if isinstance(hit, StageWatch) and hit.follower is self:
                self.at_stage(hit)
            elif isinstance(hit, Place) and hit.follower is self:
                hit.tell()

    def at_handler(self):
        self.tries += 1
        if self.tries == 1:
            vma = self.trap.vma()
            self.watch_record()
            self.say("vma", "the area is found and allows the access: "
                     f"{area_words(vma)}. Look at: rbtree, "
                     f"explain {self.trap.address:#x}")
        else:
            self.say("again", "the area and the entry are looked up once "
                     f"more. Look at: pt {self.trap.address:#x}")

    def await_sleeper(self):
        """Woken, the thread goes on where it went to sleep: stop there."""
        for address, name in sleeping_stack(self.trap.thread):
            if name not in SLEEPERS:
                self.places.append(Place(self, f"*{address:#x}",
                                         self.at_awake))
                return

    def at_awake(self):
        self.places.pop().delete()
        self.say("retry", "awake, the thread looks whether its page is there "
                 "now; if not, it looks the area up and walks again. Look at: "
                 f"backtrace, pt {self.trap.address:#x}")

    def watch_record(self):
        self.record = current()["fault"].dereference()
        gdb.set_convenience_variable("fault", int(self.record["id"]))
        stages = self.record["stage"]
        low, high = stages.type.range()
        self.watches = [StageWatch(self, i, integer(stages[i].address))
                        for i in range(low + 1, high + 1)]

    def at_stage(self, watch):
        record = Record(self.record)
        if not record.stage[watch.stage]:
            return  # being cleared
        name, words = TOLD[watch.stage]
        self.say(name, words.format(
            address=record.address, pid=record.pid, id=record.id,
            end=ENDS.get(record.end, record.end)))
        if watch.stage == 4:
            self.await_sleeper()
        if watch.stage == 5:
            self.after_end(record)

    def after_end(self, record):
        self.drop()
        if record.end in FATAL:
            self.end()
            return
        self.places = [Place(self, f"*{record.ip:#x}", self.at_instruction)]

    def at_instruction(self):
        self.say("resumed", f"{thread_name(current())} is back at "
                 f"{self.trap.ip:#x} {place(self.trap.ip)}: the instruction "
                 "runs again and finds its page")
        self.end()

    def at_signal(self):
        self.say("signal", "nothing repairs this fault: signal "
                 f"{gdb.parse_and_eval('(int)$rdi')} for "
                 f"{thread_name(current())}. Look at: explain "
                 f"{self.trap.address:#x}")
        self.end()

    def drop(self):
        for breakpoint in self.places + self.watches:
            if breakpoint.is_valid():
                breakpoint.delete()
        self.places, self.watches = [], []

    def end(self):
        self.drop()
        gdb.events.stop.disconnect(self.on_stop)
        PfFollow.follower = None


class PfFollow(Command):
    """pf-follow [WORD...]: goes with one fault. The first time it runs to the
next fault (chosen as by pf-next; a fault at whose entry the machine stands is
taken as it is); then each pf-follow, or continue, runs to the next stage:
trap, vma, queued, read, filled, woken, retry, done, resumed, and says at each
where we are and what to look at. (again: a second look at area and entry.)
$fault is the fault's number, for rewind.
pf-follow off: forgets the fault."""

    NAME = "pf-follow"
    follower = None

    def run(self, argument):
        if argument.strip() == "off":
            if PfFollow.follower:
                PfFollow.follower.end()
        elif PfFollow.follower:
            PfFollow.follower.go_on()
        else:
            self.begin(argument)

    @staticmethod
    def begin(argument):
        entry = integer(gdb.parse_and_eval("(unsigned long)&do_page_fault"))
        at_entry = integer(gdb.parse_and_eval("(unsigned long)$pc")) == entry
        trap = nextfault.Trap() if at_entry and not argument else \
            nextfault.run_to_fault(nextfault.Wanted(argument))
        if trap is None:
            print("something else has stopped the machine: see info program")
            return
        PfFollow.follower = Follower(trap)
        PfFollow.follower.quiet = False
        PfFollow.follower.print_said()


PfFollow()
