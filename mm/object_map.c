/*
 * Who maps an object: its areas, by the pages they map. A page of the object
 * that is mapped anywhere is so by an area in the tree, at every moment: areas
 * are cut and joined by way of overlap (vma_split.c, vma_merge.c), and one is
 * taken out before its page tables go.
 */
#include <mm/internal.h>
#include <mm/pgtable.h>

#define BATCH 8192 /* pages unmapped before others get at the lock */

static void insert(struct vm_area_struct *vma)
{
    vma->vm_object_node.first = vma->vm_pgoff;
    vma->vm_object_node.last = vma->vm_pgoff + vma_pages(vma) - 1;
    interval_insert(&vma->vm_object->mappings, &vma->vm_object_node);
}

void object_link(struct vm_area_struct *vma)
{
    struct mem_object *object = vma->vm_object;

    spin_lock(&object->lock);
    if (unlikely(object->pager != NULL)) {
        vma->vm_flags |= VM_PAGED;
        vma->vm_page_prot = vma_page_prot(vma->vm_flags);
    }
    insert(vma);
    spin_unlock(&object->lock);
}

void object_unlink(struct vm_area_struct *vma)
{
    spin_lock(&vma->vm_object->lock);
    interval_remove(&vma->vm_object->mappings, &vma->vm_object_node);
    spin_unlock(&vma->vm_object->lock);
}

void object_move(struct vm_area_struct *vma, u64 start, u64 end)
{
    spin_lock(&vma->vm_object->lock);
    interval_remove(&vma->vm_object->mappings, &vma->vm_object_node);
    vma_set_edges(vma, start, end);
    insert(vma);
    spin_unlock(&vma->vm_object->lock);
}

static void unmap_area(struct vm_area_struct *vma, u64 start, u64 end,
                       void *even_private)
{
    zap_discard_range(vma, start, end, even_private);
}

void object_each_area(struct mem_object *object, u64 first, u64 last,
                      void (*fn)(struct vm_area_struct *vma, u64 start, u64 end,
                                 void *arg),
                      void *arg)
{
    struct interval_node *node = interval_first(&object->mappings, first, last);

    for (; node; node = interval_next(node, first, last)) {
        struct vm_area_struct *vma =
            container_of(node, struct vm_area_struct, vm_object_node);
        u64 below = first > node->first ? first - node->first : 0;
        u64 above = last < node->last ? node->last - last : 0;

        fn(vma, vma->vm_start + (below << PAGE_SHIFT),
           vma->vm_end - (above << PAGE_SHIFT), arg);
    }
}

void object_unmap_locked(struct mem_object *object, u64 first, u64 last,
                         bool even_private)
{
    /* A fault that hangs up a page table we do not see yet will see what is
     * gone from the object. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    object_each_area(object, first, last, unmap_area,
                     even_private ? object : NULL);
}

void object_unmap_range(struct mem_object *object, u64 first, u64 last,
                        bool even_private)
{
    const struct interval_node *next;
    u64 stop;

    do {
        spin_lock(&object->lock);
        next = interval_first(&object->mappings, first, last);
        first = next ? max(first, next->first) : last;
        stop = first + min(last - first, BATCH - 1ul);
        object_unmap_locked(object, first, stop, even_private);
        spin_unlock(&object->lock);
        first = stop + 1;
    } while (next && stop < last);
}
