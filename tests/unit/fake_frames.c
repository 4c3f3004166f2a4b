/* Whether the buddy allocator's free blocks are as they must be, by what the
 * frames' descriptors say. */
#include "fake.h"

#include <stdio.h>
#include <base/errno.h>

static const char *block_fault(const struct page *page, u64 start, u64 end)
{
    u64 pfn = page_to_pfn(page), count = 1ul << page->order;
    u64 mate = pfn ^ count;

    if (page->flags != PG_BUDDY || page->refcount || page->order > MAX_ORDER)
        return "head not marked free";
    if (page->lru.next->prev != &page->lru ||
        page->lru.prev->next != &page->lru)
        return "not in a list";
    if (!IS_ALIGNED(pfn, count) || pfn + count > end)
        return "misplaced";
    for (u64 i = 1; i < count; i++)
        if (page[i].flags || page[i].refcount)
            return "frame in use inside";
    if (page->order < MAX_ORDER && mate >= start && mate < end &&
        (pfn_to_page(mate)->flags & PG_BUDDY) &&
        pfn_to_page(mate)->order == page->order)
        return "mate free too";
    return NULL;
}

/* Adds the free frames of [start, end). */
static int check_range(u64 start, u64 end, u64 *frames)
{
    for (u64 pfn = start; pfn < end;) {
        const struct page *page = pfn_to_page(pfn);
        const char *fault;

        if (!(page->flags & PG_BUDDY)) {
            pfn++;
            continue;
        }
        fault = block_fault(page, start, end);
        if (fault) {
            if (!fake_quiet)
                fprintf(stderr, "buddy: block %lx: %s\n", pfn, fault);
            return -EINVAL;
        }
        *frames += 1ul << page->order;
        pfn += 1ul << page->order;
    }
    return 0;
}

int fake_frames_check(void)
{
    phys_addr_t start, end;
    u64 frames = page_cache_frames();

    for (unsigned i = 0; memblock_ram_range(i, &start, &end); i++)
        if (check_range(start >> PAGE_SHIFT, end >> PAGE_SHIFT, &frames))
            return -EINVAL;
    if (frames == frames_free())
        return 0;
    fprintf(stderr, "buddy: %lu frames free, %lu counted\n", frames,
            frames_free());
    return -EINVAL;
}
