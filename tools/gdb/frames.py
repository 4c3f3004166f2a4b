"""Physical memory by what it is used for; the command frames. The descriptors
are read in large pieces, through physical memory."""

import struct

import gdb

import entries
import physical
from constants import K, PG
from kernel import Command, cpus, integer, offset_of, symbol

PIECE = 1 << 16


def flag_names(flags):
    return " ".join(n.lower() for n, bit in PG.items() if flags & bit) or \
        "in use"


def descriptors(start, end):
    """(frame, flags, refcount, order) of the frames of [start, end)."""
    size = K["PAGE_DESCRIPTOR_SIZE"]
    offsets = [offset_of("struct page", m)
               for m in ("flags", "refcount", "order")]
    at = K["VMEMMAP_START"] + start * size
    inferior = gdb.selected_inferior()
    for frame in range(start, end, PIECE // size):
        count = min(PIECE // size, end - frame)
        data = bytes(inferior.read_memory(at, count * size))
        for i in range(count):
            yield (frame + i, *(struct.unpack_from("<I", data, i * size + o)[0]
                                for o in offsets))
        at += count * size


def use(flags, refcount):
    for name in ("BUDDY", "CACHED", "RESERVED", "ZERO", "SLAB", "TABLE",
                 "ANON"):
        if name in PG and flags & PG[name]:
            return name.lower()
    return "other" if refcount else "free part"


WORDS = {"buddy": "free, in the buddy allocator",
         "cached": "free, kept at hand by a processor",
         "reserved": "reserved: kernel image, boot modules, descriptors",
         "zero": "the zero page", "slab": "slabs (see slabs)",
         "table": "page tables", "anon": "anonymous user memory",
         "other": "other: objects' pages, stacks, rings",
         }


class Frames(Command):
    """frames: how many frames of RAM there are and what they are used for,
free blocks by size, and whether the allocator's count agrees.
frames FRAME: the descriptor of one frame."""

    NAME = "frames"

    def run(self, argument):
        if argument.strip():
            self.one(int(gdb.parse_and_eval(argument)))
            return
        counts, blocks, skip = {}, {}, 0
        for start, end in entries.ram_ranges():
            for _frame, flags, refs, order in descriptors(start >> 12,
                                                          end >> 12):
                if skip:
                    skip -= 1
                    continue
                kind = use(flags, refs)
                size = 1
                if kind == "buddy":
                    size = 1 << order
                    skip = size - 1
                    blocks[order] = blocks.get(order, 0) + 1
                counts[kind] = counts.get(kind, 0) + size
        self.table(counts, blocks)

    @staticmethod
    def table(counts, blocks):
        total = sum(counts.values())
        for kind, count in sorted(counts.items(), key=lambda c: -c[1]):
            print(f"{count:>9} {WORDS.get(kind, kind)}")
        print(f"{total:>9} in all, {total * 4 // 1024} MiB")
        print("free blocks: " + " ".join(
            f"{n}x{1 << order}" for order, n in sorted(blocks.items())))
        free = integer(symbol("buddy", "mm/page_alloc.c")["free"])
        agrees = "agrees" if free == counts.get("buddy", 0) else \
            "DOES NOT AGREE"
        print(f"the allocator's own count, {free} free, {agrees}")

    @staticmethod
    def one(frame):
        from verdict import page_of
        if not entries.is_ram(frame << 12):
            print(f"frame {frame:#x} is not RAM")
            return
        page = page_of(entries.Entry(0, 0, frame << 12, 0))
        flags = int(page["flags"])
        print(f"frame {frame:#x} at {frame << 12:#x}: {flag_names(flags)}, "
              f"refcount {int(page['refcount'])}, mapcount "
              f"{int(page['mapcount'])}")
        if flags & PG["SLAB"]:
            print(f"  of the cache {page['slab_cache']['name'].string()}")


Frames()
