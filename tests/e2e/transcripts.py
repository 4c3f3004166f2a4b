"""GDB sessions in the documents: what is typed and what came back, read from
blocks of ``` that begin with "(gdb) ". As a program it runs a document's
commands in a recorded run and writes what came back into it:

    python3 -B tests/e2e/transcripts.py docs/gdb.md
"""

import re
import subprocess
import sys
import tempfile
import textwrap

import gdbsession
import harness

BLOCK = re.compile(r"(?<=^```\n)\(gdb\) .*?(?=^```$)", re.M | re.S)
PROMPT = re.compile(r"^\(gdb\) (.*)\n", re.M)
DATA = "LICENSE"  # the file that the demo pages, in both documents


def answers(text):
    """[(command, what came back)] of a document, in order."""
    found = []
    for block in BLOCK.findall(text):
        parts = PROMPT.split(block)[1:]
        found += zip(parts[::2], parts[1::2])
    return found


def facts(text):
    """The words in it, without what differs from one kernel to the next:
    numbers, source lines, frames but the innermost and their arguments."""
    text = re.sub(r"^\d+ .*\n?", "", text.expandtabs(), flags=re.M)
    words = re.sub(r"\s+", " ", text)
    words = re.sub(r"#[1-9]\d* +(?:0x\w+ in )?\w+ \(.*?\) at \S+", "", words)
    words = re.sub(r"(?:0x\w+ in )?(\w+) \(.*?\) at \S+", r"\1", words)
    words = re.sub(r"\b(0x)?[0-9a-f]*[0-9][0-9a-fx]*\b", "N", words)
    return set(re.sub(r"(\bN|-|>|\|)+", "N", words).split())


def record(file, *options):
    """A recording of the demo, as the documents say to make it."""
    return harness.boot("--record", file, *options, "--data", DATA,
                        limit=None)


def replay(file, commands, wall=600):
    """What came back of each command in the recorded run, in order."""
    said = gdbsession.run(commands, "--gdb", "--replay", file, wall=wall)
    found = list(said.values())
    found[-1] = re.sub(r"\[Inferior.*detached\]\n", "", found[-1])
    return found, said


def folded(text):
    """No line longer than the documents' are."""
    lines = []
    for line in text.expandtabs().strip("\n").split("\n"):
        indent = re.match(" *", line).group() + "    "
        lines += textwrap.wrap(line, 78, subsequent_indent=indent,
                               break_on_hyphens=False,
                               drop_whitespace=True) or [""]
    return "\n".join(lines) + "\n" if text.strip() else ""


def shortened(new, old):
    """As much of it as the document had, if it ended in "..."."""
    if not old.endswith("...\n"):
        return new
    return "".join(new.splitlines(True)[:old.count("\n") - 1]) + "...\n"


def rewrite(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as folder:
        record(folder + "/run").expect(0)
        fresh, _ = replay(folder + "/run", [c for c, _ in answers(text)])
    fresh = iter(fresh)

    def block(found):
        parts = PROMPT.split(found.group())[1:]
        return "".join(f"(gdb) {c}\n{shortened(folded(next(fresh)), old)}"
                       for c, old in zip(parts[::2], parts[1::2]))

    with open(path, "w", encoding="utf-8") as f:
        f.write(BLOCK.sub(block, text))


if __name__ == "__main__":
    subprocess.run(["make", "-s", "-C", harness.ROOT, "all"], check=True)
    for name in sys.argv[1:]:
        rewrite(name)
