/*
 * An object with a pager and an array that says what of it there is: pages,
 * which of them are dirty, what the pager is to be told. What is done to the
 * object is done to both. For test_object_model.c, which maps it.
 */
#pragma once

#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <mm/object_pager.h>
#include <uapi/faultline/mman.h>

#define SOURCE 0x40000000ul
#define COUNT  20u
#define LENGTH (COUNT * PAGE_SIZE)
#define RW     (PROT_READ | PROT_WRITE)

static struct mm_struct *pager;
static struct userfaultfd_ctx *ctx; /* NULL: the pager is dead */
static struct mem_object *object;

static struct model {
    bool there, dirty, untold;
    bool copied; /* in the private mapping */
    u8 byte, copy;
} pages[COUNT];
static struct uffdio_fl_bind bound;
static u64 size, low; /* bytes; of news */
static bool resized, full;

struct range {
    unsigned first, count;
};

static unsigned page_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < COUNT; i++)
        n += pages[i].there;
    return n;
}

static unsigned size_pages(void)
{
    return (unsigned)(ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT);
}

static struct range random_range(void)
{
    struct range r;

    r.first = (unsigned)fake_rand(COUNT);
    r.count = 1 + (unsigned)fake_rand(fake_rand(3) ? 3 : COUNT - r.first);
    r.count = min(r.count, COUNT - r.first);
    return r;
}

/* ---- the pager ---- */

static s64 on(s64 (*call)(struct mem_object *, struct userfaultfd_ctx *,
                          const struct uffdio_fl_object *),
              struct range r, u32 mode)
{
    struct uffdio_fl_object c = {.mode = mode,
                                 .offset = r.first * PAGE_SIZE,
                                 .len = r.count * PAGE_SIZE,
                                 .src = SOURCE};
    struct mm_struct *was = fake_mm;
    s64 done;

    fake_mm = pager;
    done = call(object, ctx, &c);
    fake_mm = was;
    return done;
}

static void bind(void)
{
    bound =
        (struct uffdio_fl_bind){.flags = fake_rand(4) ? UFFD_FL_BIND_DIRTY : 0,
                                .limit = fake_rand(3) ? 0 : 2 + fake_rand(8),
                                .cookie = fake_rand(256)};
    ctx = userfaultfd_ctx_create(pager, 0);
    assert_int_equal(object_bind(object, ctx, &bound), 0);
}

static void op_die(void)
{
    userfaultfd_release(ctx);
    ctx = NULL;
    resized = full = false;
    for (unsigned i = 0; i < COUNT; i++)
        pages[i].untold = false;
}

static void told_dirty(const struct uffd_msg *msg)
{
    u64 first = msg->object.offset >> PAGE_SHIFT;
    u64 count = msg->object.info >> PAGE_SHIFT;

    assert_true(count && first + count <= COUNT);
    for (u64 i = first; i < first + count; i++) {
        assert_true(pages[i].untold);
        pages[i].untold = false;
    }
}

static void told(const struct uffd_msg *msg)
{
    assert_int_equal(msg->object.cookie, bound.cookie);
    if (resized) {
        assert_int_equal(msg->event, UFFD_EVENT_FL_SIZE);
        assert_int_equal(msg->object.offset, low);
        assert_int_equal(msg->object.info, size);
        resized = false;
    } else if (full) {
        assert_int_equal(msg->event, UFFD_EVENT_FL_SHRINK);
        assert_int_equal(msg->object.info,
                         bound.limit && page_count() > bound.limit
                             ? (page_count() - bound.limit) * PAGE_SIZE
                             : 0);
        full = false;
    } else {
        assert_int_equal(msg->event, UFFD_EVENT_FL_DIRTY);
        told_dirty(msg);
    }
}

static void op_news(void)
{
    struct userfaultfd_event *fork;
    struct uffd_msg msg;

    while (!userfaultfd_next_event(ctx, &msg, &fork))
        told(&msg);
    for (unsigned i = 0; i < COUNT; i++)
        assert_false(pages[i].untold);
    assert_false(resized || full);
}

static s64 fill_error(unsigned i)
{
    if (resized && i >= low >> PAGE_SHIFT)
        return -EAGAIN;
    if (pages[i].there)
        return -EEXIST;
    if (!bound.limit || page_count() < bound.limit)
        return 0;
    full = true;
    return -ENOSPC;
}

static s64 fill_model(struct range r, u32 mode)
{
    unsigned n = 0;
    s64 error = 0;

    if (r.first + r.count > size_pages())
        return -ENXIO;
    for (; n < r.count; n++) {
        struct model *m = &pages[r.first + n];

        error = fill_error(r.first + n);
        if (error)
            break;
        m->there = true;
        m->dirty = mode & UFFD_FL_MODE_DIRTY;
        m->byte = mode & UFFD_FL_MODE_ZERO ? 0 : (u8)(n + 1);
    }
    return n ? n * (s64)PAGE_SIZE : error;
}

static s64 fill(struct range r)
{
    u32 mode = fake_rand(4) ? 0 : UFFD_FL_MODE_DIRTY;
    s64 done;

    if (!fake_rand(4))
        mode |= UFFD_FL_MODE_ZERO;
    done = on(object_fill, r, mode);
    assert_int_equal(done, fill_model(r, mode));
    return done;
}

static void op_fill(void)
{
    (void)fill(random_range());
}

static void clean(struct range r)
{
    assert_int_equal(on(object_clean, r, 0), r.count * PAGE_SIZE);
    for (unsigned i = r.first; i < r.first + r.count; i++)
        pages[i].dirty = pages[i].untold = false;
}

static void evict(struct range r)
{
    s64 done = on(object_evict, r, 0);
    unsigned n = 0;

    for (; n < r.count && !pages[r.first + n].dirty; n++)
        pages[r.first + n].there = false;
    assert_int_equal(done, n ? n * (s64)PAGE_SIZE : -EBUSY);
}

static void op_clean(void)
{
    clean(random_range());
}

static void op_evict(void)
{
    evict(random_range());
}

static void op_wake(void)
{
    struct range r = random_range();

    assert_int_equal(on(object_wake, r, 0), r.count * PAGE_SIZE);
}

/* Of any kind, until the page is there. */
static void make_room_and_fill(struct range page)
{
    s64 r;

    while ((r = fill(page)) < 0) {
        if (r == -ENOSPC) {
            clean((struct range){0, COUNT});
            evict((struct range){(unsigned)fake_rand(COUNT), 1});
            evict((struct range){0, COUNT / 2});
            evict((struct range){COUNT / 2, COUNT / 2});
        }
        op_news();
    }
}

/* ---- what others do with the object ---- */

static void op_resize(void)
{
    u64 new = fake_rand(COUNT + 1) * PAGE_SIZE, old = size;

    if (new < LENGTH)
        new += fake_rand(2);
    assert_int_equal(object_resize(object, new), 0);
    size = new;
    if (ctx && size != old) {
        low = min(resized ? low : ~0ull, min(old, size));
        resized = true;
    }
    if (size <= old)
        memset(&pages[size_pages()], 0,
               (COUNT - size_pages()) * sizeof(pages[0]));
}

static void set_dirty(struct model *m)
{
    m->untold |= ctx && !m->dirty && (bound.flags & UFFD_FL_BIND_DIRTY);
    m->dirty = true;
}

/* write(2) of a whole page within the object. */
static void write_page(unsigned i)
{
    struct page *page = alloc_zeroed_page();
    struct model *m = &pages[i];

    if ((i + 1) * PAGE_SIZE > size) {
        put_page(page);
        return;
    }
    *(u8 *)page_address(page) = 55;
    assert_int_equal(
        object_write(object, i * PAGE_SIZE, PAGE_SIZE, LENGTH, &page), 0);
    if (page)
        put_page(page);
    if (!m->there && ctx && bound.limit && page_count() >= bound.limit)
        full = true;
    m->there = true;
    m->byte = 55;
    set_dirty(m);
}

static void op_write_page(void)
{
    write_page((unsigned)fake_rand(COUNT));
}

static void op_memory_short(void)
{
    assert_int_equal(object_pagers_shrink(NULL), ctx && page_count());
    full |= ctx && page_count();
}
