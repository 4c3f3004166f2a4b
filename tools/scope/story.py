"""All that a trace tells, put together: faults in order, who the pager of
each was, calls, trees, who ran when, what the threads are called.
"""

import bisect

import records
from records import CALL, FAULT, FILL, MESSAGE, NAME, START, SWITCH, TREE

FORKS = (56, 57, 58, 435)    # clone, fork, vfork, clone3


class Story:
    def __init__(self, stream=()):
        self.faults, self.calls, self.trees = [], [], []
        self.switches, self.names = [], {0: "idle", 1: "init"}
        self.messages, self.fills, self.last_call = [], [], {}
        self.pids, self.begin, self.ticks_per_ms = {}, 0, 1000000
        self.last = 0
        for record in stream:
            self.add(*record)
        self.faults.sort(key=lambda f: f.stage[0])

    def add(self, kind, cpu, tid, time, what):
        self.last = max(self.last, time)
        if kind == START:
            self.begin, self.ticks_per_ms = time, what[1]
        elif kind == FAULT:
            self.faults.append(what)
            self.pids[what.tid] = what.pid
        elif kind == SWITCH:
            self.switches.append((time, cpu, tid, what[0]))
        elif kind == NAME:
            self.names[tid] = what
        elif kind == CALL:
            self.add_call(what)
        elif kind == TREE:
            self.trees.append((time, tid, self.last_call.get(tid), what))
        elif kind in (MESSAGE, FILL):
            self.add_uffd(*what)

    def add_uffd(self, call, fill, messages):
        if fill or call.result:
            self.add_call(call)
        self.messages += messages
        if fill:
            self.fills.append(fill)

    def add_call(self, call):
        self.calls.append(call)
        self.last_call[call.tid] = call
        if call.number in FORKS and call.result > 0:
            self.names.setdefault(call.result, self.name(call.tid))

    def name(self, tid):
        return self.names.get(tid, f"tid {tid}")

    def who(self, tid):
        return f"{self.name(tid)}[{self.pids.get(tid, tid)}/{tid}]"

    def microseconds(self, ticks):
        return ticks * 1000 / self.ticks_per_ms

    def pagers(self):
        """{fault id: tid of the thread that read its message}: the first to
        be told of the page, or of one that an object misses, after the fault
        was read."""
        told = {}
        for m in self.messages:
            if m.event in ("fault", "miss"):
                told.setdefault((m.address or 0) >> 12,
                                []).append((m.time, m.tid))
        found = {}
        for fault in self.faults:
            those = told.get(fault.address >> 12) or told.get(0, [])
            i = bisect.bisect_left(those, (fault.stage[2], 0))
            if fault.stage[2] and i < len(those):
                found[fault.id] = those[i][1]
        return found

    def spaces(self):
        """The trees in order, each with what its address space held before:
        (time, pid, call, before, after). A fork's child starts with its
        parent's."""
        latest, told = {}, []
        forks = sorted((c.end, c.tid, c.result) for c in self.calls
                       if c.number in FORKS and c.result > 0)
        events = [(t, 1, tid, call, tree) for t, tid, call, tree in self.trees]
        events += [(end, 0, parent, child, None)
                   for end, parent, child in forks]
        for time, kind, tid, what, tree in sorted(events,
                                                  key=lambda e: e[:3]):
            pid = self.pids.get(tid, tid)
            if kind == 0:
                latest.setdefault(what, latest.get(pid, []))
                continue
            told.append((time, pid, what, latest.get(pid, []), tree))
            latest[pid] = tree
        return told


ENDS = records.fault_ends()
CALL_NAMES = records.call_names()


def call_text(call):
    """mmap(0x0, 0x1000, ...) = 0x7f..."""
    counts = {9: 6, 10: 3, 11: 2, 12: 1, 16: 3, 25: 5, 28: 3, 149: 2, 150: 2,
              151: 1, 152: 0, 325: 3, 329: 4, 440: 5}
    args = ", ".join(hex(a) for a in call.arg[:counts.get(call.number, 3)])
    result = hex(call.result) if call.result > 4096 else str(call.result)
    if call.number == 16:
        args = f"{hex(call.arg[0])}, {hex(call.arg[1] & 0xffffffff)}, " \
            f"{hex(call.arg[2])}"
    name = CALL_NAMES.get(call.number, f"call {call.number}")
    return f"{name}({args}) = {result}"


def spans(fault):
    """[(name of the stage that ends, ticks it took)] of a fault."""
    reached = [(n, t) for n, t in zip(records.STAGES, fault.stage) if t]
    return [(name, at - before) for (_, before), (name, at)
            in zip(reached, reached[1:])]


def breakdown(faults):
    """{stage: (how many reached it, mean ticks until then from the stage
    before)}."""
    total = {}
    for fault in faults:
        for name, ticks in spans(fault):
            count, ticks_sum = total.get(name, (0, 0))
            total[name] = count + 1, ticks_sum + ticks
    return {n: (c, s / c) for n, (c, s) in total.items()}
