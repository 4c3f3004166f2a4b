/*
 * What is known of a page that was filled: that it was written, whose it is,
 * that it is there for others; and what is told of pages that others brought.
 */
#define _GNU_SOURCE
#include "uffd_memory.h"

static int proceed(int page)
{
    struct uffdio_continue c = {
        {(unsigned long)(pages + page * PAGE), PAGE}, 0, 0};

    return uffd_ioctl(fd, UFFDIO_CONTINUE, &c);
}

static void test_soft_dirty(void)
{
    char *own = map_pages(3);

    set_up(MISSING | MINOR, MAP_SHARED);
    must(!uffd_register(fd, own, 3 * PAGE));
    other[PAGE] = 1;
    clear_soft_dirty();
    must(!uffd_fill(fd, own, 'd'));
    must(!uffd_zero(fd, own + PAGE, PAGE, NULL));
    must(!uffd_fill(fd, pages, 'd'));
    must(!proceed(1));
    is(page_is(own, PAGE_DIRTY), 1, "a page that was filled was written");
    is(page_is(own + PAGE, PAGE_DIRTY), 0, "the zero page was not");
    is(page_is(own + 2 * PAGE, PAGE_DIRTY), 0, "nor what is not there");
    is(page_is(pages, PAGE_DIRTY), 1, "shared memory's was");
    is(page_is(pages + PAGE, PAGE_DIRTY), 1, "and CONTINUE counts as well");
    must(mprotect(own, 3 * PAGE, PROT_READ) == 0);
    must(!uffd_fill(fd, own + 2 * PAGE, 'd'));
    is(page_is(own + 2 * PAGE, PAGE_DIRTY), 1, "also where nobody may write");
    munmap(own, 3 * PAGE);
    tear_down();
}

/* A private mapping may see the memory's page, and writes to its own. */
static void test_private_continue(void)
{
    set_up(MINOR, MAP_PRIVATE);
    other[0] = 'm';
    clear_soft_dirty();
    is(proceed(0), 0, "CONTINUE in a private mapping");
    is(page_is(pages, PAGE_DIRTY), 1, "counts as well");
    is(pages[0], 'm', "shows the memory's page");
    other[0] = 'n';
    is(pages[0], 'n', "itself");
    pages[0] = 'w';
    is(other[0], 'n', "a write leaves that alone");
    is(pages[0], 'w', "and is seen here");
    tear_down();
}

static int child_reads(void *page)
{
    return *(volatile char *)page;
}

/* A child has what its parent sees, not the memory. */
static void test_private_zeros(void)
{
    set_up(MISSING, MAP_PRIVATE);
    other[0] = other[PAGE] = 'm';
    is(uffd_zero(fd, pages, PAGE, NULL), 0, "zeros before the memory's page");
    is(in_child(child_reads, pages), 0, "are zeros for a child");
    is(in_child(child_reads, pages + PAGE), 'm', "beside what was not filled");
    tear_down();
}

/* The access would wait for ever if it was told. */
static void test_there_for_all(void)
{
    set_up(MISSING, MAP_SHARED);
    other[2 * PAGE] = 'o';
    pages[2 * PAGE + 1] = 'p';
    is(other[2 * PAGE + 1], 'p', "a write to what another mapping made");
    is(probe_read(pages + 2 * PAGE), 0, "is not told where MINOR is not");
    tear_down();
}

static int is_resident(char *page)
{
    unsigned char resident;

    must(mincore(page, PAGE, &resident) == 0);
    return resident & 1;
}

static void test_allocated(void)
{
    set_up(MINOR, MAP_SHARED);
    must(fallocate(memory, 0, 0, COUNT * PAGE) == 0);
    is(is_resident(other + PAGE), 0, "a page that fallocate made");
    is(proceed(1), 0, "can be continued with");
    is(pages[PAGE], 0, "zeros");
    is(is_resident(other + PAGE), 1, "and then is there for others");
    is(is_resident(other + 2 * PAGE), 0, "unlike its neighbour");
    tear_down();
}

/* A mark is no page, except for the zero page of anonymous memory. */
static void test_marked(void)
{
    set_up(MISSING | MINOR | WP, MAP_SHARED);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    is(uffd_zero(fd, pages, PAGE, NULL), 0, "ZEROPAGE of a marked page");
    is(uffd_fill(fd, pages + PAGE, 'c'), 0, "COPY");
    other[2 * PAGE] = 'o';
    is(proceed(2), 0, "CONTINUE");
    is(pages[PAGE] + pages[2 * PAGE], 'c' + 'o', "bring the bytes");
    is(page_is(pages, PAGE_PROTECTED), 0, "the mark is gone");
    is(page_is(pages + PAGE, PAGE_PROTECTED), 0, "with each");
    is(page_is(pages + 2 * PAGE, PAGE_PROTECTED), 0, "of them");
    tear_down();
}

int main(void)
{
    test_soft_dirty();
    test_private_continue();
    test_private_zeros();
    test_there_for_all();
    test_allocated();
    test_marked();
    return done_testing();
}
