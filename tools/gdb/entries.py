"""Page-table entries: the walk of an address, and every bit by its name
(Intel SDM vol. 3, 4.5; arch/x86_64/include/asm/pte.h draws the format).
"""

import gdb

import physical
from constants import K
from kernel import integer, symbol

NAMES = ("PT", "PD", "PDPT", "PML4")
BITS = ((0, "present"), (1, "write"), (2, "user"), (3, "write-through"),
        (4, "cache-disable"), (5, "accessed"), (6, "dirty"), (8, "global"),
        (9, "poison"), (10, "uffd-wp"), (11, "soft-dirty"), (63, "no-execute"))
P, W, U, PS, NX = 1, 2, 4, 0x80, 1 << 63
FRAME = K["PTE_FRAME"]


class Entry:
    """One entry of a walk: level 3 is the root's, 0 that of a page."""

    def __init__(self, level, index, value, table):
        self.level, self.index, self.value = level, index, value
        self.table = table

    @property
    def present(self):
        return bool(self.value & P)

    @property
    def leaf(self):
        return self.present and (self.level == 0 or bool(self.value & PS))

    @property
    def frame(self):
        return self.value & FRAME

    @property
    def protnone(self):
        """A frame that nobody may touch: P clear, G set, see pte.h."""
        return not self.present and bool(self.value & K["PTE_PROTNONE"])

    @property
    def name(self):
        return f"{NAMES[self.level]}[{self.index}]"

    def bits(self):
        """The names of all bits set, the frame aside."""
        if not self.value:
            return "empty"
        said = [] if self.present else ["not present"]
        if self.protnone:
            said = ["PROT_NONE"]
        said += [n for b, n in BITS if self.value >> b & 1
                 and not (b == 8 and self.protnone)]
        if self.value & PS:
            said.append("large page" if self.level else "PAT")
        said += [f"bit {b}" for b in range(52, 63) if self.value >> b & 1]
        return ", ".join(said)

    def trouble(self):
        """What is impossible about the entry, or ""."""
        if not self.present:
            if self.value and not self.protnone and self.level:
                return "not present, yet not empty: corrupt"
            return ""
        if self.level == 3 and self.value & PS:
            return "large-page bit in the root: reserved, corrupt"
        if not self.leaf and self.value & NX and self.level:
            return ""
        if not is_ram(self.frame) and not (self.level == 0 or self.leaf):
            return f"names a table at {self.frame:#x}, where there is no " \
                "RAM: corrupt"
        if self.leaf and self.value & U and not is_ram(self.frame):
            return f"names frame {self.frame:#x}, where there is no RAM: " \
                "corrupt"
        return ""

    def line(self):
        """The entry as `pt` prints it."""
        what = "" if not self.present and not self.protnone else \
            f"-> {'page' if self.leaf or self.protnone else 'table'} " \
            f"{self.frame:#x}"
        said = f"  {self.name:<10} {self.value:016x}  {what:<18} " \
            f"{self.bits()}"
        bad = self.trouble()
        return said + (f"\n{'':13}^ {bad}" if bad else "")


def ram_ranges():
    """[(start, end)] in bytes as the page allocator knows them; [] before."""
    try:
        count = int(symbol("ram_count", "mm/page_alloc.c"))
        ram = symbol("ram", "mm/page_alloc.c")
        return [(integer(ram[i]["start"]) << 12, integer(ram[i]["end"]) << 12)
                for i in range(count)]
    except (gdb.GdbError, gdb.error):
        return []


def is_ram(address):
    ranges = ram_ranges()
    return not ranges or any(a <= address < b for a, b in ranges)


def index(address, level):
    return address >> (12 + 9 * level) & 511


def walk(root, address):
    """The entries on the address's way, root first, to the page or to where
    it ends. ROOT is physical. A table outside RAM is not followed."""
    entries, table = [], root & FRAME
    for level in (3, 2, 1, 0):
        i = index(address, level)
        entry = Entry(level, i, physical.word(table + 8 * i), table)
        entries.append(entry)
        if not entry.present or entry.leaf or entry.trouble():
            break
        table = entry.frame
    return entries


def values(entries):
    """The walk as the ledger keeps it: four words, root first, 0: none."""
    said = [e.value for e in entries]
    return said + [0] * (4 - len(said))
