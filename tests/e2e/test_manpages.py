"""The manual's own examples, unmodified: extracted from the installed manual
pages, built static, run here and on this machine's Linux, and compared."""

import gzip
import os
import re
import shutil
import subprocess

import pytest

import harness

MAN = "/usr/share/man"
ERRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs",
                    "errc.c")
# Manual page, program, arguments. Nothing here opens a file.
EXAMPLES = [
    ("futex.2", "futex.c", ["3"]),
    ("wait.2", "wait.c", ["7"]),
    ("mprotect.2", "mprotect.c", []),
    ("pthread_create.3", "pthread_create.c", ["hola", "salut", "servus"]),
    ("qsort.3", "qsort.c", ["b", "c", "a"]),
    ("makecontext.3", "makecontext.c", []),
    ("atexit.3", "atexit.c", []),
]
COMPILERS = ["musl-gcc", "gcc"]


def extract(page, program):
    """The source of PROGRAM as the page prints it."""
    path = os.path.join(MAN, "man" + page.rsplit(".", 1)[1], page + ".gz")
    if not os.path.exists(path):
        pytest.skip(f"{path} is not here (package manpages-dev)")
    with gzip.open(path, "rt", encoding="utf-8") as f:
        text = f.read()
    begin = text.index(f'SRC BEGIN ({program})\n')
    source = text[begin:text.index('SRC END', begin)]
    lines = [x for x in source.splitlines()[1:]
             if not x.startswith((".EX", ".EE", '.\\"'))]
    return unroff("\n".join(lines) + "\n")


def unroff(text):
    """Undoes the escapes that the manual's examples use."""
    names = {"aq": "'", "dq": '"', "ti": "~", "ha": "^", "rs": "\\",
             "ga": "`"}
    text = re.sub(r"\\\[(\w\w)\]|\\\((\w\w)",
                  lambda m: names[m.group(1) or m.group(2)], text)
    return re.sub(r"\\([-e&.])",
                  lambda m: {"-": "-", "e": "\\", "&": "", ".": "."}[m[1]],
                  text)


def build(tmp_path, page, program, compiler):
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler} here")
    source = tmp_path / program
    source.write_text(extract(page, program), encoding="utf-8")
    flags = [ERRC] if "errc(" in source.read_text(encoding="utf-8") else []
    return harness.compile_c(str(source), tmp_path / program[:-2], compiler,
                             flags)


def plain(text):
    """The lines, without what may differ: addresses, process numbers, the
    threads' order, and a line that a child loses when its output is no
    terminal."""
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"\(\d+\)", "(PID)", text)
    return sorted(line for line in text.splitlines()
                  if not line.startswith("Child PID is"))


@pytest.mark.parametrize("compiler", COMPILERS)
def test_userfaultfd(tmp_path, compiler):
    """userfaultfd(2): three pages filled by a thread, one byte in each 1 KiB
    read back."""
    program = build(tmp_path, "userfaultfd.2", "userfaultfd.c", compiler)
    ran = harness.run(program, "3").expect(0)
    faults = re.findall(r"UFFD_EVENT_PAGEFAULT event: flags = (\w+); "
                        r"address = ([0-9a-f]+)", ran.text)
    assert [int(flags, 0) for flags, _ in faults] == [0, 0, 0], ran.story()
    pages = [int(address, 16) for _, address in faults]
    assert pages[1:] == [p + 4096 for p in pages[:-1]], ran.story()
    reads = re.findall(r"Read address (0x[0-9a-f]+) in main\(\): (.)",
                       ran.text)
    assert [int(a, 16) for a, _ in reads] == [
        a for p in pages for a in range(p + 0xf, p + 4096, 1024)], ran.story()
    assert "".join(c for _, c in reads) == "AAAABBBBCCCC", ran.story()


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("page, program, args", EXAMPLES,
                         ids=[e[1] for e in EXAMPLES])
def test_example(tmp_path, page, program, args, compiler):
    if program == "makecontext.c" and compiler == "musl-gcc":
        pytest.skip("musl has no makecontext(3)")
    path = build(tmp_path, page, program, compiler)
    want = subprocess.run([path, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    ran = harness.run(path, *args).expect(want.returncode)
    assert plain(ran.text) == plain(want.stdout), ran.story()
