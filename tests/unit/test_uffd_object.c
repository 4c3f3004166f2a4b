/*
 * userfaultfd on shared memory, at random against an array: what the object
 * has, what this mapping has. A missing page is filled in the object; one that
 * the object has and the mapping has not is a minor fault.
 */
#include "arena.h"

#include <mm/rmap.h>
#include <mm/userfaultfd.h>

#define COUNT 24u

static struct userfaultfd_ctx *ctx;
static struct mem_object *object;
static struct mm_struct *pager;
static struct model {
    bool has, mapped;
    u8 byte;
} pages[COUNT];
static unsigned missing, minor;
static u64 pattern; /* where the pager's source lies */

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    object = object_create_shmem(COUNT * PAGE_SIZE);
    pager = mm_create();
    pattern = page_at(0);
    assert_int_equal(do_mmap(pager, pattern, PAGE_SIZE, RW, ANON | MAP_FIXED,
                             NULL, 0, false),
                     pattern);
    assert_true(fake_write(pager, pattern, 99));
    memset(pages, 0, sizeof(pages));
    missing = minor = 0;
    return r || !object ? -1 : 0;
}

static int teardown(void **state)
{
    userfaultfd_release(ctx);
    object_put(object);
    mm_put(pager);
    return arena_teardown(state);
}

static void map_registered(u64 type, u64 modes)
{
    map_object(0, COUNT, RW, type, object, 0);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(COUNT), modes), 0);
}

/* One page, as the pager. */
static s64 fill(enum uffd_fill kind, unsigned n)
{
    struct mm_struct *was = fake_mm;
    s64 r;

    fake_mm = pager;
    r = userfaultfd_fill(ctx, kind, page_at(n), pattern, PAGE_SIZE, false);
    fake_mm = was;
    return r;
}

static int serve(void)
{
    struct uffd_msg msg;
    unsigned n;

    assert_int_equal(userfaultfd_next_faults(ctx, &msg, 1), 1);
    n = (unsigned)((msg.pagefault.address - page_at(0)) >> PAGE_SHIFT);
    if (msg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR) {
        assert_true(pages[n].has);
        assert_int_equal(fill(FILL_CONTINUE, n), PAGE_SIZE);
        minor++;
    } else {
        assert_false(pages[n].has);
        assert_int_equal(fill(FILL_COPY, n), PAGE_SIZE);
        pages[n].byte = 99;
        missing++;
    }
    userfaultfd_wake(ctx, page_at(n), PAGE_SIZE);
    return 0;
}

static void op_touch(unsigned n)
{
    struct model *m = &pages[n];
    unsigned asked = missing + minor;
    bool write = fake_rand(2);
    int got = fake_read(mm, page_at(n));

    assert_int_equal(missing + minor - asked, !m->mapped);
    m->has = m->mapped = true;
    assert_int_equal(got, m->byte);
    if (write) {
        m->byte = (u8)fake_rand(256);
        assert_true(fake_write(mm, page_at(n), (char)m->byte));
        assert_true(missing + minor - asked <= 1);
    }
}

/* By the object's descriptor, behind the mapping's back. */
static void op_write_object(unsigned n)
{
    struct page *page = alloc_zeroed_page();

    *(u8 *)page_address(page) = 55;
    assert_int_equal(object_write(object, n * PAGE_SIZE, PAGE_SIZE,
                                  (n + 1) * PAGE_SIZE, &page),
                     0);
    if (page)
        put_page(page);
    pages[n].has = true;
    pages[n].byte = 55;
}

static void op_punch(unsigned n)
{
    assert_int_equal(object_punch_hole(object, n * PAGE_SIZE, PAGE_SIZE), 0);
    memset(&pages[n], 0, sizeof(pages[0]));
}

static void op_unmap(unsigned n)
{
    assert_int_equal(do_madvise(mm, page_at(n), PAGE_SIZE, MADV_DONTNEED), 0);
    pages[n].mapped = false;
}

/* Unasked, of any kind. */
static void op_fill(unsigned n)
{
    struct model *m = &pages[n];
    u64 what = fake_rand(3);
    s64 want;

    if (what == 2) {
        want = m->mapped ? -EEXIST : m->has ? (s64)PAGE_SIZE : -EFAULT;
        assert_int_equal(fill(FILL_CONTINUE, n), want);
    } else {
        want = m->has ? -EEXIST : (s64)PAGE_SIZE;
        assert_int_equal(fill(what ? FILL_COPY : FILL_ZERO, n), want);
        if (want > 0)
            m->byte = what ? 99 : 0;
    }
    if (want > 0)
        m->has = m->mapped = true;
}

static void random_calls(void **state __maybe_unused)
{
    void (*const ops[])(unsigned) = {op_touch, op_touch,        op_touch,
                                     op_fill,  op_write_object, op_punch,
                                     op_unmap};
    unsigned n;

    map_registered(MAP_SHARED, VM_UFFD_MISSING | VM_UFFD_MINOR);
    fake_on_block = serve;
    for (n = 0; fake_more(n, 20000); n++) {
        ops[fake_rand(ARRAY_SIZE(ops))]((unsigned)fake_rand(COUNT));
        for (unsigned i = 0; i < COUNT; i++)
            assert_int_equal(is_there(i), pages[i].mapped);
        assert_int_equal(validate_rmap(mm, ~0ull, true), 0);
        fake_tlb_check();
    }
    assert_true(n < 20000 || (missing > 100 && minor > 100));
}

/* Only missing pages are the pager's: those that are there are just mapped. */
static void no_minor_faults_asked(void **state __maybe_unused)
{
    map_registered(MAP_SHARED, VM_UFFD_MISSING);
    op_write_object(3);
    assert_int_equal(fake_read(mm, page_at(3)), 55);
}

/* A private mapping is filled with pages of its own. */
static void private_mapping(void **state __maybe_unused)
{
    struct page *page;

    map_registered(MAP_PRIVATE, VM_UFFD_MISSING);
    assert_int_equal(fill(FILL_COPY, 2), PAGE_SIZE);
    assert_int_equal(fake_read(mm, page_at(2)), 99);
    assert_true(fake_write(mm, page_at(2), 98));
    page = object_find_page(object, 2);
    assert_null(page);
    assert_int_equal(mm->rss[RSS_ANON], 1);
    assert_int_equal(fill(FILL_CONTINUE, 3), -EFAULT);
}

static void what_it_refuses(void **state __maybe_unused)
{
    struct mem_object *module =
        object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);
    char *p;

    map_registered(MAP_SHARED, VM_UFFD_MISSING);
    assert_int_equal(object_resize(object, 4 * PAGE_SIZE), 0);
    assert_int_equal(fill(FILL_COPY, 4), -EFAULT);
    assert_int_equal(fill(FILL_CONTINUE, 4), -EINVAL);
    assert_int_equal(fake_access(mm, page_at(4), false, &p), FAKE_SIGBUS);
    assert_int_equal(fill(FILL_POISON, 1), PAGE_SIZE);
    assert_int_equal(fake_access(mm, page_at(1), false, &p), FAKE_POISON);
    map_pages(40, 4, RW, ANON);
    map_object(50, 2, RW, MAP_PRIVATE, module, 0);
    object_put(module);
    assert_int_equal(userfaultfd_register(ctx, page_at(40), page_at(44),
                                          VM_UFFD_MISSING | VM_UFFD_MINOR),
                     -EINVAL);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(50), page_at(52), VM_UFFD_MISSING),
        -EINVAL);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(40), page_at(44), VM_UFFD_MISSING),
        0);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_CONTINUE, page_at(40), 0, PAGE_SIZE, false),
        -EINVAL);
}

/* What only collects writes may lie on anything, and droppable memory never. */
static void who_can_register(void **state __maybe_unused)
{
    struct mem_object *module =
        object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);

    map_object(0, 2, RW, MAP_PRIVATE, module, 0);
    object_put(module);
    map_pages(4, 2, RW, MAP_DROPPABLE | MAP_ANONYMOUS);
    ctx->features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED;
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(2), VM_UFFD_WP), 0);
    assert_int_equal(
        userfaultfd_writeprotect(ctx, page_at(0), PAGE_SIZE, true, false), 0);
    assert_int_equal(userfaultfd_fill(ctx, FILL_COPY, page_at(1), page_at(0),
                                      PAGE_SIZE, true),
                     -EINVAL);
    assert_true(fake_read(mm, page_at(0)) >= 0);
    assert_true(pte_uffd_wp(entry_of(mm, 0)));
    assert_true(fake_write(mm, page_at(0), 1));
    assert_false(pte_uffd_wp(entry_of(mm, 0)));
    assert_int_equal(
        userfaultfd_register(ctx, page_at(4), page_at(6), VM_UFFD_WP), 0);
    assert_int_equal(userfaultfd_unregister(ctx, page_at(4), page_at(6)), 0);
}

/* What the object has is not for a guard to touch. */
static void late_with_minor_faults(void **state __maybe_unused)
{
    const struct uffd_guard zero = {1000, UFFD_FL_ACTION_ZERO, 0};
    char *p;

    map_registered(MAP_SHARED, VM_UFFD_MINOR);
    op_write_object(3);
    assert_int_equal(userfaultfd_guard(ctx, page_at(0), page_at(8), &zero), 0);
    assert_int_equal(fake_access(mm, page_at(3), true, &p), FAKE_SIGBUS);
}

/* No page for zeros: the object and the mapping stay as they were. */
static void no_page_for_zeros(void **state __maybe_unused)
{
    map_registered(MAP_SHARED, VM_UFFD_MISSING);
    assert_int_equal(fill(FILL_ZERO, 0), PAGE_SIZE); /* the table is there */
    page_alloc_fail_nth(1);
    assert_int_equal(fill(FILL_ZERO, 1), -ENOMEM);
    page_alloc_fail_nth(0);
    assert_null(object_find_page(object, 1));
}

#define OBJECT_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJECT_TEST(random_calls),           OBJECT_TEST(no_minor_faults_asked),
        OBJECT_TEST(private_mapping),        OBJECT_TEST(what_it_refuses),
        OBJECT_TEST(who_can_register),       OBJECT_TEST(no_page_for_zeros),
        OBJECT_TEST(late_with_minor_faults),
    };

    return cmocka_run_group_tests_name("uffd_object", tests, fake_boot, NULL);
}
