/*
 * Binding objects to userfaultfds, and what their pagers are told without
 * anybody waiting: pages that were written, a changed size, too many pages.
 * None of it needs memory: a page that was written is in a list by its own lru,
 * the rest is kept in sum. Misses are in mm/object_miss.c.
 */
#include <mm/group.h>
#include <mm/object_pager.h>

/* ---- news; ctx->lock held ---- */

static bool has_news(const struct object_pager *pager)
{
    return pager->resized || pager->full || !list_empty(&pager->dirty);
}

/* The notice is in its queue while there is news. */
static void update(struct object_pager *pager)
{
    bool queued = !list_empty(&pager->notice.link);

    if (queued && !has_news(pager))
        list_del_init(&pager->notice.link);
    if (queued || !has_news(pager))
        return;
    list_add_tail(&pager->notice.link, &pager->ctx->events);
    userfaultfd_wake_reader(pager->ctx);
}

static void tell_size(struct object_pager *pager, struct uffd_msg *msg)
{
    msg->event = UFFD_EVENT_FL_SIZE;
    msg->object.offset = pager->low;
    msg->object.info = READ_ONCE(pager->object->size);
    pager->resized = false;
}

static void tell_full(struct object_pager *pager, struct uffd_msg *msg)
{
    u64 count = READ_ONCE(pager->object->page_count);

    msg->event = UFFD_EVENT_FL_SHRINK;
    if (pager->args.limit && count > pager->args.limit)
        msg->object.info = (count - pager->args.limit) << PAGE_SHIFT;
    pager->full = false;
}

/* Pages that follow one another are one message. */
static void tell_dirty(struct object_pager *pager, struct uffd_msg *msg)
{
    struct page *page = list_first_entry(&pager->dirty, struct page, lru);
    u64 index = page->index;

    msg->event = UFFD_EVENT_FL_DIRTY;
    msg->object.offset = index << PAGE_SHIFT;
    do {
        list_del(&page->lru);
        page_clear_flag(page, PG_UNTOLD);
        msg->object.info += PAGE_SIZE;
        page = list_first_entry(&pager->dirty, struct page, lru);
    } while (!list_empty(&pager->dirty) && page->index == ++index);
}

void object_pager_news(struct userfaultfd_event *notice, struct uffd_msg *msg)
{
    struct object_pager *pager =
        container_of(notice, struct object_pager, notice);

    *msg = (struct uffd_msg){.object.cookie = pager->args.cookie};
    if (pager->resized)
        tell_size(pager, msg);
    else if (pager->full)
        tell_full(pager, msg);
    else
        tell_dirty(pager, msg);
    list_del_init(&notice->link); /* other objects have their turn */
    update(pager);
}

/* ---- what happens to the object; object->lock held ---- */

static struct userfaultfd_ctx *news_begin(const struct object_pager *pager)
{
    spin_lock(&pager->ctx->lock);
    if (!list_empty(&pager->link))
        return pager->ctx;
    spin_unlock(&pager->ctx->lock);
    return NULL;
}

static void news_end(struct object_pager *pager)
{
    update(pager);
    spin_unlock(&pager->ctx->lock);
    userfaultfd_wake_pollers(pager->ctx);
}

void object_pager_resized(struct mem_object *object, u64 low)
{
    struct object_pager *pager = object->pager;

    if (!news_begin(pager))
        return;
    pager->low = pager->resized ? min(pager->low, low) : low;
    pager->resized = true;
    news_end(pager);
    object_pager_answer(pager, object_pages(object), ~0ull, MISS_WAKE);
}

void object_pager_full(struct object_pager *pager)
{
    if (!news_begin(pager))
        return;
    pager->full = true;
    news_end(pager);
}

void object_pager_added(struct mem_object *object, u64 index)
{
    struct object_pager *pager = object->pager;

    object_pager_answer(pager, index, index, MISS_WAKE);
    if (pager->args.limit && object->page_count > pager->args.limit)
        object_pager_full(pager);
}

void object_pager_dirty(struct mem_object *object, struct page *page)
{
    struct object_pager *pager = object->pager;

    if ((page->flags & PG_DIRTY) || !(pager->args.flags & UFFD_FL_BIND_DIRTY) ||
        !news_begin(pager))
        return;
    page_set_flag(page, PG_UNTOLD);
    list_add_tail(&page->lru, &pager->dirty);
    news_end(pager);
}

void object_pager_forget(struct mem_object *object, struct page *page)
{
    struct object_pager *pager = object->pager;

    spin_lock(&pager->ctx->lock);
    if (page->flags & PG_UNTOLD) {
        page_clear_flag(page, PG_UNTOLD);
        list_del(&page->lru);
    }
    update(pager);
    spin_unlock(&pager->ctx->lock);
}

/* ---- beginning and end ---- */

static struct object_pager *pager_create(struct mem_object *object,
                                         struct userfaultfd_ctx *ctx,
                                         const struct uffdio_fl_bind *args)
{
    struct object_pager *pager = kzalloc(sizeof(*pager));

    if (!pager)
        return NULL;
    userfaultfd_ctx_get(ctx);
    pager->object = object;
    pager->ctx = ctx;
    pager->args = *args;
    list_init(&pager->link);
    list_init(&pager->notice.link);
    list_init(&pager->dirty);
    interval_tree_init(&pager->misses);
    return pager;
}

static void pager_free(struct object_pager *pager)
{
    if (!pager)
        return;
    userfaultfd_ctx_put(pager->ctx);
    kfree(pager);
}

/* Nobody reads of the object any more. ctx->lock held. */
static void detach(struct object_pager *pager)
{
    struct page *page;

    list_for_each_entry (page, &pager->dirty, lru)
        page_clear_flag(page, PG_UNTOLD);
    list_init(&pager->dirty);
    pager->resized = pager->full = false;
    update(pager);
    list_del_init(&pager->link);
}

static bool is_closed(const struct object_pager *pager)
{
    bool closed;

    spin_lock(&pager->ctx->lock);
    closed = list_empty(&pager->link);
    spin_unlock(&pager->ctx->lock);
    return closed;
}

/* The areas of an object that had a pager once know of it already. */
static bool may_bind(const struct mem_object *object)
{
    return object->pager ? is_closed(object->pager) : !object->mappings.node;
}

int object_bind(struct mem_object *object, struct userfaultfd_ctx *ctx,
                const struct uffdio_fl_bind *args)
{
    struct object_pager *pager, *old;

    if (!object->memfd || object->huge_shift ||
        (ctx->features & UFFD_FEATURE_SIGBUS) ||
        (ctx->flags & UFFD_USER_MODE_ONLY))
        return -EINVAL;
    old = pager = pager_create(object, ctx, args);
    if (!pager)
        return -ENOMEM;
    rwsem_down_write(&object->change);
    spin_lock(&object->lock);
    if (may_bind(object)) {
        old = object->pager;
        if (old) /* who was told of its end has not left yet, maybe */
            pager->misses = old->misses;
        object->pager = pager;
        spin_lock(&ctx->lock);
        list_add_tail(&pager->link, &ctx->objects);
        spin_unlock(&ctx->lock);
    }
    spin_unlock(&object->lock);
    rwsem_up_write(&object->change);
    pager_free(old);
    return old == pager ? -EBUSY : 0;
}

void object_unbind(struct mem_object *object)
{
    struct object_pager *pager = object->pager;

    spin_lock(&pager->ctx->lock);
    detach(pager);
    spin_unlock(&pager->ctx->lock);
    pager_free(pager);
}

void object_pagers_release(struct userfaultfd_ctx *ctx)
{
    spin_lock(&ctx->lock);
    while (!list_empty(&ctx->objects))
        detach(list_first_entry(&ctx->objects, struct object_pager, link));
    spin_unlock(&ctx->lock);
}

/* ctx->lock held. */
static bool ask_to_shrink(struct object_pager *pager)
{
    if (!READ_ONCE(pager->object->page_count))
        return false;
    pager->full = true;
    update(pager);
    return true;
}

bool object_pagers_shrink(const struct mm_group *group)
{
    struct userfaultfd_ctx *ctx;
    struct object_pager *pager;
    bool asked = false;

    spin_lock(&userfaultfd_all_lock);
    list_for_each_entry (ctx, &userfaultfd_all, all_link) {
        if (group && !mm_group_within(ctx->mm->group, group))
            continue;
        spin_lock(&ctx->lock);
        list_for_each_entry (pager, &ctx->objects, link)
            asked |= ask_to_shrink(pager);
        spin_unlock(&ctx->lock);
        userfaultfd_wake_pollers(ctx);
    }
    spin_unlock(&userfaultfd_all_lock);
    return asked;
}
