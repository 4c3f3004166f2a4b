"""The whole way: GRUB, the kernel, ring 3, the pager, the host's check. Under
BIOS and UEFI, with little memory and with more than 4 GiB, on several
processors."""

import os
import re
import shutil
import zlib

import pytest

import harness


def check_demo(ran, data=harness.KERNEL):
    with open(data, "rb") as f:
        crc = zlib.crc32(f.read())
    ran.expect(0, text=[rf"crc32 {crc:08x}\b", "^host: CRC agrees"])
    return ran


@pytest.mark.parametrize("medium", [[], ["--cdrom"]], ids=["disk", "cdrom"])
def test_bios(medium):
    check_demo(harness.boot(*medium)).expect(
        0, text=[r"^faultline: ", r"^boot: \d+ instructions to ring 3"])


@pytest.mark.skipif(not any(map(os.path.exists, (
    "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE_4M.fd"))),
    reason="no OVMF firmware on this machine")
@pytest.mark.parametrize("medium", [[], ["--cdrom"]], ids=["disk", "cdrom"])
def test_uefi(medium):
    check_demo(harness.boot("--uefi", *medium, limit=60))


@pytest.mark.parametrize("mem", ["64M", "256M", "1G", "5G"])
def test_memory(mem):
    """5G puts a hole below 4 GiB and memory above it."""
    check_demo(harness.boot("--mem", mem))


@pytest.mark.parametrize("smp", [2, 4])
def test_processors(smp):
    check_demo(harness.boot("--smp", smp))


def test_pages_any_file(tmp_path):
    """An odd size: the last page is partly the file's."""
    data = tmp_path / "data, with a comma"
    data.write_bytes(bytes(i * 7 % 251 for i in range(3 * 4096 + 1234)))
    check_demo(harness.boot("--data", data), data)


def test_a_few_mebibytes(tmp_path):
    data = tmp_path / "data"
    data.write_bytes(os.urandom(1 << 20) * 4 + b"odd")
    check_demo(harness.boot("--data", data, limit=60), data)


def test_frames_come_back():
    """As many frames in use at the end as before the first task."""
    ran = harness.boot().expect(0)
    line = re.search(r"^frames: (\d+) in use before the first task, "
                     r"(\d+) at the end", ran.text, re.M)
    assert line, ran.story()
    assert line[1] == line[2], ran.story()


def test_frames_come_back_after_a_kill(program):
    ran = harness.boot("--run", program("report"), "segv").expect(139)
    line = re.search(r"^frames: (\d+) .* (\d+) at the end", ran.text, re.M)
    assert line and line[1] == line[2], ran.story()


def test_boots_in_thirty_million_instructions():
    ran = harness.boot("--icount").expect(0)
    line = re.search(r"^boot: (\d+) instructions to ring 3", ran.text, re.M)
    assert line, ran.story()
    assert int(line[1]) <= 30_000_000, ran.story()


def test_other_serial_port(program):
    """console= moves the console; on COM1 then nothing is heard."""
    ran = harness.boot("--append", "console=ttyS1", "--run",
                       program("report"), "bytes")
    ran.expect(0, out=b"")


def test_trace_tells_the_story():
    """Of a fault that the pager served: the address, the error code in words,
    the VMA, the walk before and after, each stage in ticks, the end."""
    ran = check_demo(harness.boot("--icount", "--append", "trace"))
    story = re.search(r"^fault #\d+: demo-file\[\d+/\d+\] at [0-9a-f]{16}, "
                      r"ip [0-9a-f]+\n(?:  .*\n)*?.*userfaultfd(?:.*\n)+?"
                      r"  end     the pager filled the page$", ran.text, re.M)
    assert story, ran.story()
    for part in (r"error   0x[0-9a-f]+: \w+", r"vma     [0-9a-f]+-[0-9a-f]+",
                 r"before  pml4\[\d+\]=", r"after   pml4\[\d+\]=.* pt\[\d+\]=",
                 r"\+\d+ queued .*\+\d+ read .*\+\d+ filled .*\+\d+ woken "
                 r".*\+\d+ resumed"):
        assert re.search(part, story[0]), (part, story[0])


def test_ledger_is_silent_without_trace():
    loud = harness.boot("--append", "trace").expect(0)
    still = harness.boot().expect(0)
    assert len(still.text.splitlines()) < len(loud.text.splitlines()) / 4


def test_iso_target_boots(tmp_path):
    """The ISO of `make iso`, on a plain machine, is the demo."""
    modules = [("init", "init"), ("data", "pager-file"),
               ("demo-file", "demo-file"), ("pager-file", "pager-file")]
    iso = harness.make_iso(
        tmp_path / "x.iso", "limit=30",
        *[(n, os.path.join(harness.BUILD, "user", f)) for n, f in modules])
    harness.boot("--iso", iso).expect(0, text=r"crc32 [0-9a-f]{8}")


@pytest.mark.skipif(not shutil.which("busybox"), reason="no busybox here")
def test_busybox():
    """A program of others, linked with another libc."""
    harness.run(shutil.which("busybox"), "echo", "hi").expect(0, out=b"hi\n")
