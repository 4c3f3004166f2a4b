"""The pagers that bring their client along: what each says at its end is only
said when its own checks of every byte have passed."""

import pytest

import harness

ENDS = {
    "zip": [r"^zip: 512 pages in 32 frames$", r" 32 frames at most$",
            r"^zip: every page read back as it was written$"],
    "swap": [r"^swap: 512 pages in 64 frames$", r" 64 frames at most$",
             r"^swap: every page read back as it was written$"],
    "snapshot": [r"^snapshot 3: .*[1-9]\d* pages copied in turn",
                 r"^snapshot: each is the memory as it was at one moment$"],
    "shared": [r"^shared: 2 tasks wrote 8000 times each to 64 pages$",
               r"[1-9]\d* times taken from the other first$",
               r"^shared: no page had two writers, and no write is lost$"],
    "object": [r"^object: 512 pages in 64 frames, 2 tasks$",
               r" [1-9]\d* pages told dirty, [1-9]\d* saved, [1-9]\d* evicted",
               r"^object: both tasks read what they wrote, in mappings and by"],
    "dirty": [r"^round 2: +0 pages written: none$",
              r"^round 4: +80 pages written: 100-179$",
              r"^dirty: every page written was found, and no other$"],
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("machine", [["--icount"], ["--smp", "2"]],
                         ids=["icount", "smp2"])
def test_pager(name, machine):
    ran = harness.boot(*machine, "--demo", name).expect(0, text=ENDS[name])
    if name == "snapshot" and machine == ["--icount"]:
        # Certain only where the two take turns.
        ran.expect(0, text=r"pages copied in turn, [1-9]\d* on demand")
