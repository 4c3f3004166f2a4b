/*
 * An address space with an arena of pages in it, for the tests that want no
 * more than that. A table's edge lies in the arena's middle.
 */
#pragma once

#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <uapi/faultline/mman.h>

#define PAGES  64u
#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)

static struct mm_struct *mm;

static inline u64 page_at(unsigned n)
{
    return 0x20000000ul + n * PAGE_SIZE - PAGES / 2 * PAGE_SIZE;
}

static inline int arena_setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    fake_mm = mm;
    return mm ? 0 : -1;
}

static inline int arena_teardown(void **state)
{
    int bad = validate_mm(mm) || validate_counts(mm);

    fake_tlb_check();
    fake_on_block = NULL;
    fake_signal = false;
    mm_put(mm);
    return fake_check_leaks(state) || bad ? -1 : 0;
}

#define ARENA_TEST(fn)                                                         \
    cmocka_unit_test_setup_teardown(fn, arena_setup, arena_teardown)

/* Pages first to first + count - 1, of an object or (NULL) of none. */
static inline void map_object(unsigned first, unsigned count, u64 prot,
                              u64 flags, struct mem_object *object, u64 pgoff)
{
    u64 at = page_at(first);

    assert_int_equal(do_mmap(mm, at, count * PAGE_SIZE, prot, flags | MAP_FIXED,
                             object, pgoff, true),
                     at);
}

static inline void map_pages(unsigned first, unsigned count, u64 prot,
                             u64 flags)
{
    map_object(first, count, prot, flags, NULL, 0);
}

/* The entry of a page; none, too, where there is no table. */
static inline pte_t entry_of(struct mm_struct *space, unsigned n)
{
    pte_t *pte = pte_lookup(space, page_at(n));

    return pte ? pte_get(pte) : PTE_NONE;
}

static inline bool is_there(unsigned n)
{
    return pte_present(entry_of(mm, n));
}

static inline struct page *frame_of(unsigned n)
{
    return pfn_to_page(pte_pfn(entry_of(mm, n)));
}

/* Some pages in a row, often few of them. */
struct range {
    unsigned first, count;
    u64 start, len;
};

static inline struct range random_range(void)
{
    struct range r;

    r.first = (unsigned)fake_rand(PAGES);
    r.count = 1 + (unsigned)fake_rand(fake_rand(3) ? 6 : PAGES);
    r.count = min(r.count, PAGES - r.first);
    r.start = page_at(r.first);
    r.len = r.count * PAGE_SIZE;
    return r;
}
