/*
 * pager-swap --demo: evicts and reloads a region larger than the frames it
 * may use. What it evicts goes to slots of a memory object that stands for a
 * disk: one slot per page of the region, written and read with pwrite(2) and
 * pread(2). How pages are chosen and moved is in user/lib/evict.c, the client
 * in user/lib/churn.c.
 */
#include <string.h>

#include "churn.h"

#define PAGES  512
#define FRAMES 64

static int disk;
static unsigned char in_use[PAGES];

static long slot_put(unsigned long page, const void *bytes)
{
    if (pwrite(disk, bytes, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE)
        die_errno(1, "write of slot %lu", page);
    if (in_use[page])
        return 0;
    in_use[page] = 1;
    return PAGE_SIZE;
}

static int slot_get(unsigned long page, void *bytes)
{
    if (!in_use[page])
        return 0;
    if (pread(disk, bytes, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE)
        die_errno(1, "read of slot %lu", page);
    return 1;
}

int main(int argc, char **argv)
{
    static const struct store slots = {slot_put, slot_get};

    program_name = "pager-swap";
    if (argc != 2 || strcmp(argv[1], "--demo"))
        die(2, "usage: pager-swap --demo");
    disk = syscall(SYS_memfd_create, "disk", 0);
    if (disk < 0 || ftruncate(disk, PAGES * PAGE_SIZE) < 0)
        die_errno(2, "the object that stands for a disk");
    churn("swap", PAGES, FRAMES, &slots);
    return 0;
}
