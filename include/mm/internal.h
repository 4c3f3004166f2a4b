/* Inside mm/ only: small things several of its files share. */
#pragma once

#include <base/errno.h>
#include <mm/mm.h>
#include <mm/vma_lock.h>

/* A u64 that is an address or a negated errno. */
#define IS_ERR_VALUE(v) unlikely((u64)(v) >= (u64)-4095)

/* mm_create(), or for a child of parent's family, not yet a member. */
struct mm_struct *mm_alloc(const struct mm_struct *parent) __must_check;

/* Binds a new area, not yet linked, to its object (NULL: none): takes a
 * reference; vma_link() will add it to the object's mappings. */
void vma_set_object(struct vm_area_struct *vma, struct mem_object *object);

/* The pages first to first + count - 1 that are there and in use, each with a
 * reference, NULL for the others: what a fault maps around it. */
void object_find_pages(struct mem_object *object, u64 first, unsigned count,
                       struct page **pages);

/* Puts page at index, whatever the size; object->lock held. Returns 0, -EEXIST,
 * -ENOMEM. */
__must_check int object_insert(struct mem_object *object, u64 index,
                               struct page *page);

/* The edges alone: vm_pgoff follows the start, in pages modulo 2^52, for it may
 * move down as well as up. */
static inline void vma_set_edges(struct vm_area_struct *vma, u64 start, u64 end)
{
    vma->vm_pgoff += (u64)((s64)(start - vma->vm_start) >> PAGE_SHIFT);
    vma->vm_start = start;
    vma->vm_end = end;
}

/*
 * Calls fn for each area's part of [at, end); fn may cut or merge the area, and
 * leaves in *vma the one that then covers the part. Ends with fn's error, or
 * -ENOMEM at the first hole. mmap lock held for write.
 */
static __always_inline_ int vma_each_part(struct mm_struct *mm, u64 at, u64 end,
                                          int (*fn)(struct vm_area_struct **vma,
                                                    u64 start, u64 end,
                                                    const void *arg),
                                          const void *arg)
{
    struct vm_area_struct *vma = find_vma_cached(mm, at);

    while (at < end) {
        u64 stop;
        int r;

        if (!vma || vma->vm_start > at)
            return -ENOMEM;
        stop = min(end, vma->vm_end);
        r = fn(&vma, at, stop, arg);
        if (r)
            return r;
        at = stop;
        if (vma->vm_end <= at)
            vma = vma->vm_next;
    }
    return 0;
}

/* mm/lazyfree.c: MADV_FREE of a part of a private anonymous area. mmap lock
 * held. */
void lazyfree_range(struct vm_area_struct *vma, u64 start, u64 end);
/* MADV_PAGEOUT without a swap: drops what mm_drop_lazy() would. The same. */
void lazyfree_pageout(struct vm_area_struct *vma, u64 start, u64 end);

/* mm/munmap.c: the whole area goes; it cannot fail, and no pager is told. mmap
 * lock held for write. */
void munmap_area(struct vm_area_struct *vma);

/* mm/mseal.c: an area of the range is sealed. mmap lock held. */
bool range_sealed(struct mm_struct *mm, u64 start, u64 end);

/* mm/populate.c: the pages of a locked area that has become writable, up to the
 * first that cannot be had without a wait. mmap lock held for write. */
void populate_now(struct vm_area_struct *vma, u64 start, u64 end);

/* mm/pkey.c: the key, in vm_flags' place, of a new area with these rights / of
 * one that gets them by mprotect(2) with that key (-1: none said). mmap lock
 * held for write. */
u64 pkey_for_mmap(struct mm_struct *mm, u64 prot);
u64 pkey_for_mprotect(const struct vm_area_struct *vma, u64 prot, int key);

/* mm/mremap_move.c: the entries of [old, old + len) in vma go to the start of
 * new_vma, which is linked and empty. mmap lock held for write. -ENOMEM: not
 * one has moved. */
__must_check int move_page_tables(struct vm_area_struct *vma, u64 old,
                                  struct vm_area_struct *new_vma, u64 len);
