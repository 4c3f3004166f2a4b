"""Several processors, and programs that mean no good. What test_guest.py runs
on one and two processors is not repeated; here are four and eight, counted
and not, and a kernel built with `make D=1`, which checks its own locks."""

import os
import re
import subprocess

import pytest

import gdbsession
import harness
import tap

WAYS = {
    "smp4": ["--smp", "4"],
    "smp8": ["--smp", "8"],
    "smp4-icount": ["--smp", "4", "--icount"],
    "smp8-icount": ["--smp", "8", "--icount"],
    "smp64": ["--smp", "64", "--mem", "512M"],
}
RUNS = [
    ("stress_mm", "smp4", ()),
    ("stress_mm", "smp8", ("6",)),
    ("stress_mm", "smp4-icount", ("6",)),
    ("stress_uffd", "smp4", ()),
    ("stress_uffd", "smp4-icount", ()),
    ("races", "smp4", ("25", "spin")),
    ("races", "smp4-icount", ()),
    ("shootdown", "smp4", ()),
    ("kill_waits", "smp4", ()),
    ("kill_waits", "smp4-icount", ()),
    ("affinity", "smp4", ()),
    ("affinity", "smp4-icount", ()),
    ("futex_ops", "smp4", ()),
    ("threads", "smp4", ()),
    ("threads", "smp8-icount", ()),
    ("affinity", "smp64", ()),
    ("fork_wait", "smp4", ()),
    ("spin", "smp4-icount", ()),
    ("stress_tasks", "smp4", ()),
    ("stress_tasks", "smp8", ("15", "2")),
    ("stress_tasks", "smp4-icount", ()),
    ("kill_waits_fds", "smp4", ()),
    ("kill_waits_mm", "smp4", ()),
    ("posix_timers", "smp4", ()),
    ("clone_flags", "smp4", ()),
    ("sched_policy", "smp4", ()),
    ("fuzz_syscalls", "smp4", ("10000", "3")),
]
DEBUG_BUILD = os.path.join(harness.BUILD, "debug")
DEBUG_RUNS = [
    ("stress_mm", ["--smp", "4"], ("3",)),
    ("stress_uffd", ["--smp", "2"], ("3",)),
    ("stress_tasks", ["--smp", "4"], ()),
    ("races", ["--smp", "4"], ("25", "spin")),
    ("fuzz_syscalls", ["--smp", "2"], ("5000", "4")),
    ("kill_waits", ["--icount"], ()),
]


def check(ran):
    ran.expect(status=None)
    try:
        tap.check("\n".join(line for line in ran.text.splitlines()
                            if not line.startswith(("frames:", "stack:"))))
    except tap.TapError as why:
        raise AssertionError(f"wrong output: {why}\n{ran.story()}") from None
    ran.expect(status=0)


@pytest.mark.parametrize("name, way, argv", RUNS)
def test_smp(name, way, argv):
    program = os.path.join(harness.BUILD, "guest", name)
    check(harness.boot("--quiet", *WAYS[way], "--run", program, *argv,
                       limit=120))


@pytest.fixture(scope="module")
def debug_kernel():
    """Built once, in a folder of its own that is kept."""
    make = ["make", "-s", "--no-print-directory", "-C", harness.ROOT, "D=1",
            f"BUILD={DEBUG_BUILD}", f"-j{os.cpu_count()}", "kernel"]
    subprocess.run(make, stdin=subprocess.DEVNULL, check=True)
    return os.path.join(DEBUG_BUILD, "kernel", "faultline.elf")


def debug_boot(kernel, folder, options, program, *argv, words="quiet"):
    words_file = folder / "argv"
    words_file.write_bytes(b"".join(a.encode() + b"\0"
                                    for a in [program, *argv]))
    iso = harness.make_iso(
        str(folder / "debug.iso"), f"limit=120 noinput {words} -- run",
        ("init", os.path.join(harness.BUILD, "user", "init")),
        ("program", os.path.join(harness.BUILD, "guest", program)),
        ("argv", str(words_file)), kernel=kernel)
    return harness.boot(*options, "--iso", iso)


@pytest.mark.parametrize("name, options, argv", DEBUG_RUNS)
def test_debug_build(debug_kernel, tmp_path, name, options, argv):
    check(debug_boot(debug_kernel, tmp_path, options, name, *argv))


def test_late_processor():
    """The second is held until it has been given up and the third is to be
    started: they do not meet on one stack."""
    program = f"{harness.BUILD}/guest/demand_zero"
    said = gdbsession.run(
        ["set scheduler-locking on", "hbreak ipi_startup if apic_id == 2",
         "continue", "delete", "set scheduler-locking off", "continue"],
        "--gdb", "--smp", "4", "--append", "limit=60", "--run", program)
    assert "Breakpoint 1, ipi_startup" in said["continue"], said.story()
    lines = said.console.splitlines()
    assert "smp: the processor with APIC 1 does not answer" in lines
    assert "smp: 3 processors" in lines, said.console
    assert "1..15" in lines and "not ok" not in said.console, said.console


@pytest.mark.parametrize("name, calls, least", [
    ("fail_nth", 40, 60), ("fail_nth_more", 34, 45), ("fail_nth_uffd", 24, 50),
    ("fail_pager", 18, 14)])
def test_each_allocation_may_fail(debug_kernel, tmp_path, program, name, calls,
                                  least):
    ours = name == "fail_pager"  # calls that Linux has not
    ran = debug_boot(debug_kernel, tmp_path, ["--icount"],
                     str(program(name)) if ours else name)
    check(ran)
    failures = re.findall(r": (\d+) failures, (\d+) times", ran.text)
    assert len(failures) == calls
    assert sum(int(n) + int(m) for n, m in failures) >= least


def test_debug_build_reports_stack_use(debug_kernel, tmp_path):
    ran = debug_boot(debug_kernel, tmp_path, ["--icount"], "demand_zero",
                     words="")
    ran.expect(text=r"^stack: at most \d+ of 16384 bytes used$")


@pytest.mark.parametrize("test, reason", [
    ("lockorder", "lock order: page table .* taken inside slab"),
    ("locksleep", "sleeping with the page table lock held"),
])
def test_debug_build_notices(debug_kernel, tmp_path, test, reason):
    """The checks bite: the kernel breaks its own rules when asked to."""
    ran = debug_boot(debug_kernel, tmp_path, ["--icount"], "demand_zero",
                     words=f"test={test}")
    ran.expect(status=35, outcome="panic", text=reason)
