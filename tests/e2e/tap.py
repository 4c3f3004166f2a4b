"""Reads the Test Anything Protocol and insists on all of it."""

import re


class TapError(AssertionError):
    """The text is not a complete, passing TAP report; str() says why."""


def check(text):
    """Number of checks in a report; TapError unless its plan is there, the
    count agrees, the numbers are in order and none failed."""
    plans, numbers, failed = [], [], []
    just_failed = False
    for line in text.splitlines():
        plan = re.match(r"1\.\.(\d+)( *# *SKIP.*)?$", line, re.I)
        point = re.match(r"(not )?ok (\d+)(.*)", line)
        if line.startswith("Bail out!"):
            raise TapError(line)
        if line.startswith("#"):
            failed += [line] if just_failed else []  # says why
            continue
        just_failed = False
        if plan:
            plans.append(int(plan.group(1)))
        elif point:
            numbers.append(int(point.group(2)))
            if point.group(1) and not re.search("# *(TODO|SKIP)",
                                                point.group(3)):
                failed.append(line)
                just_failed = True
    if failed:
        raise TapError("\n".join(["checks failed:", *failed]))
    if len(plans) != 1:
        raise TapError(f"{len(plans)} plans after {len(numbers)} checks: the "
                       "program ended early or printed twice")
    if numbers != list(range(1, plans[0] + 1)):
        raise TapError(f"the plan says {plans[0]}, {len(numbers)} checks came")
    return plans[0]
