/* Kernel mappings and stacks: mapped where they should be, guarded below,
 * reused, and given back whole. */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>

#define STACKS 200 /* more than one leaf table holds */

static u64 tops[STACKS];

static struct page *page_at(u64 va)
{
    pte_t *pte = pt_walk(kernel_pgd, va, 0);

    return pte && pte_present(*pte) ? pfn_to_page(pte_pfn(*pte)) : NULL;
}

static void check_stack(u64 top)
{
    assert_int_not_equal(top, 0);
    assert_true(IS_ALIGNED(top, 16));
    assert_true(top > VMALLOC_START && top <= VMALLOC_END);
    for (u64 va = top - KSTACK_SIZE; va < top; va += PAGE_SIZE) {
        assert_non_null(page_at(va));
        assert_false(kstack_is_guard(va));
    }
    assert_null(page_at(top - KSTACK_SIZE - 1));
    assert_true(kstack_is_guard(top - KSTACK_SIZE - 1));
    assert_true(kstack_is_guard(top - KSTACK_SIZE - PAGE_SIZE));
    assert_false(kstack_is_guard(top - 1));
}

static void single_pages(void **state __maybe_unused)
{
    u64 va = VMALLOC_END - 5 * PAGE_SIZE;
    struct page *page = alloc_page(), *table;

    assert_int_equal(kernel_map_page(va, page), 0);
    assert_ptr_equal(page_at(va), page);
    assert_false(kstack_is_guard(va));
    pte_set(pt_walk(kernel_pgd, va, 0), PTE_NONE);
    put_page(page);
    /* tables of such pages stay; drop them for the count of frames */
    for (int level = 1; level <= 2; level++) {
        pte_t *entry = pt_walk(kernel_pgd, va, level);

        table = pfn_to_page(pte_pfn(*entry));
        pte_set(entry, PTE_NONE);
        put_page(table);
    }
}

static void many_stacks(void **state __maybe_unused)
{
    unsigned flushes = fake_tlb_counts.kernel;

    for (unsigned i = 0; i < STACKS; i++) {
        tops[i] = kstack_alloc();
        check_stack(tops[i]);
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(tops[i], tops[j]);
    }
    for (unsigned i = STACKS; i-- > 0;) {
        u64 swap = fake_rand(i + 1), top = tops[swap];

        tops[swap] = tops[i];
        kstack_free(top);
        for (unsigned j = 0; j < i; j += 17)
            check_stack(tops[j]);
    }
    kstack_cache_drain();
    assert_true(fake_tlb_counts.kernel - flushes <= 1 + STACKS / 50);
}

/* A freed stack comes back without new frames, and addresses do not creep. */
static void reuse(void **state __maybe_unused)
{
    u64 top = kstack_alloc(), highest = 0, again;

    kstack_free(top);
    page_alloc_fail_nth(1);
    again = kstack_alloc();
    page_alloc_fail_nth(0);
    assert_int_equal(top, again);
    kstack_free(again);
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 20; i++)
            tops[i] = kstack_alloc();
        for (unsigned i = 0; i < 20; i++) {
            highest = max(highest, tops[i]);
            kstack_free(tops[i]);
        }
    }
    assert_true(highest <= VMALLOC_START + 30ul * 2 * KSTACK_SIZE);
}

/* Whatever fails, nothing is lost and a later try works. */
static void no_memory_left(void **state __maybe_unused)
{
    unsigned failures = 0, n = 0;

    for (unsigned i = 0; i < 100; i++)
        tops[i] = kstack_alloc();
    for (unsigned i = 100; i < 140; i++) {
        page_alloc_fail_nth(1 + n++ % 6);
        tops[i] = kstack_alloc();
        page_alloc_fail_nth(0);
        failures += !tops[i];
        if (!tops[i])
            tops[i] = kstack_alloc();
        check_stack(tops[i]);
    }
    assert_true(failures > 20);
    for (unsigned i = 0; i < 140; i++)
        kstack_free(tops[i]);
}

static void not_guards(void **state __maybe_unused)
{
    assert_false(kstack_is_guard(0));
    assert_false(kstack_is_guard(VMALLOC_START - 1));
    assert_false(kstack_is_guard(VMALLOC_END));
    assert_false(kstack_is_guard(~0ul));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(single_pages),   LEAK_TEST(many_stacks), LEAK_TEST(reuse),
        LEAK_TEST(no_memory_left), LEAK_TEST(not_guards),
    };

    return cmocka_run_group_tests_name("vmalloc", tests, fake_boot, NULL);
}
