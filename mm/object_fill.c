/*
 * What an object's pager brings: pages, and the end of waiting. The source is
 * copied before any lock is taken, for it may fault, and its fault may wait for
 * another pager; each page is then put in its place for all who map it.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <mm/internal.h>
#include <mm/object_pager.h>

/* What a mapping shows behind the end must be zero. */
static void clear_behind_end(const struct mem_object *object, u64 index,
                             struct page *page)
{
    u64 tail = object->size % PAGE_SIZE;

    if (tail && index == object->size >> PAGE_SHIFT)
        memset((char *)page_address(page) + tail, 0, PAGE_SIZE - tail);
}

/* object->lock held. */
static int may_fill(struct mem_object *object, struct object_pager *pager,
                    u64 index)
{
    if (!pager)
        return -EINVAL;
    if (index >= object_pages(object))
        return -ENXIO;
    /* The bytes may be from before the truncation. */
    if (READ_ONCE(pager->resized) && index >= pager->low >> PAGE_SHIFT)
        return -EAGAIN;
    if (page_tree_find(&object->tree, index))
        return -EEXIST;
    if (!pager->args.limit || object->page_count < pager->args.limit)
        return 0;
    object_pager_full(pager);
    return -ENOSPC;
}

static int put_in_place(struct mem_object *object, struct userfaultfd_ctx *ctx,
                        u64 index, struct page *page, u32 mode)
{
    struct object_pager *pager;
    int r;

    spin_lock(&object->lock);
    pager = object_pager_of(object, ctx);
    r = may_fill(object, pager, index);
    if (!r)
        r = object_insert(object, index, page);
    if (!r) {
        clear_behind_end(object, index, page);
        if (mode & UFFD_FL_MODE_DIRTY)
            page_set_flag(page, PG_DIRTY);
        object_pager_answer(pager, index, index,
                            MISS_FILLED |
                                (mode & UFFDIO_MODE_DONTWAKE ? 0 : MISS_WAKE) |
                                (mode & UFFD_FL_MODE_SLEEPS ? MISS_NEXT : 0));
    }
    spin_unlock(&object->lock);
    return r;
}

static int fill_page(struct mem_object *object, struct userfaultfd_ctx *ctx,
                     const struct uffdio_fl_object *c, u64 done)
{
    struct page *page = current_charge_page(alloc_page());
    int r = 0;

    if (!page)
        return -ENOMEM;
    if (c->mode & UFFD_FL_MODE_ZERO)
        page_clear(page_address(page));
    else
        r = copy_page_from_user(page_address(page),
                                (const void __user *)(c->src + done));
    if (!r)
        r = put_in_place(object, ctx, (c->offset + done) >> PAGE_SHIFT, page,
                         c->mode);
    put_page(page);
    return r;
}

s64 object_fill(struct mem_object *object, struct userfaultfd_ctx *ctx,
                const struct uffdio_fl_object *c)
{
    u64 done = 0;
    int r = 0;

    /* Said at once, before anything is done. */
    if ((c->offset + c->len) >> PAGE_SHIFT > object_pages(object))
        return -ENXIO;
    while (!r && done < c->len) {
        r = fill_page(object, ctx, c, done);
        if (!r)
            done += PAGE_SIZE;
    }
    return done ? (s64)done : r;
}

s64 object_wake(struct mem_object *object, struct userfaultfd_ctx *ctx,
                const struct uffdio_fl_object *c)
{
    struct object_pager *pager;

    spin_lock(&object->lock);
    pager = object_pager_of(object, ctx);
    if (pager)
        object_pager_answer(pager, c->offset >> PAGE_SHIFT,
                            (c->offset + c->len - 1) >> PAGE_SHIFT,
                            c->mode & UFFD_FL_MODE_FAIL ? MISS_WAKE | MISS_FAIL
                                                        : MISS_WAKE);
    spin_unlock(&object->lock);
    return pager ? (s64)c->len : -EINVAL;
}
