"""A kernel that panics says why, where and how it got there, and the shell
hears of it. test=NAME on the command line makes it do what it must not."""

import re

import harness

FRAME = r"^ <[0-9a-f]{16}> (\w+)\+0x[0-9a-f]+"


def panicking(option, *more, **how):
    return harness.boot("--icount", *more, "--append", option, **how)


def backtrace(ran):
    text = ran.text[ran.text.index("backtrace:"):]
    return re.findall(FRAME, text, re.M)


def test_panic_is_told():
    ran = panicking("panic").expect(
        35, outcome="panic",
        text=[r"^PANIC: \S", r"\bcr3 [0-9a-f]+", r"^backtrace:"])
    assert "kernel_main" in backtrace(ran), ran.story()


def test_fault_in_the_kernel_is_told_in_full():
    """Registers, the way there by name, and the walk of the address."""
    ran = panicking("test=null-deref").expect(
        35, outcome="panic",
        text=[r"^PANIC: \S", r"^at <[0-9a-f]+> \w+\+0x",
              r"\bip [0-9a-f]{16}", r"\bsp [0-9a-f]{16}", r"\bcr3 [0-9a-f]+",
              r"\bcr2 0*8$", r"^walk of 0x0*8 ", r"PML4E\[0\] = 0x"])
    assert "kernel_main" in backtrace(ran), ran.story()


def test_stack_overflow_is_named():
    """Through the double fault's own stack; not a triple fault."""
    ran = panicking("test=stack-overflow").expect(
        35, outcome="panic", text=r"^PANIC: .*stack overflow")
    assert "recurse" in backtrace(ran), ran.story()


def test_kernel_checks_its_own_permissions():
    panicking("test=wx").expect(0, text="^kernel permissions: ok$")


def test_quiet_does_not_silence_a_panic():
    panicking("panic", "--quiet").expect(35, outcome="panic", text="^PANIC: ")


def test_panic_is_the_same_every_time():
    first, second = (panicking("panic").out for _ in range(2))
    assert first == second
