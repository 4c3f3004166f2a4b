"""The benchmark against the committed column of our own: counted in
instructions, so that what moved was moved by a change of the sources."""

import glob
import os
import re
import warnings

import pytest

import bench_rows
import harness

BASELINE = os.path.join(harness.ROOT, "tests", "bench", "baseline.txt")


def compiler():
    """Major version of the GCC that made the kernel, as its objects say."""
    for path in glob.glob(os.path.join(harness.BUILD, "kernel/mm/*.c.o")):
        with open(path, "rb") as f:
            found = re.search(rb"GCC: \([^)]*\) (\d+)\.", f.read())
        if found:
            return int(found.group(1))
    return None


def baseline_compiler():
    with open(BASELINE, encoding="utf-8") as f:
        return int(re.search(r"GCC (\d+)", f.read()).group(1))


def not_comparable():
    """None, or why this kernel's figures are not those of the baseline's."""
    with open(os.path.join(harness.BUILD, "kernel/.flags"),
              encoding="utf-8") as f:
        if "-DDEBUG" in f.read():
            return "a debug kernel"
    if compiler() != baseline_compiler():
        return f"GCC {compiler()}; the baseline is of {baseline_compiler()}"
    return None


def test_bench():
    path = os.path.join(harness.BUILD, "bench", "bench")
    # As `make bench`: not quiet, for the line about the boot.
    ran = harness.boot("--icount", "--run", path, limit=60).expect(0)
    rows = bench_rows.parse(ran.text)
    worse, better = bench_rows.compare(rows, bench_rows.read(BASELINE))
    if not_comparable():
        pytest.skip(not_comparable())
    assert not worse, "\n".join(
        [f"wrong output: over {bench_rows.TOLERANCE}% worse than the "
         "baseline:", *worse])
    if better:
        warnings.warn("better than the baseline, please `make "
                      "bench-baseline`: " + "; ".join(better))


@pytest.mark.parametrize("now, worse, better", [
    (100, [], []), (105, [], []), (95, [], []),
    (106, ["row: 106, baseline 100 (+6.0%)"], []),
    (94, [], ["row: 94, baseline 100 (-6.0%)"]),
])
def test_compare(now, worse, better):
    assert bench_rows.compare({"row": now}, {"row": 100}) == (worse, better)


def test_compare_rows_that_come_and_go():
    worse, better = bench_rows.compare({"new": 1}, {"old": 1})
    assert worse == ["old: in the baseline, but not measured"]
    assert better == ["new: not in the baseline"]


def test_parse():
    run = "x: y\nboot: 12 instructions to ring 3\nbench a-b   3   2\n# c 1\n"
    assert bench_rows.parse(run) == {"boot": 12, "a-b": 3}
    assert bench_rows.parse("# t\nboot 12\na-b 3\n") == {"boot": 12, "a-b": 3}
