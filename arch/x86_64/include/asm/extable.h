/*
 * The exception table: pairs {instruction that may fault, where to go on}, as
 * 32-bit distances from the entry itself; linker.ld gathers them. And the
 * brackets around user access, which are patched to no-operations at boot on a
 * CPU without SMAP (alternative.c). Assembly includes this too.
 */
#pragma once

#ifdef __ASSEMBLER__

/* clang-format off */
.macro EX_TABLE from, to
    .pushsection __ex_table, "a"
    .balign 4
    .long \from - ., \to - .
    .popsection
.endm

/* stac, clac, and note where they stand. As bytes: the assembler would take
 * the names for these very macros. */
.macro STAC
771:
    .byte 0x0f, 0x01, 0xcb
    .pushsection .smap_sites, "a"
    .long 771b - .
    .popsection
.endm

.macro CLAC
771:
    .byte 0x0f, 0x01, 0xca
    .pushsection .smap_sites, "a"
    .long 771b - .
    .popsection
.endm
/* clang-format on */

#else
#include <base/types.h>

#define EX_TABLE(from, to)                                                     \
    ".pushsection __ex_table, \"a\"\n.balign 4\n.long " from " - ., " to       \
    " - .\n.popsection\n"

#define SMAP_SITE(insn)                                                        \
    "771: " insn "\n.pushsection .smap_sites, \"a\"\n.long 771b - .\n"         \
    ".popsection\n"
#define STAC SMAP_SITE("stac")
#define CLAC SMAP_SITE("clac")

/* Closes a window that a fault left open. */
static inline void user_access_end(void)
{
    __asm__ volatile(CLAC ::: "memory");
}

struct regs;

/*
 * If the kernel instruction at regs->ip has an entry, makes regs continue at
 * its fixup and returns true.
 */
bool extable_fixup(struct regs *regs);

/* Has the kernel instruction at ip an entry? */
bool extable_has(u64 ip);

/* Replaces every stac and clac by no-operations; before text is read-only. */
void smap_sites_disable(void);

#endif
