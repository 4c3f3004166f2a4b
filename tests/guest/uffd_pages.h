/* A few pages that a userfaultfd, not blocking, is asked for: made anew by
 * set_up(), gone with tear_down(). */
#pragma once

#include "uffd_util.h"

#define COUNT 4

static char *pages;
static int fd;

static inline void set_up(void)
{
    pages = map_pages(COUNT);
    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register(fd, pages, COUNT * PAGE));
}

static inline void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
}
