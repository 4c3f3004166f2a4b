/*
 * Stacks that grow up: to the limits, the gap and no further. The guest tests
 * have those that grow down, the only ones of x86-64.
 */
#include "fake.h"

#include <uapi/faultline/mman.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* The fake machine has stacks that grow up, as some have. */
static void stack_grows_up(void **state __maybe_unused)
{
    struct mm_struct *mm = mm_create();
    u64 start = 0x40000000, wall = start + (1ul << 22);
    u64 last = wall - STACK_GUARD_GAP;
    struct vm_area_struct *vma;
    long total;

    assert_non_null(mm);
    assert_int_equal(
        do_mmap(mm, start, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0, false),
        start);
    assert_int_equal(
        do_mmap(mm, wall, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0, false),
        wall);
    assert_int_equal(do_mmap(mm, start - 2 * PAGE_SIZE, PAGE_SIZE, RW,
                             ANON | MAP_FIXED, NULL, 0, false),
                     start - 2 * PAGE_SIZE);
    vma = find_vma(mm, start);
    vma->vm_flags |= VM_GROWSUP;
    total = (long)mm->total_vm;
    assert_true(fake_write(mm, start + 10 * PAGE_SIZE, 1));
    assert_int_equal(vma->vm_end, start + 11 * PAGE_SIZE);
    assert_int_equal(mm->total_vm - total, 10);
    assert_int_equal(vm_committed(), 13);
    assert_true(fake_write(mm, last - 1, 1)); /* the gap below the wall */
    assert_false(fake_write(mm, last, 1));
    /* Another such stack needs no gap, nor does what nobody can use; and above
     * all others there is no end. */
    find_vma(mm, wall)->vm_flags |= VM_GROWSUP;
    assert_true(fake_write(mm, last, 1));
    find_vma(mm, wall)->vm_flags &= ~VM_GROWSUP;
    assert_false(fake_write(mm, last + PAGE_SIZE, 1));
    assert_int_equal(do_mprotect(mm, wall, PAGE_SIZE, PROT_NONE), 0);
    assert_true(fake_write(mm, wall - 1, 1));
    assert_int_equal(do_munmap(mm, wall, PAGE_SIZE), 0);
    assert_true(fake_write(mm, wall, 1));
    /* RLIMIT_STACK, and PROT_GROWSUP. */
    fake_limits[RLIMIT_STACK].cur = vma->vm_end - start;
    assert_false(fake_write(mm, vma->vm_end, 1));
    fake_limits[RLIMIT_STACK].cur = 8 << 20;
    assert_int_equal(
        do_mprotect(mm, start + PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_GROWSUP),
        0);
    assert_false(fake_write(mm, wall, 1));
    assert_true(fake_write(mm, start, 1));
    assert_int_equal(do_mprotect(mm, start, PAGE_SIZE, RW | PROT_GROWSUP), 0);
    assert_int_equal(validate_mm(mm), 0);
    mm_put(mm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(stack_grows_up),
    };

    return cmocka_run_group_tests(tests, fake_boot, NULL);
}
