"""Physical memory through QEMU's stub (Qqemu.PhyMemMode): it needs no page
table and no help from the kernel, so it works before there are any, and when
those that are loaded are broken.
"""

import struct

import gdb

from constants import DIRECT_MAP
from kernel import integer


def set_mode(on):
    said = gdb.execute(f"maint packet Qqemu.PhyMemMode:{on}", to_string=True)
    if '"OK"' not in said:
        raise gdb.GdbError("physical memory cannot be read: this is not "
                           "QEMU's stub, or it is older than 4.1")


def read(address, size):
    """SIZE bytes of physical memory; gdb.MemoryError where there is none."""
    set_mode(1)
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    finally:
        set_mode(0)


def word(address):
    return struct.unpack("<Q", read(address, 8))[0]


def write_word(address, value):
    set_mode(1)
    try:
        gdb.selected_inferior().write_memory(address,
                                             struct.pack("<Q", value))
    finally:
        set_mode(0)


def of_pointer(pointer):
    """The physical address of something in the direct map."""
    return integer(pointer) - DIRECT_MAP


def register(name):
    """A control register; GDB shows some as flags."""
    try:
        return integer(gdb.parse_and_eval(f"(unsigned long)${name}"))
    except gdb.error:
        raise gdb.GdbError(f"this QEMU does not show {name} to GDB")
