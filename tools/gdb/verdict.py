"""What an access would do: what the CPU says of the walk, then what the
kernel's fault path makes of it (docs/fault-path.md has the same rows).
"""

from areas import find, holding, near, other_flags
from constants import K, VM
from entries import NX, U, W
from kernel import integer, pointer_to

ACCESSES = ("read", "write", "execute")


def hardware(entries, access, user=True):
    """None when the CPU lets the access through, else why it faults."""
    for entry in entries:
        bad = entry.trouble()
        if bad:
            return f"{entry.name} {bad}"
        if entry.protnone:
            return f"{entry.name} is a PROT_NONE page: present to the " \
                "kernel, not to the CPU"
        if not entry.present:
            return f"{entry.name} is empty" if not entry.value else \
                f"{entry.name} is not present ({entry.value:#x} is a marker)"
        if user and not entry.value & U:
            return f"{entry.name} is the kernel's (user bit clear)"
        if access == "write" and not entry.value & W:
            return f"{entry.name} is read-only" + (
                ", marked by a userfaultfd" if entry.value & 1 << 10 else "")
        if access == "execute" and entry.value & NX:
            return f"{entry.name} forbids execution"
    return None


def forbidden(flags, access):
    """The area's rights do not allow it (access_error() in fault.c)."""
    wanted = {"read": VM["READ"] | VM["WRITE"] | VM["EXEC"],
              "write": VM["WRITE"], "execute": VM["EXEC"]}
    return not flags & wanted[access]


def page_of(entry):
    return pointer_to("struct page", K["VMEMMAP_START"] +
                      (entry.frame >> 12) * K["PAGE_DESCRIPTOR_SIZE"])


def missing_page(vma, access):
    """A page that is not there, in an area that allows the access."""
    flags = integer(vma["vm_flags"])
    if flags & VM["UFFD_MISSING"] and not integer(vma["vm_object"]):
        return f"the pager of context {integer(vma['vm_uffd']):#x} is asked"
    if integer(vma["vm_object"]):
        if flags & VM["SHARED"] or access != "write":
            return "the object's page is mapped"
        return "the object's page is copied (private)"
    return "a new page of zeros is mapped" if access == "write" else \
        "the zero page is mapped, read-only"


def read_only_page(vma, entry):
    """A write to a page that is there, read-only, in a writable area."""
    flags = integer(vma["vm_flags"])
    if entry.value & 1 << 10:
        return f"the pager of context {integer(vma['vm_uffd']):#x} is told " \
            "of the write"
    if flags & VM["SHARED"]:
        return "the object's page becomes writable"
    page = page_of(entry)
    if int(page["flags"]) & K["PG_ZERO"]:
        return "a new page of zeros replaces the zero page"
    if int(page["flags"]) & K["PG_ANON"] and int(page["refcount"]) == 1:
        return "the page is ours alone: it becomes writable"
    return "the page is copied (copy-on-write)"


def no_area(mm, address):
    above = find(mm, address)
    if above is not None and integer(above["vm_flags"]) & VM["GROWSDOWN"]:
        return "the stack above grows if RLIMIT_STACK and the guard gap " \
            "allow, else SIGSEGV (SEGV_MAPERR)"
    return f"SIGSEGV (SEGV_MAPERR): no area is here, {near(mm, address)}"


def kernel_answer(mm, address, entries, access):
    """What the fault path would do about the fault, in words."""
    last = entries[-1]
    if last.trouble():
        return "the walk is printed and the task killed, if it is the CPU " \
            "that finds the entry corrupt"
    vma = holding(mm, address)
    if vma is None:
        return no_area(mm, address)
    if forbidden(integer(vma["vm_flags"]), access):
        return "SIGSEGV (SEGV_ACCERR): the area forbids it"
    if not last.present and not last.protnone:
        return missing_page(vma, access)
    if access == "write" and last.leaf and not last.value & W:
        return read_only_page(vma, last)
    return "nothing is wrong: the TLB entry was stale"


def sentence(mm, address, entries, access):
    """One access in one sentence."""
    if address >= K["TASK_SIZE"]:
        why = hardware(entries, access, user=False)
        return f"a kernel {access} " + (f"faults: {why}" if why
                                        else "goes through")
    why = hardware(entries, access)
    if why is None:
        return f"a user {access} goes through"
    said = f"a user {access} faults: {why}"
    return said if mm is None else \
        f"{said}; {kernel_answer(mm, address, entries, access)}"


def area_words(vma):
    from areas import backing, rights
    flags = integer(vma["vm_flags"])
    parts = [f"{integer(vma['vm_start']):x}-{integer(vma['vm_end']):x}",
             rights(flags), backing(vma), other_flags(flags)]
    return " ".join(p for p in parts if p)
