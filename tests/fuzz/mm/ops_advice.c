/* Operations on what mappings are like: advice, locks, seals, residence. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>

#include "mmfuzz.h"
#include "ops.h"

#define SYS_mseal           462
#define MADV_COLD           20
#define MADV_PAGEOUT        21
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23

/* Not 100 and 101, which break memory; nor PAGEOUT, which takes what it finds
 * on the machine's lists. */
void draw_madvise(long *args)
{
    static const long often[] = {
        MADV_DONTNEED,       MADV_DONTNEED,  MADV_FREE,     MADV_POPULATE_READ,
        MADV_POPULATE_WRITE, MADV_REMOVE,    MADV_DONTFORK, MADV_DOFORK,
        MADV_WIPEONFORK,     MADV_KEEPONFORK};

    args[0] = draw_page();
    args[1] = draw_length();
    args[2] = draw_below(3)
                  ? often[draw_below(sizeof(often) / sizeof(often[0]))]
                  : (long)draw_below(28);
    if (args[2] == MADV_PAGEOUT)
        args[2] = MADV_COLD;
    if (args[1] > (long)(64 * PAGE) && args[2] >= MADV_POPULATE_READ)
        args[1] = 64 * PAGE;
}

long run_madvise(const long *args)
{
    return SYS(madvise, at(args[0]), args[1], args[2]);
}

void draw_mincore(long *args)
{
    args[0] = draw_page();
    args[1] = draw_length();
    if (args[1] > (long)(ARENA_PAGES * PAGE))
        args[1] = ARENA_PAGES * PAGE;
}

/* The vector counts only when all of it was answered. */
long run_mincore(const long *args)
{
    unsigned char vector[ARENA_PAGES + 1] = {0};
    long result = SYS(mincore, at(args[0]), args[1], vector);

    log_text(" [");
    for (long i = 0; !result && i < args[1]; i += PAGE)
        log_text("%d", vector[i / PAGE] & 1);
    log_text("]");
    return result;
}

void draw_msync(long *args)
{
    static const long flags[] = {0,
                                 MS_ASYNC,
                                 MS_SYNC,
                                 MS_INVALIDATE,
                                 MS_SYNC | MS_INVALIDATE,
                                 MS_ASYNC | MS_SYNC,
                                 8};

    args[0] = draw_page();
    args[1] = draw_length();
    args[2] = flags[draw_below(sizeof(flags) / sizeof(flags[0]))];
}

long run_msync(const long *args)
{
    return SYS(msync, at(args[0]), args[1], args[2]);
}

void draw_mlock(long *args)
{
    args[0] = draw_page();
    args[1] = draw_length();
}

long run_mlock(const long *args)
{
    return SYS(mlock, at(args[0]), args[1]);
}

void draw_mlock2(long *args)
{
    draw_mlock(args);
    args[2] = draw_below(16) ? draw_below(2) : 2 + draw_below(4);
}

long run_mlock2(const long *args)
{
    return SYS(mlock2, at(args[0]), args[1], args[2]);
}

void draw_munlock(long *args)
{
    draw_mlock(args);
}

long run_munlock(const long *args)
{
    return SYS(munlock, at(args[0]), args[1]);
}

void draw_mlockall(long *args)
{
    args[0] = draw_below(16) ? 1 + draw_below(7) : draw_below(32);
}

long run_mlockall(const long *args)
{
    return SYS(mlockall, args[0]);
}

void draw_munlockall(long *args)
{
    (void)args;
}

long run_munlockall(const long *args)
{
    (void)args;
    return SYS(munlockall);
}

void draw_mseal(long *args)
{
    draw_mlock(args);
    args[2] = draw_below(16) ? 0 : 1;
}

long run_mseal(const long *args)
{
    return SYS(mseal, at(args[0]), args[1], args[2]);
}
