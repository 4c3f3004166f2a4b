/*
 * What an object's pager takes away. Clean: from here on the pages count as
 * saved, and the next write of each is noticed again; the pager reads them
 * after, so that nothing written meanwhile is lost. Evict: pages that have not
 * been written since leave the object and every mapping, in one step under
 * object->lock.
 */
#include <arch/tlb.h>
#include <mm/object_pager.h>

#define BATCH 512 /* pages before others get at the lock */

/* ---- clean; object->lock held ---- */

static void protect_entry(struct mm_struct *mm __maybe_unused,
                          u64 va __maybe_unused, pte_t *pte,
                          void *arg __maybe_unused)
{
    if (pte_write(pte_get(pte)) || pte_dirty(pte_get(pte)))
        pte_set(pte, pte_mkclean(pte_wrprotect(pte_xchg(pte, PTE_NONE))));
}

/* Private areas have only copies that they may write. */
static void protect_area(struct vm_area_struct *vma, u64 start, u64 end,
                         void *arg __maybe_unused)
{
    if (!(READ_ONCE(vma->vm_flags) & VM_SHARED))
        return;
    pte_for_each(vma->vm_mm, start, end, protect_entry, NULL);
    tlb_flush_range(vma->vm_mm, start, end);
}

/* A copy into the page is under way, by way of no entry (process_vm_writev). */
static bool in_use(const struct page *page)
{
    return READ_ONCE(page->refcount) > READ_ONCE(page->mapcount) + 1;
}

/* The next dirty page of [*index, stop), or NULL. */
static struct page *next_dirty(struct mem_object *object, u64 *index, u64 stop)
{
    struct page *page;

    for (; (page = page_tree_next(&object->tree, index)); ++*index)
        if (*index >= stop || (page->flags & PG_DIRTY))
            break;
    return page && *index < stop ? page : NULL;
}

/* A batch from *at on, which moves to the end or to a page in use. */
static int clean_batch(struct mem_object *object, u64 *at, u64 stop)
{
    struct page *page = next_dirty(object, at, stop);

    if (!page) {
        *at = stop;
        return 0;
    }
    stop = min(stop, *at + BATCH);
    object_each_area(object, *at, stop - 1, protect_area, NULL);
    for (; (page = next_dirty(object, at, stop)); ++*at) {
        if (in_use(page))
            return -EAGAIN;
        object_pager_forget(object, page);
        page_clear_flag(page, PG_DIRTY);
    }
    *at = stop;
    return 0;
}

/* ---- evict; object->lock held ---- */

/* Clean pages from *at on, which moves to the end or to a dirty page. */
static int take_clean(struct mem_object *object, u64 *at, u64 stop,
                      struct list_head *gone)
{
    struct page *page;

    for (unsigned n = 0; n < BATCH; n++) {
        page = page_tree_next(&object->tree, at);
        if (!page || *at >= stop) {
            *at = stop;
            break;
        }
        if (page->flags & PG_DIRTY)
            return -EBUSY;
        page_tree_remove(&object->tree, (*at)++);
        WRITE_ONCE(page->object, NULL);
        object->page_count--;
        list_add_tail(&page->lru, gone);
    }
    return 0;
}

static int evict_batch(struct mem_object *object, u64 *at, u64 stop)
{
    struct page *page, *next;
    struct list_head gone;
    u64 from = *at;
    int r;

    list_init(&gone);
    r = take_clean(object, at, stop, &gone);
    if (!list_empty(&gone))
        object_unmap_locked(object, from, *at - 1, false);
    list_for_each_entry_safe (page, next, &gone, lru)
        put_page(page);
    return r;
}

/* ---- both ---- */

static s64 each_batch(struct mem_object *object, struct userfaultfd_ctx *ctx,
                      const struct uffdio_fl_object *c,
                      int (*batch)(struct mem_object *, u64 *at, u64 stop))
{
    u64 first = c->offset >> PAGE_SHIFT, at = first;
    u64 stop = first + (c->len >> PAGE_SHIFT);
    int r = 0;

    while (!r && at < stop && !thread_signal_pending(WAIT_KILLABLE)) {
        spin_lock(&object->lock);
        r = object_pager_of(object, ctx) ? batch(object, &at, stop) : -EINVAL;
        spin_unlock(&object->lock);
    }
    return at > first ? (s64)((at - first) << PAGE_SHIFT) : r;
}

s64 object_clean(struct mem_object *object, struct userfaultfd_ctx *ctx,
                 const struct uffdio_fl_object *c)
{
    return each_batch(object, ctx, c, clean_batch);
}

s64 object_evict(struct mem_object *object, struct userfaultfd_ctx *ctx,
                 const struct uffdio_fl_object *c)
{
    return each_batch(object, ctx, c, evict_batch);
}
