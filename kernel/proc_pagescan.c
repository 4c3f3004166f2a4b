/*
 * PAGEMAP_SCAN of /proc/PID/pagemap (Linux 6.7): the pages of a range that are
 * of some kind, as regions; and in the same call those that were written are
 * write-protected again, where a userfaultfd with WP_ASYNC collects them. A
 * page that is written between the two is told already, and whoever reads it
 * does so afterwards: nothing is lost.
 */
#include <arch/uaccess.h>
#include <kernel/procfs.h>
#include <mm/userfaultfd.h>
#include <mm/view.h>

#define PAGEMAP_SCAN 0xc0606610u

#define PM_SCAN_WP_MATCHING   1u
#define PM_SCAN_CHECK_WPASYNC 2u

#define PAGE_IS_WPALLOWED  0x01u
#define PAGE_IS_WRITTEN    0x02u
#define PAGE_IS_FILE       0x04u
#define PAGE_IS_PRESENT    0x08u
#define PAGE_IS_SWAPPED    0x10u
#define PAGE_IS_PFNZERO    0x20u
#define PAGE_IS_SOFT_DIRTY 0x80u
#define PAGE_IS_ANY        0xffu /* with huge pages, which are not there */

struct page_region {
    u64 start, end, categories;
};

/* struct pm_scan_arg of the ABI. */
struct scan_arg {
    u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
    u64 inverted, mask, anyof, wanted;
};

#define BATCH 64u /* pages looked at under the lock */

struct scan {
    struct scan_arg arg;
    u64 at;                  /* looked at up to here */
    u64 pages;               /* that matched */
    bool full;               /* no more may be told */
    struct page_region open; /* may grow; end 0: none */
    u64 told, opened;        /* regions the caller has / that were begun */
    unsigned ready;          /* in out */
    struct page_region out[BATCH];
    u64 entries[BATCH];
};

/* A page that is not there was written if nothing says that it is protected;
 * on Linux also outside of what is registered, where there is a table. */
static u64 categories(u64 entry, bool wp, bool async)
{
    u64 c = async ? PAGE_IS_WPALLOWED : 0;

    if (entry & PM_PRESENT)
        c |= PAGE_IS_PRESENT;
    if (entry & PM_SWAP)
        c |= PAGE_IS_SWAPPED;
    if ((wp || (entry & PM_IN_TABLE)) && !(entry & PM_UFFD_WP))
        c |= PAGE_IS_WRITTEN;
    if ((entry & PM_PRESENT) &&
        (entry & ((1ul << PM_PFN_BITS) - 1)) == page_to_pfn(zero_page))
        c |= PAGE_IS_PFNZERO;
    c |= entry & PM_FILE ? PAGE_IS_FILE : 0;
    return c | (entry & PM_SOFT_DIRTY ? PAGE_IS_SOFT_DIRTY : 0);
}

static bool matches(const struct scan_arg *arg, u64 c)
{
    c ^= arg->inverted;
    return (c & arg->mask) == arg->mask && (!arg->anyof || (c & arg->anyof));
}

/* Tells of the page at s->at; false: there is no room. */
static bool add_page(struct scan *s, u64 c)
{
    bool grows = s->open.end == s->at && s->open.categories == c;

    if (!s->arg.vec_len)
        return true;
    if (s->arg.max_pages && s->pages == s->arg.max_pages)
        return false;
    if (!grows) {
        if (s->opened == s->arg.vec_len)
            return false;
        if (s->open.end)
            s->out[s->ready++] = s->open;
        s->open = (struct page_region){s->at, s->at, c};
        s->opened++;
    }
    s->open.end = s->at + PAGE_SIZE;
    s->pages++;
    return true;
}

/* A part of one area, of at most BATCH pages, mmap lock held. Who protects
 * without asking what is there gets all of it protected. */
static int scan_area(struct scan *s, struct vm_area_struct *vma, u64 end)
{
    bool wp = vma->vm_flags & VM_UFFD_WP;
    bool async = wp && (vma->vm_uffd->features & UFFD_FEATURE_WP_ASYNC);
    bool protect = s->arg.flags & PM_SCAN_WP_MATCHING;
    int r = 0;

    if (!async && (s->arg.flags & PM_SCAN_CHECK_WPASYNC))
        return -EPERM;
    if (!async && protect) {
        s->at = end;
        return 0;
    }
    vma_pagemap(vma, s->at, end, s->entries);
    for (unsigned i = 0; s->at < end && !r; i++) {
        u64 c = categories(s->entries[i], wp, async);
        bool all = protect && !s->arg.vec_len && (s->entries[i] & PM_IN_TABLE);

        if (all || matches(&s->arg, c)) {
            s->full = !add_page(s, c & s->arg.wanted);
            if (s->full)
                break;
            if (protect && (c & PAGE_IS_WRITTEN))
                r = userfaultfd_wp_vma(vma, s->at, s->at + PAGE_SIZE, true);
        }
        s->at += PAGE_SIZE;
    }
    return r;
}

/* From s->at on: what there is next, and what was found goes to the caller. */
static int scan_some(struct scan *s, struct mm_struct *mm)
{
    struct page_region __user *to = (struct page_region __user *)s->arg.vec;
    struct vm_area_struct *vma;
    int r = 0;

    mmap_read_lock(mm);
    vma = find_vma(mm, s->at);
    s->at = vma ? max(s->at, vma->vm_start) : s->arg.end;
    if (s->at < s->arg.end)
        r = scan_area(
            s, vma,
            min(min(s->arg.end, vma->vm_end), s->at + BATCH * PAGE_SIZE));
    else
        s->at = s->arg.end;
    mmap_read_unlock(mm);
    if (copy_to_user(to + s->told, s->out, s->ready * sizeof(*s->out)))
        return -EFAULT;
    s->told += s->ready;
    s->ready = 0;
    return r;
}

static int scan_all(struct scan *s, struct mm_struct *mm)
{
    int r = 0;

    while (!r && !s->full && s->at < s->arg.end)
        r = thread_signal_pending(WAIT_KILLABLE) ? -EINTR : scan_some(s, mm);
    if (!r && s->opened) {
        struct page_region __user *to = (struct page_region __user *)s->arg.vec;

        r = copy_to_user(to + s->told, &s->open, sizeof(s->open));
    }
    return r ? r : (int)s->opened;
}

static int check_arg(struct scan_arg *arg)
{
    u64 known = arg->inverted | arg->mask | arg->anyof | arg->wanted;

    if (arg->size != sizeof(*arg) ||
        (arg->flags & ~(u64)(PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC)) ||
        (known & ~(u64)PAGE_IS_ANY) || !IS_ALIGNED(arg->start, PAGE_SIZE))
        return -EINVAL;
    if (arg->start > TASK_SIZE ||
        arg->end - arg->start > TASK_SIZE - arg->start)
        return -EFAULT;
    if (!arg->vec && arg->vec_len)
        return -EINVAL;
    if (arg->vec > TASK_SIZE ||
        arg->vec_len > (TASK_SIZE - arg->vec) / sizeof(struct page_region))
        return -EFAULT;
    arg->end = ALIGN_UP(arg->end, PAGE_SIZE);
    return 0;
}

long pagemap_scan(const struct proc_file *p, unsigned cmd, u64 user)
{
    struct scan_arg __user *arg = (struct scan_arg __user *)user;
    struct mm_struct *mm = proc_file_mm(p);
    struct scan *s = kzalloc(sizeof(*s));
    long r = !mm ? -ESRCH : !s ? -ENOMEM : cmd == PAGEMAP_SCAN ? 0 : -EINVAL;

    if (!r)
        r = copy_from_user(&s->arg, arg, sizeof(*arg));
    if (!r)
        r = check_arg(&s->arg);
    if (!r) {
        s->at = s->arg.start;
        r = scan_all(s, mm);
        if (put_user_64(r < 0 ? s->arg.end : s->at, &arg->walk_end))
            r = -EFAULT;
    }
    kfree(s);
    if (mm)
        mm_put(mm);
    return r;
}
