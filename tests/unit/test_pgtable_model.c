/*
 * Page tables at random against a list of addresses: what is mapped is found
 * by every way of walking, nothing else is, and there are exactly the tables
 * that the mapped pages need.
 */
#include "fake.h"

#include <base/string.h>

#define SLOTS 48u

static struct mm_struct *mm;
static u64 pfns[SLOTS]; /* 0: not mapped */

/* Rising: pages on both sides of each kind of table's edge. */
static u64 slot_at(unsigned i)
{
    static const u64 edges[] = {2ul << 21,   3ul << 21,
                                1ul << 30,   1ul << 39,
                                3ul << 39,   (3ul << 39) + (5ul << 30),
                                127ul << 39, TASK_SIZE - 8 * PAGE_SIZE};

    return edges[i / 6] + ((s64)(i % 6) - 3) * (s64)PAGE_SIZE;
}

static int setup(void **state)
{
    fake_mark(state);
    memset(pfns, 0, sizeof(pfns));
    mm = mm_create();
    return mm ? 0 : -1;
}

static void map(unsigned i)
{
    struct page *page = alloc_zeroed_page();
    pte_t *pte = pte_alloc(mm, slot_at(i), NULL);

    assert_non_null(page);
    assert_non_null(pte);
    page->flags |= PG_ANON;
    page->mapcount = 1;
    mm->rss[RSS_ANON]++;
    pfns[i] = page_to_pfn(page);
    pte_set(pte, pte_make(pfns[i], vm_get_page_prot(VM_READ)));
}

/* As munmap(2): a run of slots, and the tables between what stays. */
static void unmap(unsigned first, unsigned last)
{
    u64 start = slot_at(first), end = slot_at(last) + PAGE_SIZE;
    u64 floor = 0, ceiling = ~0ul;

    zap_page_range(mm, start, end);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (i >= first && i <= last)
            pfns[i] = 0;
        else if (i < first && pfns[i])
            floor = slot_at(i) + PAGE_SIZE;
        else if (i > last && pfns[i] && ceiling == ~0ul)
            ceiling = slot_at(i);
    }
    free_pgtables(mm, start, end, floor, ceiling);
}

static int teardown(void **state)
{
    unmap(0, SLOTS - 1);
    assert_int_equal(mm->table_pages, 0);
    mm_put(mm);
    return fake_check_leaks(state);
}

/* Slots rise, so those that share a table follow one another. */
static u64 tables_needed(void)
{
    u64 count = 0;

    for (int level = 1; level < PT_LEVELS; level++) {
        u64 last = ~0ul;

        for (unsigned i = 0; i < SLOTS; i++) {
            u64 table = slot_at(i) / pt_span(level);

            if (!pfns[i] || table == last)
                continue;
            count++;
            last = table;
        }
    }
    return count;
}

struct visit {
    unsigned next, last;
};

static void visit(struct mm_struct *of, u64 va, pte_t *pte, void *arg)
{
    struct visit *v = arg;

    while (v->next <= v->last && !pfns[v->next])
        v->next++;
    assert_true(v->next <= v->last);
    assert_ptr_equal(of, mm);
    assert_int_equal(va, slot_at(v->next));
    assert_int_equal(pte_pfn(*pte), pfns[v->next]);
    v->next++;
}

static void check(unsigned first, unsigned last)
{
    struct visit v = {first, last};

    pte_for_each(mm, slot_at(first), slot_at(last) + PAGE_SIZE, visit, &v);
    while (v.next <= last)
        assert_int_equal(pfns[v.next++], 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        pte_t *pte = pte_lookup(mm, slot_at(i));

        assert_ptr_equal(pte, pt_walk(mm->pgd, slot_at(i), 0));
        assert_int_equal(pte && !pte_none(*pte) ? pte_pfn(*pte) : 0, pfns[i]);
    }
    assert_int_equal(mm->table_pages, tables_needed());
    fake_tlb_check();
}

static void random_tables(void **state __maybe_unused)
{
    for (unsigned n = 0; fake_more(n, 20000); n++) {
        unsigned first = (unsigned)fake_rand(SLOTS);
        unsigned last = first + (unsigned)fake_rand(SLOTS - first);

        if (fake_rand(3))
            last = min(last, first + 3);
        if (fake_rand(2))
            unmap(first, last);
        else
            for (unsigned i = first; i <= last; i++)
                if (!pfns[i])
                    map(i);
        check((unsigned)fake_rand(first + 1), last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_tables, setup, teardown),
    };

    return cmocka_run_group_tests_name("pgtable_model", tests, fake_boot, NULL);
}
