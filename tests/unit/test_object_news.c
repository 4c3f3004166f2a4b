/*
 * What an object's pager is told and whom that wakes; what changes while the
 * pager, or who waits for it, is on the way; and pagers that come after it.
 */
#include "paged_object.h"

#include <mm/group.h>

static int heard_and_served(void)
{
    assert_int_equal(fake_wakes, 1);
    return serve();
}

/* Who reads, and who polls, hears of news at once, and of a miss. */
static void news_wake_readers(void **state __maybe_unused)
{
    struct uffd_msg message;
    struct waiter poller;

    bind_and_map(UFFD_FL_BIND_DIRTY, 0);
    assert_int_equal(on(object_fill, 0, 2, UFFD_FL_MODE_ZERO), 2 * PAGE_SIZE);
    assert_true(userfaultfd_reader_enter(ctx, &message));
    assert_true(fake_write(client, shared, 'd'));
    assert_null(ctx->reader);
    wait_add(&ctx->readers, &poller);
    fake_wakes = 0;
    assert_true(fake_write(client, shared + PAGE_SIZE, 'd'));
    assert_int_equal(fake_wakes, 1);
    assert_true(object_pagers_shrink(NULL));
    assert_int_equal(fake_wakes, 2);
    fake_wakes = 0;
    fake_on_block = heard_and_served;
    assert_int_equal(fake_read(client, shared + 2 * PAGE_SIZE), 'f');
    wait_remove(&ctx->readers, &poller);
}

/* A group asks the pagers of its own members alone. */
static void group_shrinks_its_own(void **state __maybe_unused)
{
    struct mm_group *group = mm_group_create(NULL, 20);

    bind_and_map(0, 0);
    assert_false(object_pagers_shrink(NULL)); /* there are no pages */
    assert_int_equal(on(object_fill, 0, 1, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    assert_false(object_pagers_shrink(group));
    mm_set_group(client, group);
    assert_true(object_pagers_shrink(group));
    mm_group_put(group);
}

/* One that has much to tell does not keep the others waiting. */
static void objects_take_turns(void **state __maybe_unused)
{
    struct mem_object *first = object;

    bind_and_map(UFFD_FL_BIND_DIRTY, 0);
    assert_int_equal(on(object_fill, 0, 1, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    assert_true(fake_write(client, shared, 'd'));
    assert_int_equal(object_resize(first, 2 * PAGE_SIZE), 0);
    object = fake_object();
    assert_int_equal(bind(0, 0), 0);
    assert_int_equal(object_resize(object, PAGE_SIZE), 0);
    next_news();
    assert_int_equal(last.object.info, 2 * PAGE_SIZE);
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_SIZE);
    assert_int_equal(last.object.info, PAGE_SIZE);
    next_news();
    assert_int_equal(last.event, UFFD_EVENT_FL_DIRTY);
    assert_false(userfaultfd_has_msg(ctx));
    object_put(first);
}

/* What is written when the pager has ended is the next one's news, if any's. */
static void news_after_the_end(void **state __maybe_unused)
{
    bind_and_map(UFFD_FL_BIND_DIRTY, 0);
    assert_int_equal(on(object_fill, 0, 1, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    userfaultfd_release(ctx);
    assert_true(fake_write(client, shared, 'x'));
    assert_int_equal(object_resize(object, PAGE_SIZE), 0);
    ctx = userfaultfd_ctx_create(client, 0);
    assert_int_equal(bind(UFFD_FL_BIND_DIRTY, 0), 0);
    assert_false(userfaultfd_has_msg(ctx));
    assert_int_equal(on(object_clean, 0, 1, 0), PAGE_SIZE);
}

static int cut_off(void)
{
    fake_on_block = NULL;
    assert_int_equal(object_resize(object, PAGE_SIZE), 0);
    return 0;
}

/* Who waits for a page behind the new end has waited in vain. */
static void truncation_ends_waits(void **state __maybe_unused)
{
    bind_and_map(0, 0);
    fake_on_block = cut_off;
    assert_int_equal(
        fake_access(client, shared + PAGE_SIZE, true, &(char *){NULL}),
        FAKE_SIGBUS);
}

static struct userfaultfd_ctx *successor;

/* The pager has ended, but who waits has not been told yet: whoever misses the
 * page now asks the next one, not with the other's voice. */
static int another_takes_over(void)
{
    struct userfaultfd_ctx *closing = ctx;
    unsigned pending, total;

    object_pagers_release(closing);
    ctx = successor;
    assert_int_equal(bind(0, 0), 0);
    assert_false(userfaultfd_has_msg(ctx));
    assert_non_null(interval_first(&object->pager->misses, 0, 0));
    fake_on_block = serve;
    assert_int_equal(fake_read(client, second), 'f');
    assert_int_equal(misses, 1);
    userfaultfd_count(closing, &pending, &total);
    assert_int_equal(total, 1);
    userfaultfd_release(closing);
    return 0;
}

static void next_pager_is_asked(void **state __maybe_unused)
{
    successor = userfaultfd_ctx_create(client, 0);
    bind_and_map(0, 0);
    second = map(client, MAP_SHARED);
    fake_on_block = another_takes_over;
    /* Its own pager brings nothing any more, the page is there all the same. */
    assert_int_equal(fake_read(client, shared), 'f');
    assert_int_equal(misses, 1);
}

/* The pager ends, and write(2) brings the page after all. */
static int written_instead(void)
{
    struct page *page = alloc_zeroed_page();
    struct userfaultfd_ctx *closing = ctx;
    unsigned pending, total;

    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 1);
    userfaultfd_ctx_get(closing);
    userfaultfd_release(closing);
    ctx = NULL;
    assert_int_equal(object_write(object, 0, PAGE_SIZE, PAGE_SIZE, &page), 0);
    userfaultfd_count(closing, &pending, &total);
    assert_int_equal(total, 0); /* nobody was woken, and unqueued, twice */
    userfaultfd_ctx_put(closing);
    return 0;
}

static int missed_and_written(void)
{
    fake_on_block = written_instead;
    assert_int_equal(fake_read(client, second), 0);
    return 0;
}

static void write_after_the_end(void **state __maybe_unused)
{
    bind_and_map(0, 0);
    second = map(client, MAP_SHARED);
    fake_on_block = missed_and_written;
    assert_int_equal(fake_read(client, shared), 0);
}

static int fill_and_wake(void)
{
    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 1);
    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 0);
    fake_wakes = 0;
    assert_int_equal(
        on(object_fill, 0, 1, UFFD_FL_MODE_ZERO | UFFDIO_MODE_DONTWAKE),
        PAGE_SIZE);
    assert_int_equal(fake_wakes, 0);
    assert_int_equal(on(object_wake, 0, 1, 0), PAGE_SIZE);
    assert_int_not_equal(fake_wakes, 0);
    return 0;
}

static int also_missed(void)
{
    fake_on_block = fill_and_wake;
    assert_int_equal(fake_read(client, second), 0);
    fake_on_block = NULL;
    return 0;
}

/* Two miss the page: there is one message, and one answer. */
static void one_voice_for_all(void **state __maybe_unused)
{
    bind_and_map(0, 0);
    second = map(client, MAP_SHARED);
    fake_on_block = also_missed;
    assert_int_equal(fake_read(client, shared), 0);
}

static int filled_but_interrupted(void)
{
    (void)fill_and_wake();
    return -EINTR;
}

static int cut_but_interrupted(void)
{
    (void)cut_off();
    return -EINTR;
}

/* Whoever is woken looks, whatever else has come for it meanwhile. */
static void woken_counts_most(void **state __maybe_unused)
{
    struct page *page;

    bind_and_map(0, 0);
    fake_on_block = filled_but_interrupted;
    assert_int_equal(object_page_in(object, 0, &page), 0);
    assert_non_null(page);
    put_page(page);
    fake_on_block = cut_but_interrupted;
    assert_int_equal(object_page_in(object, 1, &page), 0);
    assert_null(page); /* behind the end now */
}

static void miss_by(unsigned flags)
{
    mmap_read_lock(client);
    assert_int_equal(handle_mm_fault(find_vma(client, shared), shared,
                                     flags | FAULT_RETRY_OK, NULL),
                     VM_FAULT_RETRY);
}

static void bind_for(u32 action)
{
    const struct uffdio_fl_bind args = {.deadline_ns = 1, .action = action};

    assert_int_equal(object_bind(object, ctx, &args), 0);
    shared = map(client, MAP_SHARED);
}

/* A call gets zeros in time, too, and so does whoever comes later. */
static void zeros_for_all(void **state __maybe_unused)
{
    struct page *page;

    bind_for(UFFD_FL_ACTION_ZERO);
    fake_time_ns = 1000;
    assert_int_equal(object_page_in(object, 0, &page), 0);
    assert_int_equal(fake_deadline_ns, 1001);
    fake_time_ns = 0;
    put_page(page);
    userfaultfd_release(ctx);
    ctx = NULL;
    assert_int_equal(fake_read(client, shared + PAGE_SIZE), 0);
    assert_int_equal(object->page_count, 2);
}

/* Without a pager there is nothing to wait for: the task dies at once. */
static void end_with_the_pager(void **state __maybe_unused)
{
    bind_for(UFFD_FL_ACTION_KILL);
    userfaultfd_release(ctx);
    ctx = NULL;
    miss_by(FAULT_USER);
    assert_true(fake_signal);
    fake_signal = false;
}

static int interrupted(void)
{
    return -EINTR;
}

/* User code lets any signal come first, a system call's access a fatal one. */
static void which_signals_interrupt(void **state __maybe_unused)
{
    bind_and_map(0, 0);
    fake_on_block = interrupted;
    miss_by(FAULT_USER);
    assert_int_equal(fake_wait_mode, WAIT_INTERRUPTIBLE);
    miss_by(0);
    assert_int_equal(fake_wait_mode, WAIT_KILLABLE);
    assert_false(userfaultfd_has_msg(ctx));
}

/* A page is gone from the object, and says so to whoever has it in hand. */
static void evicted_page_is_nobodys(void **state __maybe_unused)
{
    struct page *page;

    bind_and_map(0, 0);
    assert_int_equal(on(object_fill, 0, 1, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    page = object_find_page(object, 0);
    assert_int_equal(on(object_evict, 0, 1, 0), PAGE_SIZE);
    assert_null(page->object);
    put_page(page);
}

/* Private copies are none of the pager's. */
static void copies_stay_as_they_are(void **state __maybe_unused)
{
    u64 private;

    bind_and_map(0, 0);
    private = map(client, MAP_PRIVATE);
    assert_int_equal(on(object_fill, 0, 1, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    assert_true(fake_write(client, shared, 'd'));
    assert_true(fake_write(client, private, 'p'));
    assert_int_equal(on(object_clean, 0, 1, 0), PAGE_SIZE);
    assert_false(pte_write(*pte_lookup(client, shared)));
    assert_true(pte_write(*pte_lookup(client, private)));
    assert_true(pte_dirty(*pte_lookup(client, private)));
}

/* Neither the pager of another object, nor one that is to die. */
static void who_may_not_clean(void **state __maybe_unused)
{
    struct userfaultfd_ctx *ours = ctx;

    bind_and_map(0, 0);
    assert_int_equal(on(object_fill, 0, 1, UFFD_FL_MODE_ZERO), PAGE_SIZE);
    assert_true(fake_write(client, shared, 'd'));
    ctx = userfaultfd_ctx_create(client, 0);
    assert_int_equal(on(object_clean, 0, 1, 0), -EINVAL);
    userfaultfd_release(ctx);
    ctx = ours;
    fake_signal = true;
    assert_int_equal(on(object_clean, 0, 1, 0), 0);
    fake_signal = false;
    assert_int_equal(on(object_evict, 0, 1, 0), -EBUSY);
}

/* What is brought for the last page ends where the object does. */
static void last_page_is_cut(void **state __maybe_unused)
{
    assert_int_equal(object_resize(object, PAGE_SIZE + 100), 0);
    bind_and_map(0, 0);
    assert_true(fake_write(client, SOURCE + 99, 'i'));
    assert_true(fake_write(client, SOURCE + 100, 'o'));
    assert_int_equal(fill(1, 'f'), PAGE_SIZE);
    assert_int_equal(fake_read(client, shared + PAGE_SIZE + 99), 'i');
    assert_int_equal(fake_read(client, shared + PAGE_SIZE + 100), 0);
}

static void cut_and_told(void)
{
    assert_int_equal(object_resize(object, PAGE_SIZE), 0);
    next_news();
}

/* The object shrinks while the page is made. */
static void brought_too_late(void **state __maybe_unused)
{
    bind_and_map(0, 0);
    fake_on_page_clear = cut_and_told;
    assert_int_equal(on(object_fill, 1, 1, UFFD_FL_MODE_ZERO), -ENXIO);
    assert_int_equal(object->page_count, 0);
}

/* Of a page that is absent only the whole can be written. */
static void part_of_an_absent_page(void **state __maybe_unused)
{
    struct page *page = alloc_zeroed_page();

    bind_and_map(0, 0);
    assert_int_equal(object_write(object, 10, 3, 13, &page), -EAGAIN);
    assert_int_equal(object->page_count, 0);
    assert_int_equal(object_write(object, 0, PAGE_SIZE, PAGE_SIZE, &page), 0);
    assert_int_equal(object->page_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(news_wake_readers),       TEST(group_shrinks_its_own),
        TEST(objects_take_turns),      TEST(news_after_the_end),
        TEST(truncation_ends_waits),   TEST(next_pager_is_asked),
        TEST(write_after_the_end),     TEST(one_voice_for_all),
        TEST(which_signals_interrupt), TEST(woken_counts_most),
        TEST(zeros_for_all),           TEST(end_with_the_pager),
        TEST(evicted_page_is_nobodys), TEST(copies_stay_as_they_are),
        TEST(who_may_not_clean),       TEST(last_page_is_cut),
        TEST(brought_too_late),        TEST(part_of_an_absent_page),
    };

    return cmocka_run_group_tests_name("object_news", tests, fake_boot, NULL);
}
