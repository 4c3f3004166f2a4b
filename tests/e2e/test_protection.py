"""What the processor is really told about the kernel's memory: read from the
page tables through QEMU while a program runs, not from what the kernel says.
"""

import re
import subprocess

import pytest

import gdbstub
import harness

KERNEL_BASE = 0xffffffff80000000


@pytest.fixture(scope="module")
def machine(program):
    """(leaf mappings, control registers) with a program in ring 3."""
    with gdbstub.Stub("--quiet", "--append", "limit=120", "--run",
                      program("report"), "spin") as stub:
        stub.send("c")
        assert stub.process.stdout.readline() == b"spinning\n"
        stub.interrupt()
        leaves = list(stub.mappings())
        registers = {r: stub.register(r) for r in ("cr0", "cr4", "efer")}
    return leaves, registers


def sections():
    """[(name, address, size, flags)] of the loaded sections of the image that
    lie in the kernel's half."""
    text = subprocess.run(["readelf", "-SW", harness.KERNEL], check=True,
                          capture_output=True, text=True).stdout
    row = re.compile(r"\] (\S+) +\S+ +([0-9a-f]{16}) [0-9a-f]+ ([0-9a-f]+) "
                     r"[0-9a-f]+ +([A-Z]*)")
    found = [(m[1], int(m[2], 16), int(m[3], 16), m[4])
             for m in row.finditer(text)]
    return [s for s in found if "A" in s[3] and s[1] >= KERNEL_BASE and s[2]]


def covering(leaves, start, size):
    return [leaf for leaf in leaves
            if leaf[0] < start + size and start < leaf[0] + leaf[1]]


def test_nothing_is_writable_and_executable(machine):
    bad = [hex(a) for a, _, w, x, _ in machine[0] if w and x]
    assert not bad


def test_the_kernels_half_is_not_the_users(machine):
    bad = [hex(a) for a, _, _, _, u in machine[0] if u and a >= 1 << 63]
    assert not bad


def test_the_users_half_is_all_the_users(machine):
    """No identity map of the trampoline survives in a task."""
    bad = [hex(a) for a, _, _, _, u in machine[0] if not u and a < 1 << 63]
    assert not bad


def test_only_kernel_text_is_executable(machine):
    text = [(s[1], s[1] + s[2]) for s in sections() if "X" in s[3]]
    assert text
    for address, size, _, x, _ in machine[0]:
        if x and address >= 1 << 63:
            assert any(start - 4095 <= address and address + size <= end + 4095
                       for start, end in text), hex(address)


def test_sections_have_their_rights(machine):
    """Text is read-only, rodata neither writable nor executable, data not
    executable."""
    found = sections()
    assert len(found) >= 3
    for name, start, size, flags in found:
        leaves = covering(machine[0], start, size)
        if name.startswith((".boot", ".init", ".multiboot")) and not leaves:
            continue  # given back after boot
        assert leaves, name
        for _, _, w, x, _ in leaves:
            assert w == ("W" in flags), (name, "writable", w)
            assert x == ("X" in flags), (name, "executable", x)


def test_the_guards_are_on(machine):
    registers = machine[1]
    assert registers["cr0"] >> 16 & 1, "CR0.WP"
    for name, bit in (("UMIP", 11), ("SMEP", 20), ("SMAP", 21)):
        assert registers["cr4"] >> bit & 1, "CR4." + name
    assert registers["efer"] >> 11 & 1, "EFER.NXE"
