"""Reads what the benchmark prints, and the committed columns; compares."""

import re

# A row is worth a word when it moved by more than this many per cent.
TOLERANCE = 5


def parse(text):
    """{name: median} of a run, {"boot": ...} included if its line is there,
    or of a committed column (`name median` lines)."""
    rows = {}
    for line in text.splitlines():
        boot = re.match(r"boot: (\d+) instructions to ring 3$", line)
        row = re.match(r"bench (\S+) +(\d+) +\d+$", line) or \
            re.match(r"([a-z][a-z0-9-]*) +(\d+)$", line)
        if boot:
            rows["boot"] = int(boot.group(1))
        elif row:
            rows[row.group(1)] = int(row.group(2))
    return rows


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return parse(f.read())


def change(new, old):
    """By what share NEW is more than OLD."""
    return new / old - 1 if old else 0.0


def compare(rows, baseline):
    """(worse, better): lines that name the rows which moved."""
    worse, better = [], []
    for name in sorted(rows.keys() & baseline.keys()):
        moved = change(rows[name], baseline[name])
        line = f"{name}: {rows[name]}, baseline {baseline[name]} " \
               f"({100 * moved:+.1f}%)"
        # In whole numbers: exactly 5% is not more than 5%.
        beyond = 100 * abs(rows[name] - baseline[name]) > \
            TOLERANCE * baseline[name]
        if beyond and moved > 0:
            worse.append(line)
        elif beyond:
            better.append(line)
    worse += [f"{name}: in the baseline, but not measured"
              for name in sorted(baseline.keys() - rows.keys())]
    better += [f"{name}: not in the baseline"
               for name in sorted(rows.keys() - baseline.keys())]
    return worse, better
