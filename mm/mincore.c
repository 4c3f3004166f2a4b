/*
 * mincore(2): which pages are in memory. Private anonymous memory is where it
 * is mapped; a page of an object also when only the object has it.
 */
#include <base/string.h>
#include <mm/pgtable.h>

/* What the object has of [start, end). */
static void ask_object(const struct vm_area_struct *vma, u64 start, u64 end,
                       u8 *vec)
{
    u64 index = vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT);

    for (; start < end; start += PAGE_SIZE) {
        struct page *page = object_peek_page(vma->vm_object, index++);

        *vec++ = page && !(page->flags & PG_PREALLOC);
        if (page)
            put_page(page);
    }
}

static void ask_area(const struct vm_area_struct *vma, u64 start, u64 end,
                     u8 *vec)
{
    u64 va = start, stop;
    pte_t *pte;

    if (vma->vm_object)
        ask_object(vma, start, end, vec);
    else
        memset(vec, 0, (end - start) >> PAGE_SHIFT);
    while ((pte = pt_next_leaf(vma->vm_mm->pgd, &va, end, &stop)))
        for (; va < stop; va += PAGE_SIZE, pte++)
            if (pte_present(pte_get(pte)))
                vec[(va - start) >> PAGE_SHIFT] = 1;
}

u64 do_mincore(struct mm_struct *mm, u64 start, u64 pages, u8 *vec)
{
    struct vm_area_struct *vma;
    u64 at = start, end = start + (pages << PAGE_SHIFT);

    mmap_read_lock(mm);
    for (vma = find_vma(mm, at); at < end; vma = vma->vm_next) {
        u64 stop;

        if (!vma || vma->vm_start > at)
            break;
        stop = min(end, vma->vm_end);
        ask_area(vma, at, stop, vec + ((at - start) >> PAGE_SHIFT));
        at = stop;
    }
    mmap_read_unlock(mm);
    return (at - start) >> PAGE_SHIFT;
}
