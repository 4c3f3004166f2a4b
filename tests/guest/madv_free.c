/*
 * MADV_FREE and MAP_DROPPABLE when memory runs out: such pages go before any
 * task does. What was written to after MADV_FREE stays; of the rest each page
 * is whole or zeros.
 */
#include "mm_util.h"

#include <sys/sysinfo.h>

#define DROPPABLE 0x08
#define EVERY     16 /* pages apart that are written to again */

static size_t pages; /* more than half of what is free */

static char *take(int type)
{
    char *at = mmap(NULL, pages * PAGE, RW,
                    type | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    must(at != MAP_FAILED);
    for (size_t i = 0; i < pages; i++)
        *(long *)(at + i * PAGE) = *(long *)(at + (i + 1) * PAGE - 8) =
            (long)i + 1;
    return at;
}

/* How many pages are neither whole nor zeros; *zeros: how many are the
 * latter. */
static size_t broken(const char *at, size_t *zeros)
{
    size_t bad = 0;

    *zeros = 0;
    for (size_t i = 0; i < pages; i++) {
        long first = *(const long *)(at + i * PAGE);
        long last = *(const long *)(at + (i + 1) * PAGE - 8);

        *zeros += !first && !last;
        bad += first != last || (first && first != (long)i + 1);
    }
    return bad;
}

static int free_then_take(void *unused)
{
    char *at = take(MAP_PRIVATE), *more;
    size_t zeros, kept = 0;

    (void)unused;
    if (madvise(at, pages * PAGE, MADV_FREE))
        return 1;
    if (broken(at, &zeros) || zeros)
        return 2;
    for (size_t i = 0; i < pages; i += EVERY)
        *(volatile long *)(at + i * PAGE) = (long)i + 1;
    more = take(MAP_PRIVATE);
    if (broken(more, &zeros) || zeros)
        return 3;
    if (broken(at, &zeros) || !zeros)
        return 4;
    for (size_t i = 0; i < pages; i += EVERY)
        kept += *(long *)(at + i * PAGE) == (long)i + 1;
    return kept == (pages + EVERY - 1) / EVERY ? 0 : 5;
}

static int drop_then_take(void *unused)
{
    char *at = take(DROPPABLE), *more = take(MAP_PRIVATE);
    size_t zeros;

    (void)unused;
    if (broken(more, &zeros) || zeros)
        return 3;
    return broken(at, &zeros) || !zeros ? 4 : 0;
}

/* Without either there is not enough. */
static int just_take(void *unused)
{
    (void)unused;
    take(MAP_PRIVATE);
    take(MAP_PRIVATE);
    return 0;
}

int main(void)
{
    struct sysinfo info;
    char *ours = map_pages(1);

    /* One that is asked first and has nothing to give. */
    memset(ours, 1, PAGE);
    must(!madvise(ours, PAGE, MADV_FREE));
    memset(ours, 1, PAGE);
    must(!sysinfo(&info));
    pages = info.freeram * info.mem_unit / PAGE / 8 * 5;
    diag("%zu pages", pages);
    is(in_child(free_then_take, NULL), 0, "MADV_FREE makes room");
    is(in_child(drop_then_take, NULL), 0, "so does MAP_DROPPABLE");
    ok(all_bytes(ours, 1, PAGE), "and nobody else loses any");
    is(in_child(just_take, NULL), 1000 + SIGKILL, "else there is none");
    return done_testing();
}
