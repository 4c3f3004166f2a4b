"""Who holds which lock; the command locks. Global locks are found by their
type, in whatever structure they lie."""

import gdb

from kernel import (Command, cpus, integer, linked, task_name, tasks,
                    thread_name)

DEEP = 3


def global_names():
    """(file, name) of the kernel's variables that hold a spinlock_t."""
    said = gdb.execute("info variables -q", to_string=True)
    file = None
    for line in said.splitlines():
        if line.startswith("File "):
            file = line[5:].rstrip(":")
        elif line.startswith("Non-debugging"):
            break
        elif file and line.endswith(";"):
            name = line.rstrip(";").split()[-1].lstrip("*").split("[")[0]
            yield file, name


def spinlocks_in(value, name, deep=DEEP):
    """(name, spinlock) of every lock inside a value."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.name == "spinlock":
        yield name, value
    elif kind.code == gdb.TYPE_CODE_STRUCT and deep:
        for field in kind.fields():
            if field.name and hasattr(field, "bitpos"):
                yield from spinlocks_in(value[field.name],
                                        f"{name}.{field.name}", deep - 1)
    elif kind.code == gdb.TYPE_CODE_ARRAY and deep and \
            kind.target().strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        low, high = kind.range()
        for i in range(low, min(high, low + 1023) + 1):
            yield from spinlocks_in(value[i], f"{name}[{i}]", deep - 1)


def may_hold(kind, deep=DEEP):
    kind = kind.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_ARRAY:
        return deep > 0 and may_hold(kind.target(), deep - 1)
    if kind.code != gdb.TYPE_CODE_STRUCT:
        return False
    return kind.name == "spinlock" or deep > 0 and any(
        may_hold(f.type, deep - 1) for f in kind.fields())


def global_spinlocks():
    for file, name in global_names():
        try:
            value = gdb.parse_and_eval(f"'{file}'::{name}")
        except gdb.error:
            continue
        if may_hold(value.type):
            yield from spinlocks_in(value, f"{name} ({file})")


def all_spinlocks():
    yield from global_spinlocks()
    for cpu in cpus():
        yield from spinlocks_in(cpu["rq"], f"run queue of CPU "
                                f"{int(cpu['id'])}", 1)
    for task, mm in address_spaces():
        yield from spinlocks_in(mm.dereference(), f"mm of {task_name(task)}")


def address_spaces():
    seen = set()
    for task in tasks():
        mm = task["mm"]
        if integer(mm) and integer(mm) not in seen:
            seen.add(integer(mm))
            yield task, mm


def rwsem_state(sem):
    count = int(sem["count"])
    count -= (1 << 32) if count >= 1 << 31 else 0
    said = "free" if not count else "held by a writer" if count < 0 else \
        f"held by {count} readers"
    queue = list(linked(sem["queue"], "struct rwsem_waiter", "link"))
    for waiter in queue:
        said += f"\n    waits: {thread_name(waiter['thread'])} to " \
            f"{'write' if waiter['write'] else 'read'}"
    return said


class Locks(Command):
    """locks: the mmap lock of every address space (free, held, who waits) and
every spinlock that is held, with the processor that holds it. docs/locking.md
has the order in which they may be taken."""

    NAME = "locks"

    def run(self, _argument):
        for task, mm in address_spaces():
            print(f"mmap lock of {task_name(task)}: "
                  f"{rwsem_state(mm['mmap_lock'])}")
        known = held = 0
        for name, lock in all_spinlocks():
            known += 1
            owner = int(lock["owner"])
            if owner:
                held += 1
                print(f"spinlock {name}: held by CPU {owner - 1}")
        print(f"{known} spinlocks looked at, {held} held")


Locks()
