/*
 * Address spaces, and the umbrella of mm/: including this gives the room's
 * whole interface to kernel/.
 */
#pragma once

#include <arch/pte.h>
#include <base/errno.h>
#include <base/printk.h>
#include <base/types.h>
#include <mm/group.h>
#include <mm/hooks.h>
#include <mm/ledger.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/rbtree.h>
#include <mm/slab.h>
#include <mm/vma.h>

/* Resident pages by kind, see proc_pid_status(5). */
enum rss_kind {
    RSS_ANON,
    RSS_FILE,
    RSS_SHMEM,
    RSS_KINDS
};

/* Which count a mapped page stands in (the zero page stands in none). */
static inline enum rss_kind page_rss_kind(const struct page *page)
{
    if (page->flags & PG_ANON)
        return RSS_ANON;
    return page->flags & PG_RESERVED ? RSS_FILE : RSS_SHMEM;
}

/* Room kept for the stack between STACK_TOP and the mmap area. */
#define STACK_RESERVE (128ull << 20)

struct mm_struct {
    struct rb_root mm_rb;
    struct vm_area_struct *mmap;      /* lowest area: head of the list */
    struct vm_area_struct *vma_cache; /* last find_vma() hit, or NULL */
    struct vm_area_struct *vma_fresh; /* the newest, not in the tree yet */
    u64 highest_vm_end;
    /* Holes above the one below this area are all smaller than hole_bound;
     * NULL: nothing is known. See unmapped_area.c. */
    struct vm_area_struct *hole_vma;
    u64 hole_bound;
    u32 map_count;
    u32 users; /* atomic: tasks and borrowers; at 0 all is unmapped */
    u32 refs;  /* atomic: of this structure; all users together hold one */

    pte_t *pgd; /* root table */
    struct rwsem mmap_lock;
    u32 lock_seq;   /* an area with this vm_lock_seq is locked for writing */
    s32 tree_users; /* atomic: lookups going on; negative: it is changing */
    spinlock_t page_table_lock; /* tables come and go */
    u64 cpu_mask;               /* atomic: CPUs that may cache translations */
    u32 discarding;             /* atomic: who is in MADV_DONTNEED */

    /* Events to be delivered when mmap_lock is let go; under it. And: there may
     * be areas whose pager wants to know when they are unmapped. */
    struct userfaultfd_event *uffd_events;
    bool uffd_unmap;

    /* What fork(2) copies as it is, up to mdwe. */
    u64 mmap_base; /* top of the mmap area, exclusive */
    u64 start_brk, brk;
    u64 start_code, end_code, start_data, end_data, start_stack;
    u32 membarrier; /* atomic: membarrier(2)'s registrations */
    u16 pkeys;      /* bit n: protection key n is in use; mmap lock */
    u8 exec_pkey;   /* the one for execute-only memory; 0: none yet */
    bool lazy;      /* there are, or were, pages for mm_drop_lazy() */
    bool sealed;    /* some area has VM_SEALED */
    bool limited;   /* a task of it has RLIMIT_AS or RLIMIT_DATA, or had */

    u8 mdwe;                /* PR_SET_MDWE's bits, prctl(2) */
    struct mm_group *group; /* see group.h; NULL: none. Holds a reference */
    u64 def_flags; /* VM_LOCKED bits of areas to come, see mlockall(2) */
    struct mm_family *family; /* rmap.h */
    struct list_head family_link;
    bool moved; /* anonymous pages may lie elsewhere than their index says */
    /* Pages mapped: all, and by kind, see account.h; mmap lock. */
    u64 total_vm, data_vm, stack_vm, exec_vm, locked_vm;
    u64 hiwater_vm, hiwater_rss; /* at the last shrinking */
    s64 rss[RSS_KINDS];          /* atomic: pages resident */
    u64 table_pages; /* page tables below the root; page_table_lock */
};

/* ---- life (mm/mm.c) ---- */

/* An empty address space, one user; NULL when out of memory. */
struct mm_struct *mm_create(void) __must_check;
static inline void mm_get(struct mm_struct *mm)
{
    __atomic_fetch_add(&mm->users, 1, __ATOMIC_RELAXED);
}
/* Drops a user; at the last one unmaps everything and frees. May sleep. */
void mm_put(struct mm_struct *mm);
/* The structure alone, whatever becomes of the mappings. */
static inline void mm_grab(struct mm_struct *mm)
{
    __atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED);
}
void mm_drop(struct mm_struct *mm);
/* Takes a user unless there is none left. */
static inline bool mm_try_get(struct mm_struct *mm)
{
    u32 n = READ_ONCE(mm->users);

    do {
        if (!n)
            return false;
    } while (!__atomic_compare_exchange_n(&mm->users, &n, n + 1, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

/* fork(2): copies every mapping, private pages shared copy-on-write.
 * Takes both mmap locks. Returns NULL when out of memory, nothing changed. */
struct mm_struct *mm_fork(struct mm_struct *parent) __must_check;

/* Debug builds: a writer has finished; a panic if it left things amiss. */
void mm_check(struct mm_struct *mm);

static inline void mmap_read_lock(struct mm_struct *mm)
{
    rwsem_down_read(&mm->mmap_lock);
}
static inline void mmap_read_unlock(struct mm_struct *mm)
{
    rwsem_up_read(&mm->mmap_lock);
}
static inline void mmap_write_lock(struct mm_struct *mm)
{
    rwsem_down_write(&mm->mmap_lock);
}
/* Lets the lock go, then delivers mm->uffd_events: each waits for its reader.
 */
__slow_half void userfaultfd_deliver(struct mm_struct *mm);
static inline void mmap_write_unlock(struct mm_struct *mm)
{
#ifdef LOCKDEP
    mm_check(mm);
#endif
    mm->lock_seq++; /* every area's write lock ends */
    if (unlikely(mm->uffd_events != NULL))
        slow_call(userfaultfd_deliver, mm);
    else
        rwsem_up_write(&mm->mmap_lock);
}

/* ---- the mapping calls; they take the mmap lock themselves ---- */

/*
 * mmap(2) with the object already looked up (NULL: anonymous). prot, flags:
 * the ABI's. maywrite: the descriptor allows PROT_WRITE on MAP_SHARED.
 * Returns the address or -errno as the man page says.
 */
long do_mmap(struct mm_struct *mm, u64 addr, u64 len, u64 prot, u64 flags,
             struct mem_object *object, u64 pgoff, bool maywrite);
/* The same, shared, of an object that may have seals: EPERM. */
long do_mmap_shared(struct mm_struct *mm, u64 addr, u64 len, u64 prot,
                    u64 flags, struct mem_object *object, u64 pgoff,
                    bool maywrite);
long do_munmap(struct mm_struct *mm, u64 start, u64 len);
/* key: the protection key, or -1 for what mprotect(2) does. */
long do_pkey_mprotect(struct mm_struct *mm, u64 start, u64 len, u64 prot,
                      int key);
static inline long do_mprotect(struct mm_struct *mm, u64 start, u64 len,
                               u64 prot)
{
    return do_pkey_mprotect(mm, start, len, prot, -1);
}

/* A protection key that was not in use, or -ENOSPC / whether a program may use
 * key. mmap lock held for write. */
__must_check int mm_pkey_alloc(struct mm_struct *mm);
bool mm_pkey_allocated(const struct mm_struct *mm, int key);
/* mremap(2): the new address, or -errno as the man page says. */
long do_mremap(struct mm_struct *mm, u64 addr, u64 old_len, u64 new_len,
               u64 flags, u64 new_addr);
long do_brk(struct mm_struct *mm, u64 brk);
long do_madvise(struct mm_struct *mm, u64 start, u64 len, int advice);

/* msync(2), remap_file_pages(2): -errno as the man page says. */
long do_msync(struct mm_struct *mm, u64 start, u64 len, u64 flags);
long do_remap_file_pages(struct mm_struct *mm, u64 start, u64 size, u64 prot,
                         u64 pgoff, u64 flags);

/* mlock2(2), munlock(2), mlockall(2), munlockall(2). */
long do_mlock(struct mm_struct *mm, u64 start, u64 len, u64 flags);
long do_munlock(struct mm_struct *mm, u64 start, u64 len);
long do_mlockall(struct mm_struct *mm, u64 flags);
long do_munlockall(struct mm_struct *mm);

/* mseal(2): -EINVAL, -ENOMEM (a hole, areas). */
long do_mseal(struct mm_struct *mm, u64 start, u64 len, u64 flags);

/* Unmaps the pages that may go when memory is short: how many. Takes the mmap
 * lock, or does nothing. A user of mm is the caller's. */
u64 mm_drop_lazy(struct mm_struct *mm);

/* PR_SET_MDWE's bits, and those of a child or a new program. */
#define PR_MDWE_REFUSE_EXEC_GAIN 1u
#define PR_MDWE_NO_INHERIT       2u
static inline u8 mdwe_inherited(const struct mm_struct *mm)
{
    return mm->mdwe & PR_MDWE_NO_INHERIT ? 0 : mm->mdwe;
}

/* mincore(2): a byte for each page from start (aligned) up to the first hole,
 * if it comes before so many pages. Returns how many. Takes the mmap lock. */
u64 do_mincore(struct mm_struct *mm, u64 start, u64 pages, u8 *vec);

/*
 * Touches the pages of [start, end), aligned, as if their owner did (mm/
 * populate.c). LAX, LOCK: with the right the area has, holes and areas with
 * VM_LOCKONFAULT passed over; LAX also what fails. READ, WRITE: that, and all
 * of it. May sleep, takes the mmap lock. Returns 0; -EFAULT (no page, or
 * LOCK: no right), -EINVAL (READ, WRITE: no right), -ENOMEM (memory; READ,
 * WRITE: a hole), -EINTR (to be killed).
 */
enum populate_mode {
    POPULATE_LAX,
    POPULATE_LOCK,
    POPULATE_READ,
    POPULATE_WRITE
};
__must_check int mm_populate(struct mm_struct *mm, u64 start, u64 end,
                             enum populate_mode mode);

/* The stack of a new program: a VM_GROWSDOWN area of size bytes below top.
 * Returns 0 or -ENOMEM. */
__must_check int mmap_stack(struct mm_struct *mm, u64 top, u64 size);

/* The same as do_munmap() with the mmap lock held for write; start and len
 * checked and aligned. */
__must_check int munmap_range(struct mm_struct *mm, u64 start, u64 end);

/* As far as that goes before anything ends: areas cut at the edges, pagers
 * told. */
__must_check int munmap_prepare(struct mm_struct *mm, u64 start, u64 end);

/* ---- faults (mm/fault.c) ---- */

#define FAULT_RETRY_OK 0x01u /* may drop the lock and ask for a retry */
#define FAULT_WRITE    0x02u
#define FAULT_USER     0x04u /* taken in user mode */
#define FAULT_TRIED    0x08u /* this is the retry */
#define FAULT_VMA_LOCK 0x10u /* the area is locked instead of the mmap lock */

#define VM_FAULT_OOM      0x01u
#define VM_FAULT_SIGBUS   0x02u
#define VM_FAULT_SIGSEGV  0x04u
#define VM_FAULT_RETRY    0x10u /* the lock was dropped; SIGBUS: in vain */
#define VM_FAULT_HWPOISON 0x20u /* the page is declared bad */
#define VM_FAULT_DONE     0x40u /* with RETRY: a pager has seen to it */
#define VM_FAULT_ERROR                                                         \
    (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON)

/*
 * Makes addr, which lies in vma and is allowed by its flags, accessible.
 * mmap lock held for read, or with FAULT_VMA_LOCK the area's; dropped when
 * VM_FAULT_RETRY comes back, with an error or without. rec: the
 * ledger record to fill in, or NULL. Returns VM_FAULT_* bits.
 */
unsigned handle_mm_fault(struct vm_area_struct *vma, u64 addr, unsigned flags,
                         struct fault_record *rec);

/* Grows vma (VM_GROWSDOWN) down to hold addr. mmap lock held for read on
 * entry and exit, dropped and retaken for write between: look vma up again.
 * Returns 0, -ENOMEM (limit, guard gap). */
__must_check int expand_stack(struct mm_struct *mm, u64 addr);

/*
 * Makes one user page of mm present with the access and returns it with a
 * reference: for copies into other address spaces. PIN_FORCE: the mapping's
 * rights do not count as long as they might be had, and a write to a private
 * page makes a copy of it that stays read-only. Returns 0, -EFAULT, -EINTR.
 * May sleep; no lock held.
 */
#define PIN_WRITE 1u
#define PIN_FORCE 2u
__must_check int mm_pin_page(struct mm_struct *mm, u64 addr, unsigned how,
                             struct page **out);

/*
 * ---- page tables (mm/pgtable.c) ----
 *
 * Tables appear under mm->page_table_lock. They go only when no area needs
 * them any more, with the mmap lock held for write: who holds that lock, or
 * an area's, may walk to the area's entries without another. Entries of level
 * 0 change under the lock of their table.
 */
static inline spinlock_t *pte_lockptr(const pte_t *pte)
{
    return &virt_to_page(pte)->table_lock;
}

/* The level-0 entry for addr, or NULL when a table on the way is missing. */
pte_t *pte_lookup(struct mm_struct *mm, u64 addr);

/* The same, allocating the tables; takes the lock itself for each new table.
 * rec, if given, gets the entries of the walk. NULL: out of memory. */
pte_t *pte_alloc(struct mm_struct *mm, u64 addr, struct fault_record *rec);

/* Calls fn for every present level-0 entry in [start, end), its table locked;
 * with marks for every marker as well. Holes cost nothing per page. */
void pte_for_each_entry(struct mm_struct *mm, u64 start, u64 end, bool marks,
                        void (*fn)(struct mm_struct *, u64 va, pte_t *, void *),
                        void *arg);
#define pte_for_each(mm, start, end, fn, arg)                                  \
    pte_for_each_entry(mm, start, end, false, fn, arg)

/* The entry of that level on addr's way, or NULL when a table is missing. No
 * lock needed while the mmap lock (or, kernel half, the owner) keeps the
 * tables in place. */
pte_t *pt_walk(pte_t *root, u64 addr, int level);

/*
 * Frees the tables that translate [start, end), now empty, as far as they lie
 * wholly within the free space [floor, ceiling) around it: the end of the area
 * below and the start of the one above (0, ~0: none, for the last tables reach
 * beyond TASK_SIZE). mmap lock held for write; takes page_table_lock; flushes
 * before it frees.
 */
void free_pgtables(struct mm_struct *mm, u64 start, u64 end, u64 floor,
                   u64 ceiling);

/*
 * Unmaps the pages of [start, end), flushes, then drops their mapcount and
 * reference. mmap lock held (read or write); takes
 * page_table_lock, and only where there is a page table.
 */
void zap_page_range(struct mm_struct *mm, u64 start, u64 end);

/* The same where the area stays: an object's page may come back, and is then
 * as protected by a userfaultfd as it was. Private copies of an object's pages
 * and poison stay, unless even_private. */
void zap_discard_range(struct vm_area_struct *vma, u64 start, u64 end,
                       bool even_private);

/* Maps page at kernel address va, read and write, in the reference tables
 * (vmalloc area). Returns 0 or -ENOMEM (no memory for a table). */
__must_check int kernel_map_page(u64 va, struct page *page);

/* Makes the upper tables of the stack area, so that every root made later
 * shares them: at boot, after page_alloc_init(). Panics without memory. */
void vmalloc_init(void);

/* ---- kernel stacks (mm/vmalloc.c) ---- */

#define KSTACK_SIZE (16u << 10)

/* A kernel stack with an unmapped page below; returns its top, or 0. */
u64 kstack_alloc(void) __must_check;
void kstack_free(u64 top);
/* Frees the stacks kept for reuse. */
void kstack_cache_drain(void);
/* True if va lies in a stack's guard page. */
bool kstack_is_guard(u64 va);

/* Caches, zero page, kernel mm: after page_alloc_init() and slab_init(). */
void mm_init(void);

/* Everything mm/ keeps in hand goes back, so that frames can be counted. */
void mm_shrink_all(void);

/* Memory has run out: does that, and says whether there is a frame now. */
bool mm_reclaim(void);

#include <mm/account.h>
