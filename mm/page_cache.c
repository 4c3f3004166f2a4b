/*
 * Single frames, and page tables: each CPU keeps a few at hand, so that most
 * allocations and frees take no lock. The kernel is not preempted and
 * interrupts do not allocate, so a CPU's own cache needs none. Relies on
 * page_alloc.c.
 */
#include <base/printk.h>
#include <base/sanitize.h>
#include <base/string.h>
#include <arch/cpu.h>
#include <mm/group.h>
#include <mm/page.h>

#define BATCH       (PAGE_CACHE_SIZE / 2)
#define TABLES_KEPT 8

/* One cache line boundary each, so that CPUs do not share lines. */
static struct {
    struct page_cache cache;
    unsigned table_count;
    struct page *tables[TABLES_KEPT]; /* all entries empty */
} __aligned(64) caches[MAX_CPUS];

static bool refill(struct page_cache *c)
{
    c->count = page_alloc_bulk(c->pages, BATCH);
    return c->count > 0;
}

struct page *alloc_page(void)
{
    struct page_cache *c = &caches[cpu_id()].cache;
    struct page *page;

    if (page_alloc_should_fail())
        return NULL;
    if (unlikely(!c->count) && !refill(c))
        return NULL;
    page = c->pages[--c->count];
    page->flags = 0;
    page->refcount = 1;
    mem_unpoison(page_address(page), PAGE_SIZE);
    return page;
}

struct page *alloc_zeroed_page(void)
{
    struct page *page = alloc_page();

    if (likely(page))
        page_clear(page_address(page));
    return page;
}

/* Gives back the pages freed longest ago; the others may be in the CPU's
 * data cache still. */
static void spill(struct page_cache *c)
{
    page_free_bulk(c->pages, BATCH);
    c->count -= BATCH;
    memmove(c->pages, c->pages + BATCH, c->count * sizeof(c->pages[0]));
}

/* A page that may not be freed, or not before its group knows. */
static __cold void free_flagged(struct page *page)
{
    BUG_ON(page->flags & (PG_BUDDY | PG_CACHED | PG_RESERVED));
    mm_group_uncharge(page);
}

void free_page(struct page *page)
{
    struct page_cache *c = &caches[cpu_id()].cache;

    if (unlikely(page->flags &
                 (PG_BUDDY | PG_CACHED | PG_RESERVED | PG_CHARGED)))
        free_flagged(page);
    BUG_ON(page->refcount > 1 || page->mapcount);
    mem_poison(page_address(page), PAGE_SIZE);
    if (unlikely(c->count == PAGE_CACHE_SIZE))
        spill(c);
    page->flags = PG_CACHED;
    page->refcount = 0;
    c->pages[c->count++] = page;
}

/*
 * A table that goes is as empty as one that comes: a few are kept, so that
 * most need no clearing.
 */
struct page *alloc_table_page(void)
{
    unsigned cpu = cpu_id();
    struct page *page;

    if (likely(caches[cpu].table_count)) {
        if (page_alloc_should_fail())
            return NULL;
        page = caches[cpu].tables[--caches[cpu].table_count];
        page->refcount = 1;
        mem_unpoison(page_address(page), PAGE_SIZE);
    } else {
        page = alloc_zeroed_page();
        if (unlikely(!page))
            return NULL;
    }
    page->flags = PG_TABLE;
    spin_lock_init(&page->table_lock);
    spin_lock_class(&page->table_lock, LOCK_PTE);
    return page;
}

void free_table_page(struct page *page)
{
    unsigned cpu = cpu_id();

    if (caches[cpu].table_count == TABLES_KEPT) {
        free_page(page);
        return;
    }
    page->flags = PG_CACHED;
    page->refcount = 0;
    mem_poison(page_address(page), PAGE_SIZE);
    caches[cpu].tables[caches[cpu].table_count++] = page;
}

void page_cache_drain(void)
{
    unsigned cpu = cpu_id();
    struct page_cache *c = &caches[cpu].cache;

    page_free_bulk(caches[cpu].tables, caches[cpu].table_count);
    caches[cpu].table_count = 0;
    page_free_bulk(c->pages, c->count);
    c->count = 0;
}

u64 page_cache_frames(void)
{
    u64 frames = 0;

    for (unsigned i = 0; i < MAX_CPUS; i++)
        frames +=
            READ_ONCE(caches[i].cache.count) + READ_ONCE(caches[i].table_count);
    return frames;
}
