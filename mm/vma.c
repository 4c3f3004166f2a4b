/*
 * The life of a VMA and of what it refers to: its memory object and its
 * userfaultfd context. Relies on slab.c.
 */
#include <mm/internal.h>
#include <mm/userfaultfd.h>

static struct kmem_cache vma_cache;

void vma_init(void)
{
    kmem_cache_init(&vma_cache, "vm_area_struct",
                    sizeof(struct vm_area_struct));
}

struct vm_area_struct *vma_alloc(struct mm_struct *mm)
{
    struct vm_area_struct *vma = kmem_cache_alloc(&vma_cache);

    if (unlikely(!vma))
        return NULL;
    /* Cheaper than clearing it all: the tree and list parts are vma_link()'s,
     * edges and rights the caller's. */
    vma->vm_mm = mm;
    vma->vm_lock_seq = mm->lock_seq; /* until the caller has finished it */
    vma->vm_readers = 0;
    vma->vm_flags = 0;
    vma->vm_anon = 0;
    vma->vm_anon_forked = false;
    vma->vm_pgoff = 0;
    vma->vm_object = NULL;
    vma->vm_uffd = NULL;
    return vma;
}

struct vm_area_struct *vma_dup(const struct vm_area_struct *vma)
{
    struct vm_area_struct *copy = kmem_cache_alloc(&vma_cache);

    if (unlikely(!copy))
        return NULL;
    *copy = *vma;
    copy->vm_next = copy->vm_prev = NULL;
    copy->vm_lock_seq = vma->vm_mm->lock_seq; /* nobody's yet, as above */
    copy->vm_readers = 0;
    if (copy->vm_object)
        object_get(copy->vm_object);
    if (copy->vm_uffd)
        userfaultfd_ctx_get(copy->vm_uffd);
    return copy;
}

void vma_set_object(struct vm_area_struct *vma, struct mem_object *object)
{
    vma->vm_object = object;
    if (object)
        object_get(object);
}

static __slow_half void put_references(struct vm_area_struct *vma)
{
    if (vma->vm_object)
        object_put(vma->vm_object);
    if (vma->vm_uffd)
        userfaultfd_ctx_put(vma->vm_uffd);
}

void vma_free(struct vm_area_struct *vma)
{
    if (vma->vm_object || vma->vm_uffd)
        slow_call(put_references, vma);
    kmem_cache_free(&vma_cache, vma);
}
