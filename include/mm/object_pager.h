/*
 * Objects with pagers, which Linux does not have: a page that is absent from a
 * bound object is its pager's to bring, whoever misses it in whatever address
 * space. See docs/object-pagers.md. Inside mm/ but for the pager's requests.
 *
 * object->lock guards object->pager; the lists and what there is to tell are
 * ctx->lock's, which nests inside. An area of a bound object has VM_PAGED: its
 * pages are writable only once they are known as dirty.
 */
#pragma once

#include <mm/object.h>
#include <mm/userfaultfd.h>

struct object_pager {
    struct mem_object *object;
    struct userfaultfd_ctx *ctx; /* a reference */
    struct uffdio_fl_bind args;
    struct list_head link;           /* in ctx->objects; empty: it is closed */
    struct userfaultfd_event notice; /* in ctx->events while there is news */
    struct list_head dirty;          /* pages with PG_UNTOLD, by lru */
    struct rb_root misses;           /* who waits, by page; object->lock */
    u64 low;                         /* with resized: zeros from there */
    bool resized, full;
};

/* ---- binding (mm/object_pager.c) ---- */

/* UFFDIO_FL_BIND, the arguments checked. May sleep. 0; -EINVAL (not a memfd;
 * ctx may not make everybody wait), -EBUSY (mapped, or bound and the pager
 * alive), -ENOMEM. */
__must_check int object_bind(struct mem_object *object,
                             struct userfaultfd_ctx *ctx,
                             const struct uffdio_fl_bind *args);

/* The last reference has gone / the descriptor is closed: there is no news any
 * more. */
void object_unbind(struct mem_object *object);
void object_pagers_release(struct userfaultfd_ctx *ctx);

/* Memory is short, in group or (NULL) everywhere: pagers that have pages are
 * asked to shrink. False: there is none. */
bool object_pagers_shrink(const struct mm_group *group);

/* The object's pager if it is ctx. object->lock held. */
static inline struct object_pager *object_pager_of(
    const struct mem_object *object, const struct userfaultfd_ctx *ctx)
{
    struct object_pager *pager = object->pager;

    return pager && pager->ctx == ctx ? pager : NULL;
}

/* What the notice stands for, as a message. ctx->lock held. */
void object_pager_news(struct userfaultfd_event *notice, struct uffd_msg *msg);

/* What happens to a bound object, object->lock held: its bytes from low on are
 * gone or new / it got a page by write(2) / it has too many pages / a page is
 * about to be written / a page that PG_UNTOLD says will be read of leaves it.
 */
void object_pager_resized(struct mem_object *object, u64 low);
void object_pager_added(struct mem_object *object, u64 index);
void object_pager_full(struct object_pager *pager);
void object_pager_dirty(struct mem_object *object, struct page *page);
void object_pager_forget(struct mem_object *object, struct page *page);

/* A page that the object has is about to be written. object->lock held. */
static inline void object_set_dirty(struct mem_object *object,
                                    struct page *page)
{
    if (unlikely(object->pager != NULL))
        object_pager_dirty(object, page);
    page_set_flag(page, PG_DIRTY);
}

/* object->lock held. */
static inline void object_set_size(struct mem_object *object, u64 size)
{
    u64 old = object->size;

    WRITE_ONCE(object->size, size);
    if (unlikely(object->pager != NULL) && size != old)
        object_pager_resized(object, min(old, size));
}

/* The pages first to last are there / those who wait for them go on / in vain
 * (mm/object_miss.c). object->lock held. */
#define MISS_FILLED 1u
#define MISS_WAKE   2u
#define MISS_FAIL   4u
#define MISS_NEXT   8u /* the caller is about to sleep: they are to run next */
void object_pager_answer(struct object_pager *pager, u64 first, u64 last,
                         unsigned how);

/* ---- what a pager does (mm/object_fill.c, mm/object_evict.c) ---- */

/*
 * UFFDIO_FL_FILL, _CLEAN, _EVICT, _WAKE, the range and the mode checked. No
 * lock held. Each returns the bytes done, or the first page's error. All:
 * -EINVAL (not bound by ctx). Fill: -ENXIO (beyond the end), -EEXIST, -EAGAIN
 * (news of the size is unread), -ENOSPC (the limit), -EFAULT, -ENOMEM. Clean:
 * -EAGAIN (in use). Evict: -EBUSY (dirty).
 */
#define UFFD_FL_MODE_SLEEPS (1u << 31) /* fill: with MISS_NEXT */
s64 object_fill(struct mem_object *object, struct userfaultfd_ctx *ctx,
                const struct uffdio_fl_object *c);
s64 object_clean(struct mem_object *object, struct userfaultfd_ctx *ctx,
                 const struct uffdio_fl_object *c);
s64 object_evict(struct mem_object *object, struct userfaultfd_ctx *ctx,
                 const struct uffdio_fl_object *c);
s64 object_wake(struct mem_object *object, struct userfaultfd_ctx *ctx,
                const struct uffdio_fl_object *c);
