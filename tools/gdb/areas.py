"""Areas (VMAs): finding them, naming their rights; the command vmas."""

import gdb

from constants import VM
from kernel import (Command, container, current_task, find_task, has,
                    integer, mm_of,
                    task_name, text)


def areas(mm, most=200000):
    """Every area of mm, lowest first."""
    vma = mm["mmap"]
    while integer(vma) and most:
        yield vma
        vma = vma["vm_next"]
        most -= 1


def newest(mm):
    """The area that is in the list but not yet in the tree, or None."""
    if has(mm, "vma_fresh") and integer(mm["vma_fresh"]):
        return mm["vma_fresh"]
    return None


def find(mm, address):
    """The lowest area that ends above the address, or None; by the tree and
    the newest area, as the kernel does it."""
    node, best = mm["mm_rb"]["node"], None
    for _ in range(128):
        if not integer(node):
            break
        vma = container(node, "struct vm_area_struct", "vm_rb")
        if integer(vma["vm_end"]) > address:
            best, node = vma, node["left"]
        else:
            node = node["right"]
    fresh = newest(mm)
    if fresh is not None and integer(fresh["vm_end"]) > address and \
            (best is None or integer(fresh["vm_end"]) <
             integer(best["vm_end"])):
        return fresh
    return best


def holding(mm, address):
    vma = find(mm, address)
    if vma is None or integer(vma["vm_start"]) > address:
        return None
    return vma


def rights(flags):
    """rwxp, as /proc/PID/maps has it."""
    return ("r" if flags & VM["READ"] else "-") + \
        ("w" if flags & VM["WRITE"] else "-") + \
        ("x" if flags & VM["EXEC"] else "-") + \
        ("s" if flags & VM["SHARED"] else "p")


def other_flags(flags):
    """The names of all flags the four letters do not say."""
    said = ("READ", "WRITE", "EXEC", "SHARED", "MAYREAD", "MAYWRITE",
            "MAYEXEC", "MAYSHARE")
    return " ".join(n.lower().replace("_", "-") for n, bit in VM.items()
                    if flags & bit and n not in said)


def backing(vma, mm=None):
    """What the area maps: an object's name and page, [stack], [heap], ..."""
    mm = mm if mm is not None else vma["vm_mm"]
    obj = vma["vm_object"]
    start, end = integer(vma["vm_start"]), integer(vma["vm_end"])
    if integer(obj):
        name = text(obj["name"]) if integer(obj["name"]) else "shared memory"
        return f"{name} page {integer(vma['vm_pgoff'])}"
    if start <= integer(mm["start_stack"]) < end:
        return "[stack]"
    if start < integer(mm["brk"]) and end > integer(mm["start_brk"]):
        return "[heap]"
    return ""


def line(vma):
    flags = integer(vma["vm_flags"])
    start, end = integer(vma["vm_start"]), integer(vma["vm_end"])
    said = f"{start:012x}-{end:012x} {rights(flags)} {(end - start) >> 12:>6}"
    more = [backing(vma), other_flags(flags)]
    if integer(vma["vm_uffd"]):
        more.append(f"ctx {integer(vma['vm_uffd']):#x}")
    return (said + "  " + "  ".join(m for m in more if m)).rstrip()


def near(mm, address):
    """Where an address lies that no area holds, in words."""
    above = find(mm, address)
    if above is None:
        return "above the highest area"
    gap = integer(above["vm_start"]) - address
    return f"{gap:#x} bytes below the area at {integer(above['vm_start']):x}"


class Vmas(Command):
    """vmas [TASK]: the areas of a task (a pid, a tid, a name; none: the
current one), lowest first: range, rights, pages, what they map, other flags,
the userfaultfd context that serves them. The row of the address in CR2 or of
the instruction pointer is marked with >."""

    NAME = "vmas"

    def run(self, argument):
        task = find_task(argument)
        mm = mm_of(task)
        mine = current_task()
        at = integer(gdb.parse_and_eval("(unsigned long)$pc")) \
            if mine is not None and integer(mine) == integer(task) else 0
        count = pages = 0
        for vma in areas(mm):
            here = integer(vma["vm_start"]) <= at < integer(vma["vm_end"])
            print(("> " if here else "  ") + line(vma))
            count += 1
            pages += (integer(vma["vm_end"]) - integer(vma["vm_start"])) >> 12
        print(f"{task_name(task)}: {count} areas, {pages} pages; brk "
              f"{integer(mm['start_brk']):x}-{integer(mm['brk']):x}, mmap "
              f"area below {integer(mm['mmap_base']):x}")
        if has(mm, "map_count") and int(mm["map_count"]) != count:
            print(f"! map_count says {int(mm['map_count'])}: the list or the "
                  "count is broken")


Vmas()
