/*
 * Sizes by kind, limits and promises: what every call adds is taken back, the
 * three modes, and that a refusal changes nothing.
 */
#include "fake.h"

#include <uapi/faultline/mman.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define BASE 0x10000000ul

static struct mm_struct *mm;

static long map(u64 pages, u64 prot, u64 flags)
{
    return do_mmap(mm, 0, pages * PAGE_SIZE, prot, flags, NULL, 0, true);
}

static long map_at(u64 addr, u64 pages, u64 prot)
{
    return do_mmap(mm, addr, pages * PAGE_SIZE, prot, ANON | MAP_FIXED, NULL, 0,
                   true);
}

static void begin(void)
{
    assert_int_equal(vm_committed(), 0);
    mm = mm_create();
    assert_non_null(mm);
    fake_mm = mm;
}

static void end(void)
{
    mm_put(mm);
    assert_int_equal(vm_committed(), 0);
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_MEMORY, 0), 0);
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_RATIO, 50), 0);
}

static void test_kinds(void **state __maybe_unused)
{
    long data;

    begin();
    data = map(10, RW, ANON);
    map(5, PROT_READ | PROT_EXEC, ANON);
    map(3, PROT_READ, ANON);
    map(7, RW, MAP_SHARED | MAP_ANONYMOUS);
    assert_int_equal(mmap_stack(mm, STACK_TOP, 4 * PAGE_SIZE), 0);
    assert_int_equal(mm->total_vm, 29);
    assert_int_equal(mm->data_vm, 10);
    assert_int_equal(mm->exec_vm, 5);
    assert_int_equal(mm->stack_vm, 4);
    assert_int_equal(vm_committed(), 10 + 7 + 4);
    assert_int_equal(do_munmap(mm, data, 4 * PAGE_SIZE), 0);
    assert_int_equal(mm->data_vm, 6);
    assert_int_equal(mm_hiwater_vm(mm), 29);
    assert_int_equal(vm_committed(), 17);
    end();
}

static void test_fork_promises(void **state __maybe_unused)
{
    struct mm_struct *child;

    begin();
    map(10, RW, ANON);
    map(10, PROT_READ, ANON);
    child = mm_fork(mm);
    assert_non_null(child);
    assert_int_equal(vm_committed(), 20);
    assert_int_equal(child->total_vm, 20);
    assert_int_equal(child->data_vm, 10);
    mm_put(child);
    assert_int_equal(vm_committed(), 10);
    end();
}

/* Writable memory is promised once; untouched, it can be given back. */
static void test_protect(void **state __maybe_unused)
{
    struct page *page;

    begin();
    map_at(BASE, 8, PROT_READ);
    assert_int_equal(vm_committed(), 0);
    assert_int_equal(do_mprotect(mm, BASE, 4 * PAGE_SIZE, RW), 0);
    assert_int_equal(vm_committed(), 4);
    assert_int_equal(mm->data_vm, 4);
    assert_int_equal(do_mprotect(mm, BASE, 8 * PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(vm_committed(), 0);
    assert_int_equal(do_mprotect(mm, BASE, 4 * PAGE_SIZE, RW), 0);
    assert_int_equal(mm_pin_page(mm, BASE, PIN_WRITE, &page), 0);
    put_page(page);
    assert_int_equal(do_mprotect(mm, BASE, 8 * PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(vm_committed(), 4);
    assert_int_equal(do_mprotect(mm, BASE, 8 * PAGE_SIZE, RW), 0);
    assert_int_equal(vm_committed(), 8);
    end();
}

static void test_never(void **state __maybe_unused)
{
    u64 limit;

    begin();
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_MEMORY, 2), 0);
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_RATIO, 10), 0);
    limit = overcommit_limit();
    assert_int_equal(limit, frames_total() / 10);
    assert_int_equal(map(limit, RW, ANON), -ENOMEM);
    assert_int_equal(map(limit, RW, ANON | MAP_NORESERVE), -ENOMEM);
    assert_int_equal(map(limit, RW, MAP_SHARED | MAP_ANONYMOUS), -ENOMEM);
    assert_int_equal(vm_committed(), 0);
    assert_int_equal(mm->total_vm, 0);
    assert_int_equal(map_at(BASE, limit - 1, RW), BASE);
    assert_int_equal(map(1, RW, ANON), -ENOMEM);
    assert_int_not_equal(map(1, PROT_READ, ANON), -ENOMEM);
    assert_null(mm_fork(mm));
    /* What is replaced makes room. */
    assert_int_equal(map_at(BASE, limit / 2, RW), BASE);
    assert_int_equal(vm_committed(), limit - 1);
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_KBYTES, 8), 0);
    assert_int_equal(overcommit_limit(), 2);
    assert_int_equal(overcommit_knobs[KNOB_OVERCOMMIT_RATIO], 0);
    end();
}

static void test_always(void **state __maybe_unused)
{
    begin();
    assert_int_equal(map(frames_total() + 1, RW, ANON), -ENOMEM);
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_MEMORY, 1), 0);
    assert_int_not_equal(map(frames_total() + 1, RW, ANON), -ENOMEM);
    assert_int_equal(vm_committed(), frames_total() + 1);
    assert_int_equal(overcommit_set(KNOB_OVERCOMMIT_MEMORY, 3), -EINVAL);
    assert_int_equal(overcommit_knobs[KNOB_OVERCOMMIT_MEMORY], 1);
    end();
}

static void test_limits(void **state __maybe_unused)
{
    struct rlimit_k *as = &fake_limits[RLIMIT_AS];

    begin();
    map_at(BASE, 8, RW);
    mm_note_limit(mm, RLIMIT_AS, 10 * PAGE_SIZE);
    as->cur = 10 * PAGE_SIZE;
    assert_int_equal(map(3, RW, ANON), -ENOMEM);
    assert_int_equal(map_at(BASE + PAGE_SIZE, 9, RW), BASE + PAGE_SIZE);
    assert_int_equal(mm->total_vm, 10);
    assert_int_equal(vm_committed(), 10);
    as->cur = RLIM_INFINITY;
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(test_kinds),   LEAK_TEST(test_fork_promises),
        LEAK_TEST(test_protect), LEAK_TEST(test_never),
        LEAK_TEST(test_always),  LEAK_TEST(test_limits),
    };

    return cmocka_run_group_tests(tests, fake_boot, NULL);
}
