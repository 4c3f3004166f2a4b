/* A range of pages and the userfaultfd that serves it: what many a test of
 * userfaultfd begins and ends with. */
#pragma once

#include "uffd_util.h"

static char *pages;
static int fd;
static size_t range_size;

static inline void range_set_up(int count, int flags, unsigned long features,
                                unsigned long mode)
{
    pages = map_pages(count);
    range_size = count * PAGE;
    fd = uffd_new_with(flags, features);
    must(!uffd_register_mode(fd, pages, range_size, mode));
}

static inline void tear_down(void)
{
    close(fd);
    munmap(pages, range_size);
}
