"""One self-contained page of a trace: the data, compressed, in columns, and
the parts that draw it (page.html, page.css, *.js), with no network."""

import base64
import json
import os
import zlib

import records
from story import ENDS, call_text

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = ("data.js", "lanes.js", "tree.js", "panels.js", "page.js")
SWITCHES_MAX = 400000
UFFD_MAX = 250000


class Words:
    """Long words once each: columns hold their numbers."""

    def __init__(self):
        self.number, self.words = {}, []

    def __call__(self, word):
        if word not in self.number:
            self.number[word] = len(self.words)
            self.words.append(word)
        return self.number[word]


def fault_columns(told, words):
    """{name: a number for each fault}. Times are ticks since the start."""
    pagers = told.pagers()
    columns = {n: [] for n in ("id", "tid", "pid", "address", "ip", "error",
                               "end", "start", "stop", "flags", "pager",
                               "walk", "stage")}
    for f in told.faults:
        row = (f.id, f.tid, f.pid, f.address, words(hex(f.ip)), f.error,
               f.end, f.area[0], f.area[1], words(hex(f.area[2])),
               pagers.get(f.id, 0))
        for name, value in zip(columns, row):
            columns[name].append(value)
        columns["walk"] += [words(f"{v:x}") for v in f.before + f.after]
        columns["stage"].append(f.stage[0] - told.begin)
        columns["stage"] += [t - f.stage[0] if t else -1 for t in f.stage[1:]]
    return columns


def tree_rows(told, words):
    """The calls of mmap's family, each with the tree it left."""
    rows = []
    for time, pid, call, before, after in told.spaces():
        text = call_text(call) if call else "?"
        rows.append([time - told.begin, pid, text,
                     tree_words(before, words), tree_words(after, words)])
    return rows


def uffd_rows(told):
    """Messages and fills in order of time: when, whose, from where, how many
    bytes, in words."""
    rows = [[m.time - told.begin, m.tid, m.address or 0, 1,
             "message: " + m.text] for m in told.messages]
    rows += [[f.time - told.begin, f.tid, f.address, f.length, f.text]
             for f in told.fills]
    return sorted(rows)[:UFFD_MAX]


def tree_words(tree, words):
    """A tree's number: its nodes in preorder as one word."""
    return words(" ".join(f"{a:x},{b:x},{c:x},{r}{left}{right}{alone}"
                          for a, b, c, r, left, right, alone in tree))


def data(told, recording):
    words = Words()
    faults, trees = fault_columns(told, words), tree_rows(told, words)
    return {
        "ticks": told.ticks_per_ms, "faults": faults, "trees": trees,
        "words": words.words, "ends": ENDS, "stages": records.STAGES,
        "names": {str(t): told.who(t) for t in
                  set(told.names) | set(faults["tid"])},
        "switches": [[t - told.begin, a, b] for t, _, a, b in
                     told.switches[:SWITCHES_MAX]],
        "flags": {n: hex(v) for n, v in records.VM.items()},
        "uffd": uffd_rows(told), "calls": len(told.calls),
        "recording": recording,
    }


def part(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return f.read()


def write(told, path, recording=None):
    packed = base64.b64encode(zlib.compress(
        json.dumps(data(told, recording),
                   separators=(",", ":")).encode(), 6)).decode()
    text = part("page.html")
    text = text.replace("/*STYLE*/", part("page.css"))
    text = text.replace("/*SCRIPT*/", "\n".join(part(n) for n in SCRIPTS))
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("/*DATA*/", packed))
