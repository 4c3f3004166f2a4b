/* memblock against a map of single pages, and its edges. */
#include "fake.h"

#define PAGES 512u

static bool is_ram[PAGES], is_reserved[PAGES];

static void reset(void)
{
    memblock_reset();
    for (unsigned i = 0; i < PAGES; i++)
        is_ram[i] = is_reserved[i] = false;
}

/* The ranges, in order, are exactly the maximal runs of the model. */
static void check(void)
{
    phys_addr_t start, end;
    unsigned i = 0, page = 0;

    for (; memblock_free_range(i, &start, &end); i++) {
        assert_true(start < end);
        for (; page < start >> PAGE_SHIFT; page++)
            assert_false(is_ram[page] && !is_reserved[page]);
        for (; page < end >> PAGE_SHIFT; page++)
            assert_true(is_ram[page] && !is_reserved[page]);
    }
    for (; page < PAGES; page++)
        assert_false(is_ram[page] && !is_reserved[page]);
    for (i = page = 0; memblock_ram_range(i, &start, &end); i++) {
        for (; page < start >> PAGE_SHIFT; page++)
            assert_false(is_ram[page]);
        for (; page < end >> PAGE_SHIFT; page++)
            assert_true(is_ram[page]);
    }
}

static void rounding(void **state __maybe_unused)
{
    phys_addr_t start, end;

    reset();
    memblock_add(0x1800, 0x3000); /* inwards: page 2 and 3 */
    assert_true(memblock_ram_range(0, &start, &end));
    assert_int_equal(start, 0x2000);
    assert_int_equal(end, 0x4000);
    memblock_reserve(0x3fff, 1); /* outwards: page 3 */
    assert_true(memblock_free_range(0, &start, &end));
    assert_int_equal(end, 0x3000);
    assert_false(memblock_free_range(1, &start, &end));
    memblock_add(0x9100, 0x800); /* no whole page */
    assert_false(memblock_ram_range(1, &start, &end));
    memblock_reserve(0x2000, 0); /* nothing */
    assert_true(memblock_free_range(0, &start, &end));
}

/* Firmware may say anything; ranges that wrap are cut, not believed. */
static void wrapping(void **state __maybe_unused)
{
    phys_addr_t start, end;

    reset();
    memblock_add(~0ul - 0x5fff, ~0ul);
    assert_true(memblock_ram_range(0, &start, &end));
    assert_true(start < end);
    memblock_reserve(~0ul - 0x1fff, ~0ul);
    assert_true(memblock_free_range(0, &start, &end));
    assert_true(start < end && end <= ~0ul - 0x1fff);
}

static void random_ranges(void **state __maybe_unused)
{
    for (unsigned round = 0; round < 200; round++) {
        reset();
        for (unsigned op = 0; op < 40; op++) {
            u64 first = fake_rand(PAGES), n = fake_rand(24);
            bool add = fake_rand(2);

            n = min(n, PAGES - first);
            for (u64 i = first; i < first + n; i++)
                *(add ? &is_ram[i] : &is_reserved[i]) = true;
            if (add)
                memblock_add(first << PAGE_SHIFT, n << PAGE_SHIFT);
            else
                memblock_reserve(first << PAGE_SHIFT, n << PAGE_SHIFT);
        }
        check();
    }
}

/* Highest address first, aligned, below the limit, never twice. */
static void allocation(void **state __maybe_unused)
{
    phys_addr_t a, b, c;

    reset();
    memblock_add(0x10000, 0x100000);
    memblock_reserve(0x80000, 0x1000);
    a = memblock_alloc(0x1000, 0x1000, 0);
    assert_int_equal(a, 0x10f000);
    b = memblock_alloc(0x2800, 0x10000, 0);
    assert_int_equal(b, 0x100000);
    c = memblock_alloc(1, 1, 0x81800);
    assert_int_equal(c, 0x7f000);
    c = memblock_alloc(1, 1, 0x82800); /* what fits below 0x82800 */
    assert_int_equal(c, 0x81000);
    assert_int_equal(memblock_alloc(0x200000, 0x1000, 0), 0);
    assert_int_equal(memblock_alloc(0x1000, 0x1000, 0x10000), 0);
    assert_int_equal(memblock_alloc(0x1000, 0x1000, 0x11000), 0x10000);
    assert_int_equal(memblock_alloc(0x1000, 0x1000, 0x11000), 0);
}

static void until_empty(void **state __maybe_unused)
{
    phys_addr_t start, end, p;
    unsigned got = 0;

    reset();
    memblock_add(0x10000, 100 * PAGE_SIZE);
    memblock_add(0x400000, 50 * PAGE_SIZE);
    while ((p = memblock_alloc(PAGE_SIZE, PAGE_SIZE, 0)))
        got++;
    assert_int_equal(got, 150);
    assert_false(memblock_free_range(0, &start, &end));
}

static void too_many(void **state __maybe_unused)
{
    unsigned i = 0;

    reset();
    fake_panic_armed = true;
    if (!setjmp(fake_panic_jmp))
        for (i = 0; i < 1000; i++)
            memblock_add(i * 2 * PAGE_SIZE, PAGE_SIZE);
    assert_false(fake_panic_armed); /* it went off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding),      cmocka_unit_test(wrapping),
        cmocka_unit_test(random_ranges), cmocka_unit_test(allocation),
        cmocka_unit_test(until_empty),   cmocka_unit_test(too_many),
    };

    fake_seed();
    return cmocka_run_group_tests_name("memblock", tests, NULL, NULL);
}
