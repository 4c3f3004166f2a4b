"""Bugs of the kernel's own: what kills one task, what has to kill the machine,
and what is nobody's fault. The mistakes are those of prctl(PR_OOPS)."""

import pytest

import harness

NULL, LOCKED, TABLE_LOCKED, MMAP_LOCKED, IRQS_OFF, SMAP, SMEP, CORRUPT, \
    NO_FAULTS, ATOMIC, COPY_IRQS_OFF, NO_MM = range(1, 13)
EINVAL, EFAULT, SIGKILL = 22, 14, 9


def oops(program, which, option="test=oops"):
    return harness.boot("--icount", "--append", option, "--run",
                        program("oops"), which)


@pytest.mark.parametrize("which, cause", [
    (NULL, r"kernel page fault|kernel access|SMAP"),
    (SMAP, r"kernel touched user memory .*\(SMAP\)"),
    (SMEP, r"kernel ran user memory \(SMEP\)"),
])
def test_only_the_task_dies(program, which, cause):
    """The cause by name, the walk, and everybody else goes on; no frame is
    lost either."""
    oops(program, which).expect(
        0, text=[rf"^OOPS: .*({cause})", r"^at <[0-9a-f]+>",
                 r"^backtrace:", r"^walk of 0x", r"^killing task oops\[\d+\]",
                 rf"^killed by {SIGKILL}"])


@pytest.mark.parametrize("which, cause", [
    (LOCKED, ""), (TABLE_LOCKED, ""), (IRQS_OFF, ""),
    (MMAP_LOCKED, "kernel fault with the mmap lock held")])
def test_a_lock_makes_it_a_panic(program, which, cause):
    oops(program, which).expect(35, outcome="panic",
                                text=rf"^PANIC: .*{cause}")


def test_corrupt_table(program):
    """Told level by level; the task is killed, and leaves in peace."""
    oops(program, CORRUPT).expect(
        0, text=[r"^corrupt page table of task oops\[\d+\]:", r"^walk of 0x",
                 r"PML4E\[", r"PDPTE\[", r"PDE\[", r"PTE\[",
                 rf"^killed by {SIGKILL}"])


@pytest.mark.parametrize("which", [NO_FAULTS, ATOMIC, COPY_IRQS_OFF, NO_MM])
def test_copies_that_must_not_wait(program, which):
    oops(program, which).expect(0, text=rf"^exited with {EFAULT}$")


def test_nobody_can_without_the_option(program):
    oops(program, NULL, "trace=0").expect(0, text=rf"^exited with {EINVAL}$")


def test_vmalloc_area_grows_for_everybody():
    harness.boot("--icount", "--append", "test=vmalloc").expect(
        0, text="^vmalloc: copied on first touch$")


def test_stale_permission():
    harness.boot("--icount", "--append", "test=spurious").expect(
        0, text="^spurious: let be$")
