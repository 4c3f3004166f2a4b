/* The choice of addresses against a linear search over the list of areas. */
#include "fake.h"

#include <base/errno.h>
#include <uapi/faultline/mman.h>

#define LOW_BASE 0x100000ul
#define NONE     ((u64)-ENOMEM)
#define THIRD    ALIGN_UP(TASK_SIZE / 3, PAGE_SIZE)

static struct mm_struct *mm;

static struct vm_area_struct *add(u64 start, u64 end, u64 flags)
{
    struct vm_area_struct *vma = vma_alloc(mm);

    assert_non_null(vma);
    vma->vm_start = start;
    vma->vm_end = end;
    vma->vm_flags = VM_READ | flags;
    vma->vm_pgoff = start >> PAGE_SHIFT;
    if (vma_insert(mm, vma)) {
        vma_free(vma);
        return NULL;
    }
    return vma;
}

static int setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    return mm ? 0 : -1;
}

static int teardown(void **state)
{
    mm_put(mm);
    return fake_check_leaks(state);
}

/* ---- the model ---- */

/* Start of what must stay free for vma; NULL: the end of the world. */
static u64 hole_end(const struct vm_area_struct *vma)
{
    if (!vma)
        return ~0ul;
    if (vma->vm_flags & VM_GROWSDOWN)
        return vma->vm_start < STACK_GUARD_GAP
                   ? 0
                   : vma->vm_start - STACK_GUARD_GAP;
    return vma->vm_start;
}

/* The highest / lowest place for len bytes in [low, high), or NONE. */
static u64 model_search(u64 low, u64 high, u64 len, bool highest)
{
    struct vm_area_struct *vma = mm->mmap;
    u64 start = 0, best = NONE;

    for (;;) {
        u64 from = max(start, low), to = min(hole_end(vma), high);

        if (to >= from && to - from >= len && (highest || best == NONE))
            best = highest ? to - len : from;
        if (!vma)
            return best;
        start = vma->vm_end;
        vma = vma->vm_next;
    }
}

static bool model_free(u64 addr, u64 len, u64 limit)
{
    struct vm_area_struct *vma;

    if (len > limit || addr > limit - len)
        return false;
    /* Only the next area's guard gap counts, as on Linux. */
    for_each_vma (mm, vma)
        if (addr < vma->vm_end)
            return addr + len <= hole_end(vma);
    return true;
}

static u64 model(u64 hint, u64 len, u64 flags)
{
    u64 limit = flags & MAP_32BIT ? 0x80000000ul : TASK_SIZE, found;

    if (len > TASK_SIZE)
        return NONE;
    hint &= PAGE_MASK;
    if (hint)
        hint = max(hint, (u64)MMAP_MIN_ADDR);
    if (hint && model_free(hint, len, limit))
        return hint;
    if (flags & MAP_32BIT)
        return model_search(0x40000000ul, limit, len, false);
    found = model_search(MMAP_MIN_ADDR, mm->mmap_base, len, true);
    if (found == NONE)
        found = model_search(THIRD, TASK_SIZE, len, false);
    return found;
}

/* ---- by hand ---- */

static void empty(void **state __maybe_unused)
{
    u64 top = mm->mmap_base;

    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0), top - PAGE_SIZE);
    assert_int_equal(get_unmapped_area(mm, 0, 0x12345000, 0), top - 0x12345000);
    assert_int_equal(get_unmapped_area(mm, 0, top - MMAP_MIN_ADDR, 0),
                     MMAP_MIN_ADDR);
    assert_int_equal(get_unmapped_area(mm, 0, top, 0), NONE);
    assert_int_equal(get_unmapped_area(mm, 0, TASK_SIZE + PAGE_SIZE, 0), NONE);
    assert_int_equal(get_unmapped_area(mm, 0, ~0ul & PAGE_MASK, 0), NONE);
    assert_int_equal(get_unmapped_area(mm, 0, 0, 0), NONE);
}

static void hints(void **state __maybe_unused)
{
    u64 len = 4 * PAGE_SIZE, top = mm->mmap_base;

    add(0x500000, 0x600000, 0);
    assert_int_equal(get_unmapped_area(mm, 0x400000, len, 0), 0x400000);
    assert_int_equal(get_unmapped_area(mm, 0x400fff, len, 0), 0x400000);
    assert_int_equal(get_unmapped_area(mm, 0x4fc000, len, 0), 0x4fc000);
    assert_int_equal(get_unmapped_area(mm, 0x4fd000, len, 0), top - len);
    assert_int_equal(get_unmapped_area(mm, 0x600000, len, 0), 0x600000);
    assert_int_equal(get_unmapped_area(mm, 0x1000, len, 0), MMAP_MIN_ADDR);
    assert_int_equal(get_unmapped_area(mm, 0x10, len, 0), top - len);
    /* above mmap_base, up to the very end */
    assert_int_equal(get_unmapped_area(mm, TASK_SIZE - len, len, 0),
                     TASK_SIZE - len);
    assert_int_equal(get_unmapped_area(mm, TASK_SIZE - len + 4096, len, 0),
                     top - len);
    assert_int_equal(get_unmapped_area(mm, ~0ul, len, 0), top - len);
}

static void guard_gap(void **state __maybe_unused)
{
    u64 top = mm->mmap_base, gap = STACK_GUARD_GAP;

    add(top - PAGE_SIZE, top, VM_GROWSDOWN);
    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0),
                     top - 2 * PAGE_SIZE - gap);
    /* a hole no larger than the gap is no hole */
    add(top - PAGE_SIZE - gap - 0x9000, top - PAGE_SIZE - gap, 0);
    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0),
                     top - PAGE_SIZE - gap - 0xa000);
    /* hints respect it as well, to the byte */
    add(0x4000000, 0x4001000, VM_GROWSDOWN);
    assert_int_equal(get_unmapped_area(mm, 0x4000000 - gap - 0x1000, 0x1000, 0),
                     0x4000000 - gap - 0x1000);
    assert_int_not_equal(
        get_unmapped_area(mm, 0x4000000 - gap - 0x1000, 0x2000, 0),
        0x4000000 - gap - 0x1000);
}

/* Below the first MiB the gap would reach under zero. */
static void guard_gap_at_bottom(void **state __maybe_unused)
{
    add(0x20000, 0x21000, VM_GROWSDOWN);
    mm->mmap_base = 0x21000;
    add(THIRD, TASK_SIZE, 0);
    assert_int_equal(validate_mm(mm), 0);
    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0), NONE);
}

static void below_4g(void **state __maybe_unused)
{
    u64 len = 0x10000;

    assert_int_equal(get_unmapped_area(mm, 0, len, MAP_32BIT), 0x40000000);
    add(0x40000000, 0x50000000, 0);
    assert_int_equal(get_unmapped_area(mm, 0, len, MAP_32BIT), 0x50000000);
    assert_int_equal(get_unmapped_area(mm, 0x20000, len, MAP_32BIT), 0x20000);
    add(0x50000000, 0x80000000 - len / 2, 0);
    assert_int_equal(get_unmapped_area(mm, 0, len, MAP_32BIT), NONE);
    assert_int_equal(get_unmapped_area(mm, 0, 1ul << 40, MAP_32BIT), NONE);
}

/* The region below mmap_base full: lowest above a third, then nothing. */
static void fallback_and_exhaustion(void **state __maybe_unused)
{
    mm->mmap_base = 0x200000;
    add(MMAP_MIN_ADDR, 0x200000, 0);
    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0), THIRD);
    add(THIRD, THIRD + 0x3000, 0);
    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0), THIRD + 0x3000);
    add(THIRD + 0x3000, TASK_SIZE - 0x2000, 0);
    assert_int_equal(get_unmapped_area(mm, 0, 0x2000, 0), TASK_SIZE - 0x2000);
    assert_int_equal(get_unmapped_area(mm, 0, 0x3000, 0), NONE);
    add(TASK_SIZE - 0x2000, TASK_SIZE, 0);
    assert_int_equal(get_unmapped_area(mm, 0, PAGE_SIZE, 0), NONE);
}

/* ---- by chance ---- */

/* Never while there are mappings, but in a test. */
static void set_mmap_base(u64 base)
{
    mm->mmap_base = base;
    mm->hole_vma = NULL;
}

static u64 random_region(void)
{
    static const u64 regions[] = {MMAP_MIN_ADDR, LOW_BASE, 0x40000000ul, THIRD,
                                  TASK_SIZE - (2048ul << PAGE_SHIFT)};

    return regions[fake_rand(ARRAY_SIZE(regions))];
}

static void change_layout(void)
{
    u64 start = random_region() + fake_rand(2000) * PAGE_SIZE;
    u64 end = start + (1 + fake_rand(fake_rand(3) ? 20 : 600)) * PAGE_SIZE;
    struct vm_area_struct *vma = find_vma(mm, start);

    if (fake_rand(100) < 45 && vma) {
        vma_unlink(mm, vma);
        vma_free(vma);
    } else if (end <= TASK_SIZE) {
        add(start, end, fake_rand(4) ? 0 : VM_GROWSDOWN);
    }
}

static void random_layouts(void **state __maybe_unused)
{
    for (unsigned op = 0; fake_more(op, 100000); op++) {
        u64 len = (1 + fake_rand(fake_rand(2) ? 30 : 3000)) * PAGE_SIZE;
        u64 hint = random_region() + fake_rand(2000 * PAGE_SIZE);
        u64 flags = fake_rand(8) ? 0 : MAP_32BIT;

        change_layout();
        if (op % 512 == 0)
            set_mmap_base(LOW_BASE + (500 + fake_rand(1500)) * PAGE_SIZE);
        if (fake_rand(2))
            hint = 0;
        assert_int_equal(get_unmapped_area(mm, hint, len, flags),
                         model(hint, len, flags));
        if (op % 100 == 0)
            assert_int_equal(validate_mm(mm), 0);
    }
}

/* Packed tight at the edges of the search: every hole is just too small, or
 * just large enough, or cut by a limit. */
static void random_edges(void **state __maybe_unused)
{
    for (unsigned round = 0; round < 300; round++) {
        u64 at = MMAP_MIN_ADDR;
        struct vm_area_struct *vma;

        for (unsigned i = 0; i < 40; i++) {
            u64 start = at + fake_rand(4) * PAGE_SIZE;

            at = start + (1 + fake_rand(3)) * PAGE_SIZE;
            assert_non_null(add(start, at, 0));
        }
        add(THIRD, TASK_SIZE - 0x3000, 0);
        set_mmap_base(MMAP_MIN_ADDR + fake_rand(160) * PAGE_SIZE);
        for (u64 len = PAGE_SIZE; len <= 5 * PAGE_SIZE; len += PAGE_SIZE)
            assert_int_equal(get_unmapped_area(mm, 0, len, 0),
                             model(0, len, 0));
        while ((vma = mm->mmap)) {
            vma_unlink(mm, vma);
            vma_free(vma);
        }
    }
}

#define AREA_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AREA_TEST(empty),          AREA_TEST(hints),
        AREA_TEST(guard_gap),      AREA_TEST(guard_gap_at_bottom),
        AREA_TEST(below_4g),       AREA_TEST(fallback_and_exhaustion),
        AREA_TEST(random_layouts), AREA_TEST(random_edges),
    };

    return cmocka_run_group_tests_name("unmapped_area", tests, fake_boot, NULL);
}
