"""--run: the program's arguments, input, output and exit status are those of
the shell that typed it."""

import pytest

import harness


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status(program, status):
    harness.run(program("report"), "exit", status).expect(status, out=b"")


def test_killed_by_a_signal(program):
    """Status 128+N as a shell has it, and one line that says why."""
    ran = harness.boot("--icount", "--run", program("report"), "segv")
    ran.expect(139, text=r"killed: SIGSEGV \(SEGV_MAPERR\) at (0x)?0*10\b")


def test_abort(program):
    harness.boot("--icount", "--run", program("report"), "abort").expect(134)


def test_arguments(program):
    words = ["plain", "two words", "", "it's", 'say "hi"', "back\\slash",
             "$HOME", "*", "--quiet", "--", "a\nb", "\u00e9"]
    want = "".join(f"{n} [{w}]\n" for n, w in enumerate(words, 1))
    harness.run(program("report"), "args", *words).expect(
        0, out=want.encode())


def test_many_arguments(program):
    words = [f"argument-{n}" for n in range(200)]
    ran = harness.run(program("report"), "args", *words)
    ran.expect(0, text=r"^200 \[argument-199\]$")


def test_quiet_is_the_programs_bytes(program):
    harness.run(program("report"), "bytes").expect(0, out=bytes(range(256)))


def test_loud_has_the_kernels_lines(program):
    ran = harness.boot("--icount", "--run", program("report"), "exit", "0")
    ran.expect(0, text=[r"^faultline: ", r"^boot: \d+ instructions to ring 3",
                        r"^frames: \d+ in use before the first task"])


def test_input_reaches_the_program(program):
    text = b"forty bytes of input from a pipe, if one\n"
    ran = harness.boot("--quiet", "--run", program("report"), "copy",
                       len(text), stdin=text)
    ran.expect(0, out=text)


def test_end_of_input_reaches_the_program(program):
    text = b"a line\nand one without an end"
    harness.boot("--quiet", "--run", program("report"), "copy", 1000,
                 stdin=text).expect(0, out=text)


def test_no_input_is_the_end_of_input(program):
    harness.run(program("report"), "copy", 1000).expect(0, out=b"")


def test_guest_time_limit(program):
    """A program that never ends is stopped by the guest's clock."""
    ran = harness.boot("--quiet", "--run", program("report"), "spin", limit=1)
    ran.expect(37, outcome="guest time limit", text="^spinning$")


def test_runs_are_exactly_reproducible():
    """Two counted runs of the demo, every fault told, agree to the byte."""
    first, second = (harness.boot("--icount", "--append", "trace").expect(0)
                     for _ in range(2))
    assert first.out == second.out
