/*
 * Memory objects. A module's pages are the boot loader's frames, reserved and
 * in a row; a shmem object makes zeroed pages when they are first asked for.
 * Relies on page_tree.c and page_alloc.c.
 *
 * object->lock guards size, pages and mappings; the locks of page tables and
 * of the page allocator nest inside it. A page that leaves its object, by
 * truncation or a hole, names no object any more.
 */
#include <base/printk.h>
#include <base/string.h>
#include <mm/internal.h>
#include <mm/object_pager.h>

static struct mem_object *object_create(enum object_kind kind, const char *name,
                                        u64 size)
{
    struct mem_object *object = kzalloc(sizeof(*object));
    static u64 last_ino;

    if (!object)
        return NULL;
    object->refcount = 1;
    object->kind = kind;
    object->name = name;
    object->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
    object->size = size;
    object->mode = 0555;
    rwsem_init(&object->change);
    spin_lock_init(&object->lock);
    spin_lock_class(&object->lock, LOCK_OBJECT);
    interval_tree_init(&object->mappings);
    return object;
}

/* What a mapping shows behind the end of the last page must be zero. */
static void clear_tail(u64 start, u64 size)
{
    u64 tail = size & (PAGE_SIZE - 1);

    if (tail)
        memset((char *)phys_to_virt(start + size), 0, PAGE_SIZE - tail);
}

struct mem_object *object_create_module(const char *name, u64 start, u64 size)
{
    struct mem_object *object = object_create(OBJECT_MODULE, name, size);

    if (!object)
        return NULL;
    object->base_pfn = start >> PAGE_SHIFT;
    object->page_count = object_pages(object);
    for (u64 i = 0; i < object->page_count; i++) {
        struct page *page = pfn_to_page(object->base_pfn + i);

        page->object = object;
        page->index = i;
    }
    clear_tail(start, size);
    return object;
}

struct mem_object *object_create_shmem(u64 size)
{
    return object_create(OBJECT_SHMEM, "dev/zero (deleted)", size);
}

struct mem_object *object_create_memfd(char *name)
{
    struct mem_object *object = object_create(OBJECT_SHMEM, name, 0);

    if (object) {
        object->memfd = true;
        object->mode = 0777;
    }
    return object;
}

int object_charge(struct mem_object *object, const struct mm_struct *mm)
{
    int r = vm_charge(mm, object_pages(object));

    if (!r)
        object->charged = object_pages(object);
    return r;
}

void object_put(struct mem_object *object)
{
    struct page *page;

    if (__atomic_fetch_sub(&object->refcount, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    BUG_ON(object->mappings.node);
    if (object->pager)
        object_unbind(object);
    for (u64 i = 0; (page = page_tree_next(&object->tree, &i)); i++) {
        page->object = NULL;
        put_page(page);
    }
    page_tree_free(&object->tree);
    vm_uncharge(object->charged);
    if (object->memfd)
        kfree((char *)object->name);
    kfree(object);
}

/* The page at index, or NULL; a module's pages are there for good. object->lock
 * held. */
static struct page *find_page(struct mem_object *object, u64 index)
{
    if (object->kind == OBJECT_SHMEM)
        return page_tree_find(&object->tree, index);
    return index < object_pages(object) ? pfn_to_page(object->base_pfn + index)
                                        : NULL;
}

struct page *object_find_page(struct mem_object *object, u64 index)
{
    return index < object_pages(object) ? object_peek_page(object, index)
                                        : NULL;
}

struct page *object_peek_page(struct mem_object *object, u64 index)
{
    struct page *page;

    spin_lock(&object->lock);
    page = find_page(object, index);
    if (page)
        get_page(page);
    spin_unlock(&object->lock);
    return page;
}

void object_find_pages(struct mem_object *object, u64 first, unsigned count,
                       struct page **pages)
{
    spin_lock(&object->lock);
    for (unsigned i = 0; i < count; i++) {
        struct page *page = find_page(object, first + i);

        if (page &&
            (first + i >= object_pages(object) || (page->flags & PG_PREALLOC)))
            page = NULL; /* only set aside */
        if (page)
            get_page(page);
        pages[i] = page;
    }
    spin_unlock(&object->lock);
}

int object_insert(struct mem_object *object, u64 index, struct page *page)
{
    int err = page_tree_insert(&object->tree, index, page);

    if (err)
        return err;
    get_page(page);
    page->object = object;
    page->index = index;
    object->page_count++;
    return 0;
}

int object_add_page(struct mem_object *object, u64 index, struct page *page)
{
    int err = -ENXIO;

    if (object->kind == OBJECT_MODULE)
        return index < object_pages(object) ? -EEXIST : -ENXIO;
    spin_lock(&object->lock);
    if (index < object_pages(object))
        err = object_insert(object, index, page);
    spin_unlock(&object->lock);
    return err;
}

int object_get_page(struct mem_object *object, u64 index, struct page **out)
{
    int err;

    for (;;) {
        if (index >= object_pages(object))
            return -ENXIO;
        *out = object_find_page(object, index);
        if (*out) {
            if (unlikely((*out)->flags & PG_PREALLOC))
                page_clear_flag(*out, PG_PREALLOC);
            return 0;
        }
        *out = current_charge_page(alloc_zeroed_page());
        if (!*out)
            return -ENOMEM;
        err = object_add_page(object, index, *out);
        if (!err)
            return 0;
        put_page(*out);
        if (err != -EEXIST)
            return err;
        /* Another thread was faster; but the page may be gone again. */
    }
}

/* n bytes within one page; a page that is not there reads as zeros. */
static void read_page(struct mem_object *object, u64 offset, void *buf,
                      size_t n)
{
    struct page *page;

    if (object_page_in(object, offset >> PAGE_SHIFT, &page) || !page) {
        memset(buf, 0, n);
        return;
    }
    memcpy(buf, (char *)page_address(page) + (offset & (PAGE_SIZE - 1)), n);
    put_page(page);
}

size_t object_read(struct mem_object *object, u64 offset, void *buf, size_t n)
{
    size_t done = 0;

    if (offset >= object->size)
        return 0;
    n = min((u64)n, object->size - offset);
    while (done < n) {
        u64 in_page = PAGE_SIZE - ((offset + done) & (PAGE_SIZE - 1));
        size_t chunk = min((u64)(n - done), in_page);

        read_page(object, offset + done, (char *)buf + done, chunk);
        done += chunk;
    }
    return done;
}
