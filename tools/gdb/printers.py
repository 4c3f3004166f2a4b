"""Pretty-printers: print *mm, *vma, a pte_t, a page, a list, a tree say what
they are before (or instead of) their members."""

import gdb
import gdb.printing

import entries
from areas import backing, other_flags, rights
from constants import K
from frames import flag_names
from kernel import integer


class Members:
    """A sentence, then the members as they are."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return self.words()
        except (gdb.error, gdb.GdbError):
            return "(cannot be read)"

    def children(self):
        for field in self.value.type.fields():
            if field.name:
                yield field.name, self.value[field.name]


class Vma(Members):
    def words(self):
        v = self.value
        flags = integer(v["vm_flags"])
        return " ".join(w for w in (
            f"area {integer(v['vm_start']):x}-{integer(v['vm_end']):x}",
            rights(flags), backing(v), other_flags(flags)) if w)


class Mm(Members):
    def words(self):
        v = self.value
        return f"address space, {int(v['map_count'])} areas, root at " \
            f"{integer(v['pgd']) - K['DIRECT_MAP_START']:#x}, " \
            f"{int(v['users'])} users"


class Page(Members):
    def words(self):
        v = self.value
        frame = ""
        if v.address is not None and integer(v.address) >= \
                K["VMEMMAP_START"]:
            number = (integer(v.address) - K["VMEMMAP_START"]) \
                // K["PAGE_DESCRIPTOR_SIZE"]
            frame = f"frame {number:#x}: "
        return f"{frame}{flag_names(int(v['flags']))}, refcount " \
            f"{int(v['refcount'])}, mapcount {int(v['mapcount'])}"


class Pte:
    """An entry; of which level it is cannot be told from its value."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        entry = entries.Entry(0, 0, integer(self.value["v"]), 0)
        frame = f" frame {entry.frame >> 12:#x}" if entry.value else ""
        return f"{entry.value:#x}{frame} ({entry.bits()})"


class List:
    """A list's head (or a link): how many others hang on it."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        first, count = self.value.address, 0
        at = self.value["next"]
        if first is None:
            return f"link to {integer(at):#x}"
        while integer(at) and integer(at) != integer(first) and count < 1000:
            at, count = at["next"], count + 1
        if count == 1000:
            return f"link to {integer(self.value['next']):#x}"
        return "empty list" if not count else f"list of {count} others, " \
            f"next {integer(self.value['next']):#x}"


class Tree(Members):
    def words(self):
        count = self.count(self.value["node"])
        return f"red-black tree of {count} nodes"

    def count(self, node, deep=64):
        if not integer(node) or not deep:
            return 0
        return 1 + self.count(node["left"], deep - 1) + \
            self.count(node["right"], deep - 1)


KINDS = {"vm_area_struct": Vma, "mm_struct": Mm, "page": Page,
         "list_head": List, "rb_root": Tree, "pte_t": Pte, "pgprot_t": Pte}


def find(value):
    """The printer for a value: by its structure's name, or by the name it has
    as a typedef (an entry is a word like others but for that)."""
    kind = value.type.unqualified()
    name = kind.name if kind.code == gdb.TYPE_CODE_TYPEDEF \
        else kind.strip_typedefs().tag
    printer = KINDS.get(name)
    return printer(value) if printer else None


find.name, find.enabled = "faultline", True
gdb.printing.register_pretty_printer(None, find, replace=True)
