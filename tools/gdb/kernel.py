"""The kernel's structures, read by name: symbols, lists, tasks, threads.

Everything comes from the debug information, so a member that moves needs no
change here. What is not there (a kernel that has not come that far, a member
that is gone) is said in one line and never a traceback.
"""

import gdb

WORD = (1 << 64) - 1


def integer(value):
    """VALUE as an unsigned 64-bit number."""
    return int(value) & WORD


def symbol(name, file=None):
    """The kernel's variable NAME, a static one by its FILE."""
    try:
        return gdb.parse_and_eval(f"'{file}'::{name}" if file else name)
    except gdb.error as error:
        raise gdb.GdbError(f"the kernel has no {name} to look at: {error}")


def pointer_to(type_name, address):
    kind = gdb.lookup_type(type_name).pointer()
    return gdb.Value(integer(address)).cast(kind)


def has(value, member):
    """The structure (or what it points to) has such a member."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_PTR:
        kind = kind.target().strip_typedefs()
    return any(f.name == member for f in kind.fields())


def offset_of(type_name, member):
    for field in gdb.lookup_type(type_name).fields():
        if field.name == member:
            return field.bitpos // 8
        if field.name is None and field.type.code in (gdb.TYPE_CODE_UNION,
                                                      gdb.TYPE_CODE_STRUCT):
            inner = inner_offset(field.type, member)
            if inner is not None:
                return field.bitpos // 8 + inner
    raise gdb.GdbError(f"{type_name} has no member {member}")


def inner_offset(kind, member):
    for field in kind.fields():
        if field.name == member:
            return field.bitpos // 8
        if field.name is None:
            inner = inner_offset(field.type, member)
            if inner is not None:
                return field.bitpos // 8 + inner
    return None


def container(address, type_name, member):
    """The structure whose MEMBER lies at the address."""
    return pointer_to(type_name, integer(address) -
                      offset_of(type_name, member))


def linked(head, type_name, member, most=100000):
    """The structures on a list; stops at a list that is not one."""
    first = integer(head.address)
    at = head["next"]
    while integer(at) != first and integer(at) and most:
        yield container(at, type_name, member)
        at = at["next"]
        most -= 1


def text(value):
    """A char array or pointer up to its NUL."""
    try:
        return value.string(errors="replace").split("\0")[0]
    except gdb.error:
        return "?"


def cpus():
    """The processors that are up, as struct cpu pointers."""
    table = symbol("cpus")
    low, high = table.type.range()
    return [table[i] for i in range(low, high + 1) if integer(table[i])]


def this_cpu():
    """The struct cpu of the processor GDB has selected, or None."""
    thread = gdb.selected_thread()
    up = cpus()
    number = thread.num - 1 if thread else 0
    return up[number] if number < len(up) else None


def current():
    """The thread that runs on the selected processor, or None."""
    cpu = this_cpu()
    return cpu["running"] if cpu and integer(cpu["running"]) else None


def current_task():
    thread = current()
    if thread is None or not integer(thread["task"]):
        return None
    return thread["task"]


def tasks():
    head = symbol("all_tasks")
    return linked(head, "struct task", "all_link") \
        if integer(head["next"]) else []


def threads():
    head = symbol("all_threads")
    return linked(head, "struct thread", "all_link") \
        if integer(head["next"]) else []


def task_name(task):
    return f"{text(task['name'])}[{int(task['pid'])}]"


def thread_name(thread):
    """NAME[pid/tid], as the console writes it."""
    task = thread["task"]
    pid = int(task["pid"]) if integer(task) else 0
    return f"{text(thread['name'])}[{pid}/{int(thread['tid'])}]"


def find_task(word):
    """The task that WORD names: a pid, one of its tids, a name; none: the
    current one, else the first that has an address space."""
    word = word.strip()
    everyone = list(tasks())
    if not word:
        mine = current_task()
        if mine is not None:
            return mine
        for task in everyone:
            if integer(task["mm"]):
                return task
        raise gdb.GdbError("no task exists yet: continue a little")
    for task in everyone:
        if word in (str(int(task["pid"])), text(task["name"])):
            return task
    for thread in threads():
        if word == str(int(thread["tid"])) and integer(thread["task"]):
            return thread["task"]
    names = " ".join(task_name(t) for t in everyone) or "none"
    raise gdb.GdbError(f"no task {word}; there are: {names}")


def mm_of(task):
    if not integer(task["mm"]):
        raise gdb.GdbError(f"{task_name(task)} has no address space (any more)")
    return task["mm"]


def place(address):
    """"function+0x12" where there is a symbol, else ""."""
    said = gdb.execute(f"info symbol {integer(address):#x}", to_string=True)
    if said.startswith("No symbol"):
        return ""
    words = said.split(" in section")[0].replace(" + ", "+").split("+")
    return words[0] + (f"+{int(words[1]):#x}" if len(words) > 1 else "")


def go_on():
    """Continues until something stops the machine; GDB's own words about the
    stop are kept from the terminal."""
    try:
        gdb.execute("continue", to_string=True)
    except gdb.error as error:
        if "connection closed" in str(error) or "not being run" in str(error):
            raise gdb.GdbError("the guest has ended")
        raise


class Command(gdb.Command):
    """A command whose class names it (NAME) and explains it (docstring)."""

    NAME = ""
    PREFIX = False

    def __init__(self):
        super().__init__(self.NAME, gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        try:
            self.run(argument)
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"{self.NAME}: {error} (are the kernel's "
                               "page tables loaded?)")

    def run(self, argument):
        raise NotImplementedError
