/* Families of address spaces, and the walk from a page to its entries. */
#include <mm/rmap.h>
#include <mm/vma_lock.h>

/* ---- families ---- */

int family_create(struct mm_struct *mm)
{
    struct mm_family *family = kmalloc(sizeof(*family));

    if (!family)
        return -ENOMEM;
    spin_lock_init(&family->lock);
    spin_lock_class(&family->lock, LOCK_FAMILY);
    list_init(&family->members);
    family->refcount = 1;
    mm->family = family;
    return 0;
}

void family_inherit(struct mm_struct *child, const struct mm_struct *parent)
{
    child->family = parent->family;
    child->moved = parent->moved;
    __atomic_fetch_add(&child->family->refcount, 1, __ATOMIC_RELAXED);
}

void family_join(struct mm_struct *mm)
{
    spin_lock(&mm->family->lock);
    list_add_tail(&mm->family_link, &mm->family->members);
    spin_unlock(&mm->family->lock);
}

void family_leave(struct mm_struct *mm)
{
    spin_lock(&mm->family->lock);
    list_del_init(&mm->family_link);
    spin_unlock(&mm->family->lock);
}

void family_put(struct mm_struct *mm)
{
    if (__atomic_fetch_sub(&mm->family->refcount, 1, __ATOMIC_ACQ_REL) == 1)
        kfree(mm->family);
}

/* ---- the walk ---- */

struct walk {
    struct page *page;
    u64 index;
    void (*fn)(struct vm_area_struct *vma, u64 va, pte_t *pte, void *arg);
    void *arg;
};

/* The entry of vma where the page would be; its tables stay where they are. */
static void walk_entry(const struct walk *w, struct vm_area_struct *vma)
{
    u64 va = vma->vm_start + ((w->index - vma->vm_pgoff) << PAGE_SHIFT);
    pte_t *pte = pte_lookup(vma->vm_mm, va), e;
    spinlock_t *lock;

    if (!pte)
        return;
    lock = pte_lockptr(pte);
    spin_lock(lock);
    e = pte_get(pte);
    if (pte_present(e) && pfn_to_page(pte_pfn(e)) == w->page)
        w->fn(vma, va, pte, w->arg);
    spin_unlock(lock);
}

static bool shows_index(const struct vm_area_struct *vma, u64 index)
{
    return !vma->vm_object && index >= vma->vm_pgoff &&
           index - vma->vm_pgoff < vma_pages(vma);
}

/* No area leaves the tree, and no table its area, while lookups are counted.
 * Untouched by mremap(2), the index is the address. */
static void walk_space(const struct walk *w, struct mm_struct *mm)
{
    struct vm_area_struct *vma;

    vma_lookup_begin(mm);
    if (likely(!mm->moved)) {
        vma = find_vma(mm, w->index << PAGE_SHIFT);
        if (vma && shows_index(vma, w->index))
            walk_entry(w, vma);
    } else {
        for (vma = find_vma(mm, 0); vma; vma = find_vma(mm, vma->vm_end))
            if (shows_index(vma, w->index))
                walk_entry(w, vma);
    }
    vma_lookup_end(mm);
}

static void walk_family(const struct walk *w, struct mm_family *family)
{
    struct mm_struct *mm;

    spin_lock(&family->lock);
    list_for_each_entry (mm, &family->members, family_link)
        walk_space(w, mm);
    spin_unlock(&family->lock);
}

static void walk_object(const struct walk *w, struct mem_object *object)
{
    struct interval_node *node;

    spin_lock(&object->lock);
    node = interval_first(&object->mappings, w->index, w->index);
    for (; node; node = interval_next(node, w->index, w->index))
        walk_entry(w,
                   container_of(node, struct vm_area_struct, vm_object_node));
    spin_unlock(&object->lock);
}

void rmap_walk(struct page *page,
               void (*fn)(struct vm_area_struct *vma, u64 va, pte_t *pte,
                          void *arg),
               void *arg)
{
    struct walk w = {page, page->index, fn, arg};
    struct mem_object *object;

    if ((page->flags & (PG_ANON | PG_COPY)) == PG_ANON) {
        walk_family(&w, page->family);
        return;
    }
    object = READ_ONCE(page->object);
    if (object) /* or it has left it, and is mapped nowhere */
        walk_object(&w, object);
}
