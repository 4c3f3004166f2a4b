/*
 * Which pages were written: write protection that resolves itself (WP_ASYNC),
 * collected from pagemap.
 */
#define _GNU_SOURCE
#include "proc.h"
#include "uffd_util.h"

#define PAGES   8
#define WP_BIT  (1ul << 57)
#define SWAP    (1ul << 62)
#define PRESENT (1ul << 63)

static int map_fd;

static unsigned long entry(const void *address)
{
    unsigned long value;

    must(pread(map_fd, &value, 8, (unsigned long)address / PAGE * 8) == 8);
    return value & (WP_BIT | SWAP | PRESENT);
}

/* A bit for each page that is there and not protected. */
static unsigned written(const char *area)
{
    unsigned long entries[PAGES];
    unsigned set = 0;

    must(pread(map_fd, entries, sizeof(entries),
               (unsigned long)area / PAGE * 8) == sizeof(entries));
    for (int i = 0; i < PAGES; i++)
        if ((entries[i] & PRESENT) && !(entries[i] & WP_BIT))
            set |= 1u << i;
    return set;
}

static void protect(int fd, void *area)
{
    must(!uffd_protect(fd, area, PAGES * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
}

static int track(void *area)
{
    int fd = uffd_new_with(O_CLOEXEC,
                           UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);

    must(!uffd_register_mode(fd, area, PAGES * PAGE, UFFDIO_REGISTER_MODE_WP));
    protect(fd, area);
    return fd;
}

static void test_area(char *area, const char *kind)
{
    int fd;

    area[0] = area[PAGE] = area[2 * PAGE] = 1;
    fd = track(area);
    is(written(area), 0, "%s: nothing written yet", kind);
    is(entry(area), PRESENT | WP_BIT, "%s: a page that is there", kind);
    is(entry(area + 5 * PAGE), SWAP | WP_BIT, "%s: one to come", kind);
    area[PAGE] = 2;
    area[4 * PAGE] = 2;
    is(area[2 * PAGE] + area[6 * PAGE], 1, "%s: reading", kind);
    is(written(area), 1 << 1 | 1 << 4, "%s: what was written", kind);
    is(area[PAGE] + area[4 * PAGE], 4, "%s: is there", kind);
    protect(fd, area);
    is(written(area), 0, "%s: again", kind);
    memset(area, 3, 2 * PAGE);
    is(written(area), 3, "%s: again written", kind);
    must(madvise(area, PAGE, MADV_DONTNEED) == 0);
    ok(!(entry(area) & PRESENT), "%s: given back", kind);
    close(fd);
    area[2 * PAGE] = 4;
    is(entry(area + 3 * PAGE) & WP_BIT, 0, "%s: nobody asks any more", kind);
    munmap(area, PAGES * PAGE);
}

int main(void)
{
    map_fd = open("/proc/self/pagemap", O_RDONLY);
    must(map_fd >= 0);
    test_area(map_pages(PAGES), "anonymous");
    test_area(map_shared(PAGES), "shared");
    return done_testing();
}
