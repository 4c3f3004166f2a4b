"""Faultline in GDB: gdb -x tools/gdb/faultline.py. docs/gdb.md tells of the
commands, `fl` lists them. One file here is one idea; each reads the kernel's
structures by name, and physical memory through QEMU.
"""

import os
import re
import sys
import textwrap

import gdb

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position,unused-import
import areas  # noqa: E402,F401
import backwards  # noqa: E402,F401
import calls  # noqa: E402,F401
import follow  # noqa: E402,F401
import frames  # noqa: E402,F401
import ledger  # noqa: E402,F401
import locks  # noqa: E402,F401
import nextfault  # noqa: E402,F401
import printers  # noqa: E402,F401
import session  # noqa: E402,F401
import slabs  # noqa: E402,F401
import tasks  # noqa: E402,F401
import tree  # noqa: E402,F401
import uffd  # noqa: E402,F401
import walks  # noqa: E402,F401
from kernel import Command  # noqa: E402


class Fl(Command):
    """fl: the commands of Faultline, one line each; help COMMAND tells more"""

    NAME = "fl"

    def run(self, _argument):
        for kind in sorted(Command.__subclasses__(), key=lambda k: k.NAME):
            said = " ".join((kind.__doc__ or "").split())
            usage, _, what = said.partition(": ")
            what = re.split(r"[.;:] |, each", what)[0].rstrip(".")
            print("\n".join(textwrap.wrap(
                f"{usage:<26} {what}", 78, subsequent_indent=27 * " ",
                break_on_hyphens=False)))


Fl()
