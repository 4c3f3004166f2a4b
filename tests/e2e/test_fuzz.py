"""Memory calls drawn at random: the fixed set against Linux's committed
answers, and every sequence that ever differed."""

import os
import subprocess

import harness


def test_differ():
    """tests/fuzz/differ, with what is built: no network, no Linux."""
    ran = subprocess.run(
        [os.path.join(harness.ROOT, "tests", "fuzz", "differ"), "check"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env=dict(os.environ, BUILD=harness.BUILD))
    assert ran.returncode == 0, "wrong output:\n" + ran.stdout + ran.stderr
    assert " 0 findings" in ran.stdout
