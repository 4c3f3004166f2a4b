/* PAGEMAP_SCAN of /proc/PID/pagemap, as Linux's admin-guide/mm/pagemap.rst has
 * it. */
#pragma once

#include <linux/types.h>
#include <sys/ioctl.h>

#define SCAN _IOWR('f', 16, struct scan)

enum {
    WP_MATCHING = 1,
    CHECK_WPASYNC = 2,
    WPALLOWED = 1,
    WRITTEN = 2,
    IS_FILE = 4,
    PRESENT = 8,
    SWAPPED = 16,
    PFNZERO = 32
};

struct region {
    __u64 start, end, categories;
};

struct scan {
    __u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
    __u64 inverted, mask, anyof, wanted;
};
