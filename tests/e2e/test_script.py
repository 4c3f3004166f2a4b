"""run-qemu.sh itself: refuses what it must, and never leaves a QEMU behind."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import harness


@pytest.mark.parametrize("args, words", [
    (["--no-such"], "unknown option"),
    (["--run"], "needs a value"),
    (["--run", "/no/such/file"], "no such file"),
    (["--run", "Makefile"], "not an ELF program"),
    (["--run", "/usr/bin/env"], "dynamically linked"),
    (["--module", "Makefile"], "not an ELF program"),
    (["--smp", "none"], "not a number"),
    (["--mem", "lots"], "not a size"),
    (["--demo", "no-such-demo"], "no demo"),
    (["--demo", "file", "--run", "/bin/true"], "exclude each other"),
    (["--kvm", "--icount"], "cannot go with"),
    (["--data", "/no/such/file"], "no such file"),
])
def test_refuses(args, words):
    ran = harness.boot(*args, limit=None)
    assert ran.status == 2, ran.story()
    assert words in ran.err.decode(), ran.story()
    assert not ran.out


def test_help():
    ran = harness.boot("--help", limit=None).expect(0)
    for option in ("run", "demo", "smp", "mem", "uefi", "icount", "gdb",
                   "append", "quiet", "kvm", "data", "help"):
        assert f"--{option}" in ran.text


def children(pid):
    """All descendants of PID."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as f:
                fields = f.read().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if int(fields[1]) == pid:
            found += [int(entry), *children(int(entry))]
    return found


def gone(pids, seconds=5):
    """Whether all PIDS end (a zombie has ended) within SECONDS."""
    def alive(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
                return f.read().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    deadline = time.monotonic() + seconds
    while any(alive(p) for p in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", ["INT", "TERM", "HUP", "KILL"])
def test_leaves_no_qemu_behind(program, number, tmp_path):
    # Killed outright, the script cannot remove its temporary files.
    process = harness.spawn(
        ["--quiet", "--append", "limit=120", "--run", program("report"),
         "spin"], stdout=subprocess.PIPE, env={"TMPDIR": str(tmp_path)},
        # A suite in the background ignores ^C, one that outlives its terminal
        # the hang-up, and so would its children.
        preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL)
                            for n in (signal.SIGINT, signal.SIGHUP)])
    assert process.stdout.readline() == b"spinning\n"
    family = children(process.pid)
    assert len(family) >= 2
    sent = getattr(signal, "SIG" + number)
    process.send_signal(sent)
    want = -9 if number == "KILL" else 128 + sent
    assert process.wait(timeout=10) == want
    assert gone(family)


def test_ends_when_its_reader_leaves(program):
    """As in `./run-qemu.sh ... | head -1`."""
    process = harness.spawn(
        ["--append", "limit=120 trace"], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) is not None


def test_gdb_waits_and_prints_the_command():
    process = harness.spawn(["--gdb", "--append", "limit=60"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said = b"".join(process.stderr.readline() for _ in range(3)).decode()
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert re.search(r"^  gdb\S* -q -x \S+/tools/gdb/faultline.py -ex 'connect "
                     r"\S+'$", said, re.M)
    assert re.search(rf"file {harness.KERNEL}, target remote :\d+", said)


def test_runs_from_another_folder(tmp_path):
    env = dict(os.environ, BUILD=harness.BUILD, FAULTLINE_BUILT="1")
    ran = subprocess.run([harness.SCRIPT, "--append", "limit=30"], env=env,
                         cwd=tmp_path, stdin=subprocess.DEVNULL,
                         capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr


def test_closed_input(program):
    """As in `./run-qemu.sh ... <&-`."""
    env = dict(os.environ, BUILD=harness.BUILD, FAULTLINE_BUILT="1")
    ran = subprocess.run(
        ["bash", "-c", '"$@" <&-', "bash", harness.SCRIPT, "--quiet", "--run",
         program("report"), "copy", "10"], env=env, capture_output=True,
        timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_builds_nothing_the_second_time():
    make = [shutil.which("make"), "--no-print-directory", "-C", harness.ROOT,
            f"BUILD={harness.BUILD}", "all"]
    said = subprocess.run(make, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == ""
