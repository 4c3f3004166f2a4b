/*
 * Objects with pagers: who may be one, pages that are missed, written, cleaned
 * and evicted, limits, sizes, failure, and no memory.
 */
#include "paged_object.h"

static void binding(void **state __maybe_unused)
{
    struct mem_object *plain = object_create_shmem(PAGE_SIZE);

    shared = map(client, MAP_SHARED);
    assert_int_equal(bind(0, 0), -EBUSY);
    assert_int_equal(do_munmap(client, shared, PAGES * PAGE_SIZE), 0);
    assert_int_equal(on(object_fill, 0, 1, 0), -EINVAL);
    assert_int_equal(object_bind(plain, ctx, &(struct uffdio_fl_bind){0}),
                     -EINVAL);
    object_put(plain);
    ctx->features = UFFD_FEATURE_SIGBUS;
    assert_int_equal(bind(0, 0), -EINVAL);
    ctx->features = 0;
    ctx->flags = UFFD_USER_MODE_ONLY;
    assert_int_equal(bind(0, 0), -EINVAL);
    ctx->flags = 0;
    assert_int_equal(bind(0, 0), 0);
    assert_int_equal(bind(0, 0), -EBUSY);
    shared = map(client, MAP_SHARED);
    userfaultfd_release(ctx);
    ctx = userfaultfd_ctx_create(client, 0);
    assert_int_equal(bind(0, 0), 0);
    assert_int_equal(object_punch_hole(object, 0, PAGE_SIZE), -EOPNOTSUPP);
    assert_int_equal(object_reserve(object, 0, PAGE_SIZE, false), -EOPNOTSUPP);
    assert_int_equal(object_seek(object, 0, true), 0);
}

static void misses_are_served(void **state __maybe_unused)
{
    u64 private;
    char byte;

    bind_and_map(0, 0);
    private = map(client, MAP_PRIVATE);
    fake_on_block = serve;
    assert_int_equal(fake_read(client, shared + PAGE_SIZE), 'f');
    assert_int_equal(misses, 1);
    assert_int_equal(fake_read(other, second + PAGE_SIZE), 'f');
    assert_int_equal(misses, 1);
    assert_true(fake_write(client, shared, 'w'));
    assert_int_equal(last.object.info, UFFD_PAGEFAULT_FLAG_WRITE);
    assert_int_equal(fake_read(other, second), 'w');
    assert_true(fake_write(client, private + 2 * PAGE_SIZE, 'p'));
    assert_int_equal(fake_read(other, second + 2 * PAGE_SIZE), 'f');
    assert_int_equal(object_read(object, 3 * PAGE_SIZE, &byte, 1), 1);
    assert_int_equal(byte, 'f');
    assert_int_equal(misses, 4);
    assert_int_equal(fill(1, 'x'), -EEXIST);
    assert_int_equal(fill(PAGES, 'x'), -ENXIO);
    assert_int_equal(
        fake_access(client, shared + PAGES * PAGE_SIZE, false, &(char *){NULL}),
        FAKE_SEGV_MAPERR);
}

static void dirty_clean_evict(void **state __maybe_unused)
{
    bind_and_map(UFFD_FL_BIND_DIRTY, 0);
    fake_on_block = serve;
    for (u64 i = 0; i < 4; i++) {
        fake_read(client, shared + i * PAGE_SIZE);
        fake_read(other, second + i * PAGE_SIZE);
    }
    next_news();
    assert_int_equal(last.event, 0);
    for (u64 i = 1; i < 3; i++) {
        assert_true(fake_write(client, shared + i * PAGE_SIZE, 'd'));
        assert_true(fake_write(other, second + i * PAGE_SIZE, 'D'));
    }
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_DIRTY);
    assert_int_equal(last.object.offset, PAGE_SIZE);
    assert_int_equal(last.object.info, 2 * PAGE_SIZE);
    assert_false(userfaultfd_has_msg(ctx));
    assert_int_equal(on(object_evict, 0, PAGES, 0), PAGE_SIZE);
    assert_int_equal(on(object_evict, 1, 1, 0), -EBUSY);
    assert_int_equal(on(object_clean, 0, PAGES, 0), PAGES * PAGE_SIZE);
    fake_tlb_check();
    assert_true(fake_write(other, second + 2 * PAGE_SIZE, 'E'));
    next_news();
    assert_int_equal(last.object.offset, 2 * PAGE_SIZE);
    assert_int_equal(on(object_evict, 0, PAGES, 0), 2 * PAGE_SIZE);
    fake_tlb_check();
    assert_int_equal(object->page_count, 2); /* 2 dirty, 3 not reached */
    misses = 0;
    assert_int_equal(fake_read(client, shared + PAGE_SIZE), 'f');
    assert_int_equal(misses, 1);
}

/* A copy under way, by no entry, is not cleaned behind its back. */
static void pinned_stays_dirty(void **state __maybe_unused)
{
    struct page *page;

    bind_and_map(0, 0);
    fake_on_block = serve;
    assert_true(fake_write(client, shared, 'd'));
    page = object_find_page(object, 0);
    assert_int_equal(on(object_clean, 0, 1, 0), -EAGAIN);
    put_page(page);
    assert_int_equal(on(object_clean, 0, 1, 0), PAGE_SIZE);
    assert_int_equal(on(object_evict, 0, 1, 0), PAGE_SIZE);
}

/* Whoever takes a page out says so in it first, and unmaps it then: a write in
 * between has to find out what comes next. */
static void leaving_page_is_not_written(void **state __maybe_unused)
{
    struct page *page;

    bind_and_map(UFFD_FL_BIND_DIRTY, 0);
    fake_on_block = serve;
    assert_int_equal(fake_read(client, shared), 'f');
    page = object_find_page(object, 0);
    page->object = NULL;
    assert_int_equal(
        handle_mm_fault(find_vma(client, shared), shared, FAULT_WRITE, NULL),
        0);
    assert_false(pte_write(*pte_lookup(client, shared)));
    next_news();
    assert_int_equal(last.event, 0);
    page->object = object;
    put_page(page);
    assert_true(fake_write(client, shared, 'd'));
}

static void limits_and_sizes(void **state __maybe_unused)
{
    bind_and_map(0, 2);
    assert_int_equal(fill(0, 'a'), PAGE_SIZE);
    assert_int_equal(on(object_fill, 1, 2, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_SHRINK);
    assert_int_equal(fill(4, 'a'), -ENOSPC);
    next_news();
    assert_int_equal(object_resize(object, PAGE_SIZE + 1), 0);
    assert_int_equal(object_resize(object, 3 * PAGE_SIZE), 0);
    assert_int_equal(fill(2, 'a'), -EAGAIN);
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_SIZE);
    assert_int_equal(last.object.offset, PAGE_SIZE + 1);
    assert_int_equal(last.object.info, 3 * PAGE_SIZE);
    assert_int_equal(on(object_evict, 0, 1, 0), PAGE_SIZE);
    assert_int_equal(fill(2, 'a'), PAGE_SIZE);
    next_news();
    assert_int_equal(last.event, 0);
}

/* A page told of leaves by truncation, or the pager ends: no list is left. */
static void dirty_pages_leave(void **state __maybe_unused)
{
    bind_and_map(UFFD_FL_BIND_DIRTY, 0);
    fake_on_block = serve;
    for (u64 i = 0; i < PAGES; i++)
        assert_true(fake_write(client, shared + i * PAGE_SIZE, 'd'));
    assert_int_equal(object_resize(object, 2 * PAGE_SIZE), 0);
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_SIZE);
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_DIRTY);
    assert_int_equal(last.object.info, 2 * PAGE_SIZE);
    assert_true(fake_write(client, shared, 'e'));
    assert_int_equal(on(object_clean, 0, 1, 0), PAGE_SIZE);
    assert_true(fake_write(client, shared, 'e'));
    userfaultfd_release(ctx);
    ctx = NULL;
    assert_true(fake_write(client, shared + PAGE_SIZE, 'x'));
    assert_int_equal(
        fake_access(other, second + 4 * PAGE_SIZE, false, &(char *){NULL}),
        FAKE_SIGBUS);
}

static int refuse(void)
{
    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 1);
    assert_int_equal(on(object_wake, 0, PAGES, UFFD_FL_MODE_FAIL),
                     PAGES * PAGE_SIZE);
    return 0;
}

static int close_it(void)
{
    userfaultfd_release(ctx);
    ctx = NULL;
    return 0;
}

static void pagers_fail(void **state __maybe_unused)
{
    struct page *page;
    char *p;

    bind_and_map(0, 0);
    fake_on_block = refuse;
    assert_int_equal(fake_access(client, shared, false, &p), FAKE_SIGBUS);
    assert_int_equal(object_page_in(object, 1, &page), -EIO);
    fake_on_block = close_it;
    assert_int_equal(fake_access(client, shared, true, &p), FAKE_SIGBUS);
    assert_int_equal(object_page_in(object, 1, &page), -EIO);
    assert_int_equal(object->page_count, 0);
}

static void deadlines(void **state __maybe_unused)
{
    struct uffdio_fl_bind args = {.deadline_ns = 1,
                                  .action = UFFD_FL_ACTION_ZERO};

    assert_int_equal(object_bind(object, ctx, &args), 0);
    shared = map(client, MAP_SHARED);
    assert_int_equal(fake_read(client, shared), 0);
    assert_int_equal(object->page_count, 1);
    assert_false(userfaultfd_has_msg(ctx));
}

/* Every allocation fails in turn: of binding, and of filling. */
static void no_memory(void **state __maybe_unused)
{
    u64 n = 0;
    s64 r;

    do {
        alloc_fail_nth(++n);
        r = bind(0, 0);
        alloc_fail_nth(0);
    } while (r == -ENOMEM);
    assert_int_equal(r, 0);
    assert_true(fake_write(client, SOURCE, 's'));
    n = 0;
    do {
        alloc_fail_nth(++n);
        r = on(object_fill, 7, 1, 0);
        alloc_fail_nth(0);
    } while (r == -ENOMEM);
    assert_int_equal(r, PAGE_SIZE);
    assert_true(n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(binding),
        TEST(misses_are_served),
        TEST(dirty_clean_evict),
        TEST(pinned_stays_dirty),
        TEST(leaving_page_is_not_written),
        TEST(limits_and_sizes),
        TEST(dirty_pages_leave),
        TEST(pagers_fail),
        TEST(deadlines),
        TEST(no_memory),
    };

    return cmocka_run_group_tests(tests, fake_boot, NULL);
}
