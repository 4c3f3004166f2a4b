"""Boots the guest for a test and says what happened.

Everything goes through run-qemu.sh, as a user would: a run has a limit in
guest time (the kernel's limit= option) and, behind it, a wall-clock backstop.
What happened is one of the OUTCOMES; a test that wanted another one fails with
the console's tail and a command that reopens the run in GDB.
"""

import os
import re
import shlex
import signal
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("BUILD", "build")))
KERNEL = os.path.join(BUILD, "kernel", "faultline.elf")
SCRIPT = os.path.join(ROOT, "run-qemu.sh")
BANNER = b"faultline: "
TAIL_LINES = 30

# What run-qemu.sh says on stderr, and the name of what it means.
OUTCOMES = {
    "kernel panic": "panic",
    "time limit": "guest time limit",
    "boot error": "boot error",
    "frames leaked": "frames leaked",
    "machine rebooted": "reboot",
    "QEMU was killed": "QEMU failed",
    "CRC differs": "wrong CRC",
    "is missing": "missing tool",
    "could not install": "missing tool",
}


class Run:
    """One run that has ended: .outcome, .status, .out, .err (bytes)."""

    def __init__(self, args, status, out, err, hung):
        self.args, self.status = args, status
        self.out, self.err = out, err
        self.outcome = self._name(hung)

    def _name(self, hung):
        if hung:
            return "wall-clock hang"
        for line in self.err.decode(errors="replace").splitlines():
            for words, name in OUTCOMES.items():
                # A guest's own stderr is on the console, not here.
                if line.startswith(("run-qemu:", "install-deps:")) \
                        and words in line:
                    return name
        if self.out.count(b"\n" + BANNER) + self.out.startswith(BANNER) > 1:
            return "reboot"
        return "exit"

    @property
    def text(self):
        return self.out.decode(errors="replace")

    def story(self):
        """What to print when the test fails."""
        tail = self.text.splitlines()[-TAIL_LINES:]
        what = self.outcome
        if what == "exit":
            what = f"the program exited with {self.status}"
        lines = [f"what happened: {what} (status {self.status})",
                 "---- the console's tail " + "-" * 40, *tail, "-" * 64]
        if self.err.strip():
            lines += ["stderr: " + self.err.decode(errors="replace").strip()]
        command = shlex.join(["./run-qemu.sh", "--gdb", *self.args])
        lines += ["reopen it in GDB: " + command]
        if "--icount" in self.args:
            lines += ["if it must be the same at every stop, record it: see "
                      "docs/testing.md, Determinism"]
        return "\n".join(lines)

    def expect(self, status=0, outcome="exit", text=(), out=None):
        """Fails with the story unless all of it is so; returns self."""
        wrong = []
        if self.outcome != outcome:
            wrong.append(f"wanted {outcome}, got {self.outcome}")
        if status is not None and self.status != status:
            wrong.append(f"wanted exit status {status}, got {self.status}")
        for pattern in [text] if isinstance(text, str) else text:
            if not re.search(pattern, self.text, re.M):
                wrong.append(f"nothing on the console matches {pattern!r}")
        if out is not None and self.out != out:
            wrong.append(f"wanted exactly {out!r}, got {self.out!r}")
        if wrong:
            raise AssertionError("\n".join(["wrong output:"] + wrong +
                                           [self.story()]))
        return self


def spawn(args, **how):
    """Starts run-qemu.sh with what is built already; a Popen of its own
    session, so that signals meant for it reach nobody else."""
    env = dict(os.environ, BUILD=BUILD, FAULTLINE_BUILT="1",
               **how.pop("env", {}))
    how.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([SCRIPT, *args], env=env, cwd=ROOT,
                            start_new_session=True, **how)


def boot(*args, limit=30, wall=150, stdin=b""):
    """Runs run-qemu.sh ARGS to its end. LIMIT is in seconds of guest time."""
    args = [str(a) for a in args]
    if limit and "--iso" not in args:
        args = ["--append", f"limit={limit}", *args]
    process = spawn(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    stdin=subprocess.PIPE if stdin else subprocess.DEVNULL)
    hung = False
    try:
        out, err = process.communicate(stdin or None, timeout=wall)
    except subprocess.TimeoutExpired:
        hung = True
        process.terminate()
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
    return Run(args, process.returncode, out, err, hung)


def run(program, *argv, options=(), **how):
    """Runs one program, quiet and counted in instructions: exactly the same
    every time."""
    return boot("--quiet", "--icount", *options, "--run", program, *argv,
                **how)


def make_iso(path, cmdline, *modules, kernel=KERNEL):
    """An ISO by tools/mkiso; MODULES are (name, path)."""
    subprocess.run([os.path.join(ROOT, "tools", "mkiso"), path, kernel,
                    cmdline, *[f"{name}={file}" for name, file in modules]],
                   check=True)
    return path


def compile_c(source, output, compiler="musl-gcc", flags=()):
    """A static program from one C file."""
    subprocess.run([compiler, "-static", "-O2", "-w", "-pthread", *flags, "-I",
                    os.path.join(ROOT, "include", "uapi"),
                    "-idirafter", "/usr/include", "-idirafter",
                    "/usr/include/x86_64-linux-gnu", "-o", output, source],
                   check=True)
    return str(output)
