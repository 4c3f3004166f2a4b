/*
 * Who maps an object: its areas, by the pages they map. A page of the object
 * that is mapped anywhere is so by an area in the tree, at every moment: areas
 * are cut and joined by way of overlap (vma_split.c, vma_merge.c), and one is
 * taken out before its page tables go.
 */
#include <mm/internal.h>

static void insert(struct vm_area_struct *vma)
{
    vma->vm_object_node.first = vma->vm_pgoff;
    vma->vm_object_node.last = vma->vm_pgoff + vma_pages(vma) - 1;
    interval_insert(&vma->vm_object->mappings, &vma->vm_object_node);
}

static void remove(struct vm_area_struct *vma)
{
    interval_remove(&vma->vm_object->mappings, &vma->vm_object_node);
}

void object_link(struct vm_area_struct *vma)
{
    spin_lock(&vma->vm_object->lock);
    insert(vma);
    spin_unlock(&vma->vm_object->lock);
}

void object_unlink(struct vm_area_struct *vma)
{
    spin_lock(&vma->vm_object->lock);
    remove(vma);
    spin_unlock(&vma->vm_object->lock);
}

void object_move(struct vm_area_struct *vma, u64 start, u64 end)
{
    spin_lock(&vma->vm_object->lock);
    remove(vma);
    vma_set_edges(vma, start, end);
    insert(vma);
    spin_unlock(&vma->vm_object->lock);
}
