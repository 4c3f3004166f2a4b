/*
 * userfaultfd from both sides on one thread: when the faulting access blocks,
 * the pager's turn comes in fake_on_block().
 */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <mm/userfaultfd.h>
#include <uapi/faultline/mman.h>

#define ARENA  0x20000000ul
#define SOURCE 0x40000000ul
#define PAGES  32u
#define RW     (PROT_READ | PROT_WRITE)
#define FIXED  (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define LEN    (PAGES * PAGE_SIZE)

static struct mm_struct *client, *pager;
static struct userfaultfd_ctx *ctx;
static struct uffd_msg last;
static unsigned messages;

static u64 page_at(unsigned i)
{
    return ARENA + i * PAGE_SIZE;
}

static int setup(void **state)
{
    fake_mark(state);
    client = mm_create();
    pager = mm_create();
    fake_mm = client;
    ctx = userfaultfd_ctx_create(client, 0);
    if (!client || !pager || !ctx)
        return -1;
    assert_int_equal(do_mmap(client, ARENA, LEN, RW, FIXED, NULL, 0, false),
                     ARENA);
    assert_int_equal(do_mmap(pager, SOURCE, LEN, RW, FIXED, NULL, 0, false),
                     SOURCE);
    for (unsigned i = 0; i < PAGES; i++)
        assert_true(fake_write(pager, SOURCE + i * PAGE_SIZE, (char)(i + 1)));
    messages = 0;
    return 0;
}

static int teardown(void **state)
{
    fake_on_block = NULL;
    fake_signal = false;
    fake_mm = NULL;
    if (ctx)
        userfaultfd_release(ctx);
    mm_put(client);
    mm_put(pager);
    return fake_check_leaks(state);
}

/* The pager as the current task, for one call. */
static s64 pager_copy(u64 dst, u64 src, u64 len)
{
    struct mm_struct *was = fake_mm;
    s64 r;

    fake_mm = pager;
    r = userfaultfd_fill(ctx, FILL_COPY, dst, src, len, false);
    fake_mm = was;
    return r;
}

static void take_message(void)
{
    assert_true(userfaultfd_has_msg(ctx));
    /* Nobody but the one who waits now is to be found. */
    assert_non_null(ctx->lone);
    assert_null(ctx->crowd.node);
    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 1);
    assert_int_equal(last.event, UFFD_EVENT_PAGEFAULT);
    messages++;
}

/* Fills the page asked for from the same place in the source. */
static int fill_by_copy(void)
{
    u64 va;

    take_message();
    va = last.pagefault.address & PAGE_MASK;
    assert_int_equal(pager_copy(va, SOURCE + (va - ARENA), PAGE_SIZE),
                     PAGE_SIZE);
    userfaultfd_wake(ctx, va, PAGE_SIZE);
    return 0;
}

static int fill_with_zeros(void)
{
    u64 va;

    take_message();
    va = last.pagefault.address;
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, va, 0, PAGE_SIZE, false),
                     PAGE_SIZE);
    userfaultfd_wake(ctx, va, PAGE_SIZE);
    return 0;
}

static void register_pages(unsigned first, unsigned count)
{
    assert_int_equal(userfaultfd_register(ctx, page_at(first),
                                          page_at(first + count),
                                          VM_UFFD_MISSING),
                     0);
}

static void copy_serves_reads_and_writes(void **state __maybe_unused)
{
    register_pages(0, PAGES);
    fake_on_block = fill_by_copy;
    assert_int_equal(fake_read(client, page_at(5) + 77), 0);
    assert_int_equal(last.pagefault.address, page_at(5));
    assert_int_equal(last.pagefault.flags, 0);
    assert_int_equal(fake_read(client, page_at(5)), 6);
    assert_true(fake_write(client, page_at(6) + 1, 9));
    assert_int_equal(last.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE);
    assert_int_equal(fake_read(client, page_at(6)), 7);
    assert_int_equal(messages, 2);
    assert_int_equal(client->rss[RSS_ANON], 2);
}

static void zeropage_then_write(void **state __maybe_unused)
{
    register_pages(0, PAGES);
    fake_on_block = fill_with_zeros;
    assert_int_equal(fake_read(client, page_at(3)), 0);
    assert_true(fake_write(client, page_at(3), 5)); /* zero page upgraded */
    assert_int_equal(messages, 1);
    assert_int_equal(fake_read(client, page_at(3)), 5);
}

static void exact_address(void **state __maybe_unused)
{
    ctx->features = UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_THREAD_ID;
    register_pages(0, PAGES);
    fake_on_block = fill_by_copy;
    assert_int_equal(fake_read(client, page_at(1) + 123), 0);
    assert_int_equal(last.pagefault.address, page_at(1) + 123);
    assert_int_equal(last.pagefault.ptid, 101);
}

static void sigbus_feature(void **state __maybe_unused)
{
    char *p;

    ctx->features = UFFD_FEATURE_SIGBUS;
    register_pages(0, PAGES);
    assert_int_equal(fake_access(client, page_at(1), false, &p), FAKE_SIGBUS);
    assert_false(userfaultfd_has_msg(ctx));
}

/* Pages outside the registered part are nobody's business. */
static void part_of_an_area(void **state __maybe_unused)
{
    register_pages(4, 4);
    assert_int_equal(client->map_count, 3);
    assert_int_equal(fake_read(client, page_at(3)), 0);
    assert_int_equal(fake_read(client, page_at(8)), 0);
    fake_on_block = fill_by_copy;
    assert_int_equal(fake_read(client, page_at(4)), 5);
    assert_int_equal(userfaultfd_unregister(ctx, page_at(0), page_at(PAGES)),
                     0);
    /* One part has had private pages, the others not: they stay apart. */
    assert_int_equal(client->map_count, 3);
    assert_int_equal(fake_read(client, page_at(5)), 0);
    assert_int_equal(messages, 1);
    assert_int_equal(ctx->refcount, 1);
}

static void register_errors(void **state __maybe_unused)
{
    struct userfaultfd_ctx *other = userfaultfd_ctx_create(client, 0);
    u64 before = client->map_count;

    assert_int_equal(userfaultfd_register(ctx, ARENA + LEN, ARENA + 2 * LEN,
                                          VM_UFFD_MISSING),
                     -EINVAL);
    register_pages(2, 2);
    assert_int_equal(
        userfaultfd_register(other, page_at(0), page_at(8), VM_UFFD_MISSING),
        -EBUSY);
    assert_int_equal(client->map_count, before + 2);
    assert_int_equal(other->refcount, 1);
    userfaultfd_release(other);
}

static void copy_errors(void **state __maybe_unused)
{
    register_pages(0, 8);
    assert_int_equal(pager_copy(page_at(8), SOURCE, PAGE_SIZE), -ENOENT);
    assert_int_equal(pager_copy(SOURCE, SOURCE, PAGE_SIZE), -ENOENT);
    assert_int_equal(pager_copy(page_at(7), SOURCE, 2 * PAGE_SIZE), -ENOENT);
    assert_int_equal(pager_copy(page_at(0), SOURCE + LEN, PAGE_SIZE), -EFAULT);
    assert_int_equal(pager_copy(page_at(0), SOURCE, PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(pager_copy(page_at(0), SOURCE, PAGE_SIZE), -EEXIST);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(0), 0, PAGE_SIZE, false),
        -EEXIST);
    /* short: the third page is there already */
    assert_int_equal(pager_copy(page_at(3), SOURCE, PAGE_SIZE), PAGE_SIZE);
    assert_int_equal(pager_copy(page_at(1), SOURCE, 4 * PAGE_SIZE),
                     2 * PAGE_SIZE);
    page_alloc_fail_nth(1);
    assert_int_equal(pager_copy(page_at(5), SOURCE, PAGE_SIZE), -ENOMEM);
    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 0);
}

static int close_descriptor(void)
{
    struct userfaultfd_ctx *closing = ctx;

    take_message();
    ctx = NULL;
    userfaultfd_release(closing);
    return 0;
}

/* Closing wakes the blocked; their pages are ordinary memory from then on. */
static void close_while_blocked(void **state __maybe_unused)
{
    register_pages(0, PAGES);
    fake_on_block = close_descriptor;
    assert_int_equal(fake_read(client, page_at(2)), 0);
    assert_int_equal(client->map_count, 1);
    assert_int_equal(client->mmap->vm_flags & VM_UFFD_ANY, 0);
}

static int unmap_meanwhile(void)
{
    take_message();
    assert_int_equal(do_munmap(client, page_at(2), PAGE_SIZE), 0);
    userfaultfd_wake(ctx, page_at(2), PAGE_SIZE);
    return 0;
}

static void unmap_while_blocked(void **state __maybe_unused)
{
    register_pages(0, PAGES);
    fake_on_block = unmap_meanwhile;
    assert_int_equal(fake_read(client, page_at(2)), -1);
    assert_int_equal(validate_mm(client), 0);
}

/* A wake-up without the page: the fault asks again. */
static unsigned empty_wakes;

/* A signal's handler ran, and the access is tried again. */
static int interrupt(void)
{
    fake_on_block = fill_by_copy;
    return -EINTR;
}

static void interrupted(void **state __maybe_unused)
{
    register_pages(0, 1);
    fake_on_block = interrupt;
    assert_int_equal(fake_read(client, page_at(0)), 1);
    assert_null(ctx->lone);
}

static int wake_for_nothing(void)
{
    if (!empty_wakes)
        return fill_by_copy();
    empty_wakes--;
    take_message();
    userfaultfd_wake(ctx, last.pagefault.address, PAGE_SIZE);
    return 0;
}

static void wake_without_page(void **state __maybe_unused)
{
    register_pages(0, PAGES);
    empty_wakes = 3;
    fake_on_block = wake_for_nothing;
    assert_int_equal(fake_read(client, page_at(9)), 10);
    assert_int_equal(messages, 4);
}

/* Registered, unregistered, thrown away, filled ahead, written: what is read
 * is what the last of them left. */
static void random_pages(void **state __maybe_unused)
{
    bool registered[PAGES] = {0}, there[PAGES] = {0};
    u8 byte[PAGES] = {0};

    fake_on_block = fill_by_copy;
    for (unsigned op = 0; fake_more(op, 20000); op++) {
        unsigned i = (unsigned)fake_rand(PAGES), what = (unsigned)fake_rand(10);
        u64 va = page_at(i);
        bool fill = !there[i] && registered[i];

        if (what == 0) {
            register_pages(i, 1);
            registered[i] = true;
        } else if (what == 1) {
            assert_int_equal(userfaultfd_unregister(ctx, va, va + 4096), 0);
            registered[i] = false;
        } else if (what == 2) {
            assert_int_equal(do_madvise(client, va, 4096, MADV_DONTNEED), 0);
            there[i] = false;
        } else if (what == 3) {
            s64 r = pager_copy(va, SOURCE + i * PAGE_SIZE, PAGE_SIZE);

            assert_int_equal(r, !registered[i] ? -ENOENT
                                : there[i]     ? -EEXIST
                                               : (s64)PAGE_SIZE);
            if (r > 0)
                byte[i] = (u8)(i + 1);
            there[i] |= r > 0;
        } else {
            if (!there[i])
                byte[i] = fill ? (u8)(i + 1) : 0;
            there[i] = true;
            assert_int_equal(fake_read(client, va), byte[i]);
            if (what > 6) {
                byte[i] = (u8)op;
                assert_true(fake_write(client, va, (char)op));
            }
        }
        assert_int_equal(validate_mm(client), 0);
        fake_tlb_check();
    }
}

#define UFFD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UFFD_TEST(copy_serves_reads_and_writes),
        UFFD_TEST(zeropage_then_write),
        UFFD_TEST(exact_address),
        UFFD_TEST(sigbus_feature),
        UFFD_TEST(part_of_an_area),
        UFFD_TEST(register_errors),
        UFFD_TEST(copy_errors),
        UFFD_TEST(close_while_blocked),
        UFFD_TEST(unmap_while_blocked),
        UFFD_TEST(interrupted),
        UFFD_TEST(wake_without_page),
        UFFD_TEST(random_pages),
    };

    return cmocka_run_group_tests_name("userfaultfd", tests, fake_boot, NULL);
}
