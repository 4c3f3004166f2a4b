/*
 * The size of a shared-memory object, and which of its pages are there:
 * ftruncate(2), fallocate(2), lseek(2)'s data and holes. Pages leave the tree
 * before they are unmapped, see object_unmap_range().
 */
#include <base/string.h>
#include <mm/internal.h>
#include <mm/object_pager.h>

#define BATCH 512 /* pages dropped before others get at the lock */

/* Forgets the pages first to last (included); all, or those set aside by
 * fallocate() that nobody used. Mappings keep theirs until they go. */
static void drop_pages(struct mem_object *object, u64 first, u64 last,
                       bool unused_only)
{
    unsigned n = 0;
    struct page *page;

    spin_lock(&object->lock);
    for (; (page = page_tree_next(&object->tree, &first)); first++) {
        if (first > last)
            break;
        if (unused_only && !(page->flags & PG_PREALLOC))
            continue;
        page_tree_remove(&object->tree, first);
        if (unlikely(page->flags & PG_UNTOLD))
            object_pager_forget(object, page);
        WRITE_ONCE(page->object, NULL);
        object->page_count--;
        put_page(page);
        if (++n % BATCH == 0) {
            spin_unlock(&object->lock);
            spin_lock(&object->lock);
        }
    }
    if (!object->page_count)
        page_tree_free(&object->tree);
    spin_unlock(&object->lock);
}

/* Zeroes [from, to), which lies within one page, if that is there. */
static void zero_part(struct mem_object *object, u64 from, u64 to)
{
    struct page *page;

    spin_lock(&object->lock);
    page = page_tree_find(&object->tree, from >> PAGE_SHIFT);
    if (page)
        memset((char *)page_address(page) + from % PAGE_SIZE, 0, to - from);
    spin_unlock(&object->lock);
}

static void remove_pages(struct mem_object *object, u64 first, u64 last,
                         bool even_private)
{
    drop_pages(object, first, last, false);
    object_unmap_range(object, first, last, even_private);
}

/* The new size, as far as the seals allow it. */
static int set_size(struct mem_object *object, u64 size)
{
    u32 against = size < object->size   ? F_SEAL_SHRINK
                  : size > object->size ? F_SEAL_GROW
                                        : 0;

    if (object->seals & against)
        return -EPERM;
    spin_lock(&object->lock);
    object_set_size(object, size);
    spin_unlock(&object->lock);
    return 0;
}

int object_resize(struct mem_object *object, u64 size)
{
    u64 old;
    int r;

    rwsem_down_write(&object->change);
    old = object->size;
    r = set_size(object, size);
    /* Also at the same size: fallocate() may have put pages behind it. */
    if (!r && size <= old) {
        zero_part(object, size, ALIGN_UP(size, PAGE_SIZE));
        remove_pages(object, object_pages(object), ~0ull, true);
    }
    rwsem_up_write(&object->change);
    return r;
}

static void punch(struct mem_object *object, u64 start, u64 end)
{
    u64 first = ALIGN_UP(start, PAGE_SIZE), stop = ALIGN_DOWN(end, PAGE_SIZE);

    if (first > stop) {
        zero_part(object, start, end);
        return;
    }
    zero_part(object, start, first);
    zero_part(object, stop, end);
    if (first < stop)
        remove_pages(object, first >> PAGE_SHIFT, (stop >> PAGE_SHIFT) - 1,
                     false);
}

int object_punch_hole(struct mem_object *object, u64 offset, u64 len)
{
    int r = 0;

    rwsem_down_write(&object->change);
    if (object->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        r = -EPERM;
    else if (object->pager)
        r = -EOPNOTSUPP;
    else
        punch(object, offset, offset + len);
    rwsem_up_write(&object->change);
    return r;
}

/* A page of zeros at index, which may lie behind the end. */
static int reserve_page(struct mem_object *object, u64 index)
{
    struct page *page = object_peek_page(object, index);
    int r;

    /* Asked for twice, it counts as used, as on Linux. */
    if (page) {
        page_clear_flag(page, PG_PREALLOC);
        put_page(page);
        return 0;
    }
    if (thread_signal_pending(WAIT_INTERRUPTIBLE))
        return -EINTR;
    page = current_charge_page(alloc_zeroed_page());
    if (!page)
        return -ENOMEM;
    page->flags |= PG_PREALLOC;
    spin_lock(&object->lock);
    r = object_insert(object, index, page);
    spin_unlock(&object->lock);
    put_page(page);
    return r == -EEXIST ? 0 : r;
}

static int reserve(struct mem_object *object, u64 start, u64 end)
{
    u64 first = start >> PAGE_SHIFT, index;
    u64 stop = ALIGN_UP(end, PAGE_SIZE) >> PAGE_SHIFT;
    int r = 0;

    for (index = first; !r && index < stop; index++)
        r = reserve_page(object, index);
    if (r)
        drop_pages(object, first, index - 1, true);
    return r;
}

int object_reserve(struct mem_object *object, u64 offset, u64 len,
                   bool keep_size)
{
    u64 end = offset + len;
    int r = -EPERM;

    rwsem_down_write(&object->change);
    if (object->pager)
        r = -EOPNOTSUPP;
    else if (end <= object->size || !(object->seals & F_SEAL_GROW))
        r = reserve(object, offset, end);
    if (!r && !keep_size && end > object->size)
        r = set_size(object, end);
    rwsem_up_write(&object->change);
    return r;
}

/* The first page at or after index that was ever used; ~0: none. */
static u64 next_data(struct mem_object *object, u64 index)
{
    struct page *page;

    if (object->kind == OBJECT_MODULE || object->pager)
        return index;
    for (; (page = page_tree_next(&object->tree, &index)); index++)
        if (!(page->flags & PG_PREALLOC))
            return index;
    return ~0ull;
}

static u64 next_hole(struct mem_object *object, u64 index)
{
    u64 pages = object_pages(object);

    while (index < pages && next_data(object, index) == index)
        index++;
    return index;
}

s64 object_seek(struct mem_object *object, u64 from, bool data)
{
    u64 index = from >> PAGE_SHIFT, end, pages;

    spin_lock(&object->lock);
    end = object->size;
    pages = object_pages(object);
    index = data ? next_data(object, index) : next_hole(object, index);
    spin_unlock(&object->lock);
    if (from >= end || (data && index >= pages))
        return -ENXIO;
    return (s64)min(max(from, index << PAGE_SHIFT), end);
}
