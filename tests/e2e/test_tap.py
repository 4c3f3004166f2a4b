"""The TAP reader itself: a lenient one would pass a program that died."""

import pytest

import tap


@pytest.mark.parametrize("text", [
    "1..2\nok 1 - a\nok 2 - b\n",
    "ok 1 - a\n# note\nok 2 - b\n1..2\n",
    "1..0 # SKIP no userfaultfd\n",
    "ok 1\nnot ok 2 # TODO later\n1..2\n",
])
def test_accepts(text):
    tap.check(text)


@pytest.mark.parametrize("text", [
    "", "ok 1 - a\n", "1..2\nok 1 - a\n", "1..1\nnot ok 1 - a\n",
    "1..1\nok 1\nok 2\n", "1..2\nok 1\nok 1\n", "1..1\nok 1\n1..1\n",
    "ok 1 - a\nBail out!\n",
])
def test_refuses(text):
    with pytest.raises(tap.TapError):
        tap.check(text)
