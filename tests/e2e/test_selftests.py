"""Linux's own selftests, as far as they are quick: each with the result that
tests/selftests/expected.txt has for it."""

import os
import subprocess

import pytest

import harness

NO_SOURCES = 3


def test_quick():
    ran = subprocess.run(
        [os.path.join(harness.ROOT, "tools", "selftests"), "--quick"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env=dict(os.environ, BUILD=harness.BUILD))
    if ran.returncode == NO_SOURCES:
        pytest.skip("needs Debian's linux-source-6.12: " + ran.stderr[-300:])
    assert ran.returncode == 0, "wrong output:\n" + ran.stdout + ran.stderr
