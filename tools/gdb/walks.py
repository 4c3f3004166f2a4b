"""The commands pt (the four levels of an address) and explain."""

import gdb

import areas
import entries
import physical
import verdict
from kernel import (Command, current_task, find_task, integer, mm_of,
                    task_name)


def arguments(argument, name):
    """(address, the other words) of a command's line."""
    words = gdb.string_to_argv(argument)
    if not words:
        raise gdb.GdbError(f"which address? See: help {name}")
    address = integer(gdb.parse_and_eval(f"(unsigned long)({words[0]})"))
    return address, words[1:]


def space(words):
    """(root, mm or None, name) of what the words name: nothing (the tables
    loaded now), a task, or @ROOT, a physical address."""
    if words and words[0].startswith("@"):
        return int(words[0][1:], 0), None, f"root {words[0][1:]}"
    if words:
        task = find_task(words[0])
        mm = mm_of(task)
        return physical.of_pointer(mm["pgd"]), mm, task_name(task)
    root = physical.register("cr3") & entries.FRAME
    return root, loaded_mm(root), "the loaded tables"


def loaded_mm(root):
    """The address space whose tables are loaded, if it is the current one."""
    try:
        task = current_task()
        if task is not None and integer(task["mm"]) and \
                physical.of_pointer(task["mm"]["pgd"]) == root:
            return task["mm"]
    except (gdb.error, gdb.GdbError):
        pass  # before there are tasks, or with broken tables
    return None


def paging_is_on():
    return bool(physical.register("cr0") >> 31)


class Pt(Command):
    """pt ADDRESS [TASK | @ROOT]: the walk of an address through the four
levels, each entry with every bit by name, and what a read and a write would
do. Without a second word: through the tables that are loaded (CR3); with
@ROOT: through the tables whose root is at that physical address. Reads
physical memory, so it works whatever state the kernel is in."""

    NAME = "pt"

    def run(self, argument):
        address, words = arguments(argument, self.NAME)
        root, mm, name = space(words)
        if not words and not paging_is_on():
            print(f"paging is off: {address:#x} is the physical address")
            return
        walk = entries.walk(root, address)
        print(f"{address:#018x} through {name}, root {root:#x}")
        for entry in walk:
            print(entry.line())
        last = walk[-1]
        if last.leaf:
            inside = address & ((1 << 12 + 9 * last.level) - 1)
            print(f"  physical   {last.frame + inside:#x}")
        for access in ("read", "write"):
            print(verdict.sentence(mm, address, walk, access))


class Explain(Command):
    """explain ADDRESS [TASK]: the area that holds the address, its entry and
page, how a userfaultfd has it, and what a read, a write and an execution
there would do."""

    NAME = "explain"

    def run(self, argument):
        address, words = arguments(argument, self.NAME)
        task = find_task(words[0] if words else "")
        mm = mm_of(task)
        walk = entries.walk(physical.of_pointer(mm["pgd"]), address)
        vma = areas.holding(mm, address)
        print(f"{address:#x} in {task_name(task)}")
        print("  area    " + (verdict.area_words(vma) if vma is not None else
                              f"none; {areas.near(mm, address)}"))
        print(f"  entry   {walk[-1].name} = {walk[-1].value:#x} "
              f"({walk[-1].bits()})")
        if walk[-1].leaf and entries.is_ram(walk[-1].frame):
            self.page(walk[-1])
        if vma is not None and integer(vma["vm_uffd"]):
            self.uffd(vma)
        for access in verdict.ACCESSES:
            print("  " + verdict.sentence(mm, address, walk, access))

    @staticmethod
    def page(entry):
        from frames import flag_names
        page = verdict.page_of(entry)
        print(f"  page    frame {entry.frame >> 12:#x}: "
              f"{flag_names(int(page['flags']))}, refcount "
              f"{int(page['refcount'])}, mapcount {int(page['mapcount'])}")

    @staticmethod
    def uffd(vma):
        from constants import VM
        flags = integer(vma["vm_flags"])
        modes = [n[5:].lower() for n in ("UFFD_MISSING", "UFFD_WP",
                                         "UFFD_MINOR") if flags & VM[n]]
        print(f"  uffd    context {integer(vma['vm_uffd']):#x}, mode "
              f"{'+'.join(modes) or 'none'}")


Pt()
Explain()
