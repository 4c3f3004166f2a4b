/*
 * The fault path on the fake machine: what each kind of fault maps, what fork
 * shares, what running out of memory leaves behind. Every test ends with all
 * frames back and no stale translation (fake_check_leaks).
 */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <uapi/faultline/mman.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static struct mm_struct *mm;

static int setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    fake_mm = mm;
    return mm ? 0 : -1;
}

static int teardown(void **state)
{
    assert_int_equal(validate_mm(mm), 0);
    fake_tlb_check();
    mm_put(mm);
    fake_mm = NULL;
    return fake_check_leaks(state);
}

static u64 map(u64 len, u64 prot, u64 flags, struct mem_object *object)
{
    long r = do_mmap(mm, 0, len, prot, flags, object, 0, false);

    assert_true(r > 0);
    return (u64)r;
}

static pte_t entry(struct mm_struct *m, u64 va)
{
    pte_t *pte = pte_lookup(m, va);

    return pte ? *pte : PTE_NONE;
}

static void read_maps_zero_page(void **state __maybe_unused)
{
    u64 a = map(PAGE_SIZE, RW, ANON, NULL);

    assert_int_equal(fake_read(mm, a + 5), 0);
    assert_int_equal(pte_pfn(entry(mm, a)), page_to_pfn(zero_page));
    assert_false(pte_write(entry(mm, a)));
    assert_int_equal(mm->rss[RSS_ANON], 0);
    /* The first write trades it for a page of our own. */
    assert_true(fake_write(mm, a + 5, 'x'));
    assert_int_not_equal(pte_pfn(entry(mm, a)), page_to_pfn(zero_page));
    assert_int_equal(fake_read(mm, a + 5), 'x');
    assert_int_equal(fake_read(mm, a + 6), 0);
    assert_int_equal(mm->rss[RSS_ANON], 1);
}

static void write_maps_new_page(void **state __maybe_unused)
{
    u64 a = map(3 * PAGE_SIZE, RW, ANON, NULL);

    assert_true(fake_write(mm, a + PAGE_SIZE, 'y'));
    assert_true(pte_write(entry(mm, a + PAGE_SIZE)));
    assert_true(pte_dirty(entry(mm, a + PAGE_SIZE)));
    assert_true(pte_none(entry(mm, a)));
    assert_int_equal(mm->rss[RSS_ANON], 1);
}

static void rights_are_kept(void **state __maybe_unused)
{
    u64 a = map(PAGE_SIZE, PROT_READ, ANON, NULL);
    char *p;

    assert_int_equal(fake_access(mm, a, true, &p), FAKE_SEGV_ACCERR);
    assert_int_equal(fake_access(mm, a - PAGE_SIZE, false, &p),
                     FAKE_SEGV_MAPERR);
    assert_int_equal(do_mprotect(mm, a, PAGE_SIZE, RW), 0);
    assert_true(fake_write(mm, a, 'w'));
    assert_int_equal(do_mprotect(mm, a, PAGE_SIZE, PROT_NONE), 0);
    assert_int_equal(fake_access(mm, a, false, &p), FAKE_SEGV_ACCERR);
    assert_int_equal(do_mprotect(mm, a, PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(fake_read(mm, a), 'w');
}

/* A debugger's write, PIN_FORCE, may find that the page has just become its
 * area's alone. */
static void forced_write_grants_nothing(void **state __maybe_unused)
{
    u64 a = map(PAGE_SIZE, RW, ANON, NULL);

    assert_true(fake_write(mm, a, 'w'));
    assert_int_equal(do_mprotect(mm, a, PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(handle_mm_fault(find_vma(mm, a), a, FAULT_WRITE, NULL), 0);
    assert_false(pte_write(entry(mm, a)));
    assert_int_equal(fake_read(mm, a), 'w');
}

static void fork_copies_on_write(void **state __maybe_unused)
{
    u64 a = map(2 * PAGE_SIZE, RW, ANON, NULL);
    struct mm_struct *child;
    u64 pfn;

    assert_true(fake_write(mm, a, 'p'));
    pfn = pte_pfn(entry(mm, a));
    child = mm_fork(mm);
    assert_non_null(child);
    assert_int_equal(pte_pfn(entry(child, a)), pfn);
    assert_true(fake_write(child, a, 'c'));
    assert_int_equal(fake_read(mm, a), 'p');
    assert_int_equal(fake_read(child, a), 'c');
    /* The parent is the page's only user again: no copy. */
    assert_true(fake_write(mm, a, 'q'));
    assert_int_equal(pte_pfn(entry(mm, a)), pfn);
    assert_int_equal(fake_read(child, a), 'c');
    assert_int_equal(validate_mm(child), 0);
    mm_put(child);
}

static void shared_memory_is_shared(void **state __maybe_unused)
{
    u64 a = map(2 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, NULL);
    struct mm_struct *child;

    assert_true(fake_write(mm, a, 'p'));
    child = mm_fork(mm);
    assert_non_null(child);
    assert_int_equal(fake_read(child, a), 'p');
    assert_true(fake_write(child, a + PAGE_SIZE, 'c'));
    assert_int_equal(fake_read(mm, a + PAGE_SIZE), 'c');
    assert_int_equal(mm->rss[RSS_SHMEM], 2);
    mm_put(child);
}

static void module_pages_are_copied_when_written(void **state __maybe_unused)
{
    struct mem_object *module =
        object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);
    u64 a = map(5 * PAGE_SIZE, RW, MAP_PRIVATE, module);
    char *p, *frame = phys_to_virt(FAKE_MODULE_START);

    frame[7] = 'm';
    object_put(module);
    assert_int_equal(fake_read(mm, a + 7), 'm');
    assert_int_equal(pte_pfn(entry(mm, a)), FAKE_MODULE_START >> PAGE_SHIFT);
    assert_int_equal(mm->rss[RSS_FILE], 4); /* its neighbours, too */
    assert_true(fake_write(mm, a + 7, 'x'));
    assert_int_equal(frame[7], 'm');
    assert_int_equal(fake_read(mm, a + 7), 'x');
    assert_int_equal(mm->rss[RSS_FILE], 3);
    assert_true(fake_write(mm, a + PAGE_SIZE, 'y'));
    /* The last page is partly there, the one after it is not. */
    assert_int_equal(fake_access(mm, a + 3 * PAGE_SIZE, false, &p), FAKE_OK);
    assert_int_equal(fake_access(mm, a + 4 * PAGE_SIZE, false, &p),
                     FAKE_SIGBUS);
}

/* That there is no memory either is no reason to kill somebody for it. */
static void beyond_the_end_without_memory(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(PAGE_SIZE);
    u64 a = map(2 * PAGE_SIZE, RW, MAP_PRIVATE, object);
    char *p;

    object_put(object);
    assert_int_equal(fake_read(mm, a), 0);
    page_alloc_fail_nth(1);
    assert_int_equal(fake_access(mm, a + PAGE_SIZE, true, &p), FAKE_SIGBUS);
    page_alloc_fail_nth(0);
}

static void stack_grows_to_its_limit(void **state __maybe_unused)
{
    u64 top = STACK_TOP;
    char *p;

    fake_limits[RLIMIT_STACK].cur = 64 * PAGE_SIZE;
    assert_int_equal(mmap_stack(mm, top, 2 * PAGE_SIZE), 0);
    assert_true(fake_write(mm, top - 10 * PAGE_SIZE, 's'));
    assert_int_equal(mm->mmap->vm_start, top - 10 * PAGE_SIZE);
    assert_true(fake_write(mm, top - 64 * PAGE_SIZE, 's'));
    assert_int_equal(fake_access(mm, top - 65 * PAGE_SIZE, true, &p),
                     FAKE_SEGV_MAPERR);
}

static void dontneed_forgets(void **state __maybe_unused)
{
    u64 a = map(4 * PAGE_SIZE, RW, ANON, NULL);

    assert_true(fake_write(mm, a, '1'));
    assert_true(fake_write(mm, a + 2 * PAGE_SIZE, '2'));
    assert_int_equal(do_madvise(mm, a, 2 * PAGE_SIZE, MADV_DONTNEED), 0);
    assert_int_equal(fake_read(mm, a), 0);
    assert_int_equal(fake_read(mm, a + 2 * PAGE_SIZE), '2');
}

/* Every allocation of a small life is made to fail once: errors come back,
 * nothing is lost, nothing crashes (teardown counts). */
static bool small_life(void)
{
    long a = do_mmap(mm, 0, 4 * PAGE_SIZE, RW, ANON, NULL, 0, false);
    struct mm_struct *child;
    bool ok = a > 0;

    if (!ok)
        return false;
    ok &= fake_write(mm, (u64)a, 'x');
    ok &= fake_read(mm, (u64)a + PAGE_SIZE) == 0;
    ok &= do_mprotect(mm, (u64)a + PAGE_SIZE, PAGE_SIZE, PROT_READ) == 0;
    child = mm_fork(mm);
    ok &= child != NULL;
    if (child) {
        ok &= fake_write(child, (u64)a, 'y');
        mm_put(child);
    }
    ok &= do_munmap(mm, (u64)a, 4 * PAGE_SIZE) == 0;
    (void)do_munmap(mm, (u64)a, 4 * PAGE_SIZE);
    return ok;
}

static void every_allocation_may_fail(void **state __maybe_unused)
{
    unsigned failures = 0;

    for (u64 n = 1; n < 64; n++) {
        mm_shrink_all();
        page_alloc_fail_nth(n);
        failures += !small_life();
        page_alloc_fail_nth(0);
        assert_int_equal(validate_mm(mm), 0);
        fake_tlb_check();
    }
    assert_true(failures > 5);
    assert_true(small_life());
}

/* What the record of an access that faults says. */
static enum fault_end end_of(u64 va, unsigned flags)
{
    struct fault_record rec = {0};
    struct vm_area_struct *vma = find_vma(mm, va);

    assert_int_equal(handle_mm_fault(vma, va, flags, &rec), 0);
    assert_int_equal(rec.walk_after[PT_LEVELS - 1], entry(mm, va).v);
    return rec.end;
}

static void the_record_says_it(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(4 * PAGE_SIZE);
    u64 a = map(2 * PAGE_SIZE, RW, ANON, NULL);
    u64 o = map(4 * PAGE_SIZE, RW, MAP_PRIVATE, object);
    struct mm_struct *child;

    object_put(object);
    assert_int_equal(end_of(a, 0), END_ZERO_PAGE);
    assert_int_equal(end_of(a, 0), END_SPURIOUS);
    assert_int_equal(end_of(a, FAULT_WRITE), END_NEW_PAGE);
    assert_int_equal(end_of(a, FAULT_WRITE), END_SPURIOUS);
    assert_int_equal(end_of(a + PAGE_SIZE, FAULT_WRITE), END_NEW_PAGE);
    child = mm_fork(mm);
    assert_int_equal(end_of(a, FAULT_WRITE), END_COW_COPY);
    mm_put(child);
    assert_int_equal(end_of(a + PAGE_SIZE, FAULT_WRITE), END_COW_REUSE);
    assert_int_equal(end_of(o, 0), END_OBJECT_MAP);
    assert_int_equal(end_of(o, FAULT_WRITE), END_COW_COPY);
    assert_int_equal(end_of(o + PAGE_SIZE, FAULT_WRITE), END_OBJECT_COW);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read_maps_zero_page),
        TEST(write_maps_new_page),
        TEST(rights_are_kept),
        TEST(forced_write_grants_nothing),
        TEST(fork_copies_on_write),
        TEST(shared_memory_is_shared),
        TEST(module_pages_are_copied_when_written),
        TEST(beyond_the_end_without_memory),
        TEST(stack_grows_to_its_limit),
        TEST(dontneed_forgets),
        TEST(the_record_says_it),
        TEST(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, fake_boot, NULL);
}
