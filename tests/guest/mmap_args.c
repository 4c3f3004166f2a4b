/*
 * mmap(2) and munmap(2): which arguments are refused, and with which error.
 * The raw system call is used: the C library checks some arguments itself.
 */
#include "probe.h"

#define ANON        (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW          (PROT_READ | PROT_WRITE)
#define KERNEL_HALF 0xffff888000000000UL
#define LAST_PAGE   0xfffffffffffff000UL
#define USER_BYTES  0x7ffffffff000UL

static long map(unsigned long address, unsigned long size, int flags)
{
    return syscall(SYS_mmap, address, size, RW, flags, -1, 0);
}

static long unmap(unsigned long address, unsigned long size)
{
    return syscall(SYS_munmap, address, size);
}

static void test_mmap_size(void)
{
    fails(map(0, 0, ANON), EINVAL, "mmap of no bytes");
    fails(map(0, -1UL, ANON), ENOMEM, "mmap whose size rounds up to 0");
    fails(map(0, LAST_PAGE, ANON), ENOMEM, "mmap of nearly 2^64 bytes");
    fails(map(0, USER_BYTES << 9, ANON), ENOMEM, "mmap of more than there is");
}

static void test_mmap_flags(void)
{
    fails(map(0, PAGE, MAP_ANONYMOUS), EINVAL,
          "mmap neither private nor "
          "shared");
    fails(map(0, PAGE, MAP_ANONYMOUS | MAP_SHARED_VALIDATE), EINVAL,
          "mmap of anonymous memory with MAP_SHARED_VALIDATE");
    fails(syscall(SYS_mmap, 0, PAGE, RW, ANON, -1, 1), EINVAL,
          "mmap with an offset within a page");
    fails(syscall(SYS_mmap, 0, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF,
          "mmap of descriptor -1");
    fails(syscall(SYS_mmap, 0, PAGE, RW, MAP_PRIVATE, 1000, 0), EBADF,
          "mmap of a closed descriptor");
    fails(syscall(SYS_mmap, 0, 0, RW, MAP_PRIVATE, 1000, 0), EBADF,
          "mmap looks at the descriptor before the size");
}

static void test_mmap_fixed(void)
{
    unsigned long place = (unsigned long)map_pages(2);

    fails(map(place + 1, PAGE, ANON | MAP_FIXED), EINVAL,
          "MAP_FIXED within a page");
    fails(map(KERNEL_HALF, PAGE, ANON | MAP_FIXED), ENOMEM,
          "MAP_FIXED in the kernel's half");
    fails(map(1UL << 63, PAGE, ANON | MAP_FIXED), ENOMEM,
          "MAP_FIXED at a non-canonical address");
    fails(map(LAST_PAGE, 2 * PAGE, ANON | MAP_FIXED), ENOMEM,
          "MAP_FIXED that wraps around");
    fails(map(place, PAGE, ANON | MAP_FIXED_NOREPLACE), EEXIST,
          "MAP_FIXED_NOREPLACE over a mapping");
    fails(map(place - PAGE, 3 * PAGE, ANON | MAP_FIXED_NOREPLACE), EEXIST,
          "MAP_FIXED_NOREPLACE over one from below");
    works(unmap(place + PAGE, PAGE), "munmap of the upper page");
    is(map(place + PAGE, PAGE, ANON | MAP_FIXED_NOREPLACE), place + PAGE,
       "MAP_FIXED_NOREPLACE in the hole");
    works(unmap(place, 2 * PAGE), "munmap of both");
}

/* A hint is only that: what cannot be had is placed elsewhere. */
static void test_mmap_hint(void)
{
    unsigned long hole = (unsigned long)map_pages(2);
    unsigned long got;

    unmap(hole, 2 * PAGE);
    is(map(hole, PAGE, ANON), hole, "a hint at a hole is followed");
    got = map(hole, PAGE, ANON);
    ok(got != hole && got + PAGE - 1 < USER_BYTES && !(got % PAGE),
       "a hint at a mapping is not");
    unmap(got, PAGE);
    unmap(hole, 2 * PAGE);
    is(map(hole + 1, PAGE, ANON), hole, "a hint is rounded down to a page");
    unmap(hole, 2 * PAGE);
    got = map(KERNEL_HALF, PAGE, ANON);
    ok(got < USER_BYTES, "a hint in the kernel's half is ignored");
    unmap(got, PAGE);
}

static void test_munmap(void)
{
    unsigned long place = (unsigned long)map_pages(4);

    fails(unmap(place, 0), EINVAL, "munmap of no bytes");
    fails(unmap(place + 1, PAGE), EINVAL, "munmap within a page");
    fails(unmap(KERNEL_HALF, PAGE), EINVAL, "munmap in the kernel's half");
    fails(unmap(place, -1UL), EINVAL, "munmap whose size rounds up to 0");
    fails(unmap(place, LAST_PAGE), EINVAL, "munmap that wraps around");
    fails(unmap(LAST_PAGE, 2 * PAGE), EINVAL, "munmap that wraps to 0");
    is(probe_write((void *)place, 1), 0, "no failed munmap took a page");
    works(unmap(place + PAGE, 1), "munmap of a byte takes the page");
    is(probe_read((void *)(place + PAGE)), SEGV_MAPERR, "which is gone");
    works(unmap(place + PAGE, PAGE), "munmap of a hole");
    works(unmap(place, 4 * PAGE), "munmap over pages and a hole");
    is(probe_read((void *)place), SEGV_MAPERR, "the first is gone");
    is(probe_read((void *)(place + 3 * PAGE)), SEGV_MAPERR,
       "and so is the last");
}

static void test_accepted(void)
{
    long got = map(0, 1, ANON | MAP_NORESERVE | MAP_STACK);

    ok(got > 0, "MAP_NORESERVE and MAP_STACK are accepted");
    is(probe_write((char *)got + PAGE - 1, 1), 0,
       "a mapping of a byte is a page");
    unmap(got, PAGE);
    got = syscall(SYS_mmap, 0, 2 * PAGE, RW, ANON | MAP_POPULATE, 1000, 0);
    ok(got > 0, "MAP_ANONYMOUS does not look at the descriptor");
    ok(all_bytes((void *)got, 0, 2 * PAGE), "MAP_POPULATE gives zeros");
    unmap(got, 2 * PAGE);
}

int main(void)
{
    test_mmap_size();
    test_mmap_flags();
    test_mmap_fixed();
    test_mmap_hint();
    test_munmap();
    test_accepted();
    return done_testing();
}
