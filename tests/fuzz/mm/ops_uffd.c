/*
 * Operations on userfaultfds. One with UFFD_FEATURE_SIGBUS and no events needs
 * nobody; the others are served by a thread, whose every step is in the story.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "mmfuzz.h"
#include "ops.h"
#include "uffd.h"

#define BIT(n)      (1L << (n))
#define FORK        BIT(1)
#define EVENTS      (FORK | BIT(2) | BIT(3) | BIT(6)) /* REMAP REMOVE UNMAP */
#define SIGBUS_ONLY BIT(7)
#define SMALL_WP    (BIT(0) | BIT(12) | BIT(13))
#define SHMEM       (BIT(5) | BIT(10))
#define OTHERS      (BIT(8) | BIT(11) | BIT(14) | BIT(16))
#define ASYNC       BIT(15)

static long draw_uffd_slot(void)
{
    return UFFD_FD + !draw_below(8);
}

void draw_uffd(long *args)
{
    static const long kinds[] = {
        SIGBUS_ONLY,
        SIGBUS_ONLY | SMALL_WP | SHMEM | OTHERS,
        SIGBUS_ONLY | EVENTS,
        SMALL_WP | SHMEM,
        EVENTS | BIT(0) | SHMEM,
        EVENTS | SMALL_WP | OTHERS,
        ASYNC | BIT(13),
        0,
    };

    args[0] = draw_uffd_slot();
    args[1] = O_NONBLOCK | (draw_below(8) ? 0 : UFFD_USER_MODE_ONLY);
    args[2] = kinds[draw_below(8)];
    if (!draw_below(4))
        args[2] ^= BIT(draw_below(17)) &
                   (EVENTS | SIGBUS_ONLY | SMALL_WP | SHMEM | OTHERS | ASYNC);
}

/* A child has no server of its own. */
long run_uffd(const long *args)
{
    uint64_t api[3] = {UFFD_API, args[2]};
    long fd, result;

    if (in_fork)
        api[1] = (api[1] & ~EVENTS) | SIGBUS_ONLY;
    fd = SYS(userfaultfd, args[1]);
    if (is_error(fd))
        return fd;
    result = SYS(ioctl, fd, UFFDIO_API, api);
    if (!result) {
        server_close(args[0]);
        SYS(dup2, fd, args[0]);
        if (!in_fork && ((args[2] & EVENTS) || !(args[2] & SIGBUS_ONLY)))
            server_add(args[0]);
    }
    SYS(close, fd);
    return result;
}

void draw_uffdclose(long *args)
{
    args[0] = draw_uffd_slot();
}

long run_uffdclose(const long *args)
{
    server_close(args[0]);
    return 0;
}

static void draw_range(long *args)
{
    args[0] = draw_uffd_slot();
    args[1] = draw_page();
    args[2] = draw_length();
    if (args[2] > (long)(64 * PAGE))
        args[2] = 64 * PAGE;
}

void draw_uffdreg(long *args)
{
    draw_range(args);
    args[3] = draw_below(16) ? 1 + draw_below(7) : draw_below(16);
}

long run_uffdreg(const long *args)
{
    uint64_t range[4] = {(uintptr_t)at(args[1]), args[2], args[3]};
    long result = SYS(ioctl, args[0], UFFDIO_REGISTER, range);

    log_text(" ioctls %#lx", (long)range[3]);
    return result;
}

void draw_uffdunreg(long *args)
{
    draw_range(args);
}

long run_uffdunreg(const long *args)
{
    uint64_t range[2] = {(uintptr_t)at(args[1]), args[2]};

    return SYS(ioctl, args[0], UFFDIO_UNREGISTER, range);
}

void draw_uffdwake(long *args)
{
    draw_range(args);
}

long run_uffdwake(const long *args)
{
    uint64_t range[2] = {(uintptr_t)at(args[1]), args[2]};

    return SYS(ioctl, args[0], UFFDIO_WAKE, range);
}

void draw_uffdcopy(long *args)
{
    draw_range(args);
    args[3] = draw_page();
    args[4] = draw_below(16) ? draw_below(4) : draw_below(8);
}

/* COPY and MOVE: slot, to, length, from, mode. */
static long run_from(unsigned long request, const long *args)
{
    uint64_t copy[5] = {(uintptr_t)at(args[1]), (uintptr_t)at(args[3]), args[2],
                        args[4]};
    long result = SYS(ioctl, args[0], request, copy);

    log_text(" done %ld", (long)copy[4]);
    return result;
}

long run_uffdcopy(const long *args)
{
    return run_from(UFFDIO_COPY, args);
}

void draw_uffdmove(long *args)
{
    draw_uffdcopy(args);
}

long run_uffdmove(const long *args)
{
    return run_from(0xc028aa05, args);
}

void draw_uffdzero(long *args)
{
    draw_range(args);
    args[3] = draw_below(16) ? draw_below(2) : draw_below(4);
}

/* ZEROPAGE, CONTINUE, POISON: slot, where, length, mode. */
static long run_fill(unsigned long request, const long *args)
{
    uint64_t fill[4] = {(uintptr_t)at(args[1]), args[2], args[3]};
    long result = SYS(ioctl, args[0], request, fill);

    log_text(" done %ld", (long)fill[3]);
    return result;
}

long run_uffdzero(const long *args)
{
    return run_fill(UFFDIO_ZEROPAGE, args);
}

void draw_uffdcont(long *args)
{
    draw_uffdcopy(args);
    args[3] = args[4];
    args[4] = 0;
}

long run_uffdcont(const long *args)
{
    return run_fill(UFFDIO_CONTINUE, args);
}

void draw_uffdpoison(long *args)
{
    draw_uffdzero(args);
}

long run_uffdpoison(const long *args)
{
    return run_fill(0xc020aa08, args);
}

void draw_uffdwp(long *args)
{
    draw_range(args);
    args[3] = draw_below(16) ? draw_below(3) : draw_below(8);
}

long run_uffdwp(const long *args)
{
    uint64_t range[3] = {(uintptr_t)at(args[1]), args[2], args[3]};

    return SYS(ioctl, args[0], UFFDIO_WRITEPROTECT, range);
}
