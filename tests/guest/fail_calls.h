/*
 * The memory calls that fail_nth.c lets fail, and what they find: prepare() is
 * done before each, in a process of its own.
 */
#pragma once

#include "mm_util.h"
#include "uffd_util.h"

#include <fcntl.h>
#include <sys/uio.h>

#define PUNCH 3 /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

static char *private; /* 16 pages, all written */
static char *fresh;   /* 16 pages, none touched, and a hole of 16 behind */
static char *shared;  /* 8 pages, written */
static char *file;    /* 4 pages of memfd, shared, written */
static char *paged;   /* 8 pages of uffd's, missing and protected */
static int memfd, uffd, knob; /* knob: -1 where there is none */

static void prepare(void)
{
    private = map_pages(16);
    fill(private, 16, 1);
    shared = map_shared(8);
    fill(shared, 8, 40);
    memfd = (int)syscall(SYS_memfd_create, "fail", 0);
    must(!ftruncate(memfd, 4 * PAGE));
    file = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, memfd, 0);
    fill(file, 4, 60);
    paged = map_pages(8);
    uffd = uffd_new_with(0, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    must(!uffd_register_mode(uffd, paged, 4 * PAGE,
                             UFFDIO_REGISTER_MODE_MISSING |
                                 UFFDIO_REGISTER_MODE_WP));
    fresh = map_pages(32);
    must(!munmap(fresh + 16 * PAGE, 16 * PAGE));
    knob = open("/proc/self/fail-nth", O_RDWR);
}

/* ---- the script ---- */

static long address(void *at)
{
    return at == MAP_FAILED ? -1 : 0;
}

static long do_map(void)
{
    return address(mmap(NULL, 4 * PAGE, PROT_READ, ANON, -1, 0));
}

static long do_map_far(void)
{
    return address(mmap((void *)0x10000000000, PAGE, RW,
                        ANON | MAP_FIXED | MAP_POPULATE, -1, 0));
}

static long do_map_over(void)
{
    return address(
        mmap(private + 4 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
}

static long do_map_shared(void)
{
    return address(mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static long do_map_file(void)
{
    return address(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, memfd, 0));
}

static long do_map_locked(void)
{
    return address(mmap(NULL, 4 * PAGE, RW, ANON | MAP_LOCKED, -1, 0));
}

static long do_unmap(void)
{
    return munmap(private + 4 * PAGE, PAGE);
}

static long do_protect(void)
{
    return mprotect(private + 4 * PAGE, PAGE, PROT_READ);
}

static long do_grow(void)
{
    return address(mremap(fresh, 16 * PAGE, 24 * PAGE, 0));
}

static long do_move(void)
{
    return address(mremap(private, 8 * PAGE, 8 * PAGE,
                          MREMAP_MAYMOVE | MREMAP_FIXED,
                          (void *)0x20000000000));
}

static long do_move_part(void)
{
    return address(
        mremap(private + 2 * PAGE, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
}

static long do_move_and_stay(void)
{
    return address(
        mremap(private, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
}

static long do_move_shared(void)
{
    return address(mremap(shared, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE));
}

static long do_heap(void)
{
    char *now = (char *)syscall(SYS_brk, 0);

    if ((char *)syscall(SYS_brk, now + 64 * PAGE) == now + 64 * PAGE)
        return 0;
    errno = ENOMEM; /* brk(2) says it by not moving */
    return -1;
}

static long do_dontneed(void)
{
    return madvise(fresh, 4 * PAGE, MADV_DONTNEED);
}

static long do_free(void)
{
    return madvise(fresh, 4 * PAGE, MADV_FREE);
}

static long do_dontfork(void)
{
    return madvise(private + 4 * PAGE, PAGE, MADV_DONTFORK);
}

static long do_willneed(void)
{
    return madvise(private, 16 * PAGE, MADV_WILLNEED);
}

static long do_populate_read(void)
{
    return madvise(fresh, 4 * PAGE, MADV_POPULATE_READ);
}

static long do_populate_write(void)
{
    return madvise(fresh, 4 * PAGE, MADV_POPULATE_WRITE);
}

static long do_mincore(void)
{
    unsigned char vec[16];

    return mincore(private, 16 * PAGE, vec);
}

static long do_msync(void)
{
    return msync(file, 4 * PAGE, MS_SYNC);
}

static long do_mlock(void)
{
    return mlock(fresh + 4 * PAGE, 2 * PAGE);
}

static long do_mlock_onfault(void)
{
    return syscall(SYS_mlock2, fresh + 4 * PAGE, 2 * PAGE, 1);
}

static long do_mlockall(void)
{
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static long do_mseal(void)
{
    return syscall(SYS_mseal, private + 4 * PAGE, PAGE, 0);
}

static long do_remap_file(void)
{
    return syscall(SYS_remap_file_pages, file + PAGE, PAGE, 0, 1, 0);
}

static long do_memfd(void)
{
    return syscall(SYS_memfd_create, "another", 0);
}

static long do_fallocate(void)
{
    return fallocate(memfd, 0, 4 * PAGE, 4 * PAGE);
}

static long do_punch(void)
{
    return fallocate(memfd, PUNCH, 6 * PAGE, PAGE);
}

static long do_truncate(void)
{
    return ftruncate(memfd, 8 * PAGE);
}

static long do_pwrite(void)
{
    return pwrite(memfd, "abc", 3, 40 * PAGE) == 3 ? 0 : -1;
}

static long do_pread(void)
{
    char c;

    return pread(memfd, &c, 1, PAGE) == 1 ? 0 : -1;
}

static long do_copy(int number)
{
    struct iovec here = {fresh, 4 * PAGE}, there = {private, 4 * PAGE};

    return syscall(number, getpid(), &here, 1, &there, 1, 0) == 4 * PAGE ? 0
                                                                         : -1;
}

static long do_vm_readv(void)
{
    return do_copy(SYS_process_vm_readv);
}

static long do_pkey(void)
{
    long key = syscall(SYS_pkey_alloc, 0, 0);

    if (key < 0)
        return errno == ENOSPC ? 0 : -1; /* a CPU without them */
    return syscall(SYS_pkey_mprotect, private + 4 * PAGE, PAGE, RW, key);
}

static long do_fork(void)
{
    pid_t pid = fork();
    int status;

    if (!pid)
        _exit(0);
    return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

static void *nothing(void *argument)
{
    return argument;
}

static long do_thread(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, nothing, NULL);

    if (!r)
        return pthread_join(thread, NULL);
    errno = r;
    return -1;
}

static long do_uffd(void)
{
    return uffd_open(O_CLOEXEC);
}

static long do_register(void)
{
    return uffd_register(uffd, paged + 5 * PAGE, PAGE);
}

static long do_unregister(void)
{
    return uffd_unregister(uffd, paged + PAGE, PAGE);
}

static long do_uffd_copy(void)
{
    return uffd_copy(uffd, paged, source, 2 * PAGE);
}

static long do_uffd_zero(void)
{
    long zeroed;

    return uffd_zero(uffd, paged, PAGE, &zeroed);
}

static long do_uffd_protect(void)
{
    return uffd_protect(uffd, paged, 4 * PAGE, 1);
}

/* Faults do without, and wait for memory if they must. */
static long do_touch(void)
{
    *(volatile char *)fresh = 1;
    (void)*(volatile char *)(fresh + 3 * PAGE);
    return 0;
}

static long do_touch_file(void)
{
    char *at = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, memfd, 0);

    if (at == MAP_FAILED)
        return -1;
    *(volatile char *)at = 1;
    return 0;
}

#define PARTIAL 1 /* what came before the failure is done, as on Linux */

static const struct step {
    const char *name;
    long (*call)(void);
    int error; /* besides ENOMEM */
    int flags;
} script[] = {
    {"mmap", do_map, 0, 0},
    {"mmap far away", do_map_far, 0, 0},
    {"mmap over others", do_map_over, 0, 0},
    {"mmap shared", do_map_shared, 0, 0},
    {"mmap of memfd", do_map_file, 0, 0},
    {"mmap locked", do_map_locked, 0, 0},
    {"munmap", do_unmap, 0, 0},
    {"mprotect", do_protect, 0, 0},
    {"mremap in place", do_grow, 0, 0},
    {"mremap far away", do_move, 0, 0},
    {"mremap of a part", do_move_part, 0, 0},
    {"mremap that leaves the area", do_move_and_stay, 0, 0},
    {"mremap of shared memory", do_move_shared, 0, 0},
    {"brk", do_heap, 0, 0},
    {"MADV_DONTNEED", do_dontneed, 0, 0},
    {"MADV_FREE", do_free, 0, 0},
    {"MADV_DONTFORK", do_dontfork, EAGAIN, 0},
    {"MADV_WILLNEED", do_willneed, 0, 0},
    {"MADV_POPULATE_READ", do_populate_read, 0, 0},
    {"MADV_POPULATE_WRITE", do_populate_write, 0, 0},
    {"mincore", do_mincore, 0, 0},
    {"msync", do_msync, 0, 0},
    {"mlock", do_mlock, EAGAIN, 0},
    {"mlock2", do_mlock_onfault, 0, 0},
    {"mlockall", do_mlockall, EAGAIN, 0},
    {"mseal", do_mseal, 0, 0},
    {"remap_file_pages", do_remap_file, 0, 0},
    {"memfd_create", do_memfd, 0, 0},
    {"fallocate", do_fallocate, 0, 0},
    {"punching a hole", do_punch, 0, 0},
    {"ftruncate", do_truncate, 0, 0},
    {"pwrite", do_pwrite, 0, 0},
    {"pread", do_pread, 0, 0},
    {"process_vm_readv", do_vm_readv, EFAULT, 0},
    {"protection keys", do_pkey, 0, 0},
    {"fork", do_fork, EAGAIN, 0},
    {"a thread", do_thread, EAGAIN, PARTIAL},
    {"userfaultfd", do_uffd, 0, 0},
    {"UFFDIO_REGISTER", do_register, 0, 0},
    {"UFFDIO_UNREGISTER", do_unregister, 0, 0},
    {"UFFDIO_COPY", do_uffd_copy, EAGAIN, 0},
    {"UFFDIO_ZEROPAGE", do_uffd_zero, 0, 0},
    {"UFFDIO_WRITEPROTECT", do_uffd_protect, 0, 0},
    {"first touches", do_touch, 0, 0},
    {"first touch of a file", do_touch_file, 0, 0},
};
