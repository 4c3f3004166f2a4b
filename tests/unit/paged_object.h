/*
 * One thread that is both sides of an object with a pager: when an access
 * blocks, the pager's turn comes in fake_on_block(). Each test ends with all
 * frames back and no translation that the tables do not grant.
 */
#pragma once

#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <mm/object_pager.h>
#include <uapi/faultline/mman.h>

#define SOURCE 0x40000000ul
#define PAGES  8u
#define RW     (PROT_READ | PROT_WRITE)

static struct mm_struct *client, *other;
static struct userfaultfd_ctx *ctx;
static struct mem_object *object;
static struct uffd_msg last;
static unsigned misses;
static u64 shared, second; /* where client and other have it */

static inline int bind(u32 flags, u64 limit)
{
    struct uffdio_fl_bind args = {.flags = flags, .cookie = 5, .limit = limit};

    return object_bind(object, ctx, &args);
}

static inline u64 map(struct mm_struct *mm, u64 flags)
{
    long r = do_mmap(mm, 0, PAGES * PAGE_SIZE, RW, flags, object, 0, true);

    assert_true(r > 0);
    return (u64)r;
}

static inline int setup(void **state)
{
    fake_mark(state);
    client = mm_create();
    other = mm_create();
    fake_mm = client;
    ctx = userfaultfd_ctx_create(client, 0);
    object = fake_object();
    assert_int_equal(object_resize(object, PAGES * PAGE_SIZE), 0);
    assert_int_equal(do_mmap(client, SOURCE, PAGE_SIZE, RW,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0,
                             false),
                     SOURCE);
    misses = 0;
    return 0;
}

static inline int teardown(void **state)
{
    fake_on_block = NULL;
    fake_tlb_check();
    if (ctx)
        userfaultfd_release(ctx);
    mm_put(client);
    mm_put(other);
    object_put(object);
    fake_mm = NULL;
    return fake_check_leaks(state);
}

static inline void bind_and_map(u32 flags, u64 limit)
{
    assert_int_equal(bind(flags, limit), 0);
    shared = map(client, MAP_SHARED);
    second = map(other, MAP_SHARED);
}

static inline s64 on(s64 (*call)(struct mem_object *, struct userfaultfd_ctx *,
                                 const struct uffdio_fl_object *),
                     u64 first, u64 count, u32 mode)
{
    struct uffdio_fl_object c = {.mode = mode,
                                 .offset = first * PAGE_SIZE,
                                 .len = count * PAGE_SIZE,
                                 .src = SOURCE};

    return call(object, ctx, &c);
}

static inline s64 fill(u64 page, char byte)
{
    assert_true(fake_write(client, SOURCE, byte));
    return on(object_fill, page, 1, 0);
}

static inline int serve(void)
{
    assert_int_equal(userfaultfd_next_faults(ctx, &last, 1), 1);
    assert_int_equal(last.event, UFFD_EVENT_FL_MISS);
    assert_int_equal(last.object.cookie, 5);
    assert_int_equal(fill(last.object.offset / PAGE_SIZE, 'f'), PAGE_SIZE);
    misses++;
    return 0;
}

/* What there is to read besides misses; event 0: nothing. */
static inline void next_news(void)
{
    struct userfaultfd_event *fork;

    last.event = 0;
    if (userfaultfd_next_event(ctx, &last, &fork))
        assert_int_equal(last.event, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
