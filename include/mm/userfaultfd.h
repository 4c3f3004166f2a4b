/*
 * userfaultfd contexts: which faults wait for a pager, and the calls that
 * fill pages. kernel/sys_userfaultfd.c decodes descriptors and ioctls; here
 * everything is checked values. See userfaultfd(2), ioctl_userfaultfd(2).
 *
 * Locks: ctx->lock guards the two queues; it is a leaf but for a run queue's
 * lock in thread_wake(). Registration (vma->vm_uffd) is under the mmap lock.
 */
#pragma once

#include <mm/hooks.h>
#include <mm/interval_tree.h>
#include <mm/mm.h>
#include <uapi/faultline/userfaultfd.h>

#define UFFD_SERVERS 8

struct userfaultfd_ctx {
    u32 refcount; /* atomic: the descriptor, and each registered VMA */
    u32 flags;    /* of userfaultfd(2) */
    u64 features; /* as enabled by UFFDIO_API */
    u32 changing; /* atomic: mapping changes whose event nobody has read */
    bool initialized;
    bool released;        /* the descriptor is closed */
    struct mm_struct *mm; /* holds mm_grab() */
    spinlock_t lock;
    struct list_head pending; /* faults nobody has read yet */
    struct list_head taken;   /* read, waiting for the page */
    /* To find faults by address: one that came when there was none other, and
     * the rest in a tree. */
    struct userfaultfd_wait *lone;
    struct rb_root crowd;
    struct list_head events;   /* nobody has read yet */
    struct list_head telling;  /* who waits until one has been read */
    struct list_head objects;  /* bound, see object_pager.h */
    struct uffd_guard *guards; /* UFFD_GUARDS, or NULL: none is set */
    /* Who serves it, see kernel/uffd_deadlock.c; more than fit: -1. */
    struct thread *server; /* the last that did */
    struct thread *servers[UFFD_SERVERS];
    s8 server_count;
    struct thread *helper;     /* who could, when last asked; or NULL */
    u64 look, members;         /* when it was last asked, found members */
    struct list_head all_link; /* userfaultfd_all */
    struct thread *reader;     /* blocked in read(2), woken first; or NULL */
    struct uffd_msg *handed;   /* where it wants its message */
    struct wait_queue readers; /* the others, and who polls */
};

/* Of a wait that is for none; with it goes the offset in an object, say. */
#define NO_ADDRESS (1ul << 63)

/* What becomes of a fault that nobody serves, see mm/userfaultfd_guard.c. An
 * area names its guard by number; the mmap lock, or the area's, keeps what that
 * number means. */
#define UFFD_GUARDS 64
struct uffd_guard {
    u64 deadline_ns; /* 0: none */
    u32 action, flags;
};

/* One blocked fault, on the faulting thread's stack. */
struct userfaultfd_wait {
    struct list_head link;
    struct interval_node node; /* in ctx->crowd, if a fault and not ctx->lone */
    struct uffd_msg msg;
    struct thread *thread;
    struct fault_record *rec;
    u64 address; /* page aligned */
    enum wait_mode mode;
    bool woken; /* and off the queue; under ctx->lock */
    u8 guard;   /* WAIT_* */
};

#define WAIT_REFUSES 1 /* to be in a cycle, see UFFD_FL_GUARD_DEADLOCK */
#define WAIT_ENDS    2 /* at a deadline */
#define WAIT_REFUSED 4 /* it does not wait any more */
#define WAIT_TELLS   8 /* of an event, and will go on if nobody listens */

enum event_state {
    EVENT_QUEUED, /* to be read */
    EVENT_TAKEN,  /* being read */
    EVENT_TOLD,   /* was read */
    EVENT_LOST,   /* nobody will read it */
};

/* Something done to an area, which waits until the pager has read of it. */
struct userfaultfd_event {
    struct list_head link;          /* in ctx->events, while queued */
    struct userfaultfd_event *next; /* in mm->uffd_events, before */
    struct userfaultfd_ctx *ctx;    /* holds a reference */
    struct userfaultfd_ctx *child;  /* FORK: the child's, a reference */
    struct thread *thread;          /* that waits; NULL: an object's news */
    struct uffd_msg msg;
    enum event_state state; /* under ctx->lock */
};

struct vm_fault;

/* A context for an mm, one reference; NULL: no memory. */
struct userfaultfd_ctx *userfaultfd_ctx_create(struct mm_struct *mm,
                                               u32 flags) __must_check;
static inline void userfaultfd_ctx_get(struct userfaultfd_ctx *ctx)
{
    __atomic_fetch_add(&ctx->refcount, 1, __ATOMIC_RELAXED);
}
void userfaultfd_ctx_put(struct userfaultfd_ctx *ctx);

/* The descriptor is closed: registrations end, the blocked wake and retry.
 * Drops the descriptor's reference. */
void userfaultfd_release(struct userfaultfd_ctx *ctx);

/*
 * The fault side. why: 0 (missing), UFFD_PAGEFAULT_FLAG_WP or _MINOR. mmap lock
 * held for read and dropped here; queues the fault, waits for a wake-up (no
 * lock held), returns VM_FAULT_RETRY; or, lock still held, VM_FAULT_SIGBUS
 * where no waiting is possible.
 */
unsigned handle_userfault(struct vm_fault *vmf, u64 why);

/* Takes the oldest unread faults, at most max, as messages: how many. */
unsigned userfaultfd_next_faults(struct userfaultfd_ctx *ctx,
                                 struct uffd_msg *msgs, unsigned max);

/*
 * Takes the oldest unread event. With *fork set it is that of a fork, and for
 * the caller to end: a descriptor of (*fork)->child, whose reference becomes
 * the descriptor's, goes into the message, then userfaultfd_fork_done(); told
 * false: it is to be read again. Returns 0, -EAGAIN when there is none.
 */
__must_check int userfaultfd_next_event(struct userfaultfd_ctx *ctx,
                                        struct uffd_msg *msg,
                                        struct userfaultfd_event **fork);
void userfaultfd_fork_done(struct userfaultfd_ctx *ctx,
                           struct userfaultfd_event *fork, bool told);

/* Something is there to read. */
static inline bool userfaultfd_has_msg(const struct userfaultfd_ctx *ctx)
{
    return READ_ONCE(ctx->pending.next) != &ctx->pending ||
           READ_ONCE(ctx->events.next) != &ctx->events;
}

/*
 * The current thread, prepared to block, is to be woken for the next message,
 * until it is or leaves. If that is a fault, it is in *msg, which the caller
 * has cleared, by then. False: there is one already, or another waits so.
 */
bool userfaultfd_reader_enter(struct userfaultfd_ctx *ctx,
                              struct uffd_msg *msg);
void userfaultfd_reader_leave(struct userfaultfd_ctx *ctx);

/* A message is there: wakes the reader (ctx->lock held) / whoever else waits
 * for one (not held). Inside mm/ only. */
static inline void userfaultfd_wake_reader(struct userfaultfd_ctx *ctx)
{
    if (!ctx->reader)
        return;
    thread_wake(ctx->reader);
    ctx->reader = NULL;
}
static inline void userfaultfd_wake_pollers(struct userfaultfd_ctx *ctx)
{
    /* They queue first and look for messages after. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!list_empty(&ctx->readers.waiters)))
        wake_up_all(&ctx->readers);
}

/* Faults that nobody has read yet, and all that wait. */
void userfaultfd_count(struct userfaultfd_ctx *ctx, unsigned *pending,
                       unsigned *total);

/*
 * UFFDIO_REGISTER with VM_UFFD_* flags / UFFDIO_UNREGISTER over [start, end).
 * Takes the mmap lock for write. Returns 0; -EINVAL (no area there, or one
 * that cannot), -EPERM (never writable), -EBUSY (another context), -ENOMEM.
 */
__must_check int userfaultfd_register(struct userfaultfd_ctx *ctx, u64 start,
                                      u64 end, u64 vm_flags);
__must_check int userfaultfd_unregister(struct userfaultfd_ctx *ctx, u64 start,
                                        u64 end);

enum uffd_fill {
    FILL_COPY,     /* pages from the caller's memory at src */
    FILL_ZERO,     /* the zero page; in an object, a page of zeros */
    FILL_CONTINUE, /* the page the object has */
    FILL_POISON,   /* no page, and SIGBUS for whoever touches it */
};

/*
 * UFFDIO_COPY and its kin: len bytes at dst; all aligned (but src) and in user
 * space. protect: write-protected, as with UFFDIO_COPY_MODE_WP.
 * No lock held. Returns the bytes done (short when a later page failed), or the
 * first page's error: -ENOENT (not a registered area), -EEXIST (a page is
 * there), -EFAULT (source; beyond the object's end; nothing to continue),
 * -EAGAIN (mappings are changing), -EINVAL (protect where WP is not registered;
 * not an object that can), -ENOMEM, -ESRCH (the address space is gone).
 */
s64 userfaultfd_fill(struct userfaultfd_ctx *ctx, enum uffd_fill kind, u64 dst,
                     u64 src, u64 len, bool protect);

/* A private area that was to be filled has anonymous pages from then on, as far
 * as fork and merging are concerned: as on Linux, even if it came to nothing.
 * mmap lock held. Inside mm/ only. */
void userfaultfd_note_target(struct mm_struct *mm, u64 addr);

/* What of the target would refuse a COPY: 0 or that error. Nothing is done,
 * not even to the source. No lock held. */
int userfaultfd_copy_error(struct userfaultfd_ctx *ctx, u64 dst, u64 len,
                           bool protect);

/*
 * Fills one page of an object, at vmf's empty entry or marker; page
 * (NULL: zeros) is the object's, by a reference of its own, when 0 comes back.
 * exists: what is there must stay, so it only finds the error. 1: the mapping
 * is private, or to be poisoned: like anonymous memory. mmap lock held. Inside
 * mm/ only.
 */
__must_check int userfaultfd_fill_object(struct vm_fault *vmf,
                                         enum uffd_fill kind, struct page *page,
                                         bool protect, bool exists);

/*
 * UFFDIO_MOVE of the current task's own pages, private and its alone; holes:
 * what is not there may be left out. No lock held. Returns the bytes done or
 * the first page's error: -ENOENT (no area, no page), -EEXIST, -EBUSY (shared
 * by fork), -EFAULT (poisoned or marked), -EINVAL (areas not alike, not ctx's
 * or not private anonymous; another task's), -EAGAIN, -ENOMEM, -EINTR.
 */
s64 userfaultfd_move(struct userfaultfd_ctx *ctx, u64 dst, u64 src, u64 len,
                     bool holes);

/*
 * UFFDIO_WRITEPROTECT over len bytes at start: protects, or frees and, if so
 * asked, wakes; no lock held. Returns 0, -ENOENT (no area registered for it;
 * what comes before is done), -EAGAIN, -ENOMEM, -ESRCH.
 */
__must_check int userfaultfd_writeprotect(struct userfaultfd_ctx *ctx,
                                          u64 start, u64 len, bool protect,
                                          bool wake);

/* The same for a part of one area, whose tables change. mmap lock held. 0, or
 * -ENOMEM for a table to hold marks. Inside mm/ only. */
__must_check int userfaultfd_wp_vma(struct vm_area_struct *vma, u64 start,
                                    u64 end, bool protect);

/*
 * What is done to areas, mm/userfaultfd_event.c. mmap lock held for write; the
 * events are delivered when it is let go. Each returns 0 or -ENOMEM.
 *
 * dup: copy is the child's area, with its parent's context still: gets a
 * context of the child, or none. remap: new is the area that pages of its
 * context move to, from `from` on: keeps it, or not. unmap: [start, end) goes.
 */
__must_check int userfaultfd_dup(struct mm_struct *parent,
                                 struct vm_area_struct *copy);
__must_check int userfaultfd_remap(struct vm_area_struct *new, u64 from, u64 to,
                                   u64 len);
__must_check int userfaultfd_unmap(struct mm_struct *mm, u64 start, u64 end);

/* Where the next event will be noted; and: those noted from there on, for what
 * then failed, are off. */
struct userfaultfd_event **userfaultfd_events_end(struct mm_struct *mm);

/* The first event from *events on, if it tells of a move, goes before those
 * from *place on: the end of the list at an earlier time. mmap lock held for
 * write. */
void userfaultfd_remap_first(struct userfaultfd_event **place,
                             struct userfaultfd_event **events);
void userfaultfd_cancel(struct userfaultfd_event **from);

/* The pages of [start, end) in vma are to be discarded. mmap lock held for
 * read. True: it has been let go, the pager was told, look again. */
bool userfaultfd_remove(struct vm_area_struct *vma, u64 start, u64 end);

/* Nobody reads ctx any more: those who wait for that go on. */
void userfaultfd_lose_events(struct userfaultfd_ctx *ctx);

/* What the fault that waits at address waits for is there, by this entry: its
 * record says so, and its thread need not look. Inside mm/ only. */
void userfaultfd_stamp(struct userfaultfd_ctx *ctx, u64 address, pte_t entry);
/* The same, and its thread is woken. */
void userfaultfd_stamp_wake(struct userfaultfd_ctx *ctx, u64 address,
                            pte_t entry);

/*
 * UFFDIO_FL_GUARD over [start, end), all of it registered with ctx. No lock
 * held. 0, -EINVAL (action, flags, a deadline without an action), -ENOENT (not
 * registered), -ENOSPC (too many different ones), -ENOMEM, -ESRCH.
 */
__must_check int userfaultfd_guard(struct userfaultfd_ctx *ctx, u64 start,
                                   u64 end, const struct uffd_guard *guard);

/* A child's context has its parent's. False: no memory. Inside mm/ only. */
__must_check bool userfaultfd_guard_copy(struct userfaultfd_ctx *child,
                                         const struct userfaultfd_ctx *parent);

/* The guard of an area that has one. Inside mm/ only. */
static inline const struct uffd_guard *userfaultfd_guard_of(
    const struct vm_area_struct *vma)
{
    return &vma->vm_uffd
                ->guards[(vma->vm_flags & VM_GUARD_MASK) >> VM_GUARD_SHIFT];
}

/* It says what is to be done when the pager is gone. */
static inline bool userfaultfd_guarded(const struct vm_area_struct *vma)
{
    return (vma->vm_flags & VM_GUARD_MASK) && userfaultfd_guard_of(vma)->action;
}

/*
 * Sleeps, prepared to block, if it is to wait, until woken, a signal of the
 * mode, or what the guard is there for, which is then done to the page. No lock
 * held. Returns VM_FAULT_SIGBUS or 0. Inside mm/ only.
 */
unsigned userfaultfd_wait_guarded(struct userfaultfd_ctx *ctx,
                                  const struct userfaultfd_wait *w,
                                  const struct uffd_guard *guard, bool wait);

/* userfaultfd_fill() of one page without a source, even while mappings are
 * changing: for a guard. Inside mm/ only. */
__must_check int userfaultfd_fill_now(struct userfaultfd_ctx *ctx,
                                      enum uffd_fill kind, u64 address);

/* Whoever fills or wakes has seen to it, and the wait is off its queue. */
static inline bool userfaultfd_woken(const struct userfaultfd_wait *w)
{
    return __atomic_load_n(&w->woken, __ATOMIC_ACQUIRE);
}

/* Sleeps, prepared to block, until woken, a signal of the mode (-EINTR) or, if
 * it is not 0, the deadline (-ETIMEDOUT). Inside mm/ only. */
static inline int userfaultfd_sleep(const struct userfaultfd_wait *w,
                                    u64 deadline)
{
    int r;

    while (!(r = deadline ? thread_block_timed(deadline) : thread_block()) &&
           !userfaultfd_woken(w)) {
        thread_prepare_block(w->mode);
        if (unlikely(userfaultfd_woken(w))) {
            thread_cancel_block();
            break;
        }
    }
    return r;
}

/* It will not be found by its address any more, and, an object's miss, never
 * was. ctx->lock held. */
static inline void userfaultfd_unfind(struct userfaultfd_ctx *ctx,
                                      struct userfaultfd_wait *w)
{
    if (ctx->lone == w)
        ctx->lone = NULL;
    else if (!(w->address & NO_ADDRESS))
        interval_remove(&ctx->crowd, &w->node);
}

/* Wakes it, at cycle now; it may be gone as soon as its thread runs. ctx->lock
 * held. Inside mm/ only. */
static inline void userfaultfd_wake_wait(struct userfaultfd_wait *w, u64 now,
                                         void (*wake)(struct thread *))
{
    list_del(&w->link);
    w->rec->stage[STAGE_WOKEN] = now;
    __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
    wake(w->thread);
}

/* Queues a fault's message. True: the reader that is blocked has it in its hand
 * when it wakes. ctx->lock held. Inside mm/ only. */
static inline bool userfaultfd_queue(struct userfaultfd_ctx *ctx,
                                     struct userfaultfd_wait *w, u64 now)
{
    struct thread *reader = ctx->reader;

    if (!reader) {
        list_add_tail(&w->link, &ctx->pending);
        return false;
    }
    list_add_tail(&w->link, &ctx->taken);
    *ctx->handed = w->msg;
    w->rec->stage[STAGE_READ] = now;
    thread_wake(reader);
    ctx->reader = NULL;
    return true;
}

/* Every context, for those who look for cycles of pagers. */
extern struct list_head userfaultfd_all;
extern spinlock_t userfaultfd_all_lock;

/* The current thread serves ctx: it reads, polls, fills or wakes. */
void userfaultfd_serve(struct userfaultfd_ctx *ctx);

/* Wakes all that wait. */
void userfaultfd_wake_all(struct userfaultfd_ctx *ctx);
/* Wakes the faults blocked on [start, start + len). */
void userfaultfd_wake(struct userfaultfd_ctx *ctx, u64 start, u64 len);
/* The same for a pager that is going to sleep: they are to run next. */
void userfaultfd_wake_next(struct userfaultfd_ctx *ctx, u64 start, u64 len);

/*
 * Changes whose the area is (ctx NULL, flags 0: nobody's), with VM_UFFD_* and
 * the guard in the flags, merging it with like neighbours. mmap lock held for
 * write. Returns the area that covers the range now. Inside mm/ only.
 */
struct vm_area_struct *userfaultfd_set_vma(struct vm_area_struct *vma,
                                           struct userfaultfd_ctx *ctx,
                                           u64 uffd_flags);

/* Cuts the area down to its part within [start, end): 0 or -ENOMEM. Likewise.
 */
__must_check int userfaultfd_clip(struct vm_area_struct *vma, u64 start,
                                  u64 end);

/* A copy of an area, not linked yet, is nobody's business. */
static inline void userfaultfd_forget(struct vm_area_struct *vma)
{
    if (!vma->vm_uffd)
        return;
    userfaultfd_ctx_put(vma->vm_uffd);
    vma->vm_uffd = NULL;
    vma->vm_flags &= ~(VM_UFFD_ANY | VM_GUARD_MASK);
}

/* Faults on this area's missing pages go to a pager. */
static inline bool userfaultfd_missing(const struct vm_area_struct *vma)
{
    return unlikely(vma->vm_flags & VM_UFFD_MISSING);
}

/* Readies the context cache. */
void userfaultfd_init(void);
