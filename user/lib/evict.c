/* First in, first out: the pages in memory stand in a ring. */
#define _GNU_SOURCE /* fallocate */
#include <stdlib.h>
#include <sys/types.h>

#include "evict.h"
#include "uffd.h"

enum page_state {
    ABSENT,
    CLEAN, /* as the store has it, and protected */
    DIRTY,
};

static const struct evict_region *region;
static unsigned char *state;
static unsigned long *ring, oldest, resident;

static unsigned long address_of(unsigned long page)
{
    return region->base + page * PAGE_SIZE;
}

static void store_page(unsigned long page)
{
    static char bytes[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

    /* From here on nobody writes it: who tries waits for us. */
    uffd_protect(region->uffd, address_of(page), PAGE_SIZE, 1);
    if (pread(region->object, bytes, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE)
        die_errno(1, "read of page %lu", page);
    region->counts->bytes += region->store->put(page, bytes);
    region->counts->stored++;
}

static void evict_oldest(void)
{
    unsigned long page = ring[oldest];

    if (state[page] == DIRTY)
        store_page(page);
    else
        region->counts->dropped++;
    if (fallocate(region->object, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  page * PAGE_SIZE, PAGE_SIZE) < 0)
        die_errno(1, "punching out page %lu", page);
    state[page] = ABSENT;
    oldest = (oldest + 1) % region->frames;
    resident--;
}

static void bring_in(unsigned long page, int to_write)
{
    static char bytes[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
    static const char zeros[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
    int known = region->store->get(page, bytes);

    if (resident == region->frames)
        evict_oldest();
    region->counts->faults++;
    region->counts->first += !known;
    /* A page that no store has must be stored even if nobody writes it. */
    state[page] = to_write || !known ? DIRTY : CLEAN;
    if (!uffd_fill(region->uffd, address_of(page), known ? bytes : zeros,
                   state[page] == CLEAN ? UFFDIO_COPY_MODE_WP : 0))
        die(1, "page %lu was there already", page);
    ring[(oldest + resident++) % region->frames] = page;
}

/* The message may be older than what we did since: STATE is what counts. */
static void serve(const struct uffd_msg *message)
{
    unsigned long address = message->arg.pagefault.address & ~PAGE_MASK;
    unsigned long flags = message->arg.pagefault.flags;
    unsigned long page = (address - region->base) / PAGE_SIZE;

    if (message->event != UFFD_EVENT_PAGEFAULT || page >= region->pages)
        die(1, "unexpected event %#x at %#lx", message->event, address);
    if (state[page] != ABSENT && flags & UFFD_PAGEFAULT_FLAG_WP) {
        state[page] = DIRTY;
        uffd_protect(region->uffd, address, PAGE_SIZE, 0);
    } else if (state[page] != ABSENT || flags & UFFD_PAGEFAULT_FLAG_WP) {
        uffd_wake(region->uffd, address);
    } else {
        bring_in(page, flags & UFFD_PAGEFAULT_FLAG_WRITE);
    }
}

_Noreturn void evict_serve(const struct evict_region *what)
{
    struct uffd_msg messages[UFFD_MESSAGES];

    region = what;
    state = calloc(region->pages, sizeof(*state));
    ring = calloc(region->frames, sizeof(*ring));
    if (!state || !ring)
        die_errno(2, "memory for %lu pages", region->pages);
    for (;;) {
        int count = uffd_wait(region->uffd, region->client, messages);

        for (int i = 0; i < count; i++)
            serve(&messages[i]);
    }
}
