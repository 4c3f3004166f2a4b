"""The trace as text: a line per interval while the machine runs, and the
summary of one that is over."""

import collections
import os
import time

import records
from story import ENDS, Story, breakdown

INTERVAL = 0.5
PATIENCE = 5.0  # seconds without a record, after which the run is over


def stages(told, faults):
    return " ".join(f"{name} {told.microseconds(mean):.1f}"
                    for name, (_, mean) in breakdown(faults).items())


def progress(told, fresh, seconds):
    """One line: faults so far, their rate, where the time goes."""
    rate = len(fresh) / seconds if seconds else 0
    ends = collections.Counter(ENDS[f.end] for f in fresh).most_common(3)
    kinds = " ".join(f"{n} {name}" for name, n in ends)
    print(f"{len(told.faults):>8} faults {rate:>9.0f}/s  {kinds:<40} us: "
          f"{stages(told, fresh) or '-'}", flush=True)


def watch(path):
    """Until the trace stops growing."""
    told, seen, quiet, last = Story(), 0, time.monotonic(), time.monotonic()
    while not os.path.exists(path) and time.monotonic() - last < PATIENCE:
        time.sleep(INTERVAL / 5)
    with open(path, "rb") as f:
        while time.monotonic() - quiet < PATIENCE:
            for record in records.read(f):
                told.add(*record)
                quiet = time.monotonic()
            now = time.monotonic()
            if len(told.faults) > seen:
                progress(told, told.faults[seen:], now - last)
                seen = len(told.faults)
            last = now
            time.sleep(INTERVAL)
    summary(told)


def summary(told):
    print(f"{len(told.faults)} faults, {len(told.calls)} system calls, "
          f"{len(told.switches)} switches, "
          f"{told.microseconds(told.last - told.begin) / 1000:.1f} ms")
    ends = collections.Counter(ENDS[f.end] for f in told.faults)
    for end, count in ends.most_common():
        those = [f for f in told.faults if ENDS[f.end] == end]
        print(f"{count:>8} {end:<12} mean us to: {stages(told, those)}")
    threads = collections.Counter(f.tid for f in told.faults)
    for tid, count in threads.most_common(8):
        print(f"{count:>8} by {told.who(tid)}")
