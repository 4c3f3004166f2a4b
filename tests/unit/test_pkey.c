/* Protection keys of an address space: which are in use, who has which, and
 * the one that makes memory executable only. */
#include "arena.h"

#include <arch/pkey.h>

static int key_of(unsigned n)
{
    return vma_pkey(find_vma(mm, page_at(n)));
}

static long protect(unsigned first, unsigned count, u64 prot, int key)
{
    return do_pkey_mprotect(mm, page_at(first), count * PAGE_SIZE, prot, key);
}

static int setup(void **state)
{
    fake_pkeys = PKEYS_MAX;
    memset(fake_pkey_rights, 0, sizeof(fake_pkey_rights));
    return arena_setup(state);
}

static void fifteen_keys(void **state __maybe_unused)
{
    for (int key = 1; key < PKEYS_MAX; key++) {
        assert_false(mm_pkey_allocated(mm, key));
        assert_int_equal(mm_pkey_alloc(mm), key);
        assert_true(mm_pkey_allocated(mm, key));
    }
    assert_int_equal(mm_pkey_alloc(mm), -ENOSPC);
    mm->pkeys &= ~(1u << 7);
    assert_int_equal(mm_pkey_alloc(mm), 7);
    assert_false(mm_pkey_allocated(mm, PKEYS_MAX));
    assert_false(mm_pkey_allocated(mm, -1));
}

static void a_machine_without_them(void **state __maybe_unused)
{
    fake_pkeys = 1;
    assert_int_equal(mm_pkey_alloc(mm), -ENOSPC);
    assert_true(mm_pkey_allocated(mm, 0));
    map_pages(0, 2, PROT_EXEC, ANON);
    assert_int_equal(key_of(0), 0);
    assert_int_equal(protect(0, 2, PROT_EXEC, -1), 0);
    assert_int_equal(key_of(0), 0);
}

/* Areas with different keys are different mappings. */
static void areas_have_keys(void **state __maybe_unused)
{
    map_pages(0, 8, RW, ANON);
    assert_int_equal(protect(2, 2, RW, 3), -EINVAL);
    assert_int_equal(mm_pkey_alloc(mm), 1);
    assert_int_equal(protect(2, 2, RW, 1), 0);
    assert_int_equal(mm->map_count, 3);
    assert_int_equal(key_of(1), 0);
    assert_int_equal(key_of(3), 1);
    assert_int_equal(protect(2, 2, PROT_READ, -1), 0); /* keeps its key */
    assert_int_equal(key_of(3), 1);
    assert_int_equal(protect(2, 2, RW, 0), 0);
    assert_int_equal(mm->map_count, 1);
}

static void execute_only(void **state __maybe_unused)
{
    int key;

    map_pages(0, 4, PROT_EXEC, ANON);
    key = key_of(0);
    assert_int_equal(key, 1);
    assert_false(mm_pkey_allocated(mm, key)); /* nobody else's business */
    assert_int_equal(fake_pkey_rights[key], PKEY_DISABLE_ACCESS);
    map_pages(8, 4, PROT_READ, ANON);
    assert_int_equal(protect(8, 4, PROT_EXEC, -1), 0);
    assert_int_equal(key_of(8), key);
    assert_int_equal(protect(8, 4, PROT_READ | PROT_EXEC, -1), 0);
    assert_int_equal(key_of(8), 0);
    fake_pkey_rights[key] = 0; /* another thread's */
    map_pages(12, 1, PROT_EXEC, ANON);
    assert_int_equal(fake_pkey_rights[key], PKEY_DISABLE_ACCESS);
}

/* No key left: the memory can be read as well, as on Linux. */
static void no_key_for_execute_only(void **state __maybe_unused)
{
    while (mm_pkey_alloc(mm) > 0)
        ;
    map_pages(0, 4, PROT_EXEC, ANON);
    assert_int_equal(key_of(0), 0);
    map_pages(8, 4, RW, ANON);
    assert_int_equal(protect(8, 2, RW, 5), 0);
    assert_int_equal(protect(8, 2, PROT_EXEC, -1), 0);
    assert_int_equal(key_of(8), 5);
}

/* mlock does not touch what the thread may not. */
static void populating_asks_the_key(void **state __maybe_unused)
{
    map_pages(0, 2, RW, ANON);
    assert_int_equal(mm_pkey_alloc(mm), 1);
    assert_int_equal(protect(0, 2, RW, 1), 0);
    fake_pkey_rights[1] = PKEY_DISABLE_WRITE;
    assert_int_equal(do_mlock(mm, page_at(0), PAGE_SIZE, 0), -ENOMEM);
    fake_pkey_rights[1] = 0;
    assert_int_equal(do_mlock(mm, page_at(0), PAGE_SIZE, 0), 0);
}

#define PKEY_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, arena_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKEY_TEST(fifteen_keys),
        PKEY_TEST(a_machine_without_them),
        PKEY_TEST(areas_have_keys),
        PKEY_TEST(execute_only),
        PKEY_TEST(no_key_for_execute_only),
        PKEY_TEST(populating_asks_the_key),
    };

    return cmocka_run_group_tests_name("pkey", tests, fake_boot, NULL);
}
