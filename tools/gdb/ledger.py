"""The fault ledger: the kernel's own record of every user fault, as sentences
(pf), as a table and in full (ledger). The kernel's story on the console and
these are made of the same records.
"""

import gdb

import entries
from areas import other_flags, rights
from constants import K
from kernel import Command, find_task, integer, symbol, tasks, text, threads
from session import place_in

ACCESS = {"read": "read", "write": "write", "instruction fetch": "exec"}
STAGES = ("trap", "queued", "read", "filled", "woken", "resumed")
ENDS = {"END_OPEN": "it is still going on",
        "END_SPURIOUS": "the access was already allowed",
        "END_ZERO_PAGE": "the zero page was mapped",
        "END_NEW_PAGE": "a new page of zeros was mapped",
        "END_COW_COPY": "the shared page was copied",
        "END_COW_REUSE": "the page was ours alone: made writable",
        "END_OBJECT_MAP": "the object's page was mapped",
        "END_OBJECT_COW": "the object's page was copied",
        "END_PAGER": "the pager filled the page",
        "END_FIXUP": "the system call got EFAULT",
        "END_SIGSEGV": "SIGSEGV", "END_SIGBUS": "SIGBUS",
        "END_KILLED": "left for a signal",
        "END_DEADLOCK": "deadlock: its pager waits for it"}


def numbered(enum):
    """{number: name} of an enumeration of the kernel's."""
    return {f.enumval: f.name for f in gdb.lookup_type(enum).fields()}


class Record:
    """A copy of one struct fault_record."""

    def __init__(self, value):
        for name in ("id", "address", "ip", "pid", "tid", "error_code",
                     "vma_start", "vma_end", "vma_flags"):
            setattr(self, name, integer(value[name]))
        end = numbered("enum fault_end")
        self.end = end.get(integer(value["end"]), "?")
        self.before = [integer(value["walk_before"][i]) for i in range(4)]
        self.after = [integer(value["walk_after"][i]) for i in range(4)]
        self.stage = stamps(value)
        self.cycle = []
        if self.end == "END_DEADLOCK":
            ids = (integer(value["cycle"][i]) for i in range(4))
            self.cycle = [number for number in ids if number]

    @property
    def open(self):
        return not self.stage[-1]

    @property
    def access(self):
        code = self.error_code
        return "write" if code & 2 else \
            "instruction fetch" if code & 16 else "read"

    @property
    def who(self):
        for thread in threads():
            if integer(thread["tid"]) == self.tid:
                return f"{text(thread['name'])}[{self.pid}/{self.tid}]"
        return f"[{self.pid}/{self.tid}]"

    def reason(self):
        """The error code in words (Intel SDM vol. 3, 4.7)."""
        code = self.error_code
        side = "user" if code & 4 else "kernel"
        why = "reserved bit set in an entry" if code & 8 else \
            "not allowed by the entry" if code & 1 else "page not present"
        return f"{side} {self.access}, {why}"

    def area(self):
        if not self.vma_end:
            return "in no area"
        return " ".join(filter(None, (
            f"in {self.vma_start:x}-{self.vma_end:x}",
            rights(self.vma_flags), other_flags(self.vma_flags))))

    def times(self):
        start = self.stage[0]
        return ", ".join(f"+{at - start} {name}" for at, name in
                         list(zip(self.stage, STAGES))[1:] if at)

    def place(self):
        """The function of the instruction that faulted."""
        for task in tasks():
            if integer(task["pid"]) == self.pid:
                return place_in(task, self.ip)
        return ""

    def sentence(self):
        where = self.place()
        code = f"{self.ip:#x}" + (f" ({where})" if where else "")
        return f"#{self.id} {self.who} at {code}: {self.reason()} at " \
            f"{self.address:#x}, {self.area()}: " \
            f"{ENDS.get(self.end, self.end)}" + \
            "".join(f" #{number}" for number in self.cycle) + \
            (f" (ticks: {self.times()})" if self.times() else "")


def slots():
    """Every used slot of every processor's ring, as struct fault_record."""
    rings = symbol("ledger_rings")
    low, high = rings.type.range()
    for cpu in range(low, high + 1):
        if integer(rings[cpu]):
            for i in range(K["LEDGER_SLOTS"]):
                if integer(rings[cpu][i]["id"]):
                    yield rings[cpu][i]


def stamps(slot):
    """The times of a slot's stages, 0 for those not reached."""
    return [integer(slot["stage"][i]) for i in range(len(STAGES))]


def newest(count, wanted=None):
    """The last COUNT records (that WANTED, a function of one), oldest of them
    first. Reads the rings' numbers first and only then whole records."""
    found, held = [], sorted(slots(), key=lambda s: -integer(s["id"]))
    for slot in held:
        record = Record(slot)
        if wanted is None or wanted(record):
            found.append(record)
            if len(found) == count:
                break
    return found[::-1]


def by_id(number):
    for slot in slots():
        if integer(slot["id"]) == number:
            return Record(slot)
    raise gdb.GdbError(f"fault #{number} is not in the ledger (any more)")


def of_task(word):
    if not word:
        return None
    pid = int(find_task(word)["pid"])
    return lambda record: record.pid == pid


class Pf(Command):
    """pf [COUNT [TASK]]: the last faults (5 if not said), each in a sentence:
who, where, what it wanted, why it faulted, what became of it, and the ticks
from the trap to each stage."""

    NAME = "pf"

    def run(self, argument):
        words = argument.split()
        count = int(words[0], 0) if words else 5
        found = newest(count, of_task(" ".join(words[1:])))
        for record in found:
            print(record.sentence())
        if not found:
            print("no fault has been recorded yet")


class Ledger(Command):
    """ledger: the ledger as a table, newest last (20 rows).
ledger COUNT [TASK]: as many rows, of that task only.
ledger #ID: that fault in full, with its walk before and after, bit by bit."""

    NAME = "ledger"

    def run(self, argument):
        words = argument.split()
        if words and words[0].startswith("#"):
            self.full(by_id(int(words[0][1:])))
            return
        count = int(words[0], 0) if words else 20
        print("     id  thread                address       access  ticks"
              "     end")
        for r in newest(count, of_task(" ".join(words[1:]))):
            ticks = str(r.stage[-1] - r.stage[0]) if not r.open else "-"
            print(f"{r.id:>7}  {r.who:<20} {r.address:>14x}  "
                  f"{ACCESS[r.access]:<6}  {ticks:<8}  "
                  f"{r.end[4:].lower().replace('_', '-')}")

    def full(self, record):
        print(record.sentence())
        walks = {"before": record.before, "after": record.after}
        if record.cycle:
            del walks["after"]
            self.cycle(record)
        for when, walk in walks.items():
            print(f"  the walk {when}:")
            self.walk(record.address, walk)

    @staticmethod
    def cycle(record):
        """The faults that waited for one another, as far as they are known."""
        print("  the cycle:")
        known = {integer(s["id"]): s for s in slots()}
        for number in record.cycle:
            print("    " + (Record(known[number]).sentence()
                            if number in known else f"#{number}"))

    @staticmethod
    def walk(address, walk):
        for level, value in zip((3, 2, 1, 0), walk):
            entry = entries.Entry(level, entries.index(address, level), value,
                                  0)
            print("  " + entry.line())
            if not entry.present:
                break


Pf()
Ledger()
