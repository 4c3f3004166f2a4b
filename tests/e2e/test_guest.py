"""Every program in tests/guest, each in a boot of its own, twice: counted in
instructions, where a failure reproduces exactly, and on two processors under
multi-threaded emulation, where races have their chance."""

import os

import pytest

import harness
import tap

GUEST = os.path.join(harness.ROOT, "tests", "guest")
NAMES = sorted(f[:-2] for f in os.listdir(GUEST) if f.endswith(".c"))
WAYS = {"icount": ["--icount"], "smp2": ["--smp", "2"]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_guest(name, way):
    program = os.path.join(harness.BUILD, "guest", name)
    ran = harness.boot("--quiet", *WAYS[way], "--run", program, limit=60)
    ran.expect(status=None)
    try:
        tap.check(ran.text)
    except tap.TapError as why:
        raise AssertionError(f"wrong output: {why}\n{ran.story()}") from None
    ran.expect(status=0)
