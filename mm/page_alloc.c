/*
 * The buddy allocator: free blocks of 2^order frames, aligned to their size,
 * on one list per order. A freed block joins its mate (the block that differs
 * in one bit of the frame number) as long as the mate is free too. Relies on
 * memblock for what is free at boot and on the descriptors of all RAM.
 */
#include <base/printk.h>
#include <base/sanitize.h>
#include <base/spinlock.h>
#include <mm/page.h>
#include <mm/slab.h>

#define MAX_RAM_RANGES 128

/* RAM in frame numbers. Only frames in one range can be mates: between the
 * ranges there may be no descriptors to look at. */
static struct ram_range {
    u64 start, end;
} ram[MAX_RAM_RANGES];
static unsigned ram_count;

static struct {
    spinlock_t lock;
    u32 nonempty; /* bit n: area[n] has a block */
    u64 free;     /* frames */
    struct list_head area[MAX_ORDER + 1];
} buddy;
u64 total_frames;

static void area_push(struct page *page, unsigned order)
{
    page->flags = PG_BUDDY;
    page->refcount = 0;
    page->order = order;
    list_add(&page->lru, &buddy.area[order]);
    buddy.nonempty |= 1u << order;
}

static void area_remove(struct page *page, unsigned order)
{
    page->flags = 0;
    list_del(&page->lru);
    if (list_empty(&buddy.area[order]))
        buddy.nonempty &= ~(1u << order);
}

/* A block of exactly this order, split off a larger one if need be; NULL. */
static struct page *take_block(unsigned order)
{
    u32 usable = buddy.nonempty >> order;
    struct page *page;
    unsigned have;

    if (!usable)
        return NULL;
    have = order + (unsigned)__builtin_ctz(usable);
    page = list_first_entry(&buddy.area[have], struct page, lru);
    area_remove(page, have);
    while (have > order) {
        have--;
        area_push(page + (1ul << have), have);
    }
    buddy.free -= 1ul << order;
    return page;
}

static const struct ram_range *range_of(u64 pfn)
{
    const struct ram_range *r = ram;

    while (pfn < r->start || pfn >= r->end)
        r++;
    return r;
}

static void return_block(struct page *page, unsigned order)
{
    u64 pfn = page_to_pfn(page);
    const struct ram_range *r = range_of(pfn);

    page->flags = 0;
    page->refcount = 0;
    buddy.free += 1ul << order;
    for (; order < MAX_ORDER; order++) {
        u64 mate_pfn = pfn ^ (1ul << order);
        struct page *mate;

        if (mate_pfn < r->start || mate_pfn >= r->end)
            break;
        mate = pfn_to_page(mate_pfn);
        if (!(mate->flags & PG_BUDDY) || mate->order != order)
            break;
        area_remove(mate, order);
        pfn &= mate_pfn;
    }
    area_push(pfn_to_page(pfn), order);
}

#if defined(DEBUG) || defined(FAULTLINE_HOST)
u64 alloc_fail_countdown;
bool alloc_fail_objects;
static const struct thread *fail_thread; /* to be compared only */

void page_alloc_fail_nth(u64 n)
{
    fail_thread = thread_current();
    alloc_fail_countdown = n;
    alloc_fail_objects = false;
}

void alloc_fail_nth(u64 n)
{
    page_alloc_fail_nth(n);
    alloc_fail_objects = true;
}

bool page_alloc_should_fail(void)
{
    return unlikely(alloc_fail_countdown) && fail_thread == thread_current() &&
           !--alloc_fail_countdown;
}
#endif

static struct page *take_block_locked(unsigned order)
{
    struct page *page;

    spin_lock(&buddy.lock);
    page = take_block(order);
    spin_unlock(&buddy.lock);
    return page;
}

struct page *alloc_pages(unsigned order)
{
    struct page *page;

    if (order > MAX_ORDER || page_alloc_should_fail())
        return NULL;
    page = take_block_locked(order);
    if (unlikely(!page)) {
        /* What this CPU keeps at hand may be all that is missing. */
        page_cache_drain();
        page = take_block_locked(order);
        if (!page)
            return NULL;
    }
    page->refcount = 1;
    page->order = order;
    mem_unpoison(page_address(page), PAGE_SIZE << order);
    return page;
}

void free_pages(struct page *page, unsigned order)
{
    BUG_ON(page->flags & (PG_BUDDY | PG_CACHED | PG_RESERVED));
    BUG_ON(page->refcount > 1 || page->mapcount || page->order != order);
    mem_poison(page_address(page), PAGE_SIZE << order);
    spin_lock(&buddy.lock);
    return_block(page, order);
    spin_unlock(&buddy.lock);
}

/* The largest order with 2^order <= n, n > 0. */
static unsigned order_below(unsigned n)
{
    return 31u - (unsigned)__builtin_clz(n);
}

/*
 * Fragments first: the smallest free blocks are used up whole before a larger
 * one is broken. The array is filled so that popping from its end gives rising
 * addresses within a block.
 */
unsigned page_alloc_bulk(struct page **pages, unsigned n)
{
    unsigned got = 0;

    spin_lock(&buddy.lock);
    while (got < n && buddy.nonempty) {
        unsigned order =
            min((unsigned)__builtin_ctz(buddy.nonempty), order_below(n - got));
        struct page *block = take_block(order);

        for (unsigned i = 1u << order; i-- > 0;) {
            block[i].flags = PG_CACHED;
            block[i].refcount = 0;
            block[i].order = 0;
            pages[got++] = &block[i];
        }
    }
    spin_unlock(&buddy.lock);
    return got;
}

void page_free_bulk(struct page **pages, unsigned n)
{
    spin_lock(&buddy.lock);
    for (unsigned i = 0; i < n; i++)
        return_block(pages[i], 0);
    spin_unlock(&buddy.lock);
}

/* ---- boot ---- */

/* The fewest aligned blocks that make up [pfn, end). */
static void hand_over(u64 pfn, u64 end)
{
    buddy.free += end - pfn;
    while (pfn < end) {
        unsigned order = MAX_ORDER;

        if (pfn)
            order = min(order, (unsigned)__builtin_ctzl(pfn));
        while (pfn + (1ul << order) > end)
            order--;
        area_push(pfn_to_page(pfn), order);
        pfn += 1ul << order;
    }
}

static void reserve(u64 pfn, u64 end)
{
    for (; pfn < end; pfn++) {
        struct page *page = pfn_to_page(pfn);

        page->flags = PG_RESERVED;
        page->refcount = 1;
    }
}

/* The largest range stands first: most look-ups end there. */
static void add_ram_range(u64 start, u64 end)
{
    struct ram_range *r = &ram[ram_count++];

    *r = (struct ram_range){start, end};
    if (end - start > ram[0].end - ram[0].start) {
        *r = ram[0];
        ram[0] = (struct ram_range){start, end};
    }
    total_frames += end - start;
}

static void init_ram_range(u64 start, u64 end)
{
    phys_addr_t free_start, free_end;
    u64 done = start;

    for (unsigned i = 0; memblock_free_range(i, &free_start, &free_end); i++) {
        free_start >>= PAGE_SHIFT;
        free_end >>= PAGE_SHIFT;
        if (free_start < start || free_start >= end)
            continue;
        reserve(done, free_start);
        hand_over(free_start, free_end);
        done = free_end;
    }
    reserve(done, end);
}

void page_alloc_init(void)
{
    phys_addr_t start, end;

    spin_lock_init(&buddy.lock);
    spin_lock_class(&buddy.lock, LOCK_BUDDY);
    buddy.nonempty = 0;
    buddy.free = total_frames = 0;
    ram_count = 0;
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        list_init(&buddy.area[order]);
    for (unsigned i = 0; memblock_ram_range(i, &start, &end); i++) {
        add_ram_range(start >> PAGE_SHIFT, end >> PAGE_SHIFT);
        init_ram_range(start >> PAGE_SHIFT, end >> PAGE_SHIFT);
    }
}

/* ---- counts ---- */

u64 frames_free(void)
{
    return READ_ONCE(buddy.free) + page_cache_frames();
}

static bool table_lock_held(void)
{
    for (unsigned i = 0; i < ram_count; i++)
        for (u64 pfn = ram[i].start; pfn < ram[i].end; pfn++)
            if ((pfn_to_page(pfn)->flags & PG_TABLE) &&
                spin_is_held(&pfn_to_page(pfn)->table_lock))
                return true;
    return false;
}

bool mm_hot_locks_held(void)
{
    return kmem_cache_lock_held() || table_lock_held();
}
