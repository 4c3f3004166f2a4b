"""The commands of tools/gdb, in a real GDB, against a real run of the file
demo; what they print is compared with what is so."""

import re

import pytest

import gdbsession

# The client's first fault that goes to its pager, and its way.
FOLLOW = ["pf-next demo-file pager", "vmas", "rbtree", "explain $cr2",
          "pt $cr2", "pf-follow", "pf-follow", "pf-follow", "tasks", "locks",
          "pf-follow", "uffd", "backtrace 4", "pf-follow", "pf-follow",
          "pf-follow", "pf-follow", "pf 1 demo-file", "ledger 3 demo-file",
          "source WALKS", "pf-follow"]
STAGES = ["trap", "vma", "queued", "read", "filled", "woken", "retry", "done",
          "resumed"]
# The fault is done: its walk as memory has it, then as the ledger does.
WALKS = """python
import follow
record = follow.Record(follow.PfFollow.follower.record)
gdb.execute(f'pt {record.address:#x} {record.pid}')
print('ledger')
gdb.execute(f'ledger #{record.id}')
end"""
CORRUPT = """python
import entries, physical, walks
root = physical.register('cr3') & entries.FRAME
bad = entries.walk(root, 0x400000)[1]
where = bad.table + 8 * bad.index
print('corrupting', bad.name)
physical.write_word(where, bad.value | 1 << 45)
gdb.execute('pt 0x400000')
physical.write_word(where, bad.value)
print('healed')
gdb.execute('pt 0x400000')
end"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gdb")
    data = folder / "data"
    data.write_bytes(bytes(range(256)) * 64)
    for name, text in (("CORRUPT", CORRUPT), ("WALKS", WALKS)):
        (folder / name).write_text(text + "\n")
    return gdbsession.run(
        ["pt 0x1000", "pt $pc", *FOLLOW, "frames", "slabs", "source CORRUPT",
         "tasks 1", "syscalls 3 pager-file", "print *$current()->mm",
         "print *$current()->mm->mmap",
         "print $current()->mm->mmap->vm_page_prot", "fl", "print 6*7"],
        "--gdb", "--icount", "--append", "limit=60 calls",
        "--data", data,
        cwd=folder)


def walk(text):
    """The entries of a printed walk, as words."""
    return re.findall(r"^ +(\w+\[\d+\]) +([0-9a-f]{16}) ", text, re.M)


def test_nothing_goes_wrong(said):
    assert said["print 6*7"].startswith("$4 = 42\n"), said.story()
    assert "Traceback" not in said.errors and "Error" not in said.errors, \
        said.story()
    assert "(y or n)" not in said.text


def test_connect_stops_at_the_kernels_entry(said):
    assert "kernel_main (" in said.text.split(gdbsession.MARK)[0]
    assert "kernel read goes through" in said["pt $pc"]


def test_pf_next_finds_the_pagers_fault(said):
    first = said["pf-next demo-file pager"]
    assert re.search(r"demo-file\[2/2\] at 0x\w+ \(main\+0x\w+\): user read "
                     r"of 0x\w+, page not present; area .* uffd-missing",
                     first), said.story()


def test_tree_holds_the_areas_of_the_task(said):
    listed = re.findall(r"^[> ] 0*([0-9a-f]+)-0*([0-9a-f]+) ", said["vmas"],
                        re.M)
    drawn = re.findall(r"[RB] ([0-9a-f]+)-([0-9a-f]+) ", said["rbtree"])
    alone = re.findall(r"newest, .*: ([0-9a-f]+)-([0-9a-f]+)", said["rbtree"])
    assert len(drawn) > 4
    assert sorted(listed) == sorted(drawn + alone), said.story()
    assert drawn == sorted(drawn, key=lambda a: -int(a[0], 16))
    assert "all rules hold" in said["rbtree"]
    assert f"{len(drawn)} areas in the tree" in said["rbtree"]


def test_explain_says_who_is_asked(said):
    text = said["explain $cr2"]
    assert re.search(r"user read faults: \w+\[\d+\] is empty; the pager of "
                     r"context 0x\w+ is asked", text)
    assert re.search(r"user execute faults: .*SEGV_ACCERR", text)


def test_follow_stops_at_every_stage(said):
    told = re.findall(r"^\[(\w+)\]", "".join(
        v for k, v in said.items() if k.startswith("pf-follow")), re.M)
    assert told == STAGES, said.story()


def test_reading_the_message_is_seen(said):
    """At the stage "read" we are in the pager's system call, and the context
    has the fault as one that was read."""
    fault = re.search(r"user read of (0x\w+)",
                      said["pf-next demo-file pager"]).group(1)
    page = int(fault, 16) & ~0xfff
    assert "sys_read" in said["backtrace 4"] or \
        "uffd_read" in said["backtrace 4"], said.story()
    assert re.search(rf"^  read +{page:#x} of demo-file\[2/2\], fault #\d+",
                     said["uffd"], re.M), said.story()
    assert "held by  pager-file[3] fd" in said["uffd"]
    assert re.search(r"serves +[0-9a-f]+-[0-9a-f]+ rw-p of demo-file\[2\], "
                     "missing", said["uffd"])


def test_tasks_tells_what_they_wait_for(said):
    assert re.search(r"^\* +2 +1 +demo-file\[2/2\] +0 +running", said["tasks"],
                     re.M), said.story()
    assert re.search(r"init\[1/1\] +\d +blocked +child", said["tasks"])
    assert re.search(r"do_wait|sys_wait4", said["tasks 1"]), said.story()


def test_locks_names_the_mmap_lock(said):
    assert re.search(r"^mmap lock of demo-file\[2\]: ", said["locks"], re.M)
    assert re.search(r"^\d{2,} spinlocks looked at, \d+ held", said["locks"],
                     re.M)


def test_walk_printed_is_the_ledgers(said):
    """The fault is done: memory says what the ledger says of the walk
    after, and before there was no entry."""
    now, told = said["source WALKS"].split("ledger\n", 1)
    before, after = told.split("the walk after:")
    assert len(walk(now)) == 4
    assert walk(now) == walk(after), said["source WALKS"]
    assert walk(before)[-1][1] == 16 * "0"
    number = re.search(r"^#(\d+) demo-file", said["pf 1 demo-file"], re.M)
    assert number, said.story()
    assert "the pager filled the page" in said["pf 1 demo-file"]
    assert re.search(rf"^ +{number.group(1)} .* pager$",
                     said["ledger 3 demo-file"], re.M)


def test_frames_add_up(said):
    assert "free, agrees" in said["frames"], said.story()
    assert re.search(r"^ +\d+ page tables", said["frames"], re.M)


def test_slabs_add_up(said):
    assert re.search(r"^vm_area_struct +\d+ +[1-9]\d* ", said["slabs"], re.M)
    assert "!" not in said["slabs"]


def test_corrupted_entry_is_named(said):
    text = said["source CORRUPT"]
    before, after = text.split("healed")
    name = re.search(r"corrupting (\S+)", before).group(1)
    assert re.search(r"\^ names a table at 0x20\w+, where there is no RAM: "
                     "corrupt", before), text
    assert f"{name} names a table" in before
    assert "corrupt" not in after and "PT[0]" in after


def test_last_system_calls(said):
    lines = said["syscalls 3 pager-file"].splitlines()
    assert len(lines) == 3
    assert re.search(r"tid 3 +(ioctl|read|poll)\(0x\w+, 0x\w+, 0x\w+, "
                     r"\.\.\.\) = \S", lines[-1]), said.story()


def test_pretty_printers(said):
    assert "address space, " in said["print *$current()->mm"]
    assert re.search("= area [0-9a-f]+-[0-9a-f]+ r--p demo-file page 0",
                     said["print *$current()->mm->mmap"])
    assert re.search(r"= 0x8000000000000025 frame 0x0 \(present, user, "
                     r"accessed, no-execute\)",
                     said["print $current()->mm->mmap->vm_page_prot"])


def test_help_names_every_command(said):
    for name in ("tasks", "vmas", "pt", "rbtree", "uffd", "pf", "pf-next",
                 "pf-follow", "explain", "frames", "slabs", "locks", "ledger",
                 "rewind", "syscalls"):
        assert re.search(rf"^{name}\b", said["fl"], re.M), name
