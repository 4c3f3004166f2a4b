/*
 * The newest area waits outside the tree: found like any other, and gone again
 * without the tree having changed; the next search or change settles it.
 */
#include "fake.h"

#include <uapi/faultline/mman.h>

#define AREA 0x100000ul

static struct mm_struct *mm;

static struct vm_area_struct *map_at(u64 addr, u64 prot)
{
    long r = do_mmap(mm, addr, PAGE_SIZE, prot,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true);

    assert_int_equal(r, addr);
    return find_vma(mm, addr);
}

static void is_found(u64 from, u64 to, const struct vm_area_struct *vma)
{
    for (u64 addr = from; addr < to; addr += PAGE_SIZE / 2) {
        mm->vma_cache = NULL;
        assert_ptr_equal(find_vma(mm, addr), vma);
    }
    assert_int_equal(validate_mm(mm), 0);
}

static void found_outside_the_tree(void **state __maybe_unused)
{
    struct vm_area_struct *low, *high, *fresh;

    mm = mm_create();
    assert_non_null(mm);
    low = map_at(AREA, PROT_READ);
    high = map_at(AREA + 8 * PAGE_SIZE, PROT_READ);
    fresh = map_at(AREA + 4 * PAGE_SIZE, PROT_READ);
    assert_ptr_equal(mm->vma_fresh, fresh);
    is_found(0, AREA + PAGE_SIZE, low);
    is_found(AREA + PAGE_SIZE, AREA + 5 * PAGE_SIZE, fresh);
    is_found(AREA + 5 * PAGE_SIZE, AREA + 9 * PAGE_SIZE, high);
    is_found(AREA + 9 * PAGE_SIZE, AREA + 12 * PAGE_SIZE, NULL);
    mm_put(mm);
}

static void gone_without_the_tree(void **state __maybe_unused)
{
    struct rb_node before;

    mm = mm_create();
    assert_non_null(mm);
    map_at(AREA, PROT_READ);
    map_at(AREA + 8 * PAGE_SIZE, PROT_READ);
    vma_settle(mm);
    assert_null(mm->vma_fresh);
    before = *mm->mm_rb.node;
    map_at(AREA + 4 * PAGE_SIZE, PROT_READ);
    assert_int_equal(do_munmap(mm, AREA + 4 * PAGE_SIZE, PAGE_SIZE), 0);
    assert_null(mm->vma_fresh);
    assert_memory_equal(&before, mm->mm_rb.node, sizeof(before));
    is_found(AREA + PAGE_SIZE, AREA + 8 * PAGE_SIZE,
             find_vma(mm, AREA + 8 * PAGE_SIZE));
    mm_put(mm);
}

static void settled_by_the_next(void **state __maybe_unused)
{
    struct vm_area_struct *first, *second;

    mm = mm_create();
    assert_non_null(mm);
    first = map_at(AREA, PROT_READ);
    assert_null(mm->mm_rb.node);
    second = map_at(AREA + 4 * PAGE_SIZE, PROT_READ);
    assert_ptr_equal(mm->mm_rb.node, &first->vm_rb);
    assert_ptr_equal(mm->vma_fresh, second);
    assert_int_equal(do_mprotect(mm, AREA, PAGE_SIZE, PROT_NONE), 0);
    assert_int_equal(do_munmap(mm, AREA, PAGE_SIZE), 0);
    assert_ptr_equal(mm->vma_fresh, second);
    assert_null(mm->mm_rb.node);
    assert_int_equal(validate_mm(mm), 0);
    map_at(AREA + 8 * PAGE_SIZE, PROT_READ);
    assert_ptr_equal(mm->mm_rb.node, &second->vm_rb);
    assert_int_equal(validate_mm(mm), 0);
    mm_put(mm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_outside_the_tree),
        cmocka_unit_test(gone_without_the_tree),
        cmocka_unit_test(settled_by_the_next),
    };

    return cmocka_run_group_tests_name("vma_fresh", tests, fake_boot, NULL);
}
