/*
 * The calls of the mmap family, and first touches, with each allocation
 * failing: see fail_nth.h.
 */
#include "fail_nth.h"

#include <sys/uio.h>

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
    return address(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, backing, 0));
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
    return fallocate(backing, 0, 4 * PAGE, 4 * PAGE);
}

static long do_punch(void)
{
    return fallocate(backing, PUNCH, 6 * PAGE, PAGE);
}

static long do_truncate(void)
{
    return ftruncate(backing, 8 * PAGE);
}

static long do_cut(void)
{
    return ftruncate(backing, PAGE + 1);
}

static long do_pwrite(void)
{
    return pwrite(backing, "abc", 3, 40 * PAGE) == 3 ? 0 : -1;
}

static long do_pread(void)
{
    char c;

    return pread(backing, &c, 1, PAGE) == 1 ? 0 : -1;
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

/* Faults do without, and wait for memory if they must. */
static long do_touch(void)
{
    *(volatile char *)fresh = 1;
    (void)*(volatile char *)(fresh + 3 * PAGE);
    return 0;
}

static long do_touch_file(void)
{
    char *at = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, backing, 0);

    if (at == MAP_FAILED)
        return -1;
    *(volatile char *)at = 1;
    return 0;
}

static const struct step script[] = {
    {"mmap", do_map, 0, 0, NULL},
    {"mmap far away", do_map_far, 0, 0, NULL},
    {"mmap over others", do_map_over, 0, 0, NULL},
    {"mmap shared", do_map_shared, 0, 0, NULL},
    {"mmap of memfd", do_map_file, 0, 0, NULL},
    {"mmap locked", do_map_locked, 0, 0, NULL},
    {"munmap", do_unmap, 0, 0, NULL},
    {"mprotect", do_protect, 0, 0, NULL},
    {"mremap in place", do_grow, 0, 0, NULL},
    {"mremap far away", do_move, 0, 0, NULL},
    {"mremap of a part", do_move_part, 0, 0, NULL},
    {"mremap that leaves the area", do_move_and_stay, 0, 0, NULL},
    {"mremap of shared memory", do_move_shared, 0, 0, NULL},
    {"brk", do_heap, 0, 0, NULL},
    {"MADV_DONTNEED", do_dontneed, 0, 0, NULL},
    {"MADV_FREE", do_free, 0, 0, NULL},
    {"MADV_DONTFORK", do_dontfork, EAGAIN, 0, NULL},
    {"MADV_WILLNEED", do_willneed, 0, 0, NULL},
    {"MADV_POPULATE_READ", do_populate_read, 0, 0, NULL},
    {"MADV_POPULATE_WRITE", do_populate_write, 0, 0, NULL},
    {"mincore", do_mincore, 0, 0, NULL},
    {"msync", do_msync, 0, 0, NULL},
    {"mlock", do_mlock, EAGAIN, 0, NULL},
    {"mlock2", do_mlock_onfault, 0, 0, NULL},
    {"mlockall", do_mlockall, EAGAIN, 0, NULL},
    {"mseal", do_mseal, 0, 0, NULL},
    {"remap_file_pages", do_remap_file, 0, 0, NULL},
    {"memfd_create", do_memfd, 0, 0, NULL},
    {"fallocate", do_fallocate, 0, 0, NULL},
    {"punching a hole", do_punch, 0, 0, NULL},
    {"ftruncate", do_truncate, 0, 0, NULL},
    {"ftruncate of what is mapped", do_cut, 0, 0, NULL},
    {"pwrite", do_pwrite, 0, 0, NULL},
    {"pread", do_pread, 0, 0, NULL},
    {"process_vm_readv", do_vm_readv, EFAULT, 0, NULL},
    {"protection keys", do_pkey, 0, 0, NULL},
    {"fork", do_fork, EAGAIN, 0, NULL},
    {"a thread", do_thread, EAGAIN, PARTIAL, NULL},
    {"first touches", do_touch, 0, 0, NULL},
    {"first touch of a file", do_touch_file, 0, 0, NULL},
};

int main(void)
{
    return RUN_SCRIPT(script);
}
