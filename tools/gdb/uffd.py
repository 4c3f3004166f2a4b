"""userfaultfd contexts: found through the areas they serve and the
descriptors that name them; the command uffd."""

import gdb

from areas import areas, rights
from constants import K, VM
from kernel import (Command, integer, linked, pointer_to, symbol, task_name,
                    tasks, text, thread_name)


def file_of(slot):
    """The struct file a descriptor's slot names, or None: a slot is a
    pointer, or a structure with one (marks may be in its low bits)."""
    if slot.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        for field in slot.type.fields():
            if str(slot[field.name].type.strip_typedefs()) == "struct file *":
                slot = slot[field.name]
                break
    address = integer(slot) & ~3
    return pointer_to("struct file", address) if address else None


def descriptors(task):
    """(number, file) of every open descriptor of the task's first thread."""
    first = next(linked(task["threads"], "struct thread", "task_link"), None)
    files = first["files"] if first is not None else 0
    if not integer(files):
        return
    slots = next(files[f.name] for f in files.type.target().fields()
                 if is_slots(files[f.name].type))
    low, high = slots.type.range() if slots.type.strip_typedefs().code == \
        gdb.TYPE_CODE_ARRAY else (0, 63)
    for number in range(low, high + 1):
        found = file_of(slots[number])
        if found is not None:
            yield number, found


def is_slots(kind):
    """An array of files, or of slots with a file."""
    kind = kind.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_ARRAY:
        return False
    inner = kind.target().strip_typedefs()
    if str(inner) == "struct file *":
        return True
    return inner.code == gdb.TYPE_CODE_STRUCT and any(
        str(f.type.strip_typedefs()) == "struct file *"
        for f in inner.fields())


def owners():
    """{context address: ["name[pid] fd 3", ...]}."""
    found = {}
    for task in tasks():
        for number, file in descriptors(task):
            if text(file["name"]) == "[userfaultfd]":
                found.setdefault(integer(file["data"]), []).append(
                    f"{task_name(task)} fd {number}")
    return found


def served():
    """{context address: [(task, area)]}."""
    found, seen = {}, set()
    for task in tasks():
        mm = task["mm"]
        if not integer(mm) or integer(mm) in seen:
            continue
        seen.add(integer(mm))
        for vma in areas(mm):
            if integer(vma["vm_uffd"]):
                found.setdefault(integer(vma["vm_uffd"]), []).append(
                    (task, vma))
    return found


def contexts():
    """Every context there is, as pointers."""
    known = sorted(set(owners()) | set(served()))
    return [pointer_to("struct userfaultfd_ctx", a) for a in known]


def waits(ctx):
    """(wait, "pending" or "read") of the faults blocked on the context."""
    for queue, state in (("pending", "pending"), ("taken", "read")):
        for wait in linked(ctx[queue], "struct userfaultfd_wait", "link"):
            yield wait, state


def features(bits):
    names = {v: n[13:].lower() for n, v in K.items()
             if n.startswith("UFFD_FEATURE_") and v}
    return " ".join(n for v, n in sorted(names.items()) if bits & v) or "none"


def modes(flags):
    return "+".join(n[5:].lower() for n in VM if n.startswith("UFFD_")
                    and n != "UFFD_ANY" and flags & VM[n])


def place(address):
    """Where a wait waits: at an address, or for a page of a bound object."""
    if address >> 63:
        return f"offset {address & ~(1 << 63):#x} of an object"
    return f"{address:#x}"


def objects(ctx):
    """A line for each object bound to the context."""
    for pager in linked(ctx["objects"], "struct object_pager", "link"):
        bound, limit = pager["object"], integer(pager["args"]["limit"])
        yield (f"{bound['name'].string()}, cookie "
               f"{integer(pager['args']['cookie']):#x}, "
               f"{integer(bound['page_count'])} pages in memory" +
               (f" of {limit} allowed" if limit else ""))


class Uffd(Command):
    """uffd: the userfaultfd contexts: who holds the descriptor, which ranges
of whom and which objects they serve, and the faults that wait on them: pending
(nobody has read the message yet) or read (the pager has it and owes a page)."""

    NAME = "uffd"

    def run(self, _argument):
        held, ranges = owners(), served()
        everything = contexts()
        for ctx in everything:
            self.show(ctx, held.get(integer(ctx), []),
                      ranges.get(integer(ctx), []))
        if not everything:
            print("no userfaultfd is open")

    @staticmethod
    def show(ctx, holders, ranges):
        print(f"context {integer(ctx):#x}: "
              f"{'handshake done' if ctx['initialized'] else 'no UFFDIO_API'}"
              f", features {features(integer(ctx['features']))}")
        print(f"  held by  {', '.join(holders) or 'nobody (closed)'}")
        for task, vma in ranges:
            flags = integer(vma["vm_flags"])
            print(f"  serves   {integer(vma['vm_start']):x}-"
                  f"{integer(vma['vm_end']):x} {rights(flags)} of "
                  f"{task_name(task)}, {modes(flags)}")
        for line in objects(ctx):
            print(f"  pages    {line}")
        blocked = list(waits(ctx))
        for wait, state in blocked:
            record = wait["rec"]
            number = f"fault #{integer(record['id'])}" if integer(record) \
                else "a fault without a record"
            print(f"  {state:<8} {place(integer(wait['address']))} of "
                  f"{thread_name(wait['thread'])}, {number}")
        if not blocked:
            print("  pending  nothing waits")


Uffd()
