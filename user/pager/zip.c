/*
 * pager-zip --demo: keeps the pages of a region compressed in its own memory,
 * all but the few in use. LZ4 does the compressing. How pages are chosen and
 * moved is in user/lib/evict.c, the client in user/lib/churn.c.
 */
#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "churn.h"

#define PAGES  512
#define FRAMES 32

static struct packed {
    char *bytes; /* NULL: never put */
    int size;
} packed[PAGES];

/* A page that LZ4 cannot shrink grows a little, and is kept all the same. */
static long pack(unsigned long page, const void *bytes)
{
    char room[LZ4_COMPRESSBOUND(PAGE_SIZE)];
    int size = LZ4_compress_default(bytes, room, PAGE_SIZE, sizeof(room));
    long growth;
    char *copy = size > 0 ? realloc(packed[page].bytes, size) : NULL;

    if (!copy)
        die(1, "page %lu cannot be kept", page);
    memcpy(copy, room, size);
    growth = size - packed[page].size;
    packed[page].bytes = copy;
    packed[page].size = size;
    return growth;
}

static int unpack(unsigned long page, void *bytes)
{
    const struct packed *p = &packed[page];

    if (!p->bytes)
        return 0;
    if (LZ4_decompress_safe(p->bytes, bytes, p->size, PAGE_SIZE) != PAGE_SIZE)
        die(1, "page %lu does not unpack", page);
    return 1;
}

int main(int argc, char **argv)
{
    static const struct store lz4 = {pack, unpack};

    program_name = "pager-zip";
    if (argc != 2 || strcmp(argv[1], "--demo"))
        die(2, "usage: pager-zip --demo");
    churn("zip", PAGES, FRAMES, &lz4);
    return 0;
}
