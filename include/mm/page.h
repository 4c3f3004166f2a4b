/*
 * Page frames: descriptors, the boot-time allocator, the buddy allocator and
 * the per-CPU caches in front of it.
 */
#pragma once

#include <base/errno.h>
#include <base/list.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <arch/page.h>

#define MAX_ORDER 10 /* largest block: 2^10 pages, 4 MiB */

/* page.flags */
#define PG_RESERVED 0x01u  /* never in the allocator: kernel image, modules */
#define PG_BUDDY    0x02u  /* head of a free block; order is valid */
#define PG_SLAB     0x04u  /* belongs to a slab cache */
#define PG_TABLE    0x08u  /* a page table */
#define PG_ANON     0x10u  /* mapped as anonymous user memory */
#define PG_ZERO     0x20u  /* the zero page */
#define PG_CACHED   0x40u  /* free, in some CPU's page cache */
#define PG_PREALLOC 0x80u  /* object's, set aside, never used */
#define PG_CHARGED  0x100u /* counted in page->group */
#define PG_DIRTY    0x200u /* object's, written; entries may know better */
#define PG_COPY     0x400u /* with PG_ANON: of an object's page */
#define PG_LAZYFREE 0x800u /* with PG_ANON: MADV_FREE, if not written since */
#define PG_FORKED                                                              \
    0x2000u /* with PG_ANON: shared by fork, not used alone since */
#define PG_UNTOLD 0x1000u /* object's, dirty, its pager to be told */

/* One per frame, 64 bytes. */
struct page {
    u32 flags;
    u32 refcount;         /* atomic; 0: free */
    u32 mapcount;         /* atomic: user page-table entries that name it */
    u32 order;            /* of the free or allocated block this page heads */
    struct list_head lru; /* free list, slab list */
    union {
        struct { /* slab */
            struct kmem_cache *slab_cache;
            void *slab_free; /* free objects, linked through themselves */
            u32 slab_used;
        };
        struct {                   /* page table */
            spinlock_t table_lock; /* of level 0: its entries */
        };
        struct { /* user page, see rmap.h */
            union {
                struct mem_object *object; /* its, or PG_COPY: copied from */
                struct mm_family *family;  /* PG_ANON without PG_COPY */
            };
            u64 index; /* in the object; linear, see vma_index() */
        };
    };
    struct mm_group *group; /* with PG_CHARGED; holds a reference */
};

/* Flags that change while others may change others of the same page. */
static inline void page_set_flag(struct page *page, u32 flag)
{
    __atomic_fetch_or(&page->flags, flag, __ATOMIC_RELAXED);
}

static inline void page_clear_flag(struct page *page, u32 flag)
{
    __atomic_fetch_and(&page->flags, ~flag, __ATOMIC_RELAXED);
}

/* Pages a CPU keeps at hand so that most single-page calls take no lock. */
#define PAGE_CACHE_SIZE 32
struct page_cache {
    unsigned count;
    struct page *pages[PAGE_CACHE_SIZE];
};

/* ---- boot time (mm/memblock.c): ranges, before descriptors exist ---- */

/* Adds usable memory / takes a range out of it. Units: bytes; add rounds
 * inwards to pages, reserve outwards. Both panic when their table is full. */
void memblock_add(phys_addr_t base, u64 size);
void memblock_reserve(phys_addr_t base, u64 size);

/* Allocates size bytes at the alignment, below limit (0: anywhere), highest
 * address first; zeroed is the caller's business. Returns 0 if there is none.
 */
phys_addr_t memblock_alloc(u64 size, u64 align, phys_addr_t limit);

/* The i-th usable (not yet reserved) range; false past the last. Sorted. */
bool memblock_free_range(unsigned i, phys_addr_t *start, phys_addr_t *end);

/* The i-th range of RAM as added, reserved parts included. */
bool memblock_ram_range(unsigned i, phys_addr_t *start, phys_addr_t *end);

/* ---- the buddy allocator (mm/page_alloc.c) ---- */

/* Hands all free memblock ranges to the buddy. The descriptors of every RAM
 * frame exist and are zero; frames not handed over become PG_RESERVED with
 * refcount 1. */
void page_alloc_init(void);

/*
 * Allocates 2^order contiguous frames, refcount 1, contents unknown.
 * Locks: takes the allocator's spinlock; callable from anywhere but interrupts.
 * Returns NULL when there is no memory (or fault injection says so).
 */
struct page *alloc_pages(unsigned order) __must_check;
void free_pages(struct page *page, unsigned order);

/* One frame, through the CPU's cache. alloc_zeroed_page() clears it. */
struct page *alloc_page(void) __must_check;
struct page *alloc_zeroed_page(void) __must_check;

/* References to single frames. put_page() frees at the last one. */
static inline void get_page(struct page *page)
{
    __atomic_fetch_add(&page->refcount, 1, __ATOMIC_RELAXED);
}

void free_page(struct page *page); /* refcount must be 1, or already 0 */

static inline void put_page(struct page *page)
{
    if (__atomic_fetch_sub(&page->refcount, 1, __ATOMIC_ACQ_REL) == 1)
        free_page(page);
}

/* For the page cache: up to n single frames, refcount 0, PG_CACHED, into pages
 * (returns how many) / back to the buddy. */
unsigned page_alloc_bulk(struct page **pages, unsigned n);
void page_free_bulk(struct page **pages, unsigned n);

/* Fault injection wants this allocation, of a frame or of an object, to fail:
 * in debug builds and on the host. */
#if defined(DEBUG) || defined(FAULTLINE_HOST)
bool page_alloc_should_fail(void);
extern bool alloc_fail_objects; /* and not frames alone */
#define object_alloc_should_fail()                                             \
    (alloc_fail_objects && page_alloc_should_fail())
extern u64 alloc_fail_countdown; /* 0: none is to fail any more */
#else
#define page_alloc_should_fail()   false
#define object_alloc_should_fail() false
#endif

/* Frames in the caches of all CPUs. */
u64 page_cache_frames(void);

/* A page table: a frame of empty entries / one that has become empty again,
 * reference count 1. A few are kept at hand. */
struct page *alloc_table_page(void) __must_check;
void free_table_page(struct page *page);

/* Empties the calling CPU's cache into the buddy. */
void page_cache_drain(void);

/* Frames in all, and free ones (the caches of all CPUs counted as free). */
extern u64 total_frames;
static inline u64 frames_total(void)
{
    return total_frames;
}
u64 frames_free(void);

/* This CPU holds a lock of the kind taken by spin_lock_hot(). Slow. */
bool mm_hot_locks_held(void);

/* nth-allocation failure, where there is fault injection: the nth from now that
 * this thread makes fails, once (0: off), of frames / of frames and objects. */
void page_alloc_fail_nth(u64 n);
void alloc_fail_nth(u64 n);

/* The one page of zeros that read faults map. */
extern struct page *zero_page;
