"""The trace, and what tools/faultscope makes of it: that it tells what the
console tells, that the page works in a browser, that neither costs much."""

import json
import os
import random
import re
import shutil
import struct
import subprocess

import pytest

import gdbsession
import harness

SCOPE = os.path.join(harness.ROOT, "tools", "faultscope")
# Moves the slider as a hand would, filters, steps by keys; leaves what it saw.
DRIVE = """<script>
addEventListener("error", e => { document.title = "error: " + e.message; });
const seen = {}, look = name => seen[name] = [$("position").textContent,
    $("fault").innerText, $("walk").innerText, $("lanes").innerHTML.length,
    $("shown").textContent];
const wait = setInterval(() => {
    if (!document.body.dataset.ready) return;
    clearInterval(wait);
    look("first");
    seen.uffd = $("uffd").innerText;
    seen.trees = document.querySelectorAll("#trees figure").length;
    seen.register = $("call").textContent + $("trees").textContent;
    document.dispatchEvent(new KeyboardEvent("keydown", {key: "["}));
    seen.signs = $("call").textContent + $("trees").textContent;
    $("slider").value = 3;
    $("slider").dispatchEvent(new Event("input"));
    look("moved");
    document.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
    look("key");
    $("filter").value = "FILTER";
    $("filter").dispatchEvent(new Event("input"));
    look("filtered");
    const out = document.createElement("pre");
    out.id = "seen";
    out.textContent = JSON.stringify(seen);
    document.body.append(out);
}, 10);
</script>
"""


def scope(*args):
    return subprocess.run([SCOPE, *map(str, args)], capture_output=True,
                          text=True, timeout=120)


def chromium(page, *args):
    tool = shutil.which("chromium") or shutil.which("chromium-browser")
    assert tool, "chromium is missing (tools/install-deps test)"
    profile = page.parent / "profile"
    return subprocess.run(
        [tool, "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={profile}", "--enable-logging=stderr",
         "--virtual-time-budget=20000", *args, page.as_uri()],
        capture_output=True, text=True, timeout=100)


def driven(page, word):
    """What the page showed at each step of DRIVE, and the console's lines."""
    copy = page.with_name("driven.html")
    copy.write_text(page.read_text(encoding="utf-8").replace(
        "</html>", DRIVE.replace("FILTER", word) + "</html>"),
        encoding="utf-8")
    ran = chromium(copy, "--dump-dom")
    found = re.search(r'<pre id="seen">(.*?)</pre>', ran.stdout, re.S)
    assert found, ran.stdout[:500] + ran.stderr[-2000:]
    ready = int(re.search(r'data-ready="(\d+)"', ran.stdout).group(1))
    console = re.findall(r"CONSOLE.*", ran.stderr)
    text = found.group(1).replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text), console, ready


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The demo, traced to a file and told on the console as well."""
    folder = tmp_path_factory.mktemp("scope")
    data = folder / "data"
    data.write_bytes(bytes(range(256)) * 256)
    ran = harness.boot("--icount", "--trace", folder / "trace", "--append",
                       "trace", "--data", data).expect(0)
    return folder / "trace", ran


def test_trace_is_the_consoles_story(traced):
    file, ran = traced
    told = json.loads(scope("--json", file).stdout)
    console = re.findall(r"^fault #(\d+): \S+\[(\d+)/\d+\] at ([0-9a-f]+), "
                         r"ip ([0-9a-f]+)", ran.text, re.M)
    trace = sorted((f["id"], f["pid"], int(f["address"], 16),
                    int(f["ip"], 16)) for f in told["faults"])
    assert len(trace) > 30
    assert trace == sorted((int(n), int(p), int(a, 16), int(i, 16))
                           for n, p, a, i in console)


def test_pagers_and_calls_are_known(traced):
    told = json.loads(scope("--json", traced[0]).stdout)
    paged = [f for f in told["faults"] if f["end"] == "pager"]
    assert len(paged) == 17  # 16 pages and the farewell
    assert {told["names"][str(f["pager"])] for f in paged} == {"pager-file"}
    for f in paged:
        times = list(f["stages"].values())
        assert list(f["stages"]) == ["trap", "queued", "read", "filled",
                                     "woken", "resumed"]
        assert times == sorted(times)
    for f in paged:
        page = int(f["address"], 16) & ~0xfff
        times = f["stages"]
        message = [m for m in told["messages"] if m["text"].startswith(
            f"fault at {page:#x}") and m["tid"] == f["pager"]]
        assert any(times["read"] < m["time"] < times["filled"]
                   for m in message), f
        assert any(g["begin"] < times["filled"] < g["end"]
                   for g in told["fills"] if g["request"] == "COPY" and
                   int(g["address"], 16) == page), f
    calls = [c["text"] for c in told["calls"]]
    assert any(re.match(r"mmap\(0x0, 0x11000, .* = 0x7f", c) for c in calls)


def test_objects_and_their_pagers(program, tmp_path):
    """What an object misses, and all that its pager does about it."""
    harness.boot("--icount", "--quiet", "--trace", tmp_path / "trace", "--run",
                 program("object_pager")).expect(0)
    told = json.loads(scope("--json", tmp_path / "trace").stdout)
    assert {"miss", "dirty", "shrink", "size"} <= \
        {m["event"] for m in told["messages"]}
    fills = {f["request"] for f in told["fills"]}
    assert {"FL_FILL", "FL_WAKE", "FL_CLEAN", "FL_EVICT"} <= fills
    assert any(re.fullmatch(r"UFFDIO_FL_FILL descriptor \d+, offset 0x1000, "
                            r"0x1000 bytes from 0x[0-9a-f]+", f["text"])
               for f in told["fills"])
    paged = [f for f in told["faults"] if f["end"] == "pager"]
    readers = {m["tid"] for m in told["messages"] if m["event"] == "miss"}
    assert readers & {f["pager"] for f in paged}


def test_areas_after_each_call(traced):
    """Each call of mmap's family has the areas it left; the faults' areas are
    among them; a registration is such a call."""
    told = json.loads(scope("--json", traced[0]).stdout)
    mmaps = [s for s in told["spaces"] if s["call"].startswith("mmap(")]
    assert mmaps
    for space in mmaps:
        start = space["call"].split(" = ")[1]
        assert start in [a[0] for a in space["areas"]], space
    assert any(s["call"].startswith("ioctl(") for s in told["spaces"])
    last = {s["pid"]: s for s in told["spaces"]}
    for f in told["faults"]:
        if f["end"] == "pager":
            assert f["area"][:2] in [a[:2] for a in
                                     last[f["pid"]]["areas"]], f
    assert {s["from"] for s in told["switches"]} >= {1, 2, 3}


def test_summary_and_perfetto(traced, tmp_path):
    said = scope(traced[0]).stdout
    assert re.search(r"^ +17 pager +mean us to: queued [\d.]+ read", said,
                     re.M), said
    scope("--perfetto", tmp_path / "p.json", traced[0])
    events = json.loads((tmp_path / "p.json").read_text())["traceEvents"]
    names = [e["name"] for e in events]
    assert names.count("fault pager") == 17
    assert names.count("message: fault") == names.count("UFFDIO_COPY") == 17
    assert "address space" in names and "switch" in names


def test_follow_tells_while_it_runs(traced):
    said = subprocess.run([SCOPE, "--follow", traced[0]], capture_output=True,
                          text=True, timeout=60).stdout
    assert re.search(r"^ +\d+ faults +\d+/s .* pager .*us: .*queued", said,
                     re.M), said


def test_page_works_in_a_browser(traced):
    """No error, the slider and the keys move, the filter filters; a
    screenshot is kept in build/."""
    page = traced[0].with_name("report.html")
    assert scope(traced[0], "-o", page).returncode == 0
    assert "http" not in re.sub(r"<script type.*?</script>", "",
                                page.read_text(encoding="utf-8"), flags=re.S)
    seen, console, _ = driven(page, "-init pager")
    assert not console, console
    assert seen["moved"][0].startswith("#4, 4 of ")
    assert seen["key"][0].startswith("#5, 5 of ")
    assert seen["first"][1] != seen["moved"][1] != seen["key"][1]
    assert "rewind 4" in seen["moved"][1]
    assert "UFFDIO_COPY" in seen["uffd"] and "message: fault" in seen["uffd"]
    assert seen["trees"] == 2
    for call, mark, words in (("ioctl(", "⚑", seen["register"]),
                              ("mmap(", "↻", seen["signs"])):
        assert call in words and mark in words.split("before: ")[1], words
    assert re.match(r"\d+ of \d+ faults", seen["filtered"][4])
    assert "PML4[" in seen["first"][2] and seen["first"][3] > 1000
    shot = os.path.join(harness.BUILD, "faultscope.png")
    chromium(page, "--window-size=1200,1900", f"--screenshot={shot}")
    assert os.path.getsize(shot) > 20000


def crowd(path, count):
    """A trace of COUNT made-up faults of four threads and their pager."""
    rng = random.Random(1)
    head, record = struct.Struct("<BBHIQ"), struct.Struct("<3Q4I3Q4Q4Q6Q")
    call, message = struct.Struct("<9Q"), struct.Struct("<QB7x3Q")
    with open(path, "wb") as f:
        f.write(head.pack(1, 0, 32, 0, 0) +
                struct.pack("<QQ", 0x3145434152544c46, 1000000))
        for i in range(1, count + 1):
            tid, at = 2 + i % 4, i * 5000
            address = 0x7f0000000000 + rng.randrange(1 << 24) * 4096
            walk = [0x1000027 + 4096 * (i % 512 + n) for n in range(3)]
            stages = [at + n * rng.randrange(1, 900) for n in range(6)]
            stages.sort()
            f.write(head.pack(4, 0, 32, tid, at) + b"thread".ljust(16, b"\0")
                    if i < 5 else b"")
            f.write(head.pack(7, 0, 128, 9, stages[1]) + call.pack(
                stages[2] + 1, 0, 5, 0, 512, 0, 0, 0, 32) + message.pack(
                    1, 0x12, 0, address, 0))
            f.write(head.pack(2, 0, 192, tid, stages[5]) + record.pack(
                i, address, 0x401000 + i % 64 * 4, tid, tid, 6, 8,
                0x7f0000000000, 0x7f1000000000, 0x73, *walk, 0, *walk,
                i * 4096 + 0x67, *stages))


def test_a_hundred_thousand_faults(tmp_path):
    file, page = tmp_path / "trace", tmp_path / "report.html"
    crowd(file, 100000)
    ran = scope(file, "-o", page)
    assert ran.returncode == 0, ran.stderr
    assert page.stat().st_size < 20 << 20
    seen, console, ready = driven(page, "0x40103c")
    assert not console, console
    assert seen["moved"][0].startswith("#4, 4 of 100000")
    assert "message: fault" in seen["uffd"]
    assert ready < 3000, f"the page took {ready} ms to open"


def test_tracing_costs_little(program):
    """Instructions from the first paged access to the last, with a trace and
    without."""
    def instructions(*options):
        ran = harness.boot("--icount", *options, "--run",
                           program("paged")).expect(0)
        return int(re.search(r"^run: (\d+) instructions", ran.text,
                             re.M).group(1))
    plain = instructions()
    traced = instructions("--trace", "/dev/null")
    assert plain < traced < plain * 1.05, (plain, traced)


def test_report_and_gdb_tell_the_same(program):
    """--report names its page; a row's GDB command goes to that fault, which
    has the walk that the row has."""
    ran = harness.boot("--report", "--run", program("paged"),
                       limit=None).expect(0)
    page = re.search(r"(\S+)\.html$", ran.err.decode(), re.M).group(1)
    assert "<title>" in open(page + ".html", encoding="utf-8").read()
    if not os.path.exists(page + ".run"):
        pytest.skip("this QEMU does not record")
    told = json.loads(scope("--json", page + ".trace").stdout)
    row = next(f for f in told["faults"] if f["end"] == "pager")
    said = gdbsession.run([f"rewind {row['id']}", "print/x $cr2", "pt $cr2"],
                          "--gdb", "--replay", page + ".run", wall=300)
    assert f"fault #{row['id']}: " in said[f"rewind {row['id']}"], said.story()
    assert f"= {row['address']}\n" in said["print/x $cr2"], said.story()
    walk = re.findall(r"^ +\w+\[\d+\] +([0-9a-f]{16}) ", said["pt $cr2"], re.M)
    assert [int(w, 16) for w in walk] == \
        [int(w, 16) for w in row["before"]][:len(walk)], said.story()


def test_not_a_trace(tmp_path):
    (tmp_path / "x").write_bytes(b"hello, this is no trace at all, really")
    ran = scope(tmp_path / "x", "-o", tmp_path / "y")
    assert ran.returncode == 2 and "not a trace" in ran.stderr
