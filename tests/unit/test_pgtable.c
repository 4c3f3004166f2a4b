/* Page tables: growing, walking, zapping, freeing; every table and frame is
 * accounted for at the end of each test. */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>

#define SPOTS 300

static struct mm_struct *mm;

static int setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    fake_tlb_counts = (struct fake_tlb_counts){0};
    return mm ? 0 : -1;
}

static int teardown(void **state)
{
    free_pgtables(mm, 0, TASK_SIZE, 0, ~0ul);
    assert_int_equal(mm->table_pages, 0);
    mm_put(mm);
    return fake_check_leaks(state);
}

/* Maps a fresh anonymous page, as the fault path does. */
static struct page *map_page(u64 va)
{
    struct page *page = alloc_zeroed_page();
    pte_t *pte = pte_alloc(mm, va, NULL);

    assert_non_null(page);
    assert_non_null(pte);
    assert_true(pte_none(*pte));
    page->flags |= PG_ANON;
    page->mapcount = 1;
    mm->rss[RSS_ANON]++;
    pte_set(pte, pte_make(page_to_pfn(page), vm_get_page_prot(VM_READ)));
    return page;
}

static void zap(u64 start, u64 end)
{
    zap_page_range(mm, start, end);
}

static void lookup(void **state __maybe_unused)
{
    u64 va = 0x7123456000;
    pte_t *pte;

    assert_null(pte_lookup(mm, va));
    pte = pte_alloc(mm, va, NULL);
    assert_non_null(pte);
    assert_int_equal(mm->table_pages, 3);
    assert_ptr_equal(pte_lookup(mm, va), pte);
    assert_ptr_equal(pte_lookup(mm, va + 0xfff), pte);
    assert_ptr_equal(pte_lookup(mm, va + PAGE_SIZE), pte + 1);
    assert_null(pte_lookup(mm, va + pt_span(1)));
    assert_null(pte_lookup(mm, va + pt_span(2)));
    assert_null(pte_lookup(mm, va + pt_span(3)));
    assert_ptr_equal(pte_alloc(mm, va, NULL), pte);
    assert_int_equal(mm->table_pages, 3);
    assert_ptr_equal(pt_walk(mm->pgd, va, 3), mm->pgd);
    assert_int_equal(
        pte_pfn(*pt_walk(mm->pgd, va, 1)),
        page_to_pfn(virt_to_page((void *)ALIGN_DOWN((uintptr_t)pte, 4096))));
    assert_int_equal(virt_to_page(pte)->flags, PG_TABLE);
}

/* The record gets the walk as it was, and the tables as they became. */
static void record(void **state __maybe_unused)
{
    struct fault_record rec;
    u64 va = 0x40000000;

    memset(&rec, 0xff, sizeof(rec));
    pte_alloc(mm, va, &rec);
    for (unsigned i = 0; i < PT_LEVELS; i++)
        assert_int_equal(rec.walk_before[i], 0);
    map_page(va);
    pte_alloc(mm, va, &rec);
    for (int i = 0; i < PT_LEVELS; i++) {
        u64 v = pt_walk(mm->pgd, va, PT_LEVELS - 1 - i)->v;

        assert_int_not_equal(v, 0);
        assert_int_equal(rec.walk_before[i], v);
        if (i < PT_LEVELS - 1)
            assert_int_equal(rec.walk_after[i], v);
    }
    zap(va, va + PAGE_SIZE);
}

/* Memory ends at each level in turn: no entry, nothing lost. */
static void no_memory_left(void **state __maybe_unused)
{
    for (unsigned n = 1; n <= 3; n++) {
        page_alloc_fail_nth(n);
        assert_null(pte_alloc(mm, 0x12345678000, NULL));
        assert_int_equal(mm->table_pages, n - 1);
        free_pgtables(mm, 0, TASK_SIZE, 0, ~0ul);
    }
}

static u64 race_va;
static pte_t *race_winner;

static void other_cpu_is_faster(void)
{
    race_winner = pte_alloc(mm, race_va, NULL);
}

/* Two CPUs miss the same table: one table stays, the loser's is freed (the
 * teardown would see it missing). */
static void race(void **state __maybe_unused)
{
    pte_t *pte;

    race_va = 0x5000000000;
    page_cache_drain(); /* no table at hand: a new one must be cleared */
    fake_on_page_clear = other_cpu_is_faster;
    pte = pte_alloc(mm, race_va, NULL);
    assert_ptr_equal(pte, race_winner);
    assert_non_null(race_winner);
    assert_int_equal(mm->table_pages, 3);
    race_va += pt_span(1); /* only the lowest table is missing */
    page_cache_drain();
    fake_on_page_clear = other_cpu_is_faster;
    pte = pte_alloc(mm, race_va, NULL);
    assert_ptr_equal(pte, race_winner);
    assert_int_equal(mm->table_pages, 4);
}

/* ---- visiting ---- */

static u64 spots[SPOTS];
static unsigned visited;

static int by_value(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;

    return x < y ? -1 : x > y;
}

/* Distinct pages: clusters, neighbours of table edges, far corners. */
static void choose_spots(void)
{
    for (unsigned i = 0; i < SPOTS;) {
        u64 va = fake_rand(8) << (30 + fake_rand(15));
        unsigned j = 0;

        va += (fake_rand(4) << 21) + (fake_rand(600) << PAGE_SHIFT);
        va = fake_rand(16) ? va : TASK_SIZE - PAGE_SIZE * (1 + fake_rand(9));
        if (va >= TASK_SIZE)
            continue;
        while (j < i && spots[j] != va)
            j++;
        if (j == i)
            spots[i++] = va;
    }
    qsort(spots, SPOTS, sizeof(spots[0]), by_value);
}

static void visit(struct mm_struct *m, u64 va, pte_t *pte, void *arg)
{
    unsigned *next = arg;

    assert_ptr_equal(m, mm);
    assert_true(*next < SPOTS);
    assert_int_equal(va, spots[*next]);
    assert_ptr_equal(pte, pte_lookup(mm, va));
    ++*next;
    visited++;
}

static unsigned first_spot_from(u64 va)
{
    unsigned i = 0;

    while (i < SPOTS && spots[i] < va)
        i++;
    return i;
}

static void for_each(void **state __maybe_unused)
{
    choose_spots();
    for (unsigned i = 0; i < SPOTS; i++)
        map_page(spots[i]);
    for (unsigned round = 0; round < 300; round++) {
        u64 a = round ? spots[fake_rand(SPOTS)] : 0;
        u64 b = round ? spots[fake_rand(SPOTS)] : TASK_SIZE;
        u64 start = min(a, b), end = max(a, b);
        unsigned next = first_spot_from(start);
        unsigned stop = first_spot_from(end);

        visited = 0;
        pte_for_each(mm, start, end, visit, &next);
        assert_int_equal(next, stop);
    }
    zap(0, TASK_SIZE);
    assert_int_equal(mm->rss[RSS_ANON], 0);
}

/* ---- zapping ---- */

static void zap_one(void **state __maybe_unused)
{
    struct page *page = map_page(0x10000);

    get_page(page);
    zap(0x10000, 0x11000);
    assert_int_equal(page->refcount, 1);
    assert_int_equal(page->mapcount, 0);
    assert_int_equal(mm->rss[RSS_ANON], 0);
    assert_true(pte_none(*pte_lookup(mm, 0x10000)));
    assert_int_equal(fake_tlb_counts.page, 1);
    assert_int_equal(fake_tlb_counts.range, 0);
    put_page(page);
    zap(0x10000, 0x11000); /* nothing there: nothing to flush */
    assert_int_equal(fake_tlb_counts.page, 1);
}

/* More than a batch, across tables, edges respected. */
static void zap_many(void **state __maybe_unused)
{
    u64 start = 0x40000000 - 100 * PAGE_SIZE, n = 700;
    u64 first = 3, last = 690;

    for (u64 i = 0; i < n; i++)
        map_page(start + i * PAGE_SIZE);
    zap(start + first * PAGE_SIZE, start + last * PAGE_SIZE);
    assert_int_equal(mm->rss[RSS_ANON], n - (last - first));
    assert_int_equal(fake_tlb_counts.page, 0);
    assert_int_equal(fake_tlb_counts.range, (last - first + 63) / 64);
    for (u64 i = 0; i < n; i++)
        assert_int_equal(pte_none(*pte_lookup(mm, start + i * PAGE_SIZE)),
                         i >= first && i < last);
    zap(0, TASK_SIZE);
    assert_int_equal(mm->rss[RSS_ANON], 0);
}

/* The zero page has no counts to drop. */
static void zap_zero_page(void **state __maybe_unused)
{
    u32 refs = zero_page->refcount;
    pte_t *pte = pte_alloc(mm, 0x10000, NULL);

    pte_set(pte, pte_make(page_to_pfn(zero_page), vm_get_page_prot(VM_READ)));
    zap(0, 0x20000);
    assert_true(pte_none(*pte));
    assert_int_equal(zero_page->refcount, refs);
    assert_int_equal(zero_page->mapcount, 0);
    assert_int_equal(fake_tlb_counts.page, 1);
}

/* A module's page is counted as a file's and never freed. */
static void zap_module_page(void **state __maybe_unused)
{
    struct page *page = pfn_to_page(FAKE_MODULE_START >> PAGE_SHIFT);
    pte_t *pte = pte_alloc(mm, 0x10000, NULL);

    get_page(page);
    page->mapcount++;
    mm->rss[RSS_FILE]++;
    pte_set(pte, pte_make(page_to_pfn(page), vm_get_page_prot(VM_READ)));
    zap(0x10000, 0x11000);
    assert_int_equal(page->refcount, 1);
    assert_int_equal(page->mapcount, 0);
    assert_int_equal(mm->rss[RSS_FILE], 0);
}

/* ---- freeing tables ---- */

/* Only tables wholly inside the free space go. */
static void free_respects_neighbours(void **state __maybe_unused)
{
    u64 base = 0x40000000, span = pt_span(1);

    for (u64 i = 0; i < 4; i++)
        pte_alloc(mm, base + i * span, NULL);
    assert_int_equal(mm->table_pages, 6);
    /* neighbours in the tables of both ends: nothing may go */
    free_pgtables(mm, base + 0x5000, base + 0x6000, base + 0x4000, base + span);
    assert_int_equal(mm->table_pages, 6);
    free_pgtables(mm, base + 0x5000, base + 0x6000, base, base + span - 4096);
    assert_int_equal(mm->table_pages, 6);
    /* exactly one fits */
    free_pgtables(mm, base + span, base + span + 4096, base + span,
                  base + 2 * span);
    assert_int_equal(mm->table_pages, 5);
    assert_null(pte_lookup(mm, base + span));
    assert_non_null(pte_lookup(mm, base + 2 * span));
    /* the rest, but the upper tables serve somebody else */
    free_pgtables(mm, base, base + 4 * span, base, base + 4 * span);
    assert_int_equal(mm->table_pages, 2);
    free_pgtables(mm, base, base + 4096, 0, ~0ul);
    assert_int_equal(mm->table_pages, 0);
    assert_int_equal(fake_tlb_counts.page, 3);
}

/* The end of the address space lies inside a table. */
static void free_at_the_top(void **state __maybe_unused)
{
    pte_alloc(mm, TASK_SIZE - PAGE_SIZE, NULL);
    free_pgtables(mm, TASK_SIZE - PAGE_SIZE, TASK_SIZE, 0, ~0ul);
    assert_int_equal(mm->table_pages, 0);
    pte_alloc(mm, 0, NULL);
    free_pgtables(mm, 0, PAGE_SIZE, 0, ~0ul);
    assert_int_equal(mm->table_pages, 0);
}

/* Areas of one page, unmapped in any order as munmap(2) does it: tables never
 * go while a neighbour needs them, and all are gone at the end. */
static void free_in_any_order(void **state __maybe_unused)
{
    bool mapped[SPOTS];

    choose_spots();
    for (unsigned i = 0; i < SPOTS; i++) {
        map_page(spots[i]);
        mapped[i] = true;
    }
    for (unsigned left = SPOTS; left; left--) {
        unsigned i = (unsigned)fake_rand(SPOTS), below, above;

        while (!mapped[i])
            i = (i + 1) % SPOTS;
        mapped[i] = false;
        zap(spots[i], spots[i] + PAGE_SIZE);
        for (below = i; below && !mapped[below]; below--)
            ;
        for (above = i; above < SPOTS && !mapped[above]; above++)
            ;
        free_pgtables(mm, spots[i], spots[i] + PAGE_SIZE,
                      mapped[below] ? spots[below] + PAGE_SIZE : 0,
                      above < SPOTS ? spots[above] : ~0ul);
        for (unsigned j = 0; j < SPOTS; j++)
            if (mapped[j])
                assert_true(pte_present(*pte_lookup(mm, spots[j])));
    }
    assert_int_equal(mm->table_pages, 0);
}

#define PT_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PT_TEST(lookup),          PT_TEST(record),
        PT_TEST(no_memory_left),  PT_TEST(race),
        PT_TEST(for_each),        PT_TEST(zap_one),
        PT_TEST(zap_many),        PT_TEST(zap_zero_page),
        PT_TEST(zap_module_page), PT_TEST(free_respects_neighbours),
        PT_TEST(free_at_the_top), PT_TEST(free_in_any_order),
    };

    return cmocka_run_group_tests_name("pgtable", tests, fake_boot, NULL);
}
