"""`make bench`: every operation has a row, within generous ceilings. The
figures themselves are for people to read; these only catch a blunder."""

import os
import re

import harness

# Twice what each operation should cost at most, in instructions.
CEILINGS = {
    "null-syscall": 2 * 150,
    "anon-read-fault": 2 * 500,
    "anon-write-fault": 2 * 1100,
    "mmap-munmap": 2 * 1500,
    "userfault-thread": 2 * 4000,
}


def test_bench_rows():
    path = os.path.join(harness.BUILD, "bench", "bench")
    ran = harness.run(path, limit=60).expect(0)
    medians = {name: int(median) for name, median in re.findall(
        r"^bench (\S+) +(\d+) +\d+$", ran.text, re.M)}
    assert set(CEILINGS) <= set(medians), ran.story()
    slow = {name: medians[name] for name, ceiling in CEILINGS.items()
            if medians[name] > ceiling}
    assert not slow, f"over the ceiling: {slow}\n{ran.story()}"
