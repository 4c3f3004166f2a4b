"""GDB before there is a kernel, at a fault that ends badly, and backwards in a
recorded run."""

import os
import re
import socket
import subprocess

import pytest

import gdbsession
import harness
import transcripts


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


def test_port_of_another():
    """A port somebody listens on is left alone, and not by asking it: a
    connection would stop another run's machine."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for port in range(1234, 1300):
            try:
                other.bind(("127.0.0.1", port))
                break
            except OSError:
                continue
        other.listen(8)
        process, words = gdbsession.started("--gdb", "--icount")
        try:
            with open(words[-1].split()[-1], encoding="utf-8") as f:
                assert f"port={port}\n" not in f.read()
            other.setblocking(False)
            with pytest.raises(BlockingIOError):
                other.accept()
        finally:
            gdbsession.finish(process)


BREAK = """python
import entries, physical
top = (physical.register('cr3') & entries.FRAME) + 8 * 511
whole = physical.word(top)
physical.write_word(top, 0)
end"""
HEAL = """python
physical.write_word(top, whole)
end"""


def test_walk_of_a_broken_kernel(program, tmp_path):
    """The kernel's own tables are gone: what reads its structures says so,
    and the walk says where it ends, of these tables and of others."""
    for name, text in (("BREAK", BREAK), ("HEAL", HEAL)):
        (tmp_path / name).write_text(text + "\n")
    said = gdbsession.run(
        ["pf-next badstore", "source BREAK", "tasks", "pt $pc",
         "pt 0x401000", "source HEAL", "pt &kernel_main", "tasks"],
        "--gdb", "--icount", "--append", "limit=60", "--run",
        program("badstore"), cwd=tmp_path)
    assert "are the kernel's page tables loaded?" in said.errors, said.story()
    assert "Traceback" not in said.errors, said.story()
    assert re.search(r"PML4\[511\] +0{16} +empty", said["pt $pc"])
    assert "kernel read faults: PML4[511] is empty" in said["pt $pc"]
    assert "PT[1]" in said["pt 0x401000"], said.story()
    assert "kernel read goes through" in said["pt &kernel_main"]
    assert "badstore" in said["tasks#2"], said.story()


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
    """A recorded run, as the documents have it made, but with every fault
    told on its console."""
    probe = subprocess.run([os.path.join(harness.ROOT, "tools/replay-probe"),
                            harness.BUILD], capture_output=True, text=True,
                           timeout=120)
    if probe.returncode:
        pytest.skip(probe.stdout.strip())
    file = tmp_path_factory.mktemp("record") / "run"
    ran = transcripts.record(file, "--append", "trace")
    return file, ran.expect(0, text="pager filled the page")


def same_as_in(document, file):
    """What came back of each of the document's commands; fails where its
    words are not the document's."""
    with open(os.path.join(harness.ROOT, document), encoding="utf-8") as f:
        told = transcripts.answers(f.read())
    answers, said = transcripts.replay(file, [c for c, _ in told])
    for (command, old), new in zip(told, answers):
        old, new = transcripts.facts(old), transcripts.facts(new)
        missing = old - new - {"..."}
        assert not missing and ("..." in old or not new - old), \
            f"{document}: ({command}) not as GDB has it today: missing " \
            f"{missing}, new {new - old}; if that is right: python3 -B " \
            f"tests/e2e/transcripts.py {document}\n" + said.story()
    return list(zip([c for c, _ in told], answers))


def test_deadlock_in_the_ledger(program):
    """The record of a fault that was refused names those it would have
    waited for."""
    said = gdbsession.run(
        ["hbreak task_end", "continue", "python import ledger",
         "python record = [r for r in ledger.newest(40) "
         "if r.end == 'END_DEADLOCK'][-1]",
         "python gdb.execute(f'ledger #{record.id}')", "kill"],
        "--gdb", "--icount", "--append", "limit=60", "--run",
        program("deadlock_certain"))
    told = said["python gdb.execute(f'ledger #{record.id}')"]
    assert re.search(r"deadlock: its pager waits for it #\d+", told), \
        said.story()
    assert "  the cycle:\n    #" in told and "walk before" in told
    assert "walk after" not in told


def test_first_session(recording):
    """One store to its pager and back, then backwards, as the document has
    it; and its numbers fit together."""
    said = same_as_in("docs/first-session.md", recording[0])
    told = "".join(answer for _, answer in said)
    assert re.findall(r"^\[(\w+)\]", told, re.M) == [
        "trap", "vma", "queued", "read", "filled", "woken", "retry", "done",
        "resumed"]
    page = re.search(r"^\$1 = (0x\w+)$", told, re.M).group(1)
    assert f"user write of {page}, page not present" in told
    assert f"{page}:\t0x01" in told
    number = re.search(r"^#(\d+) demo-file", told, re.M).group(1)
    assert f"\nfault #{number}: demo-file" in told
    assert re.search(rf"^fault #{number}: demo-file\[2/2\] at "
                     f"{int(page, 16):016x}", recording[1].text, re.M)
    walks = [a for c, a in said if c.startswith("pt ")]
    assert ["empty" in w for w in walks] == [True, False, True]
    stops = [int(n) for n in re.findall(r"instruction (\d+)$", told, re.M)]
    assert len(stops) == 2 and stops[0] > stops[1]


def test_commands_as_documented(recording):
    said = dict(same_as_in("docs/gdb.md", recording[0]))
    for name in ("tasks", "vmas", "pt", "rbtree", "uffd", "pf", "pf-next",
                 "pf-follow", "explain", "frames", "slabs", "locks", "ledger",
                 "syscalls", "fl", "print"):
        assert any(c.split()[0] == name for c in said), name


def test_a_qemu_that_cannot_record_is_named(tmp_path):
    """Asked once, by version; then known without asking."""
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text(f"#!/bin/sh\necho \"$*\" >>{tmp_path}/asked\n"
                    "[ \"$1\" != --version ] || "
                    "echo QEMU emulator version 99.1\nexit 1\n")
    fake.chmod(0o755)
    env = dict(os.environ, FAULTLINE_BUILT="1", BUILD=str(tmp_path / "build"),
               PATH=f"{tmp_path}:{os.environ['PATH']}")
    for _ in range(2):
        ran = subprocess.run([harness.SCRIPT, "--record", tmp_path / "run"],
                             env=env, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60)
        assert ran.returncode == 2
        assert "QEMU 99.1 cannot record a run" in ran.stderr, ran.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert sum(a != "--version" for a in asked) == 1, asked


def test_replay_has_the_same_ledger(recording):
    file, recorded = recording
    replayed = harness.boot("--replay", file, limit=None).expect(0)
    faults = re.findall(r"^fault #\d+", recorded.text, re.M)
    assert len(faults) > 20
    assert replayed.text == recorded.text[:recorded.text.index("host:")]


def test_reverse_continue(recording):
    """Back to the last hit of a breakpoint; and to where none stops, the
    kernel's entry."""
    said = gdbsession.run(
        ["pf-next demo-file pager", "pf 2", "hbreak *do_page_fault",
         "reverse-continue", "print ledger_last_id", "delete",
         "reverse-continue"], "--gdb", "--replay", recording[0], wall=400)
    before = int(re.findall(r"^#(\d+) ", said["pf 2"], re.M)[-1])
    assert said["reverse-continue"].startswith("breakpoint 1, "), said.story()
    assert "SIGINT" not in said.text, said.story()
    assert f"= {before - 1}\n" in said["print ledger_last_id"], said.story()
    assert "kernel_main" in said["reverse-continue#2"], said.story()


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
