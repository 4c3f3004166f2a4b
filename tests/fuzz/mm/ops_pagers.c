/*
 * What a pager asks of the kernel beside its descriptor: which pages were
 * written, what is there, and how its own server is to behave. Drawn only
 * where everything is about userfaultfds, see main.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "ops.h"
#include "uffd.h"

#define PAGEMAP_SCAN 0xc0606610
#define REGIONS      8

static long open_own(const char *name, int flags)
{
    return SYS(openat, AT_FDCWD, name, flags);
}

void draw_pagemap(long *args)
{
    (void)args;
}

/* Of every page the upper nine bits, which are not the frame's number. */
long run_pagemap(const long *args)
{
    uint64_t entries[ARENA_PAGES] = {0};
    long fd = open_own("/proc/self/pagemap", O_RDONLY);
    long result = SYS(pread64, fd, entries, sizeof(entries), ARENA / PAGE * 8);

    (void)args;
    for (unsigned i = 0; i < ARENA_PAGES; i++)
        log_text("%s%lx", i ? "," : " [", (unsigned long)(entries[i] >> 55));
    log_text("]");
    SYS(close, fd);
    return result;
}

static long draw_categories(void)
{
    static const long often[] = {0, 0, 1, 2, 2, 4, 8, 16, 32, 128};

    return draw_below(8) ? often[draw_below(10)] : (long)draw_below(512);
}

/* Where, how much, flags | most pages << 8 | no room << 16, which are inverted,
 * must be, may be | are told << 16. */
void draw_scan(long *args)
{
    args[0] = draw_page();
    args[1] = draw_length();
    if (args[1] > (long)(64 * PAGE))
        args[1] = 64 * PAGE;
    args[2] = draw_below(16) ? draw_below(4) : draw_below(8);
    args[2] |= (draw_below(3) ? 0 : draw_below(8)) << 8;
    args[2] |= (long)!draw_below(8) << 16;
    args[3] = draw_categories() & draw_categories();
    args[4] = draw_categories();
    args[5] = draw_categories() | draw_categories() << 16;
}

/* Linux calls a page written that is not there if its page table is: so they
 * are, for a page each beside the arena. */
static void have_tables(void)
{
    const unsigned long beside[] = {ARENA - 64 * PAGE, ARENA_END + 64 * PAGE};

    for (int i = 0; i < 2; i++)
        if (!is_error(SYS(mmap, beside[i], PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)))
            *(volatile char *)beside[i] = 1;
}

long run_scan(const long *args)
{
    uint64_t regions[3 * REGIONS] = {0};
    uintptr_t start = (uintptr_t)at(args[0]);
    int room = !(args[2] >> 16);
    uint64_t scan[12] = {
        sizeof(scan),
        args[2] & 0xff,
        start,
        start + args[1],
        0,
        room ? (uintptr_t)regions : 0,
        room ? REGIONS : 0,
        args[2] >> 8 & 0xff,
        args[3],
        args[4],
        args[5] & 0xffff,
        args[5] >> 16,
    };
    long fd = open_own("/proc/self/pagemap", O_RDONLY);
    long result;

    have_tables();
    result = SYS(ioctl, fd, PAGEMAP_SCAN, scan);

    SYS(close, fd);
    for (long i = 0; i < result && i < REGIONS; i++)
        log_text(" [+%#lx +%#lx %lx]", (long)regions[3 * i] - ARENA,
                 (long)regions[3 * i + 1] - ARENA, (long)regions[3 * i + 2]);
    if (!is_error(result))
        log_text(" end +%#lx", (long)scan[4] - ARENA);
    return result;
}

void draw_clearrefs(long *args)
{
    args[0] = draw_below(4) ? 4 : draw_below(7);
}

long run_clearrefs(const long *args)
{
    const char digit = (char)('0' + args[0]);
    long fd = open_own("/proc/self/clear_refs", O_WRONLY);
    long result = SYS(write, fd, &digit, 1);

    SYS(close, fd);
    return result;
}

void draw_uffdinfo(long *args)
{
    args[0] = UFFD_FD + !draw_below(8);
}

long run_uffdinfo(const long *args)
{
    char name[40], text[400] = "";
    long fd, result;

    snprintf(name, sizeof(name), "/proc/self/fdinfo/%ld", args[0]);
    fd = open_own(name, O_RDONLY);
    if (is_error(fd))
        return fd;
    result = SYS(read, fd, text, sizeof(text) - 1);
    SYS(close, fd);
    for (char *p = strstr(text, "pending"); p && *p; p++)
        log_text("%c", *p > ' ' ? *p : ' ');
    return is_error(result);
}

void draw_uffdserver(long *args)
{
    args[0] = draw_below(SERVER_STYLES);
}

long run_uffdserver(const long *args)
{
    server_style = args[0];
    return 0;
}
