"""Faultline's own userfaultfd requests, which the oracle does not know."""

import harness


def test_one_entry_per_fault(program):
    ran = harness.boot("--icount", "--quiet", "--run", program("one_entry"))
    ran.expect(0, text=r"^1\.\.\d+$")
    assert b"not ok" not in ran.out


def test_guards(program):
    ran = harness.boot("--icount", "--run", program("guarded"))
    ran.expect(0, text=r"^1\.\.\d+$")
    assert b"not ok" not in ran.out
