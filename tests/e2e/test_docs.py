"""What README.md and docs/ name is there: files, functions and constants in
backticks, links and their headings, targets of make, options."""

import fnmatch
import glob
import os
import re
import subprocess

import pytest

import harness

DOCUMENTS = [os.path.relpath(path, harness.ROOT) for path in
             [os.path.join(harness.ROOT, "README.md"),
              *sorted(glob.glob(os.path.join(harness.ROOT, "docs", "*.md")))]]
ROOMS = ("arch", "boot", "include", "kernel", "mm", "tests", "tools", "user")
OUTSIDE = ("build/", "tools/testing/")  # made by us; Linux's tree
SUFFIX = re.compile(r"\.(c|h|S|py|sh|md|ld|txt)$")


def read(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as f:
        return f.read()


def tree():
    """Every file of ours."""
    found = []
    for room in (*ROOMS, "docs"):
        for folder, _, names in os.walk(os.path.join(harness.ROOT, room)):
            found += [os.path.relpath(os.path.join(folder, name), harness.ROOT)
                      for name in names if not name.endswith(".pyc")]
    return [*found, "Makefile", "README.md", "run-qemu.sh", "linker.ld"]


@pytest.fixture(name="files", scope="module")
def all_files():
    return tree()


@pytest.fixture(name="words", scope="module")
def all_words(files):
    """All names in the sources and of their files, each with a space around
    it, so that a part of a name can be looked for too."""
    words = set()
    for path in files:
        words.update(re.findall(r"\w+", os.path.basename(path)))
        if not path.endswith((".md", ".png", ".gz")):
            words.update(re.findall(r"\w+", read(path)))
    return " " + " ".join(sorted(words)) + " "


def quoted(document):
    """What stands in backticks, but for blocks and single characters."""
    prose = re.sub(r"^```.*?^```", "", read(document), flags=re.M | re.S)
    return sorted(set(re.findall(r"`([^`\n]{2,})`", prose)))


def is_path(text):
    return re.fullmatch(r"[\w.*/-]+", text) and (
        SUFFIX.search(text) or text.split("/")[0] in ROOMS and "/" in text)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_are_there(document, files):
    """A path from the top, or the end of one: `mm/fault.c`, `_copy.c`."""
    folders = {os.path.dirname(path) for path in files}
    everything = [*files, *folders, *map(os.path.dirname, folders)]

    def there(text):
        text = text.removeprefix("./").rstrip("/")
        return text.startswith(OUTSIDE) or fnmatch.filter(everything,
                                                          "*" + text)

    missing = [text for text in quoted(document)
               if is_path(text) and not there(text)]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_names_are_there(document, words):
    """A function or a constant: all of it, or what a list leaves of it."""
    names = {name for text in quoted(document) if not is_path(text)
             for name in re.findall(r"[A-Za-z_]\w*", text)
             if "_" in name or name + "()" == text}
    missing = [name for name in sorted(names)
               if name + " " not in words and " " + name not in words]
    assert not missing


def test_tests_are_there(files):
    """The last column of the rows of the fault's way."""
    rows = re.findall(r"^\|.*\|(.*)\|$", read("docs", "fault-path.md"), re.M)
    names = {name for row in rows[2:] for name in row.strip().split(", ")}
    homes = ("tests/{}.py", "tests/{}.c", "tests/guest/{}.c")
    missing = [name for name in sorted(names)
               if not any(home.format(name) in files for home in homes)]
    assert len(names) > 20 and not missing


def headings(document):
    """The anchors of a document, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", read(document), re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-")
            for line in lines}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    folder = os.path.dirname(document)
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        path = os.path.normpath(os.path.join(folder, path)) if path \
            else document
        if not os.path.exists(os.path.join(harness.ROOT, path)):
            wrong.append(link)
        elif anchor and anchor not in headings(path):
            wrong.append(link)
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_are_there(document):
    makefile = read("Makefile")
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)\b", read(document), re.M))
    missing = [target for target in sorted(targets)
               if not re.search(rf"^([\w ./-]* )?{target}( [\w ./-]*)?:",
                                makefile, re.M)]
    assert not missing


def test_options_are_there():
    """Of ./run-qemu.sh, wherever a document types it."""
    usage = subprocess.run([harness.SCRIPT, "--help"], check=True,
                           capture_output=True, text=True).stdout
    known = set(re.findall(r"--[a-z-]+", usage))
    typed = {option for document in DOCUMENTS
             for line in re.findall(r"run-qemu\.sh ([^#`\n]*)", read(document))
             for option in re.findall(r"--[a-z-]+", line)}
    assert typed and not typed - known
