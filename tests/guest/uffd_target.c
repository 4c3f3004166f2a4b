/*
 * A bad target is found before the source is looked at; and a good one, tried,
 * is an area with pages of its own, whatever came of it.
 */
#define _GNU_SOURCE
#include "proc.h"
#include "uffd_range.h"

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define HALF    (pages + 4 * PAGE)

enum {
    COUNT = 8
};

static char *const hole = (char *)0x123456000; /* nothing is mapped there */

static void set_up(void)
{
    range_set_up(COUNT, O_NONBLOCK, 0, MISSING);
}

static int copy(char *to, const char *start, int count)
{
    return uffd_copy(fd, to, start, count * PAGE);
}

/* Nobody serves the source: touching it would be the end. */
static void test_source(void)
{
    char *ordinary = map_pages(1);

    set_up();
    is(copy(ordinary, pages, 1), -ENOENT, "to what is not registered");
    is(copy(pages + 6 * PAGE, pages, 4), -ENOENT, "beyond the area");
    is(uffd_copy_mode(fd, pages + PAGE, pages, PAGE, UFFDIO_COPY_MODE_WP, NULL),
       -EINVAL, "protected, without such a registration");
    must(!uffd_fill(fd, pages + 2 * PAGE, 's'));
    is(copy(ordinary, pages + 2 * PAGE + 8, 1), -ENOENT,
       "from a page that is there and one that is not");
    is(uffd_poll(fd), 0, "nobody is asked for the source");
    is(copy(pages + 4 * PAGE, hole, 1), -EFAULT, "from a hole");
    is(copy(ordinary, hole, 1), -ENOENT, "to a bad target as well");
    munmap(ordinary, PAGE);
    tear_down();
}

/* Two halves that differ for a time. The first has a page of its own, what is
 * tried with the second decides whether they join. */
static int joins(int (*try)(void), int result)
{
    int joined;

    must(mprotect(pages, 4 * PAGE, PROT_READ) == 0);
    must(!uffd_fill(fd, pages, 'f'));
    if (try)
        must(try() == result);
    must(mprotect(HALF, 4 * PAGE, PROT_READ) == 0);
    joined = proc_is_one_area(pages, COUNT * PAGE);
    tear_down();
    return joined;
}

static int try_zero(void)
{
    return uffd_zero(fd, HALF, PAGE, NULL);
}

static int try_too_many(void)
{
    return uffd_zero(fd, HALF, 5 * PAGE, NULL);
}

static int try_bad_source(void)
{
    return copy(HALF, hole, 1);
}

static void test_anonymous(void)
{
    set_up();
    is(joins(NULL, 0), 1, "an area without pages joins its neighbour");
    set_up();
    is(joins(try_zero, 0), 0, "but not after UFFDIO_ZEROPAGE");
    set_up();
    is(joins(try_too_many, -ENOENT), 0, "or a range that is too long");
    set_up();
    is(joins(try_bad_source, -EFAULT), 0, "or a source that is a hole");
}

int main(void)
{
    test_source();
    test_anonymous();
    return done_testing();
}
