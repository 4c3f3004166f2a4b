/*
 * PAGEMAP_SCAN of /proc/self/pagemap: which pages of a range are of some kind,
 * as regions; and, with a userfaultfd's WP_ASYNC, which were written since they
 * were last asked for, in one call.
 */
#define _GNU_SOURCE
#include "proc.h"
#include "scan.h"
#include "uffd_util.h"

enum {
    COUNT = 16,
    ROOM = 8
};

static int map_fd;
static char *pages;
static struct region found[ROOM];

static struct scan scan_of(unsigned long mask, unsigned long wanted)
{
    return (struct scan){
        .size = sizeof(struct scan),
        .start = (unsigned long)pages,
        .end = (unsigned long)pages + COUNT * PAGE,
        .vec = (unsigned long)found,
        .vec_len = ROOM,
        .mask = mask,
        .wanted = wanted,
    };
}

static long scan(struct scan *s)
{
    int result = ioctl(map_fd, SCAN, s);

    return result < 0 ? -errno : result;
}

/* Region I is COUNT pages from page FIRST on, of these categories. */
static int region(int i, int first, int count, unsigned long categories)
{
    unsigned long start = (unsigned long)pages + first * PAGE;

    if (found[i].start == start && found[i].end == start + count * PAGE &&
        found[i].categories == categories)
        return 1;
    diag("page %ld to %ld, categories %lx",
         (long)(found[i].start - (unsigned long)pages) / (long)PAGE,
         (long)(found[i].end - (unsigned long)pages) / (long)PAGE,
         (long)found[i].categories);
    return 0;
}

static void test_arguments(void)
{
    struct scan s = scan_of(0, PRESENT);

    s.size--;
    is(scan(&s), -EINVAL, "another size");
    s = scan_of(0, PRESENT);
    s.flags = 4;
    is(scan(&s), -EINVAL, "an unknown flag");
    s = scan_of(1 << 8, PRESENT);
    is(scan(&s), -EINVAL, "an unknown category");
    s = scan_of(0, PRESENT);
    s.start++;
    is(scan(&s), -EINVAL, "a start within a page");
    s = scan_of(0, PRESENT);
    s.vec = 0;
    is(scan(&s), -EINVAL, "room without an address");
    s = scan_of(0, PRESENT);
    s.start = 1UL << 63;
    s.end = s.start + PAGE;
    is(scan(&s), -EFAULT, "the kernel's half");
    is(ioctl(map_fd, SCAN, NULL), -1, "no structure");
    s = scan_of(0, PRESENT);
    s.vec = 1UL << 63;
    is(scan(&s), -EFAULT, "and room there");
    fails(ioctl(map_fd, _IO('f', 17), &s), EINVAL, "another request");
    s = scan_of(0, PRESENT);
    s.flags = CHECK_WPASYNC;
    s.walk_end = 1;
    is(scan(&s), -EPERM, "not all of it is collected");
    is(s.walk_end == s.end, 1, "and it says that all was seen");
}

static void test_kinds(void)
{
    struct scan s = scan_of(PRESENT, PRESENT | PFNZERO | WRITTEN);

    pages[PAGE] = pages[2 * PAGE] = 1;
    must(pages[5 * PAGE] == 0);
    is(scan(&s), 2, "what is present");
    ok(region(0, 1, 2, PRESENT | WRITTEN), "two pages");
    ok(region(1, 5, 1, PRESENT | PFNZERO | WRITTEN), "the zero page");
    is(s.walk_end, s.end, "all was looked at");
    s = scan_of(PRESENT, PRESENT);
    s.inverted = PRESENT;
    is(scan(&s), 3, "what is not");
    ok(region(0, 0, 1, 0), "from the first page on");
    s = scan_of(0, PRESENT | PFNZERO);
    s.anyof = PFNZERO | IS_FILE;
    is(scan(&s), 1, "any of several kinds");
    s = scan_of(PRESENT, PRESENT);
    s.vec_len = 1;
    is(scan(&s), 1, "room for one region");
    is(s.walk_end, (long)pages + 5 * PAGE, "stops before the next");
    s = scan_of(PRESENT, PRESENT);
    s.max_pages = 1;
    is(scan(&s), 1, "one page at most");
    ok(region(0, 1, 1, PRESENT), "is told");
    is(s.walk_end, (long)pages + 2 * PAGE, "and no more");
    s = scan_of(PRESENT, PRESENT);
    s.max_pages = 2;
    is(scan(&s), 1, "two pages at most");
    is(s.walk_end, (long)pages + 5 * PAGE, "the walk goes on to the next");
    s = scan_of(PRESENT, PRESENT);
    s.max_pages = 3;
    is(scan(&s), 2, "as many as there are");
    is(s.walk_end, s.end, "the walk goes on to the end");
    s = scan_of(PRESENT, 0);
    s.vec = s.vec_len = 0;
    is(scan(&s), 0, "without room nothing is told");
    s = scan_of(0, PRESENT);
    s.flags = CHECK_WPASYNC;
    is(scan(&s), -EPERM, "CHECK_WPASYNC: none of that here");
}

static void test_written(void)
{
    int fd =
        uffd_new_with(0, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
    struct scan s = scan_of(WRITTEN, WRITTEN);

    must(!uffd_register_mode(fd, pages, COUNT * PAGE, UFFDIO_REGISTER_MODE_WP));
    must(!uffd_protect(fd, pages, COUNT * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    s.flags = WP_MATCHING | CHECK_WPASYNC;
    is(scan(&s), 0, "tracked: nothing was written");
    pages[PAGE] = pages[7 * PAGE] = pages[8 * PAGE] = 2;
    is(scan(&s), 2, "three pages were");
    ok(region(0, 1, 1, WRITTEN), "one of the old");
    ok(region(1, 7, 2, WRITTEN), "two new ones");
    is(scan(&s), 0, "told once");
    pages[8 * PAGE] = 3;
    is(scan(&s), 1, "and when written again");
    ok(region(0, 8, 1, WRITTEN), "once more");
    s = scan_of(0, WPALLOWED | WRITTEN | PRESENT | PFNZERO | SWAPPED);
    is(scan(&s), 7, "everything, with kinds");
    ok(region(0, 0, 1, WPALLOWED | SWAPPED), "marked, not there");
    ok(region(1, 1, 2, WPALLOWED | PRESENT), "there, not written");
    close(fd);
}

int main(void)
{
    map_fd = open("/proc/self/pagemap", O_RDONLY);
    must(map_fd >= 0);
    pages = map_pages(COUNT);
    test_arguments();
    test_kinds();
    test_written();
    return done_testing();
}
