/*
 * The limit on the number of areas, 65,530, as each call meets it: what would
 * cut an area is refused, what joins or ends one is not.
 */
#include "mm_util.h"

#define PAGES (2UL * 66000)

static char *arena; /* every other page has another right */
static size_t cuts; /* how many of them */

static long brk_to(unsigned long address)
{
    return syscall(SYS_brk, address);
}

/* Cuts pages out of the arena until no more go. */
static void fill_up(void)
{
    while (!mprotect(arena + (2 * cuts + 1) * PAGE, PAGE, PROT_READ))
        cuts++;
    is(errno, ENOMEM, "the last cut is refused");
    ok(cuts > 32700 && cuts < 32766, "after some 65,530 areas");
}

/* The pages that were cut out: another right, and none at all. */
static char *read_page(size_t n)
{
    return arena + (2 * n + 1) * PAGE;
}

static char *none_page(size_t n)
{
    return arena + 2 * n * PAGE;
}

static void test_protect(char *spare)
{
    fails(mprotect(spare + 2 * PAGE, PAGE, PROT_READ), ENOMEM,
          "mprotect of the middle");
    fails(mprotect(spare, PAGE, PROT_READ), ENOMEM, "of one end");
    works(mprotect(spare, 8 * PAGE, PROT_READ), "but not of the whole");
    works(mprotect(spare, 8 * PAGE, RW), "and back");
    works(mprotect(read_page(9), PAGE, PROT_WRITE), "one page is a whole, too");
    works(mprotect(read_page(9), PAGE, PROT_READ), "the same");
}

static void test_others(char *spare)
{
    fails(madvise(spare + 2 * PAGE, PAGE, MADV_DONTFORK), EAGAIN,
          "madvise has its own word for it");
    fails(mlock(spare + 2 * PAGE, PAGE), ENOMEM, "mlock");
    fails(syscall(SYS_mseal, spare + 2 * PAGE, PAGE, 0), ENOMEM, "mseal");
    works(madvise(spare + 2 * PAGE, PAGE, MADV_DONTNEED),
          "what changes no flags is done");
    fails((long)remap(spare, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                      none_page(3)),
          ENOMEM, "mremap to a place");
    is(probe_read(none_page(3)), SEGV_ACCERR, "which stays as it was");
    fails((long)remap(read_page(4), PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), ENOMEM,
          "mremap to anywhere");
    is(remap(spare, 8 * PAGE, 7 * PAGE, 0, 0), spare, "shrinking is fine");
    is(remap(spare, 7 * PAGE, 8 * PAGE, 0, 0), spare, "and growing in place");
}

static void test_unmap(char *spare)
{
    fails(munmap(spare + 2 * PAGE, PAGE), ENOMEM, "munmap of the middle");
    is(probe_read(spare + 2 * PAGE), 0, "nothing happened");
    works(munmap(spare + 7 * PAGE, PAGE), "munmap of an end");
    works(munmap(spare, PAGE), "of the other");
    fails(
        (long)mmap(spare + 3 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0),
        ENOMEM, "mmap into the middle");
    is(probe_write(spare + 3 * PAGE, 1), 0, "nothing happened either");
}

/* One area more than the limit is let in by mmap, as Linux counts. */
static void test_map(void)
{
    unsigned long heap = (unsigned long)brk_to(0);
    char *new = mmap(NULL, PAGE, PROT_EXEC, ANON, -1, 0);

    ok(new != MAP_FAILED, "mmap makes one more");
    fails((long)mmap(NULL, PAGE, PROT_WRITE, ANON, -1, 0), ENOMEM,
          "but not two");
    fails((long)mmap(new, PAGE, PROT_EXEC, ANON | MAP_FIXED, -1, 0), ENOMEM,
          "not even in place of another");
    is(brk_to(heap + 64 * PAGE), heap, "the heap does not grow");
    is(brk_to(heap), heap, "it stays");
    works(munmap(new, PAGE), "munmap of a whole area");
    is(brk_to(heap + 64 * PAGE), heap + 64 * PAGE, "lets the heap grow");
    is(brk_to(heap), heap, "and shrink");
}

/* Joining areas makes room. */
static void test_room(char *spare)
{
    for (size_t i = 0; i < 8; i++)
        must(!mprotect(read_page(20 + i), PAGE, PROT_NONE));
    works(mprotect(spare + 3 * PAGE, PAGE, PROT_READ), "now cuts work");
    is(remap(read_page(4), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             none_page(8)),
       none_page(8), "and moves");
    works(munmap(arena + 5 * PAGE, (PAGES - 5) * PAGE),
          "most goes in one call");
}

int main(void)
{
    char *spare = map_at(hole(10), 8, RW);

    arena = mmap(NULL, PAGES * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
    must(arena != MAP_FAILED);
    fill_up();
    test_protect(spare);
    test_others(spare);
    test_unmap(spare);
    test_map();
    test_room(spare);
    return done_testing();
}
