"""GDB before there is a kernel, at a fault that ends badly, and backwards in a
recorded run."""

import os
import re
import subprocess

import pytest

import gdbsession
import harness


def test_walk_before_paging():
    """At the reset vector, with nothing in memory yet."""
    process, words = gdbsession.started("--gdb", "--icount", "--append",
                                        "limit=60")
    session = words[-1].split()[-1]
    with open(session, encoding="utf-8") as f:
        port = re.search(r"port=(\d+)", f.read()).group(1)
    try:
        ran = subprocess.run(
            [words[0], "-q", "-batch", "-x", words[words.index("-x") + 1],
             "-ex", f"file {harness.KERNEL}", "-ex",
             f"target remote :{port}", "-ex", "pt 0x7c00", "-ex", "tasks",
             "-ex", "kill"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60)
    finally:
        gdbsession.finish(process)
    assert "paging is off: 0x7c00 is the physical address" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_follow_ends_with_the_signal(program):
    said = gdbsession.run(
        ["pf-next badstore 0x8", "explain 8", "pf-follow", "pf-follow",
         "continue"],
        "--gdb", "--icount", "--append", "limit=60", "--run",
        program("badstore"))
    assert "no area" in said["pf-next badstore 0x8"], said.story()
    assert "SIGSEGV (SEGV_MAPERR): no area is here" in said["explain 8"]
    assert "signal 11 for badstore" in said["pf-follow#2"], said.story()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recorded run, with every fault told on its console."""
    folder = tmp_path_factory.mktemp("record")
    data = folder / "data"
    data.write_bytes(bytes(range(256)) * 64)
    probe = subprocess.run([os.path.join(harness.ROOT, "tools/replay-probe"),
                            harness.BUILD], capture_output=True, text=True,
                           timeout=120)
    if probe.returncode:
        pytest.skip(probe.stdout.strip())
    file = folder / "run"
    ran = harness.boot("--record", file, "--append", "trace", "--data", data)
    return file, ran.expect(0, text="pager filled the page")


def test_replay_has_the_same_ledger(recording):
    file, recorded = recording
    replayed = harness.boot("--replay", file, limit=None).expect(0)
    faults = re.findall(r"^fault #\d+", recorded.text, re.M)
    assert len(faults) > 20
    assert replayed.text == recorded.text[:recorded.text.index("host:")]


def test_reverse_continue(recording):
    """Back to the last hits of a breakpoint, one by one; then to where none
    stops, the kernel's entry."""
    said = gdbsession.run(
        ["pf-next demo-file pager", "pf 2", "hbreak *do_page_fault",
         "reverse-continue", "print ledger_last_id", "reverse-continue",
         "print ledger_last_id", "delete", "reverse-continue"],
        "--gdb", "--replay", recording[0], wall=400)
    before = int(re.findall(r"^#(\d+) ", said["pf 2"], re.M)[-1])
    assert said["reverse-continue"].startswith("breakpoint 1, "), said.story()
    assert "SIGINT" not in said.text, said.story()
    assert f"= {before - 1}\n" in said["print ledger_last_id"], said.story()
    assert f"= {before - 2}\n" in said["print ledger_last_id#2"]
    assert "kernel_main" in said["reverse-continue#3"], said.story()


def test_backwards_needs_a_recording(program):
    said = gdbsession.run(["rewind 3", "reverse-stepi", "reverse-continue"],
                          "--gdb", "--icount", "--append", "limit=60",
                          "--run", program("badstore"))
    assert said.errors.count("only a recorded run goes backwards") == 3


def test_backwards(recording):
    """rewind goes to a fault by its number, a step back and on again ends
    where it began."""
    file, recorded = recording
    said = gdbsession.run(
        ["pf-next demo-file pager", "pf 1", "rewind 12", "reverse-stepi",
         "stepi", "print $pc", "rewind 14"], "--gdb", "--replay", file,
        wall=200)
    told = re.search(r"^fault #12: (\S+) at ([0-9a-f]+), ip ([0-9a-f]+)",
                     recorded.text, re.M)
    ip, address = int(told.group(3), 16), int(told.group(2), 16)
    assert re.search(rf"^fault #12: \S+ at {ip:#x}.* of {address:#x}, ",
                     said["rewind 12"], re.M), said.story()
    assert "page_fault_entry" in said["reverse-stepi"], said.story()
    assert "do_page_fault" in said["print $pc"], said.story()
    assert "fault #14: " in said["rewind 14"], said.story()
