"""A real GDB with tools/gdb on a guest started by run-qemu.sh --gdb: runs a
list of commands in one go and gives back what each has printed."""

import os
import re
import shlex
import shutil
import subprocess

import harness

MARK = "=== "


def started(*args, **how):
    """A guest waiting for GDB, and the command that run-qemu.sh says to type,
    as words."""
    process = harness.spawn(args, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **how)
    said = b""
    while b"connect " not in said:
        line = process.stderr.readline()
        assert line, f"run-qemu.sh --gdb named no command: {said!r}"
        said = line
    return process, shlex.split(said.decode())


def finish(process):
    """The guest's console and what run-qemu.sh said; ends it if need be."""
    if process.poll() is None:
        process.terminate()
    out, err = process.communicate(timeout=20)
    return out.decode(errors="replace"), err.decode(errors="replace")


def run(commands, *args, wall=120, cwd=harness.ROOT):
    """{command: what it printed} of a session over `run-qemu.sh ARGS`; the
    same command twice has a number behind it the second time."""
    process, words = started(*args)
    assert shutil.which(words[0]), "gdb is missing (tools/install-deps test)"
    script, names = [], []
    for command in commands:
        count = sum(n.split("#")[0] == command for n in names)
        names.append(f"{command}#{count + 1}" if count else command)
        script += ["-ex", f"echo {MARK}{len(names) - 1}\\n", "-ex", command]
    try:
        ran = subprocess.run([words[0], "-batch", *words[1:], *script],
                             stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=wall, cwd=cwd,
                             env=dict(os.environ, LC_ALL="C"))
    finally:
        console, _ = finish(process)
    text = ran.stdout.decode(errors="replace")
    said = dict(re.findall(rf"^{MARK}(\d+)\n(.*?)(?=^{MARK}|\Z)", text,
                           re.M | re.S))
    return Answers({n: said.get(str(i), "") for i, n in enumerate(names)},
                   text, ran.stderr.decode(errors="replace"), console)


class Answers(dict):
    """What was printed, by command; .text all of it, .errors stderr,
    .console the guest's."""

    def __init__(self, said, text, errors, console):
        super().__init__(said)
        self.text, self.errors, self.console = text, errors, console

    def story(self):
        return self.text[-4000:] + "\n-- stderr --\n" + self.errors[-2000:]
