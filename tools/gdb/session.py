"""Attaching to a guest that run-qemu.sh has started: connect, and the symbols
of the user program that runs.

run-qemu.sh writes what it knows into a file of NAME=VALUE lines: port, kernel,
replay (1 when the run is a recorded one), and module.NAME for each program
that was loaded. User programs overlap (all begin at 0x400000), so at each stop
the symbols are those of the program whose task runs.
"""

import contextlib
import os

import gdb

import backwards
from areas import areas
from kernel import Command, current_task, go_on, integer, place, text


class Session:
    """What is known of the guest."""

    modules, replay = {}, False
    loaded = None  # (module's name, file) whose symbols are there

    @classmethod
    def read(cls, path):
        facts = {}
        with open(path, encoding="utf-8") as f:
            for line in f:
                name, _, value = line.rstrip("\n").partition("=")
                facts[name] = value
        cls.modules = {n[7:]: v for n, v in facts.items()
                       if n.startswith("module.")}
        cls.replay = facts.get("replay") == "1"
        return facts


def program_of(task):
    """(module, where it is loaded) of the program a task runs, or None."""
    if task is None or not integer(task["mm"]):
        return None
    for vma in areas(task["mm"], 4):
        obj = vma["vm_object"]
        if integer(obj) and integer(obj["name"]):
            name = text(obj["name"])
            if name in Session.modules:
                return name, integer(vma["vm_start"])
    return None


def forget_symbols():
    if Session.loaded:
        gdb.execute(f"remove-symbol-file {Session.loaded[1]}", to_string=True)
        Session.loaded = None



def load_symbols(name, base):
    """Makes the symbols of module NAME the user's half's."""
    path = Session.modules[name]
    key = (name, base)
    if Session.loaded and Session.loaded[0] == key:
        return
    forget_symbols()
    offset = base if base >= 0x555555554000 else 0
    try:
        gdb.execute(f"add-symbol-file {path} -o {offset:#x}", to_string=True)
        Session.loaded = (key, path)
    except gdb.error as error:
        print(f"no symbols of {name}: {error}")


def place_in(task, address):
    """place() of an address in that task's program, whichever runs now."""
    program = program_of(task) if address < 1 << 47 else None
    if program is None:
        return place(address) if address >= 1 << 47 else ""
    load_symbols(*program)
    said = place(address)
    follow_programs(None)
    return said


def follow_programs(_event):
    """At each stop: the program that runs is the one whose symbols we see.
    Before there are tasks, or with tables that cannot be read, none."""
    try:
        program = program_of(current_task())
        if program:
            load_symbols(*program)
    except (gdb.error, gdb.GdbError):
        pass


SETTINGS = ("confirm off", "pagination off", "debuginfod enabled off",
            "architecture i386:x86-64", "print pretty on",
            "breakpoint pending on", "height 0", "tcp connect-timeout 60",
            "remotetimeout 200")


def setting(words):
    try:
        gdb.execute(f"set {words}", to_string=True)
    except gdb.error:
        pass  # a GDB that does not know it does not need it


@contextlib.contextmanager
def quiet():
    """What GDB would print of the stops meanwhile is not printed: no setting
    of its own keeps all of it from the terminal."""
    gdb.flush()
    terminal, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        gdb.flush()
        os.dup2(terminal, 1)
        os.close(terminal)
        os.close(nowhere)


def run_to(function):
    """To FUNCTION's first line, by a hardware breakpoint: it may be set
    before the kernel is in memory."""
    stop = gdb.Breakpoint(function, gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    stop.silent = True
    try:
        go_on()
    finally:
        stop.delete()


class Connect(Command):
    """connect FILE: attaches to the guest that ./run-qemu.sh --gdb (or
--replay) has started and described in FILE, loads the kernel's symbols and
runs to its 64-bit entry, kernel_main()."""

    NAME = "connect"

    def run(self, argument):
        path = argument.strip()
        if not os.path.exists(path):
            raise gdb.GdbError(f"{path or 'FILE'}: no such session; is "
                               "run-qemu.sh still running?")
        facts = Session.read(path)
        for words in SETTINGS:
            setting(words)
        gdb.execute(f"file {facts['kernel']}", to_string=True)
        with quiet():
            gdb.execute(f"target remote :{facts['port']}", to_string=True)
            run_to("kernel_main")
        gdb.events.stop.connect(follow_programs)
        if Session.replay:
            backwards.connected(facts["monitor"])
        print("The kernel is at its 64-bit entry, kernel_main(). "
              "`fl` lists the commands; `pf-next` runs to a fault.")
        gdb.execute("frame")


class UserBreak(Command):
    """user-break PROGRAM WHERE: a breakpoint in a user program (a module's
name: demo-file, pager-file, program, init), which other programs at the same
address do not stop at. WHERE: a function or FILE:LINE of that program."""

    NAME = "user-break"

    def run(self, argument):
        words = argument.split()
        if len(words) != 2 or words[0] not in Session.modules:
            raise gdb.GdbError("user-break PROGRAM WHERE; programs: " +
                               " ".join(sorted(Session.modules)))
        name, where = words
        load_symbols(name, 0)
        found = gdb.decode_line(where)[1]
        if not found:
            raise gdb.GdbError(f"no {where} in {name}")
        for at in found:
            stop = UserBreakpoint(at.pc, name)
            print(f"breakpoint {stop.number} at {where} of {name}")


class UserBreakpoint(gdb.Breakpoint):
    """Stops only in tasks that run one program."""

    def __init__(self, address, name):
        super().__init__(f"*{address:#x}", gdb.BP_HARDWARE_BREAKPOINT)
        self.name = name

    def stop(self):
        program = program_of(current_task())
        return program is not None and program[0] == self.name


Connect()
UserBreak()
