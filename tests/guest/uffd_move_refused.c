/*
 * What UFFDIO_MOVE refuses: areas that are not alike, not its own or end too
 * early; and what is known of a page that moved.
 */
#define _GNU_SOURCE
#include "memfd.h"
#include "proc.h"
#include "uffd_range.h"

#define MISSING UFFDIO_REGISTER_MODE_MISSING

enum {
    COUNT = 8
};

static char *from;

static void set_up(void)
{
    range_set_up(COUNT, O_NONBLOCK, 0, MISSING);
    from = map_pages(COUNT);
    for (int i = 0; i < COUNT; i++)
        from[i * PAGE] = 'a' + i;
}

static void end(void)
{
    munmap(from, COUNT * PAGE);
    tear_down();
}

static int move(void *to, void *start, int count)
{
    struct uffdio_move move = {(unsigned long)to, (unsigned long)start,
                               count * PAGE, 0, 0};

    return uffd_ioctl(fd, UFFDIO_MOVE, &move);
}

static void test_ends(void)
{
    set_up();
    is(move(pages + 6 * PAGE, from, 4), -EINVAL, "beyond the target's end");
    is(move(pages, from + 6 * PAGE, 4), -EINVAL, "or the source's");
    must(munmap(pages + 3 * PAGE, PAGE) == 0);
    is(move(pages + 3 * PAGE, from, 1), -ENOENT, "to a hole");
    is(move(pages + 2 * PAGE, from, 2), -EINVAL, "into one");
    must(munmap(from + 3 * PAGE, PAGE) == 0);
    is(move(pages, from + 3 * PAGE, 1), -ENOENT, "from a hole");
    is(move(pages, from + 2 * PAGE, 2), -EINVAL, "over one");
    ok(from[0] == 'a' && from[2 * PAGE] == 'c' && from[6 * PAGE] == 'g',
       "all is where it was");
    end();
}

static void test_target(void)
{
    int memory, other = uffd_new(O_NONBLOCK);
    char *shared, *foreign;

    set_up();
    memory = object_of(PAGE);
    shared = map_object(memory, 1, RW, MAP_SHARED, 0);
    must(!uffd_register(fd, shared, PAGE));
    is(move(shared, from, 1), -EINVAL, "to shared memory");
    munmap(shared, PAGE);
    shared = map_object(memory, 1, RW, MAP_PRIVATE, 0);
    must(!uffd_register(fd, shared, PAGE));
    is(move(shared, from, 1), -EINVAL, "to a private mapping of it");
    is(move(pages, shared, 1), -EINVAL, "or from one");
    foreign = map_pages(1);
    must(!uffd_register(other, foreign, PAGE));
    is(move(foreign, from, 1), -EINVAL, "to another descriptor's");
    is(from[0], 'a', "the page stays");
    close(memory);
    close(other);
    munmap(shared, PAGE);
    munmap(foreign, PAGE);
    end();
}

static void test_alike(void)
{
    set_up();
    must(mlock(from, PAGE) == 0);
    is(move(pages, from, 1), -EINVAL, "from locked memory");
    must(munlock(from, PAGE) == 0);
    must(mprotect(from, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
    is(move(pages, from, 1), -EINVAL, "from what can be run");
    must(mprotect(from, PAGE, PROT_READ | PROT_WRITE) == 0);
    must(mprotect(pages, PAGE, PROT_READ) == 0);
    is(move(pages, from, 1), -EINVAL, "to what can be read only");
    must(mprotect(pages, PAGE, PROT_READ | PROT_WRITE) == 0);
    is(move(pages, from, 1), 0, "all of that undone it moves");
    end();
}

/* A page that comes is a page written, also if it was not where it was. */
static void test_soft_dirty(void)
{
    set_up();
    clear_soft_dirty();
    is(page_is(from, PAGE_DIRTY), 0, "a page nobody wrote to");
    is(move(pages, from, 1), 0, "moves");
    is(page_is(pages, PAGE_DIRTY), 1, "and counts as written");
    end();
}

/* Two halves that differ for a time; the first has a page. */
static int join_halves(int tried)
{
    char *none = map_pages(1);
    int joined;

    set_up();
    must(mprotect(pages, 4 * PAGE, PROT_READ) == 0);
    must(!uffd_fill(fd, pages, 'f'));
    if (tried)
        is(move(pages + 4 * PAGE, none, 1), -ENOENT, "a move of nothing");
    must(mprotect(pages + 4 * PAGE, 4 * PAGE, PROT_READ) == 0);
    joined = proc_is_one_area(pages, COUNT * PAGE);
    munmap(none, PAGE);
    end();
    return joined;
}

static void test_merging(void)
{
    is(join_halves(0), 1, "an area without pages joins its neighbour");
    is(join_halves(1), 0, "makes it one that does not join its neighbour");
}

int main(void)
{
    test_ends();
    test_target();
    test_alike();
    test_soft_dirty();
    test_merging();
    return done_testing();
}
