/*
 * The rest of the memory calls, and of the faults, with each allocation
 * failing: see fail_nth.h.
 */
#include "fail_nth.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif

/* ---- other kinds of mappings ---- */

static long do_map_growing(void)
{
    return address(mmap(NULL, 4 * PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0));
}

static long do_map_low(void)
{
    return address(mmap(NULL, 4 * PAGE, RW,
                        ANON | MAP_32BIT | MAP_STACK | MAP_NORESERVE, -1, 0));
}

static long do_map_at(void)
{
    return address(
        mmap(fresh + 20 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
}

static long do_map_droppable(void)
{
    return address(mmap(NULL, 4 * PAGE, RW,
                        MAP_DROPPABLE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
}

static long do_map_validated(void)
{
    return address(mmap(NULL, 4 * PAGE, RW, MAP_SHARED_VALIDATE | MAP_POPULATE,
                        backing, 0));
}

static long do_shrink(void)
{
    return address(mremap(private, 16 * PAGE, 12 * PAGE, 0));
}

/* ---- other advice ---- */

#define ADVICE(name, at, advice)                                               \
    static long name(void)                                                     \
    {                                                                          \
        return madvise(at, PAGE, advice);                                      \
    }

ADVICE(do_remove, file + 2 * PAGE, MADV_REMOVE)
ADVICE(do_dofork, private + 4 * PAGE, MADV_DOFORK)
ADVICE(do_wipe, private + 4 * PAGE, MADV_WIPEONFORK)
ADVICE(do_keep, private + 4 * PAGE, MADV_KEEPONFORK)
ADVICE(do_random, private + 4 * PAGE, MADV_RANDOM)
ADVICE(do_normal, private + 4 * PAGE, MADV_NORMAL)
ADVICE(do_sequential, private + 4 * PAGE, MADV_SEQUENTIAL)
ADVICE(do_dontdump, private + 4 * PAGE, MADV_DONTDUMP)
ADVICE(do_dodump, private + 4 * PAGE, MADV_DODUMP)
ADVICE(do_cold, private + 4 * PAGE, MADV_COLD)
ADVICE(do_pageout, private + 4 * PAGE, MADV_PAGEOUT)

static void not_forked(void)
{
    must(!madvise(private, 16 * PAGE, MADV_DONTFORK));
}

static void wiped(void)
{
    must(!madvise(private, 16 * PAGE, MADV_WIPEONFORK));
}

static void not_normal(void)
{
    must(!madvise(private, 16 * PAGE, MADV_RANDOM));
}

static void not_dumped(void)
{
    must(!madvise(private, 16 * PAGE, MADV_DONTDUMP));
}

static long do_process_madvise(void)
{
    struct iovec part = {private, 4 * PAGE};
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    return fd < 0 ? -1
           : syscall(SYS_process_madvise, fd, &part, 1, MADV_COLD, 0) ==
                   4 * PAGE
               ? 0
               : -1;
}

/* ---- locked memory, rights, limits ---- */

static void locked(void)
{
    must(!mlock(private, 16 * PAGE));
}

static long do_munlock(void)
{
    return munlock(private + 4 * PAGE, PAGE);
}

static long do_munlockall(void)
{
    return munlockall();
}

static char *stack; /* 4 pages that grow down, with room below */

static void with_stack(void)
{
    char *at = hole(400);

    stack = mmap(at + 300 * PAGE, 4 * PAGE, RW,
                 ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    must(stack != MAP_FAILED);
}

static long do_protect_down(void)
{
    return mprotect(stack + 2 * PAGE, PAGE, PROT_READ | PROT_GROWSDOWN);
}

static long do_touch_below(void)
{
    *(volatile char *)(stack - 1) = 1;
    return 0;
}

static long do_limit(void)
{
    struct rlimit limit = {64 * PAGE, RLIM_INFINITY};

    return setrlimit(RLIMIT_MEMLOCK, &limit);
}

static pid_t victim;

static void with_victim(void)
{
    victim = fork();
    if (!victim)
        for (;;)
            pause();
}

static long do_release(void)
{
    int fd = (int)syscall(SYS_pidfd_open, victim, 0);
    long r;

    kill(victim, SIGKILL);
    r = fd < 0 ? -1 : syscall(448, fd, 0); /* process_mrelease */
    return r < 0 && errno == ESRCH ? 0 : r;
}

/* ---- memory by descriptor, and other tasks' ---- */

static long do_vm_writev(void)
{
    struct iovec here = {private, 2 * PAGE}, there = {fresh, 2 * PAGE};

    return syscall(SYS_process_vm_writev, getpid(), &here, 1, &there, 1, 0) ==
                   2 * PAGE
               ? 0
               : -1;
}

static long do_seal(void)
{
    int fd = (int)syscall(SYS_memfd_create, "sealed", 2);

    return fd < 0 ? -1 : fcntl(fd, 1033, 2); /* F_ADD_SEALS, F_SEAL_SHRINK */
}

static long do_seek(void)
{
    return lseek(backing, 0, 4) < 0 ? -1 : 0; /* SEEK_HOLE */
}

static long do_stat(void)
{
    struct stat st;

    return fstat(backing, &st);
}

static long read_all(const char *name)
{
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0)
        n = read(fd, text, sizeof(text));
    return n;
}

static long do_smaps(void)
{
    return read_all("/proc/self/smaps");
}

static long do_status(void)
{
    return read_all("/proc/self/status");
}

static long do_pagemap(void)
{
    static unsigned long entries[16];
    int fd = open("/proc/self/pagemap", O_RDONLY);

    return fd < 0 ? -1
           : pread(fd, entries, sizeof(entries),
                   (long)((unsigned long)private / PAGE * 8)) == sizeof(entries)
               ? 0
               : -1;
}

/* ---- other faults ---- */

static char inherited[2 * PAGE] __attribute__((aligned(PAGE)));

static long do_touch_inherited(void)
{
    inherited[0] = inherited[PAGE] = 1;
    return 0;
}

static long do_touch_twice(void)
{
    (void)*(volatile char *)(fresh + 5 * PAGE); /* the page of zeros */
    *(volatile char *)(fresh + 5 * PAGE) = 1;
    return 0;
}

static long do_touch_shared(void)
{
    *(volatile char *)(file + 3 * PAGE) = 1;
    return 0;
}

static void no_page(void)
{
    must(!fallocate(backing, PUNCH, 3 * PAGE, PAGE));
}

static const struct step script[] = {
    {"mmap that grows down", do_map_growing, 0, 0, NULL},
    {"mmap below 4 GiB", do_map_low, 0, 0, NULL},
    {"mmap at a free place", do_map_at, 0, 0, NULL},
    {"mmap droppable", do_map_droppable, 0, 0, NULL},
    {"mmap shared of memfd", do_map_validated, 0, 0, NULL},
    {"mremap that shrinks", do_shrink, 0, 0, NULL},
    {"MADV_REMOVE", do_remove, 0, PARTIAL, NULL},
    {"MADV_DOFORK", do_dofork, EAGAIN, 0, not_forked},
    {"MADV_WIPEONFORK", do_wipe, EAGAIN, 0, NULL},
    {"MADV_KEEPONFORK", do_keep, EAGAIN, 0, wiped},
    {"MADV_RANDOM", do_random, EAGAIN, 0, NULL},
    {"MADV_NORMAL", do_normal, EAGAIN, 0, not_normal},
    {"MADV_SEQUENTIAL", do_sequential, EAGAIN, 0, NULL},
    {"MADV_DONTDUMP", do_dontdump, EAGAIN, 0, NULL},
    {"MADV_DODUMP", do_dodump, EAGAIN, 0, not_dumped},
    {"MADV_COLD", do_cold, 0, 0, NULL},
    {"MADV_PAGEOUT", do_pageout, 0, 0, NULL},
    {"process_madvise", do_process_madvise, 0, 0, NULL},
    {"munlock", do_munlock, EAGAIN, 0, locked},
    {"munlockall", do_munlockall, 0, 0, locked},
    {"mprotect that grows down", do_protect_down, 0, 0, with_stack},
    {"setrlimit", do_limit, 0, 0, NULL},
    {"process_mrelease", do_release, 0, 0, with_victim},
    {"process_vm_writev", do_vm_writev, EFAULT, 0, NULL},
    {"F_ADD_SEALS", do_seal, 0, 0, NULL},
    {"lseek", do_seek, 0, 0, NULL},
    {"fstat", do_stat, 0, 0, NULL},
    {"reading smaps", do_smaps, 0, 0, NULL},
    {"reading status", do_status, 0, 0, NULL},
    {"reading pagemap", do_pagemap, 0, 0, NULL},
    {"a stack that grows", do_touch_below, 0, 0, with_stack},
    {"first write after a fork", do_touch_inherited, 0, 0, NULL},
    {"first write after a read", do_touch_twice, 0, 0, NULL},
    {"first touch of a hole", do_touch_shared, 0, PARTIAL, no_page},
};

int main(void)
{
    fill(inherited, 2, 1); /* before each attempt is forked */
    return RUN_SCRIPT(script);
}
