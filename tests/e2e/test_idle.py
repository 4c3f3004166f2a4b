"""A machine with nothing to do takes no interrupts: QEMU's own log counts the
timer's while a program sleeps."""

import os
import re

import pytest

import harness

TIMER = re.compile(rb"^ *\d+: v=f0 ", re.M)
LOGGING = """#!/bin/sh
PATH=${PATH#*:}
exec qemu-system-x86_64 "$@" -d int -D "$INTERRUPTS"
"""


@pytest.fixture(name="timer_interrupts")
def count_timer_interrupts(tmp_path, monkeypatch):
    """Counts them over a whole run of programs/nap.c."""
    nap = harness.compile_c(os.path.join(os.path.dirname(__file__), "programs",
                                         "nap.c"), tmp_path / "nap")
    wrapper = tmp_path / "qemu-system-x86_64"
    wrapper.write_text(LOGGING)
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("INTERRUPTS", str(tmp_path / "log"))

    def count(*argv, options=()):
        harness.run(nap, *argv, options=options, limit=100).expect()
        return len(TIMER.findall((tmp_path / "log").read_bytes()))

    return count


@pytest.mark.parametrize("cpus", ["1", "4"])
def test_a_sleep_takes_no_ticks(timer_interrupts, cpus):
    options = ["--smp", cpus]
    short = timer_interrupts("1000", options=options)
    assert abs(timer_interrupts("40000", options=options) - short) <= 2


def test_who_runs_has_ticks(timer_interrupts):
    """Else nothing above would have been counted."""
    assert timer_interrupts("100", "spinning") > 40
