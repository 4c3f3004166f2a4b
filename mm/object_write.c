/*
 * write(2) to a shared-memory object, a page at a time: the bytes come in a
 * page of their own, so that nothing here touches user memory.
 */
#include <base/string.h>
#include <mm/internal.h>
#include <mm/object_pager.h>

/* The object keeps the page: what was not written of it is zero. */
static int take_page(struct mem_object *object, u64 index, size_t offset,
                     size_t n, struct page **page)
{
    char *bytes = page_address(*page);
    int r;

    if (unlikely(object->pager) && n < PAGE_SIZE &&
        index < object_pages(object))
        return -EAGAIN;
    memset(bytes, 0, offset);
    memset(bytes + offset + n, 0, PAGE_SIZE - offset - n);
    r = object_insert(object, index, *page);
    if (r)
        return r;
    if (unlikely(object->pager != NULL))
        object_pager_added(object, index);
    object_set_dirty(object, *page);
    put_page(*page);
    *page = NULL;
    return 0;
}

/* object->lock held. */
static int write_page(struct mem_object *object, u64 index, size_t offset,
                      size_t n, struct page **page)
{
    struct page *old = page_tree_find(&object->tree, index);

    if (!old)
        return take_page(object, index, offset, n, page);
    page_clear_flag(old, PG_PREALLOC);
    object_set_dirty(object, old);
    memcpy((char *)page_address(old) + offset,
           (char *)page_address(*page) + offset, n);
    return 0;
}

int object_write(struct mem_object *object, u64 offset, size_t n, u64 end,
                 struct page **page)
{
    int r = -EPERM;

    rwsem_down_write(&object->change);
    spin_lock(&object->lock);
    if (!(object->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) &&
        (end <= object->size || !(object->seals & F_SEAL_GROW)))
        r = write_page(object, offset >> PAGE_SHIFT, offset % PAGE_SIZE, n,
                       page);
    if (!r && offset + n > object->size)
        object_set_size(object, offset + n);
    spin_unlock(&object->lock);
    rwsem_up_write(&object->change);
    return r;
}
