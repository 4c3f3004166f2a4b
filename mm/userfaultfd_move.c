/*
 * UFFDIO_MOVE: pages of private anonymous memory change their place instead of
 * being copied. Only who has a page for himself can give it away.
 */
#include <arch/tlb.h>
#include <mm/fault.h>
#include <mm/rmap.h>
#include <mm/userfaultfd.h>

struct move {
    struct vm_area_struct *src, *dst;
    bool holes; /* a page that is not there may be left out */
};

/* Two tables' locks; of two different ones the lower address first. */
static void lock_both(spinlock_t *a, spinlock_t *b)
{
    spin_lock(a < b ? a : b);
    if (a != b)
        spin_lock(a < b ? b : a);
}

static void unlock_both(spinlock_t *a, spinlock_t *b)
{
    if (a != b)
        spin_unlock(a < b ? b : a);
    spin_unlock(a < b ? a : b);
}

/* Both entries' tables are locked. */
static int move_entry(const struct move *m, u64 src, pte_t *from, u64 dst,
                      pte_t *to)
{
    pte_t e = from ? pte_get(from) : PTE_NONE;
    struct page *page;

    if (!pte_none(pte_get(to)))
        return -EEXIST;
    if (pte_none(e))
        return m->holes ? 0 : -ENOENT;
    if (!pte_present(e))
        return -EFAULT; /* a marker */
    page = pfn_to_page(pte_pfn(e));
    if (page != zero_page && !page_is_exclusive(page))
        return -EBUSY;
    pte_set(from, PTE_NONE);
    tlb_flush_page(m->src->vm_mm, src);
    e = fault_make_pte(m->dst, page, page != zero_page); /* as written */
    if (page != zero_page)
        page_set_family(page, m->dst, dst);
    pte_set(to, e);
    return 0;
}

static int move_page(const struct move *m, u64 src, u64 dst)
{
    struct mm_struct *mm = m->src->vm_mm;
    pte_t *to = pte_alloc(mm, dst, NULL), *from;
    int r;

    if (!to)
        return -ENOMEM;
    from = pte_lookup(mm, src);
    lock_both(pte_lockptr(to), pte_lockptr(from ? from : to));
    r = move_entry(m, src, from, dst, to);
    unlock_both(pte_lockptr(to), pte_lockptr(from ? from : to));
    return r;
}

/* The areas that hold the two ranges; both must be alike, and to's ctx's. */
static int find_areas(const struct userfaultfd_ctx *ctx, struct move *m,
                      u64 src, u64 dst, u64 len)
{
    const u64 alike = VM_ACCESS | VM_LOCKED;

    if (READ_ONCE(ctx->changing))
        return -EAGAIN;
    m->src = find_vma(ctx->mm, src);
    m->dst = find_vma(ctx->mm, dst);
    userfaultfd_note_target(ctx->mm, dst);
    if (!m->src || m->src->vm_start > src || !m->dst || m->dst->vm_start > dst)
        return -ENOENT;
    if (m->src->vm_end < src + len || m->dst->vm_end < dst + len ||
        m->src->vm_object || m->dst->vm_object || m->dst->vm_uffd != ctx ||
        ((m->src->vm_flags ^ m->dst->vm_flags) & alike) ||
        !(m->src->vm_flags & VM_WRITE))
        return -EINVAL;
    return 0;
}

s64 userfaultfd_move(struct userfaultfd_ctx *ctx, u64 dst, u64 src, u64 len,
                     bool holes)
{
    struct mm_struct *mm = ctx->mm;
    struct move m = {.holes = holes};
    u64 done = 0;
    int r;

    mmap_read_lock(mm);
    r = find_areas(ctx, &m, src, dst, len);
    while (!r && done < len) {
        r = move_page(&m, src + done, dst + done);
        if (!r)
            done += PAGE_SIZE;
        if (!r && thread_signal_pending(WAIT_KILLABLE))
            r = -EINTR;
    }
    mmap_read_unlock(mm);
    return done ? (s64)done : r;
}
