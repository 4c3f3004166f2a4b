"""The trace's records (include/kernel/trace_stream.h) as Python objects. What
the numbers mean is read from the kernel's own headers.
"""

import os
import re
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tools", "gdb"))

from constants import VM  # noqa: E402,F401

START, FAULT, SWITCH, NAME, CALL, TREE, MESSAGE, FILL = range(1, 9)
MAGIC = 0x3145434152544c46
HEAD = struct.Struct("<BBHIQ")
RECORD = struct.Struct("<3Q4I3Q4Q4Q6Q")
CALL_DATA = struct.Struct("<9Q")
STAGES = ("trap", "queued", "read", "filled", "woken", "resumed")


class Broken(Exception):
    """Not a trace, or one of another kernel."""


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def fault_ends():
    """Names of enum fault_end, by number: "zero-page", "pager", ..."""
    body = re.search(r"enum fault_end \{(.*?)\}", text("include/mm/ledger.h"),
                     re.S).group(1)
    return [n.lower().replace("_", "-")
            for n in re.findall(r"\bEND_(\w+)", body)]


def call_names():
    """{number: name} of the system calls."""
    source = text("kernel/syscall_name.c")
    first = int(re.search(r"#define NEW_FIRST (\d+)", source).group(1))
    old = int(re.search(r"#define OLD_COUNT (\d+)", source).group(1))
    body = source[source.index("names[] ="):]
    names = "".join(re.findall(r'"([^"]*)"', body[:body.index(";")]))
    words = names.replace("\\0", " ").split()
    return {i if i < old else first + i - old: n for i, n in enumerate(words)}


class Fault:
    """A fault that is over."""

    def __init__(self, data):
        if len(data) not in (RECORD.size, RECORD.size + 32):
            raise Broken("its fault records are of another kernel")
        f = RECORD.unpack_from(data)
        words = struct.unpack(f"<{len(data[RECORD.size:]) // 8}Q",
                              data[RECORD.size:])
        self.cycle = [number for number in words if number]
        self.id, self.address, self.ip = f[:3]
        self.pid, self.tid, self.error, self.end = f[3:7]
        self.area = f[7:10]
        self.before, self.after, self.stage = f[10:14], f[14:18], f[18:24]

    @property
    def access(self):
        return "write" if self.error & 2 else \
            "exec" if self.error & 16 else "read"


class Call:
    def __init__(self, tid, begin, data):
        f = CALL_DATA.unpack(data)
        self.tid, self.begin, self.end = tid, begin, f[0]
        self.number, self.arg = f[1], f[2:8]
        self.result = f[8] - (1 << 64) if f[8] >> 63 else f[8]


class Message:
    """What a userfaultfd's reader was told."""

    LAYOUT = struct.Struct("<B7x3Q")
    EVENTS = {0x12: "fault", 0x13: "fork", 0x14: "remap", 0x15: "remove",
              0x16: "unmap"}
    OF_OBJECTS = {0xf0: "miss", 0xf1: "dirty", 0xf2: "shrink", 0xf3: "size"}

    def __init__(self, call, ctx, data):
        self.tid, self.time, self.ctx = call.tid, call.end, ctx
        event, *self.words = self.LAYOUT.unpack(data)
        self.event = (self.EVENTS | self.OF_OBJECTS).get(
            event, f"event {event:#x}")

    @property
    def address(self):
        """The page in question; a fork and an object have none."""
        if self.event == "fork" or self.event in self.OF_OBJECTS.values():
            return None
        return self.words[1] if self.event == "fault" else self.words[0]

    @property
    def text(self):
        flags, address = self.words[:2]
        if self.event == "fault":
            kinds = [n for bit, n in ((1, "write"), (2, "write-protected"),
                                      (4, "minor")) if flags & bit]
            return f"fault at {address:#x}" + \
                (f" ({', '.join(kinds)})" if kinds else "")
        if self.event == "fork":
            return f"fork, descriptor {flags & 0xffffffff}"
        if self.event in self.OF_OBJECTS.values():
            return f"{self.event}: object {flags:#x}, offset {address:#x}, " \
                f"{self.words[2]:#x}"
        if self.event == "remap":
            return f"remap of {flags:#x} to {address:#x}, " \
                f"{self.words[2]:#x} bytes"
        return f"{self.event} of {flags:#x}-{address:#x}"


class Fill:
    """How a pager answered: an ioctl on a userfaultfd."""

    REQUESTS = {0xaa02: "WAKE", 0xaa03: "COPY", 0xaa04: "ZEROPAGE",
                0xaa05: "MOVE", 0xaa06: "WRITEPROTECT", 0xaa07: "CONTINUE",
                0xaa08: "POISON", 0xfa00: "FL_COPY_NEXT"}
    OF_OBJECTS = {0xfa03: "FL_FILL", 0xfa04: "FL_WAKE", 0xfa05: "FL_CLEAN",
                  0xfa06: "FL_EVICT"}

    def __init__(self, call, ctx, data):
        self.tid, self.ctx, self.result = call.tid, ctx, call.result
        self.begin, self.time = call.begin, call.end
        self.request = (self.REQUESTS | self.OF_OBJECTS)[
            call.arg[1] & 0xffff]
        arg = struct.unpack_from(f"<{min(len(data) // 8, 5)}Q", data)
        self.address, self.length, self.source = arg[0], arg[1], None
        if self.request in ("COPY", "MOVE", "FL_COPY_NEXT"):
            self.source, self.length = arg[1], arg[2]
        self.object = None  # its descriptor; the address is the offset there
        if self.request in self.OF_OBJECTS.values():
            self.object, self.address, self.length = \
                arg[0] & 0xffffffff, arg[1], arg[2]
            self.source = arg[3] or None

    @property
    def text(self):
        where = f"{self.address:#x}" if self.object is None else \
            f"descriptor {self.object}, offset {self.address:#x}"
        return f"UFFDIO_{self.request} {where}, {self.length:#x} bytes" + \
            (f" from {self.source:#x}" if self.source is not None else "") + \
            (f": error {-self.result}" if self.result < 0 else "")


def uffd(kind, tid, begin, data):
    """(the call, its fill or None, its messages) of a MESSAGE or a FILL."""
    call, at = Call(tid, begin, data[:CALL_DATA.size]), CALL_DATA.size + 8
    ctx, fill = struct.unpack_from("<Q", data, at - 8)[0], None
    if kind == FILL:
        fill = Fill(call, ctx, data[at:])
        at += 48 if fill.request == "FL_COPY_NEXT" else len(data)
    size = Message.LAYOUT.size
    told = [Message(call, ctx, data[i:i + size])
            for i in range(at, len(data), size) if data[i]]
    return call, fill, told


def tree(data):
    """[(start, end, flags, red, has left, has right, alone)] in preorder;
    alone: the newest area, which is not in the tree yet."""
    words = struct.unpack(f"<{len(data) // 8}Q", data)
    return [(a & ~0xfff, b, c, a & 1, a >> 1 & 1, a >> 2 & 1, a >> 3 & 1)
            for a, b, c in zip(words[::3], words[1::3], words[2::3])]


def decode(kind, tid, time, data):
    """What a record says, in the form that fits its kind."""
    if kind == FAULT:
        return Fault(data)
    if kind == CALL:
        return Call(tid, time, data)
    if kind == TREE:
        return tree(data)
    if kind in (MESSAGE, FILL):
        return uffd(kind, tid, time, data)
    if kind == NAME:
        return data.split(b"\0")[0].decode(errors="replace")
    return struct.unpack(f"<{len(data) // 8}Q", data)


def read(stream):
    """(kind, cpu, tid, time, what it says) of each whole record that is there
    now; may be called again on a stream that grows."""
    while True:
        at = stream.tell()
        head = stream.read(HEAD.size)
        if len(head) == HEAD.size:
            kind, cpu, size, tid, time = HEAD.unpack(head)
            if at == 0 and kind != START or size < HEAD.size:
                raise Broken("this is not a trace of run-qemu.sh --trace")
            data = stream.read(size - HEAD.size)
        if len(head) < HEAD.size or len(data) < size - HEAD.size:
            stream.seek(at)
            return
        what = decode(kind, tid, time, data)
        if kind == START and what[0] != MAGIC:
            raise Broken("this is not a trace of run-qemu.sh --trace")
        yield kind, cpu, tid, time, what
