"""#define numbers, which the debug information does not hold, from the very
headers the kernel was compiled with. A flag added there has a name here.
"""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HEADERS = ("arch/x86_64/include/asm/page.h", "arch/x86_64/include/asm/pte.h",
           "include/mm/vma.h", "include/mm/page.h", "include/mm/mm.h",
           "include/mm/ledger.h",
           "include/uapi/faultline/userfaultfd.h")
DEFINE = re.compile(r"^#define[ \t]+([A-Z]\w+)[ \t]+([^/\n\\]+)", re.M)


def evaluate(expression, known):
    """The number an expression of numbers and known names is, or None."""
    plain = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]+\b", r"\1",
                   expression.strip())
    if not re.fullmatch(r"[\w\s()|<>&~+*-]+", plain):
        return None
    try:
        value = eval(plain, {"__builtins__": {}}, known)
    except (NameError, SyntaxError, TypeError, ValueError):
        return None
    return value & ((1 << 64) - 1) if isinstance(value, int) else None


def read_headers():
    known = {}
    for path in HEADERS:
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            for name, expression in DEFINE.findall(f.read()):
                value = evaluate(expression, known)
                if value is not None:
                    known[name] = value
    return known


K = read_headers()


def single_bits(prefix):
    """{name without PREFIX: bit} of the names that stand for one bit."""
    return {name[len(prefix):]: value for name, value in K.items()
            if name.startswith(prefix) and value
            and not value & (value - 1)}


VM = single_bits("VM_")
for _other in [n for n in VM if n.startswith("FAULT_")
               or n.endswith("_SHIFT")]:
    del VM[_other]
PG = single_bits("PG_")
DIRECT_MAP = K["DIRECT_MAP_START"]
