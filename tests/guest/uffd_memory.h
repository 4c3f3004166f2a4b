/* Memory of an object, mapped twice, once for a userfaultfd to serve: what the
 * tests of userfaultfd on shared memory begin and end with. */
#pragma once

#include "memfd.h"
#include "uffd_util.h"

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define MINOR   UFFDIO_REGISTER_MODE_MINOR
#define WP      UFFDIO_REGISTER_MODE_WP
#define PROTECT UFFDIO_WRITEPROTECT_MODE_WP

enum {
    COUNT = 8
};

static int memory, fd;
static char *pages; /* registered */
static char *other; /* the same memory, mapped a second time */

static inline void set_up(unsigned long mode, int flags)
{
    memory = object_of(COUNT * PAGE);
    pages = map_object(memory, COUNT, RW, flags, 0);
    other = map_object(memory, COUNT, RW, MAP_SHARED, 0);
    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register_mode(fd, pages, COUNT * PAGE, mode));
}

static inline void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
    munmap(other, COUNT * PAGE);
    close(memory);
}
