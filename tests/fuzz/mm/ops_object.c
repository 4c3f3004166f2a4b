/* Operations on memory objects, whose descriptors have fixed numbers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "ops.h"

#define OBJECT_PAGES 6
#define HUGE_SIZE    (1L << 50)

static int draw_slot(void)
{
    /* The last has nothing in it unless memfd puts it there. */
    return SLOT_FD + draw_below(16) % SLOTS;
}

static long draw_bytes(void)
{
    unsigned die = draw_below(16);
    long bytes;

    if (die == 0)
        return -(long)draw_below(3);
    bytes = draw_below(OBJECT_PAGES + 1) * PAGE;
    return die < 6 ? bytes + draw_below(PAGE) : bytes;
}

/* Makes it and puts it into the slot. */
long run_memfd(const long *args)
{
    long fd = SYS(memfd_create, "fuzz", args[1]);

    if (is_error(fd))
        return fd;
    SYS(dup2, fd, args[0]);
    return SYS(close, fd);
}

void draw_memfd(long *args)
{
    static const long flags[] = {0, 1, 2, 2, 3, 8, 0x10, 0x18, 0x20, 2};

    args[0] = draw_slot();
    args[1] = flags[draw_below(sizeof(flags) / sizeof(flags[0]))];
}

void objects_begin(void)
{
    static const long first[] = {SLOT_FD, MFD_ALLOW_SEALING};
    static const long second[] = {SLOT_FD + 1, MFD_ALLOW_SEALING};

    struct op memfd = {.call = call_find("memfd", 5)};

    if (op_masked(&memfd))
        return;
    run_memfd(first);
    run_memfd(second);
    SYS(ftruncate, SLOT_FD, 4 * PAGE);
    SYS(ftruncate, SLOT_FD + 1, 2 * PAGE + 100);
}

void draw_ftruncate(long *args)
{
    args[0] = draw_slot();
    args[1] = draw_below(32) ? draw_bytes() : HUGE_SIZE;
}

long run_ftruncate(const long *args)
{
    return SYS(ftruncate, args[0], args[1]);
}

void draw_fallocate(long *args)
{
    static const long modes[] = {
        0,
        FALLOC_FL_KEEP_SIZE,
        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        FALLOC_FL_PUNCH_HOLE,
        FALLOC_FL_ZERO_RANGE,
        FALLOC_FL_COLLAPSE_RANGE,
        0x100,
    };

    args[0] = draw_slot();
    args[1] = modes[draw_below(draw_below(8) ? 4 : 8)];
    args[2] = draw_bytes();
    args[3] = draw_bytes();
}

long run_fallocate(const long *args)
{
    return SYS(fallocate, args[0], args[1], args[2], args[3]);
}

void draw_pread(long *args)
{
    args[0] = draw_slot();
    args[1] = draw_page();
    args[2] = draw_below(32) ? 1 + draw_below(3 * PAGE) : draw_length();
    args[3] = draw_bytes();
    if (args[2] > (long)(64 * PAGE))
        args[2] = 64 * PAGE;
}

long run_pread(const long *args)
{
    return SYS(pread64, args[0], at(args[1]), args[2], args[3]);
}

void draw_pwrite(long *args)
{
    draw_pread(args);
}

long run_pwrite(const long *args)
{
    return SYS(pwrite64, args[0], at(args[1]), args[2], args[3]);
}

void draw_lseek(long *args)
{
    args[0] = draw_slot();
    args[1] = draw_bytes();
    args[2] = draw_below(4) ? 3 + draw_below(2) : draw_below(6);
}

long run_lseek(const long *args)
{
    return SYS(lseek, args[0], args[1], args[2]);
}

void draw_fstat(long *args)
{
    args[0] = draw_slot();
}

long run_fstat(const long *args)
{
    struct stat info = {0};
    long result = SYS(fstat, args[0], &info);

    if (!result)
        log_text(" mode %o size %#lx blocks %ld", info.st_mode,
                 (long)info.st_size, (long)info.st_blocks);
    return result;
}

void draw_seal(long *args)
{
    args[0] = draw_slot();
    args[1] = draw_below(8) ? 1L << draw_below(5) : (long)draw_below(128);
}

long run_seal(const long *args)
{
    log_text(" had %ld", SYS(fcntl, args[0], F_GET_SEALS));
    return SYS(fcntl, args[0], F_ADD_SEALS, args[1]);
}
