/*
 * mmap(2)'s rarer flags and mprotect(2)'s PROT_GROWS*: what they change, what
 * they refuse, and in which order of errors.
 */
#include "mm_util.h"

#define DROPPABLE 0x08
#define USER      0x7ffffffff000UL
#define GAP       (256 * PAGE)

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif
#define GROWSDOWN 0x01000000
#define GROWSUP   0x02000000

static char *map(void *at, size_t count, int prot, int flags)
{
    return (char *)syscall(SYS_mmap, at, count * PAGE, prot, flags, -1, 0);
}

static int look_wiped(void *at)
{
    return all_bytes(at, 0, PAGE) ? 0 : 1;
}

static void test_droppable(void)
{
    char *at = map(NULL, 2, RW, DROPPABLE | MAP_ANONYMOUS);

    ok(at != MAP_FAILED, "MAP_DROPPABLE");
    memset(at, 5, PAGE);
    is(at[5], 5, "is memory");
    is(in_child(look_wiped, at), 0, "wiped in a child");
    works(mlock(at, PAGE), "mlock is no error");
    works(madvise(at, PAGE, MADV_DONTNEED), "but does nothing");
    is(at[5], 0, "so it can be discarded");
    fails(madvise(at, PAGE, MADV_KEEPONFORK), EINVAL, "MADV_KEEPONFORK");
    fails(madvise(at, PAGE, MADV_DODUMP), EINVAL, "MADV_DODUMP");
    works(madvise(at, PAGE, MADV_DONTDUMP), "MADV_DONTDUMP is what it is");
    munmap(at, 2 * PAGE);
    fails((long)map(NULL, 1, RW, DROPPABLE | MAP_ANONYMOUS | MAP_LOCKED),
          EINVAL, "locked it makes no sense");
    fails((long)map(NULL, 1, RW, DROPPABLE | MAP_ANONYMOUS | MAP_GROWSDOWN),
          EINVAL, "nor growing");
}

static void test_populate(void)
{
    char *at = map(NULL, 4, RW, ANON | MAP_POPULATE | MAP_NONBLOCK);

    is(resident(at, 4), 0, "MAP_NONBLOCK takes MAP_POPULATE back");
    munmap(at, 4 * PAGE);
    at = map(NULL, 4, PROT_READ, ANON | MAP_POPULATE);
    is(resident(at, 4), 4, "MAP_POPULATE of what can only be read");
    munmap(at, 4 * PAGE);
    at = map(NULL, 4, PROT_NONE, ANON | MAP_POPULATE);
    ok(at != MAP_FAILED && resident(at, 4) == 0, "or not even that");
    munmap(at, 4 * PAGE);
    at = map(NULL, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE);
    is(resident(at, 4), 4, "of shared memory");
    munmap(at, 4 * PAGE);
}

static void test_types(void)
{
    fails((long)map(NULL, 1, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE), EINVAL,
          "anonymous memory has nothing to validate");
    for (int type = 4; type < 16; type++)
        if (type != DROPPABLE)
            fails((long)map(NULL, 1, RW, MAP_ANONYMOUS | type), EINVAL,
                  "type %d is none", type);
    fails((long)map(NULL, 1, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN),
          EINVAL, "shared memory does not grow");
    ok(map(NULL, 1, RW, ANON | MAP_SYNC | 0x40000000) != MAP_FAILED,
       "flags nobody knows are passed over");
    ok(map(NULL, 1, 0x70, ANON) != MAP_FAILED, "rights nobody knows, too");
}

static void test_32bit(void)
{
    unsigned long at = (unsigned long)map(NULL, 1, RW, ANON | MAP_32BIT);

    ok(at >= 0x40000000 && at < 0x80000000, "MAP_32BIT is low");
    munmap((void *)at, PAGE);
    at = (unsigned long)map((void *)0x50000000, 1, RW, ANON | MAP_32BIT);
    is(at, 0x50000000, "and takes a hint there");
    munmap((void *)at, PAGE);
    at = (unsigned long)map((void *)0x100000000, 1, RW, ANON | MAP_32BIT);
    ok(at >= 0x40000000 && at < 0x80000000, "but not elsewhere");
    munmap((void *)at, PAGE);
    fails((long)map(NULL, 0x40001, RW, ANON | MAP_32BIT), ENOMEM,
          "there is a GiB of it");
}

/* MAP_STACK is remembered (it means no huge pages); hints may join areas. */
static void test_stack(void)
{
    char *at = hole(4);

    map_at(at, 1, RW);
    must(map(at + PAGE, 1, RW, ANON | MAP_FIXED | MAP_STACK) == at + PAGE);
    ok(!one_area(at, 2), "MAP_STACK makes an area of its own");
    works(madvise(at, PAGE, MADV_NOHUGEPAGE), "which is like one");
    ok(one_area(at, 2), "without huge pages");
    munmap(at, 4 * PAGE);
    map_at(at, 1, RW);
    must(map(at + PAGE, 1, RW, ANON | MAP_FIXED | MAP_NORESERVE) == at + PAGE);
    ok(!one_area(at, 2), "so does MAP_NORESERVE");
    munmap(at, 4 * PAGE);
    map_at(at, 1, RW);
    must(map(at + PAGE, 1, RW, ANON | MAP_FIXED | MAP_LOCKED) == at + PAGE);
    ok(!one_area(at, 2), "and MAP_LOCKED");
    munmap(at, 4 * PAGE);
}

static void test_growsdown(void)
{
    char *at = hole(1024), *top = at + 1023 * PAGE, *other;

    must(map(top, 1, RW, ANON | MAP_FIXED | MAP_GROWSDOWN) == top);
    is(probe_write(top - PAGE, 1), 0, "a growing mapping grows");
    is(probe_write(top - 3 * PAGE, 1), 0, "by more than a page");
    is(resident(top - 2 * PAGE, 1), 0, "the pages between are not there");
    other = map(top - 5 * PAGE, 1, RW, ANON);
    ok(other != top - 5 * PAGE, "a hint within the gap below is not taken");
    munmap(other, PAGE);
    is(map(top - 5 * PAGE, 1, RW, ANON | MAP_FIXED), top - 5 * PAGE,
       "but MAP_FIXED goes there");
    is(probe_write(top - 4 * PAGE, 1), SEGV_MAPERR, "and stops the growth");
    munmap(top - 5 * PAGE, PAGE);
    is(map(top - 5 * PAGE, 1, PROT_NONE, ANON | MAP_FIXED), top - 5 * PAGE,
       "a mapping without rights");
    is(probe_write(top - 4 * PAGE, 1), 0, "does not until it is met");
    is(probe_write(top - 5 * PAGE, 1), SEGV_ACCERR, "then it does");
    munmap(at, 1024 * PAGE);
}

static void test_grows(void)
{
    char *at = hole(64), *top = at + 32 * PAGE;

    map_at(top, 8, RW);
    fails(mprotect(top, PAGE, PROT_READ | GROWSDOWN), EINVAL,
          "PROT_GROWSDOWN of what does not");
    fails(mprotect(top, PAGE, PROT_READ | GROWSUP), EINVAL, "PROT_GROWSUP");
    fails(mprotect(top, PAGE, PROT_READ | GROWSUP | GROWSDOWN), EINVAL, "both");
    fails(mprotect(at, PAGE, PROT_READ | GROWSUP), ENOMEM, "of nothing");
    fails(mprotect(at, PAGE, PROT_READ | GROWSDOWN), ENOMEM, "either");
    fails(mprotect(top - PAGE, 2 * PAGE, PROT_READ | GROWSDOWN), EINVAL,
          "a hole below is no error by itself");
    works(mprotect(top, 0, PROT_READ | GROWSUP), "nothing is fine");
    munmap(top, 8 * PAGE);
    must(map(top, 8, RW, ANON | MAP_FIXED | MAP_GROWSDOWN) == top);
    works(mprotect(top + 4 * PAGE, PAGE, PROT_READ | GROWSDOWN),
          "PROT_GROWSDOWN in the middle");
    is(probe_write(top, 1), SEGV_ACCERR, "reaches down to the start");
    is(probe_write(top + 4 * PAGE, 1), SEGV_ACCERR, "and to where it says");
    is(probe_write(top + 5 * PAGE, 1), 0, "but not above");
    munmap(top, 8 * PAGE);
    must(map(top, 8, RW, ANON | MAP_FIXED | MAP_GROWSDOWN) == top);
    works(mprotect(top - 2 * PAGE, 4 * PAGE, PROT_READ | GROWSDOWN),
          "from below the start");
    is(probe_write(top, 1), SEGV_ACCERR, "it begins there");
    is(probe_write(top + 2 * PAGE, 1), 0, "and ends where it says");
    munmap(top, 8 * PAGE);
}

static void test_order(void)
{
    char *at = map_pages(1);

    fails((long)map((void *)1, 0, RW, MAP_FIXED), EBADF,
          "the descriptor first");
    fails((long)map((void *)1, 0, RW, MAP_FIXED | MAP_ANONYMOUS), EINVAL,
          "then the size");
    fails((long)map((void *)1, -1UL / PAGE, RW, MAP_FIXED | MAP_ANONYMOUS),
          ENOMEM, "a size too large before the place");
    fails((long)map((void *)1, 1, RW, MAP_FIXED | MAP_ANONYMOUS), EINVAL,
          "the place before the type");
    fails((long)map((void *)USER, 1, RW, MAP_FIXED | MAP_ANONYMOUS), ENOMEM,
          "here as well");
    fails((long)map(at, 1, RW, MAP_FIXED_NOREPLACE | MAP_ANONYMOUS), EEXIST,
          "and what is there");
    fails((long)map(at + 1, 1, RW, ANON | MAP_FIXED_NOREPLACE), EINVAL,
          "a place within a page");
    fails((long)map((char *)USER, 1, RW, ANON | MAP_FIXED_NOREPLACE), ENOMEM,
          "or outside");
    munmap(at, PAGE);
}

/* mmap_min_addr is for those who are not root; hints keep clear of it. */
static void test_low(void)
{
    char *at = map_pages(1), *low = (char *)0x1000;

    is(map(low, 1, RW, ANON | MAP_FIXED), low, "a low page can be had");
    is(map(low + PAGE, 1, RW, ANON | MAP_FIXED_NOREPLACE), low + PAGE,
       "in either way");
    is(probe_write(low, 1), 0, "and used");
    munmap(low, 2 * PAGE);
    is(map(low, 1, RW, ANON), 0x10000, "as a hint it means 64 KiB");
    munmap((char *)0x10000, PAGE);
    is(remap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, low), low,
       "mremap goes there");
    munmap(low, PAGE);
}

static void test_huge(void)
{
    const int huge = MAP_HUGETLB | ANON;
    int fd = memfd_create("plain", 0);

    fails((long)map(NULL, 1, RW, huge), ENOMEM, "no huge pages are free");
    fails((long)map(NULL, 1, RW, huge | 21 << 26), ENOMEM, "of 2 MiB");
    fails((long)map(NULL, 1, RW, huge | 13 << 26), EINVAL, "8 KiB is no size");
    fails((long)map(NULL, 0, RW, huge), EINVAL, "nor is nothing");
    fails((long)map(NULL, -1UL / PAGE, RW, huge), EINVAL,
          "nor what rounds to it");
    must(fd >= 0 && !ftruncate(fd, PAGE));
    fails((long)mmap(NULL, PAGE, RW, MAP_SHARED | MAP_HUGETLB, fd, 0), EINVAL,
          "a file has huge pages or has not");
    close(fd);
    fails((long)mmap(NULL, PAGE, RW, MAP_SHARED | MAP_HUGETLB, fd, 0), EBADF,
          "no file, no huge pages");
}

int main(void)
{
    test_low();
    test_huge();
    test_droppable();
    test_populate();
    test_types();
    test_32bit();
    test_stack();
    test_growsdown();
    test_grows();
    test_order();
    return done_testing();
}
