/* Operations that make, move and end mappings. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>

#include "mmfuzz.h"
#include "ops.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define LOW_END 0x100000000 /* MAP_32BIT means below it */

/* A place the kernel chose is looked at and given back, unnamed. */
static long elsewhere(long result, long size)
{
    if (is_error(result) || (result >= (long)(ARENA - ARENA_PAGES * PAGE) &&
                             result < (long)(ARENA_END + ARENA_PAGES * PAGE)))
        return result;
    log_text(" elsewhere%s", result < LOW_END ? " low" : "");
    look_at((void *)result, size);
    SYS(munmap, result, size);
    return 0;
}

static long page_up(long size)
{
    return (size + PAGE - 1) & -PAGE;
}

static long draw_type(void)
{
    unsigned die = draw_below(32);

    if (die < 18)
        return MAP_PRIVATE;
    if (die < 28)
        return MAP_SHARED;
    return die < 30 ? MAP_SHARED_VALIDATE : die == 30 ? MAP_DROPPABLE : 0;
}

static long draw_place(void)
{
    unsigned die = draw_below(32);

    if (die < 22)
        return MAP_FIXED;
    if (die < 29)
        return MAP_FIXED_NOREPLACE;
    return 0;
}

static long draw_more_flags(void)
{
    static const long more[] = {
        MAP_GROWSDOWN, MAP_GROWSDOWN, MAP_STACK,    MAP_NORESERVE,
        MAP_POPULATE,  MAP_POPULATE,  MAP_NONBLOCK, MAP_LOCKED,
        MAP_32BIT,     0x800,         0x1000,       0x80000,
        0x4000000,     1L << 27,      1L << 40,     MAP_POPULATE | MAP_NONBLOCK,
    };

    if (draw_below(4))
        return 0;
    return more[draw_below(sizeof(more) / sizeof(more[0]))];
}

static long draw_offset(void)
{
    switch (draw_below(64)) {
    case 0:
        return 1 + draw_below(PAGE - 1);
    case 1:
        return -(long)PAGE;
    case 2:
        return 0x7ffffffffffff000;
    default:
        return draw_below(6) * PAGE;
    }
}

void draw_mmap(long *args)
{
    args[0] = draw_page();
    args[1] = draw_length();
    args[2] = draw_prot();
    args[3] = draw_type();
    args[3] |= draw_place();
    args[3] |= draw_more_flags();
    args[4] = -1;
    if (draw_below(2)) {
        args[3] |= MAP_ANONYMOUS;
        args[5] = draw_below(8) ? 0 : draw_offset();
    } else {
        args[4] = SLOT_FD + draw_below(16) % SLOTS;
        args[5] = draw_offset();
    }
    /* Not a terabyte: it might get it. */
    if (args[1] > (long)(64 * PAGE))
        args[1] = 64 * PAGE;
}

long run_mmap(const long *args)
{
    long result =
        SYS(mmap, at(args[0]), args[1], args[2], args[3], args[4], args[5]);

    return elsewhere(result, page_up(args[1]));
}

void draw_munmap(long *args)
{
    args[0] = draw_page();
    args[1] = draw_length();
}

long run_munmap(const long *args)
{
    return SYS(munmap, at(args[0]), args[1]);
}

void draw_mprotect(long *args)
{
    static const long grows[] = {PROT_GROWSDOWN, PROT_GROWSUP,
                                 PROT_GROWSUP | PROT_GROWSDOWN};

    args[0] = draw_page();
    args[1] = draw_length();
    args[2] = draw_prot();
    if (!draw_below(24))
        args[2] |= grows[draw_below(3)];
}

long run_mprotect(const long *args)
{
    return SYS(mprotect, at(args[0]), args[1], args[2]);
}

void draw_mremap(long *args)
{
    static const long flags[] = {
        0,
        MREMAP_MAYMOVE,
        MREMAP_MAYMOVE | MREMAP_FIXED,
        MREMAP_MAYMOVE | MREMAP_FIXED,
        MREMAP_MAYMOVE | MREMAP_FIXED,
        MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
        MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
        MREMAP_FIXED,
        MREMAP_DONTUNMAP,
        8 | MREMAP_MAYMOVE,
    };

    args[0] = draw_page();
    args[1] = draw_length();
    args[2] = draw_below(2) ? args[1] : draw_length();
    args[3] = flags[draw_below(draw_below(8) ? 7 : 10)];
    args[4] = args[3] & MREMAP_FIXED ? draw_page() : 0;
    if (args[2] > (long)(64 * PAGE))
        args[2] = 64 * PAGE;
}

long run_mremap(const long *args)
{
    long result =
        SYS(mremap, at(args[0]), args[1], args[2], args[3], at(args[4]));

    return elsewhere(result, page_up(args[2]));
}

void draw_remap_file_pages(long *args)
{
    args[0] = draw_page();
    args[1] = draw_length();
    args[2] = draw_below(8) ? 0 : draw_prot();
    args[3] = draw_below(6);
    args[4] = draw_below(4) ? 0 : MAP_NONBLOCK;
}

long run_remap_file_pages(const long *args)
{
    return SYS(remap_file_pages, at(args[0]), args[1], args[2], args[3],
               args[4]);
}

void draw_brk(long *args)
{
    args[0] = draw_below(8 * PAGE);
}

long run_brk(const long *args)
{
    return SYS(brk, at(args[0])) - (long)at(0);
}
