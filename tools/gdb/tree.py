"""The red-black tree of areas: drawn, with its gaps, and checked by rules of
its own, not by the kernel's code. The command rbtree."""

from areas import areas, newest
from constants import K, VM
from kernel import (Command, container, find_task, has, integer, mm_of,
                    task_name)


class Tree:
    """Reads the tree once; .bad lists the rules it breaks."""

    def __init__(self, mm):
        self.mm, self.bad, self.order = mm, [], []
        self.lines = []
        root = mm["mm_rb"]["node"]
        if integer(root) and integer(root["red"]):
            self.bad.append("the root is red")
        self.newest = newest(mm)
        self.height = self.visit(root, 0, "", "", False)[0]
        self.check_order()

    def visit(self, node, parent, lead, branch, red_parent):
        """Draws right, node, left, so that turning the head shows the tree.
        Returns (black height, largest gap below)."""
        if not integer(node):
            return 1, 0
        vma = container(node, "struct vm_area_struct", "vm_rb")
        red = bool(integer(node["red"]))
        name = f"{integer(vma['vm_start']):x}"
        if integer(node["parent"]) != parent:
            self.bad.append(f"{name}: wrong parent pointer")
        if red and red_parent:
            self.bad.append(f"{name}: red below red")
        upper = lead + {"": "", "/": "      ", "\\": "|     "}[branch]
        lower = lead + {"": "", "/": "|     ", "\\": "      "}[branch]
        right = self.visit(node["right"], integer(node), upper, "/", red)
        self.lines.append(lead + ({"": "", "/": ".-- ", "\\": "'-- "}[branch])
                          + self.label(vma, red))
        self.order.append(vma)
        left = self.visit(node["left"], integer(node), lower, "\\", red)
        if left[0] != right[0]:
            self.bad.append(f"{name}: black height {left[0]} left, "
                            f"{right[0]} right")
        return left[0] + (not red), self.check_gap(vma, left[1], right[1])

    @staticmethod
    def label(vma, red):
        gap = f" gap {integer(vma['vm_gap']):#x}" if has(vma, "vm_gap") else ""
        most = f" subtree {integer(vma['rb_subtree_gap']):#x}" \
            if has(vma, "rb_subtree_gap") else ""
        return f"{'R' if red else 'B'} {integer(vma['vm_start']):x}-" \
            f"{integer(vma['vm_end']):x}{gap}{most}"

    def check_gap(self, vma, left, right):
        """The largest gap of the subtree, compared with what it says."""
        if not has(vma, "rb_subtree_gap"):
            return 0
        largest = max(integer(vma["vm_gap"]), left, right)
        if largest != integer(vma["rb_subtree_gap"]):
            self.bad.append(f"{integer(vma['vm_start']):x}: largest gap "
                            f"{integer(vma['rb_subtree_gap']):#x}, should be "
                            f"{largest:#x}")
        return largest

    @staticmethod
    def gap_below(vma, below):
        """vma_gap(): free bytes below, without a stack's guard gap."""
        start = integer(vma["vm_start"])
        if integer(vma["vm_flags"]) & VM["GROWSDOWN"]:
            start = max(start - (256 << K["PAGE_SHIFT"]), 0)
        return min(max(start - below, 0), K.get("VMA_GAP_MAX", 1 << 64))

    def check_order(self):
        below = 0
        for vma in reversed(self.order):
            start, end = integer(vma["vm_start"]), integer(vma["vm_end"])
            if not below <= start < end:
                self.bad.append(f"{start:x}: out of order")
            if has(vma, "vm_gap") and \
                    integer(vma["vm_gap"]) != self.gap_below(vma, below):
                self.bad.append(f"{start:x}: gap {integer(vma['vm_gap']):#x},"
                                f" should be {self.gap_below(vma, below):#x}")
            below = end
        fresh = 0 if self.newest is None else integer(self.newest)
        listed = [integer(v) for v in areas(self.mm) if integer(v) != fresh]
        if listed != [integer(v) for v in reversed(self.order)]:
            self.bad.append("tree and list do not hold the same areas")


class RbTree(Command):
    """rbtree [TASK]: the red-black tree of a task's areas, root at the left,
highest address at the top. R, B: colour; gap: the free bytes below the area;
subtree: the largest gap at or below this node, by which a free place is found.
The newest area joins the tree only when the next one comes: it stands alone.
The rules are checked: order, colours, black height, parents, gaps, the list."""

    NAME = "rbtree"

    def run(self, argument):
        task = find_task(argument)
        tree = Tree(mm_of(task))
        for line in tree.lines:
            print(line)
        if tree.newest is not None:
            print(f"newest, not in the tree yet: "
                  f"{integer(tree.newest['vm_start']):x}-"
                  f"{integer(tree.newest['vm_end']):x}")
        for bad in tree.bad:
            print("! " + bad)
        rules = "all rules hold" if not tree.bad else \
            f"{len(tree.bad)} rules broken"
        print(f"{task_name(task)}: {len(tree.order)} areas in the tree, "
              f"black height {tree.height}; {rules}")


RbTree()
