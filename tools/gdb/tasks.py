"""Threads: their state, what they wait for, on which CPU; the command tasks.

A sleeping thread's kernel stack is read through its frame pointers: the kernel
is compiled with them, and they need no unwinder.
"""

import gdb

from kernel import (Command, cpus, current, integer, task_name,
                    tasks, text, thread_name, threads)

# Functions that only put a thread to sleep: what called them is the reason.
SLEEPERS = {"stack_switch", "arch_switch", "switch_away", "thread_block",
            "thread_block_timed", "thread_block_until", "thread_yield",
            "sched_idle_loop", "sched_finish_switch", "rwsem_wait",
            "rwsem_wait_read", "rwsem_wait_write",
            "thread_sleep_until", "user_return_work", "thread_begin"}


def word_at(address):
    return integer(gdb.Value(address).cast(
        gdb.lookup_type("unsigned long").pointer()).dereference())


def function_at(address):
    block = gdb.block_for_pc(address)
    while block is not None and block.function is None:
        block = block.superblock
    if block is not None:
        return block.function.name
    said = gdb.execute(f"info symbol {address:#x}", to_string=True)
    return None if said.startswith("No symbol") else said.split()[0]


def sleeping_stack(thread, most=24):
    """[(address, function)] of a thread that does not run, innermost first
    (arch/x86_64/switch.S draws what lies at its stack pointer)."""
    sp, top = integer(thread["arch"]["sp"]), integer(thread["kstack_top"])
    if not top - 0x4000 <= sp < top:
        return []
    frame, address, found = word_at(sp + 40), word_at(sp + 48), []
    while len(found) < most:
        name = function_at(address - 1)
        if name is None:
            break
        found.append((address, name))
        if not sp < frame < top - 16:
            break
        frame, address = word_at(frame), word_at(frame + 8)
    return found


def uffd_waits():
    """{thread address: (context, wait, "pending" or "read")}."""
    from uffd import contexts, waits
    return {integer(w["thread"]): (ctx, w, state)
            for ctx in contexts() for w, state in waits(ctx)}


def waits_for(thread, faults):
    """What a blocked thread waits for, in words."""
    fault = faults.get(integer(thread))
    if fault:
        ctx, wait, state = fault
        return f"page {integer(wait['address']):#x}: message {state}, " \
            f"context {integer(ctx):#x}"
    if integer(thread["waiting_for"]):
        return text(thread["waiting_for"])
    for _, name in sleeping_stack(thread):
        if name not in SLEEPERS:
            return f"in {name}()"
    return "its next work"


STATES = {"THREAD_NEW": "new", "THREAD_READY": "ready",
          "THREAD_RUNNING": "running", "THREAD_BLOCKED": "blocked",
          "THREAD_DEAD": "dead"}


def state(thread):
    return STATES.get(str(thread["state"]), str(thread["state"]))


def is_running(thread):
    """On its processor, be it on its way to sleep."""
    cpu = thread["cpu"]
    return integer(cpu) and integer(cpu["running"]) == integer(thread)


def cpu_of(thread):
    cpu = thread["cpu"]
    return str(int(cpu["id"])) if integer(cpu) else "-"


def row(thread, mark, faults):
    said = state(thread)
    if is_running(thread):
        why = "" if said == "running" else "about to sleep"
        said = "running"
    else:
        why = waits_for(thread, faults) if said == "blocked" else ""
    task = thread["task"]
    parent = int(task["ppid"]) if integer(task) else 0
    return f"{mark}{int(thread['tid']):>5} {parent:>5}  " \
        f"{thread_name(thread):<24} {cpu_of(thread):>3}  {said:<8} {why}"


class Tasks(Command):
    """tasks [TID]: every thread: number, parent, name[pid/tid], CPU, state,
what it waits for; * marks the one that runs on the processor selected here.
With a TID: where in the kernel that thread sleeps, function by function."""

    NAME = "tasks"

    def run(self, argument):
        if argument.strip():
            self.stack(argument.strip())
            return
        running = current()
        mine = integer(running) if running is not None else 0
        faults = uffd_waits()
        print("   tid  ppid  thread                   cpu  state    waits for")
        for thread in threads():
            mark = "*" if integer(thread) == mine else " "
            print(row(thread, mark, faults))
        for task in tasks():
            if task["zombie"]:
                print(f"  {task_name(task)} is a zombie, status "
                      f"{int(task['exit_status']):#x}")
        idle = [str(int(c["id"])) for c in cpus()
                if integer(c["running"]) == integer(c["idle"])]
        print(f"{len(cpus())} processors; idle: {' '.join(idle) or 'none'}")

    @staticmethod
    def stack(word):
        for thread in threads():
            if str(int(thread["tid"])) == word:
                break
        else:
            raise gdb.GdbError(f"no thread {word}: tasks lists them")
        if is_running(thread):
            print(f"{thread_name(thread)} is running: backtrace, on CPU "
                  f"{cpu_of(thread)} (thread {int(thread['cpu']['id']) + 1})")
            return
        for address, name in sleeping_stack(thread):
            print(f"  {address:#x} {name}")


class Current(gdb.Function):
    """$current(): the struct thread that runs on the selected processor; for
example print *$current()"""

    def __init__(self):
        super().__init__("current")

    def invoke(self):
        thread = current()
        if thread is None:
            raise gdb.GdbError("no thread runs yet")
        return thread


Tasks()
Current()
