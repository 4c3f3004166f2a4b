"""Input nobody should send: clear words, nothing lost, never a hang."""

import os
import struct

import pytest

import gdbstub
import harness

INIT = os.path.join(harness.BUILD, "user", "init")
FRAMES_EVEN = r"^frames: (\d+) in use before the first task, \1 at the end"


def boot_with(tmp_path, *modules, cmdline="limit=20"):
    return harness.boot("--iso", harness.make_iso(tmp_path / "bad.iso",
                                                  cmdline, *modules))


# ---- boot modules ----------------------------------------------------------

def test_no_modules(tmp_path):
    boot_with(tmp_path).expect(39, outcome="boot error", text="init")


def test_no_init_among_modules(tmp_path):
    boot_with(tmp_path, ("other", "/bin/true")).expect(
        39, outcome="boot error", text="init")


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF"],
                         ids=["empty", "script", "short"])
def test_init_is_no_program(tmp_path, content):
    bad = tmp_path / "init"
    bad.write_bytes(content)
    ran = boot_with(tmp_path, ("init", bad))
    ran.expect(39, outcome="boot error", text="init")


def test_empty_module_is_no_harm(tmp_path):
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    boot_with(tmp_path, ("init", INIT), ("program", empty), ("argv", empty),
              cmdline="limit=20 -- run").expect(126, text=FRAMES_EVEN)


def test_unknown_options_are_no_harm(program):
    harness.boot("--append", "no-such-option x= = limit=soon", "--run",
                 program("report"), "exit", "7").expect(7)


def test_command_line_of_no_end(program):
    """Longer than the kernel has room for."""
    ran = harness.boot("--append", "x" * 5000, "--run", program("report"),
                       "exit", "7")
    ran.expect(39, outcome="boot error", text="too long")


def test_more_modules_than_there_is_room_for(tmp_path):
    modules = [("init", INIT)] + [(f"m{n}", INIT) for n in range(300)]
    boot_with(tmp_path, *modules).expect(39, outcome="boot error",
                                         text="too many modules")


def test_init_has_words_for_a_bad_argument(tmp_path):
    ran = boot_with(tmp_path, ("init", INIT), cmdline="limit=20 -- nonsense")
    ran.expect(2, text="usage")


# ---- programs ---------------------------------------------------------------

@pytest.mark.parametrize("size", [0, 1, 4, 20, 63, 64, 100, 400, 4096])
def test_truncated_program(tmp_path, program, size):
    """Cut inside the header, the program headers, the segments. Linux finds
    the last only when a page beyond the end is touched: SIGBUS."""
    cut = tmp_path / "cut"
    with open(program("report"), "rb") as f:
        cut.write_bytes(f.read(size))
    ran = harness.boot("--force", "--run", cut, "exit", "0")
    ran.expect(None, text=FRAMES_EVEN)
    if ran.status == 126 or size <= 64:
        ran.expect(126, text=r"not a static|cannot execute")
    else:
        assert ran.status in (128 + 7, 128 + 11), ran.story()


# Offsets in the ELF header and in the first loadable program header.
HEADER_LIES = {
    "e_machine": (18, struct.pack("<H", 3)),
    "e_phoff": (32, struct.pack("<Q", 1 << 63)),
    "e_phentsize": (54, struct.pack("<H", 1)),
    "e_phnum": (56, struct.pack("<H", 0)),
}
SEGMENT_LIES = {
    "p_offset": (8, struct.pack("<Q", 1 << 62)),
    "p_vaddr-kernel": (16, struct.pack("<Q", 0xffffffff80000000)),
    "p_vaddr-wraps": (16, struct.pack("<Q", (1 << 64) - 4096)),
    "p_filesz": (32, struct.pack("<Q", 1 << 60)),
    "p_memsz": (40, struct.pack("<Q", (1 << 64) - 1)),
}


def first_load(image):
    offset, = struct.unpack_from("<Q", image, 32)
    while struct.unpack_from("<I", image, offset) != (1,):
        offset += 56
    return offset


@pytest.mark.parametrize("lie", [*HEADER_LIES, *SEGMENT_LIES])
def test_lying_program(tmp_path, program, lie):
    with open(program("report"), "rb") as f:
        image = bytearray(f.read())
    if lie in HEADER_LIES:
        offset, value = HEADER_LIES[lie]
    else:
        offset, value = SEGMENT_LIES[lie]
        offset += first_load(image)
    image[offset:offset + len(value)] = value
    bad = tmp_path / lie
    bad.write_bytes(image)
    # Refused by exec, or killed once the old image is gone.
    ran = harness.boot("--force", "--run", bad, "exit", "0")
    ran.expect(None, text=FRAMES_EVEN)
    assert ran.status in (126, 128 + 9, 128 + 11), ran.story()


# ---- boot information ------------------------------------------------------

def tags(info):
    """{type: offset} of a multiboot2 boot information (section 3.4)."""
    found, at = {}, 8
    while at < len(info):
        kind, size = struct.unpack_from("<II", info, at)
        found.setdefault(kind, at)
        if kind == 0:
            break
        at += (size + 7) & ~7
    return found


MODULE, MEMORY_MAP = 3, 6
LIES = {
    "total size 0": lambda info, t: (0, 0),
    "total size 4 GiB": lambda info, t: (0, 0xffffffff),
    "first tag has size 0": lambda info, t: (12, 0),
    "first tag is too long": lambda info, t: (12, 0xfffffff0),
    "no memory map": lambda info, t: (t[MEMORY_MAP], 77),
    "memory map entries of 0 bytes": lambda info, t: (t[MEMORY_MAP] + 8, 0),
    "module ends before it starts": lambda info, t: (t[MODULE] + 12, 1),
    "module where no memory is": lambda info, t: (t[MODULE] + 12, 0xfffff000),
}


@pytest.fixture
def at_entry(program):
    """A guest stopped at the kernel's first instruction."""
    entry = gdbstub.symbols()["_start"] & 0x7fffffff
    with gdbstub.Stub("--append", "limit=20", "--run", program("report"),
                      "exit", "0") as stub:
        stub.run_to(entry)
        yield stub


def test_boots_when_not_lied_to(at_entry):
    """What the tests below do, without the lie: the method itself works."""
    assert at_entry.register("rax") & 0xffffffff == 0x36d76289
    at_entry.finish().expect(0)


def test_not_loaded_by_multiboot2(at_entry):
    at_entry.set_register("rax", 0x2badb002)
    at_entry.finish().expect(39, outcome="boot error", text="(?i)multiboot")


@pytest.mark.parametrize("lie", LIES)
def test_boot_information_lies(at_entry, lie):
    base = at_entry.register("rbx") & 0xffffffff
    size, = struct.unpack("<I", at_entry.read(base, 4))
    info = at_entry.read(base, size)
    offset, value = LIES[lie](info, tags(info))
    at_entry.write(base + offset, struct.pack("<I", value))
    at_entry.finish().expect(39, outcome="boot error", text=r"(?i)boot")
