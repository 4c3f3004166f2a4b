/*
 * Filling: UFFDIO_COPY and UFFDIO_ZEROPAGE. The source is copied before any
 * lock is taken, for it may fault, and its fault may wait for another pager.
 * Then, under the mmap lock, the target is checked and the page installed.
 */
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <arch/uaccess.h>
#include <mm/fault.h>
#include <mm/userfaultfd.h>

/* The registered area that holds all of [start, end), or NULL. */
static struct vm_area_struct *fill_target(struct mm_struct *mm, u64 start,
                                          u64 end)
{
    struct vm_area_struct *vma = find_vma(mm, start);

    if (!vma || vma->vm_start > start || vma->vm_end < end || !vma->vm_uffd)
        return NULL;
    return vma;
}

/* Time-stamps the fault that waits for this page. */
static void stamp_filled(struct userfaultfd_ctx *ctx, u64 address)
{
    struct userfaultfd_wait *w;

    spin_lock(&ctx->lock);
    list_for_each_entry (w, &ctx->taken, link)
        if (w->address == address && w->rec)
            w->rec->stage[STAGE_FILLED] = cycles();
    spin_unlock(&ctx->lock);
}

/* Installs one page (NULL: the zero page) at address; mmap lock held. */
static int fill_install(struct vm_area_struct *vma, u64 address,
                        struct page *page)
{
    struct vm_fault vmf = {.vma = vma, .address = address};
    struct page *what = page ? page : zero_page;

    vmf.pte = pte_alloc(vma->vm_mm, address, NULL);
    if (unlikely(!vmf.pte))
        return -ENOMEM;
    vmf.orig_pte = PTE_NONE;
    if (!fault_install(&vmf, fault_make_pte(vma, what, page != NULL), page,
                       RSS_ANON))
        return -EEXIST;
    return 0;
}

/* Checks the whole target range, then fills the page at dst. */
static int fill_page(struct userfaultfd_ctx *ctx, u64 dst, u64 end,
                     struct page *page)
{
    struct mm_struct *mm = ctx->mm;
    struct vm_area_struct *vma;
    int r = -ENOENT;

    mmap_read_lock(mm);
    vma = fill_target(mm, dst, end);
    if (likely(vma))
        r = fill_install(vma, dst, page);
    mmap_read_unlock(mm);
    if (!r)
        stamp_filled(ctx, dst);
    return r;
}

/* The target is bad whatever the source: Linux looks at it first. */
static int target_error(struct userfaultfd_ctx *ctx, u64 dst, u64 end, int r)
{
    mmap_read_lock(ctx->mm);
    if (!fill_target(ctx->mm, dst, end))
        r = -ENOENT;
    mmap_read_unlock(ctx->mm);
    return r;
}

static int copy_one(struct userfaultfd_ctx *ctx, u64 dst, u64 end, u64 src)
{
    struct page *page = alloc_page();
    int r;

    if (unlikely(!page))
        return target_error(ctx, dst, end, -ENOMEM);
    r = copy_page_from_user(page_address(page), (const void __user *)src);
    if (unlikely(r)) {
        r = target_error(ctx, dst, end, r);
    } else {
        page->flags |= PG_ANON;
        r = fill_page(ctx, dst, end, page);
    }
    if (r)
        put_page(page);
    return r;
}

/* The zero page; the source is nobody's. */
static int zero_one(struct userfaultfd_ctx *ctx, u64 dst, u64 end,
                    u64 src __maybe_unused)
{
    return fill_page(ctx, dst, end, NULL);
}

/* Page by page, until one fails or the caller is to die. */
static s64 fill_range(struct userfaultfd_ctx *ctx, u64 dst, u64 src, u64 len,
                      int (*fill_one)(struct userfaultfd_ctx *ctx, u64 dst,
                                      u64 end, u64 src))
{
    u64 done = 0;
    int r = 0;

    if (!mm_try_get(ctx->mm))
        return -ESRCH;
    while (done < len) {
        r = fill_one(ctx, dst + done, dst + len, src + done);
        if (r)
            break;
        done += PAGE_SIZE;
        if (unlikely(thread_signal_pending(WAIT_KILLABLE)))
            break;
    }
    mm_put(ctx->mm);
    return done ? (s64)done : r;
}

s64 userfaultfd_copy(struct userfaultfd_ctx *ctx, u64 dst, u64 src, u64 len)
{
    return fill_range(ctx, dst, src, len, copy_one);
}

s64 userfaultfd_zeropage(struct userfaultfd_ctx *ctx, u64 start, u64 len)
{
    return fill_range(ctx, start, 0, len, zero_one);
}
