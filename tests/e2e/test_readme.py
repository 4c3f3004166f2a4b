"""The commands in the README work as written, from the tree's top."""

import os
import re
import subprocess

import pytest

import harness

README = os.path.join(harness.ROOT, "README.md")


def commands():
    """Lines of the README's fenced blocks that start the guest."""
    if not os.path.exists(README):
        return []
    with open(README, encoding="utf-8") as f:
        blocks = re.findall(r"^```[a-z]*\n(.*?)^```", f.read(), re.M | re.S)
    lines = [re.sub(r"^\$ ", "", line).split("  #")[0].rstrip()
             for block in blocks for line in block.splitlines()]
    return [x for x in lines if x.startswith("./run-qemu.sh")
            and "--gdb" not in x and "--kvm" not in x]


def test_readme_has_the_two_commands():
    with open(README, encoding="utf-8") as f:
        text = f.read()
    assert re.search(r"^(\$ )?\./run-qemu\.sh$", text, re.M)
    assert re.search(r"^(\$ )?make test\b", text, re.M)


def test_gdb_session_has_real_commands():
    """What the README types into GDB is a command of ours, which docs/gdb.md
    explains."""
    with open(README, encoding="utf-8") as f:
        names = re.findall(r"^\(gdb\) (\S+)", f.read(), re.M)
    with open(os.path.join(harness.ROOT, "docs", "gdb.md"),
              encoding="utf-8") as f:
        known = re.findall(r"^### `(\S+?)[ `]", f.read(), re.M)
    assert names and not [n for n in names if n not in known]


@pytest.mark.parametrize("command", commands())
def test_readme_command(command, program):
    # What the reader is to put in: a program that is there.
    command = command.replace("FILE ARGS...", program("report") + " exit 0")
    env = dict(os.environ, BUILD=harness.BUILD)
    ran = subprocess.run(["bash", "-c", command], cwd=harness.ROOT, env=env,
                         stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=200)
    assert ran.returncode == 0, (ran.stdout[-2000:] + ran.stderr).decode()
