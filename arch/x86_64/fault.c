/*
 * The page fault's first stop in C (Intel SDM vol. 3, 6.15 "#PF" and 4.7).
 * The entry stub calls do_page_fault() with interrupts off; from here the
 * story goes to mm/fault.c, and for registered memory on to
 * mm/userfaultfd_fault.c. What cannot be repaired becomes a signal (user), an
 * EFAULT through the exception table (user copy), or the end (kernel bug).
 *
 * Error code, as pushed by the CPU:
 *
 *    15 ... 6   5    4    3     2     1      0
 *   +---------+----+-----+----+------+-------+---------+
 *   |    0    | PK | I/D |RSVD| USER | WRITE | PRESENT |
 *   +---------+----+-----+----+------+-------+---------+
 */
#include <arch/machine.h>
#include <arch/pkey.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <asm/setup.h>
#include <asm/traps.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <mm/mm.h>
#include <mm/vma_lock.h>

/* One fault, as long as it is being handled. */
struct page_fault {
    struct regs *regs;
    u64 error_code, address;
    struct mm_struct *mm;
    struct fault_record *rec;
    unsigned flags; /* FAULT_* */
    bool user;      /* taken in user mode */
    int pkey;       /* the area's, for SEGV_PKUERR */
};

/* ---- the record ---- */

static __always_inline_ struct fault_record *open_record(
    const struct regs *regs, u64 error_code, u64 address)
{
    struct fault_record *rec = ledger_begin(address, regs->ip, error_code);
    struct thread *t = current;

    rec->pid = t->task->pid;
    rec->tid = t->tid;
    t->fault = rec;
    return rec;
}

static void note_area(struct fault_record *rec,
                      const struct vm_area_struct *vma)
{
    rec->vma_start = vma->vm_start;
    rec->vma_end = vma->vm_end;
    rec->vma_flags = vma->vm_flags;
}

/* A fault that ends here changes nothing: one walk is both. */
static void note_walk(struct page_fault *pf)
{
    walk_entries(pf->address, pf->rec->walk_before);
    memcpy(pf->rec->walk_after, pf->rec->walk_before,
           sizeof(pf->rec->walk_after));
}

/* What the slot's last fault left there is not this one's. */
static void note_nothing(struct fault_record *rec)
{
    rec->vma_start = rec->vma_end = rec->vma_flags = 0;
    memset(rec->walk_before, 0, sizeof(rec->walk_before));
    memset(rec->walk_after, 0, sizeof(rec->walk_after));
}

/* ---- faults that no mapping can repair ---- */

/* A deadlock has been noted already. */
static void finish_failed(struct fault_record *rec, enum fault_end end)
{
    ledger_finish(rec, rec->end == END_DEADLOCK ? END_DEADLOCK : end);
}

/* A signal for the thread, with what the CPU said for its frame. */
static void fault_signal(struct page_fault *pf, int sig, int code)
{
    trap_note(current, TRAP_PF, pf->error_code, pf->address);
    if (sig == SIGSEGV && code == SEGV_PKUERR)
        signal_force_pkey(pf->address, pf->pkey);
    else
        signal_force(sig, code, pf->address);
}

/* Kernel code touched bad memory: an announced user copy gets its EFAULT,
 * anything else is our bug. */
static void kernel_fault(struct page_fault *pf, const char *reason)
{
    if (!extable_fixup(pf->regs))
        die(reason, pf->regs);
    if (pf->rec)
        finish_failed(pf->rec, END_FIXUP);
}

static void bad_area(struct page_fault *pf, int sig, int code)
{
    if (!pf->user) {
        kernel_fault(pf, "kernel access to bad user memory");
        return;
    }
    finish_failed(pf->rec, sig == SIGBUS ? END_SIGBUS : END_SIGSEGV);
    fault_signal(pf, sig, code);
}

/* ---- the kernel's half ---- */

/* The vmalloc area grew behind another root entry after this space got its
 * own: it is copied from the reference table on the first touch. */
static bool vmalloc_fault(u64 address)
{
    unsigned index = pt_index(address, PT_LEVELS - 1);
    pte_t *root = phys_to_virt(cr3_read() & PTE_FRAME);

    if (address < VMALLOC_START || address >= VMALLOC_END ||
        !pte_present(pte_get(&kernel_pgd[index])) ||
        pte_present(pte_get(&root[index])))
        return false;
    pte_set(&root[index], pte_get(&kernel_pgd[index]));
    return true;
}

/* The tables already allow the access: the TLB entry was stale. */
static bool spurious_kernel_fault(const struct page_fault *pf)
{
    u64 walk[PT_LEVELS];
    int last = walk_entries(pf->address, walk);
    pte_t e = {walk[PT_LEVELS - 1 - last]};

    if (!(pf->error_code & PF_PROT) || (pf->error_code & PF_RSVD))
        return false;
    if (!pte_leaf(e, last) || pte_user(e))
        return false;
    if (pf->error_code & PF_WRITE)
        return pte_write(e);
    return !(pf->error_code & PF_INSTR) || pte_exec(e);
}

static void do_kernel_addr_fault(struct page_fault *pf)
{
    if (pf->user) {
        pf->rec = open_record(pf->regs, pf->error_code, pf->address);
        note_nothing(pf->rec);
        bad_area(pf, SIGSEGV, SEGV_MAPERR);
        return;
    }
    if (vmalloc_fault(pf->address) || spurious_kernel_fault(pf))
        return;
    if (kstack_is_guard(pf->address))
        die("kernel stack overflow", pf->regs);
    kernel_fault(pf, "kernel page fault");
}

/* ---- the user's half ---- */

/* A reserved bit is set in an entry: a table is corrupt. What it says of this
 * task cannot be trusted; the machine as such can go on, once nobody follows
 * the entry any more. What it named is lost. */
static void corrupt_table(struct page_fault *pf)
{
    u64 walk[PT_LEVELS];
    pte_t *entry;

    printk("corrupt page table of task %s[%u]:\n", current->name,
           thread_pid(current));
    walk_print(pf->address);
    entry =
        pt_walk(current->mm->pgd, pf->address, walk_entries(pf->address, walk));
    pte_set(entry, PTE_NONE);
    irq_enable();
    tlb_flush_page(current->mm, pf->address);
    fault_signal(pf, SIGKILL, SI_KERNEL);
    if (!pf->user)
        kernel_fault(pf, "corrupt page table");
}

/* Faults of kernel code on user addresses that are wrong whatever is mapped. */
static bool kernel_mode_is_wrong(struct page_fault *pf)
{
    if (pf->error_code & PF_INSTR)
        die("kernel ran user memory (SMEP)", pf->regs);
    if (cpu_has_smap && !(pf->regs->flags & RFLAGS_AC))
        die("kernel touched user memory outside a user copy (SMAP)", pf->regs);
    if (!pf->mm || !(pf->regs->flags & RFLAGS_IF) || current->faults_off ||
        cpu_lock_count()) {
        kernel_fault(pf, "user copy in atomic context");
        return true;
    }
    return false;
}

/* Only user copies may wait here: kernel code that faults while it holds the
 * lock itself is a bug to be reported, not a deadlock. */
static void lock_mm(struct page_fault *pf)
{
    if (likely(rwsem_try_read(&pf->mm->mmap_lock)))
        return;
    if (!pf->user && !extable_has(pf->regs->ip))
        die("kernel fault with the mmap lock held", pf->regs);
    rwsem_down_read(&pf->mm->mmap_lock);
}

/* The area for the address, grown if it is a stack; NULL: there is none.
 * mmap lock held for read (expand_stack() drops and retakes it). */
static struct vm_area_struct *fault_area(struct page_fault *pf)
{
    struct vm_area_struct *vma = find_vma(pf->mm, pf->address);

    if (likely(vma && vma->vm_start <= pf->address))
        return vma;
    if (!vma || !(vma->vm_flags & VM_GROWSDOWN))
        return NULL;
    if (expand_stack(pf->mm, pf->address))
        return NULL;
    vma = find_vma(pf->mm, pf->address);
    return vma && vma->vm_start <= pf->address ? vma : NULL;
}

/* The area's rights forbid the access. A fetch of what is not there is first
 * of all a read; it comes back when it turns out not to be allowed: nothing
 * else but a write is refused by an entry that is there. */
static bool access_error(u64 error_code, const struct vm_area_struct *vma)
{
    if (error_code & PF_WRITE)
        return !(vma->vm_flags & VM_WRITE);
    if (error_code & PF_PROT)
        return !(vma->vm_flags & VM_EXEC);
    return !(vma->vm_flags & VM_ACCESS);
}

/* The area's protection key forbids the thread the access; fetches are always
 * allowed. */
static bool pkey_error(struct page_fault *pf, const struct vm_area_struct *vma)
{
    pf->pkey = vma_pkey(vma);
    return (pf->error_code & PF_PK) ||
           (!(pf->error_code & PF_INSTR) &&
            !arch_pkey_allows(pf->pkey, pf->error_code & PF_WRITE));
}

/* Looks the address up under the mmap lock and repairs it. Returns VM_FAULT_*
 * bits, or with *code set the reason for a SIGSEGV. Lets the lock go. */
static unsigned fault_once(struct page_fault *pf, int *code)
{
    struct vm_area_struct *vma;
    unsigned ret = VM_FAULT_SIGSEGV;

    lock_mm(pf);
    vma = fault_area(pf);
    *code = SEGV_MAPERR;
    if (unlikely(!vma)) {
        note_nothing(pf->rec);
        note_walk(pf);
    } else {
        note_area(pf->rec, vma);
        *code = SEGV_ACCERR;
        if (unlikely(pkey_error(pf, vma)))
            *code = SEGV_PKUERR;
        if (*code == SEGV_PKUERR || access_error(pf->error_code, vma))
            note_walk(pf);
        else
            ret = handle_mm_fault(vma, pf->address, pf->flags, pf->rec);
    }
    if (!(ret & VM_FAULT_RETRY))
        mmap_read_unlock(pf->mm);
    return ret;
}

/* A signal wants the thread instead of another try: it leaves the fault, and
 * meets it again should it ever come back to the instruction. */
static bool broken_off(struct page_fault *pf)
{
    if (!(READ_ONCE(current->work) & WORK_SIGNAL))
        return false;
    if (!thread_signal_pending(pf->user ? WAIT_INTERRUPTIBLE : WAIT_KILLABLE))
        return false;
    if (pf->user)
        finish_failed(pf->rec, END_KILLED);
    else
        kernel_fault(pf, "user copy of a dying task");
    return true;
}

static void fault_failed(struct page_fault *pf, unsigned ret, int code)
{
    if (ret & VM_FAULT_SIGSEGV) {
        bad_area(pf, SIGSEGV, code);
    } else if (ret & VM_FAULT_SIGBUS) {
        bad_area(pf, SIGBUS, BUS_ADRERR);
    } else if (ret & VM_FAULT_HWPOISON) {
        bad_area(pf, SIGBUS, BUS_MCEERR_AR);
    } else if (pf->user) {
        printk("out of memory: killing task %s[%u]\n", current->name,
               thread_pid(current));
        bad_area(pf, SIGKILL, SI_KERNEL);
    } else {
        kernel_fault(pf, "out of memory in a user copy");
    }
}

/* FAULT_* bits for the CPU's. */
static unsigned fault_flags(u64 error_code)
{
    _Static_assert(PF_WRITE == FAULT_WRITE && PF_USER == FAULT_USER,
                   "the same bits");
    return (error_code & (PF_WRITE | PF_USER)) | FAULT_RETRY_OK;
}

/*
 * Everything but the common case, from `ret`, the result of the first try, on:
 * waits that have ended, areas that are being changed, stacks that grow,
 * errors, accesses by the kernel.
 */
static void fault_slow(struct page_fault *pf, unsigned ret)
{
    unsigned tries = 0, waits = !!(pf->flags & FAULT_TRIED);
    int code = SEGV_ACCERR;

    while ((ret & (VM_FAULT_RETRY | VM_FAULT_OOM)) &&
           !(ret & VM_FAULT_SIGBUS)) {
        bool oom = ret & VM_FAULT_OOM;

        if (oom && !out_of_memory(pf->mm, tries++))
            break;
        if ((oom || (pf->flags & FAULT_TRIED)) && unlikely(broken_off(pf)))
            return;
        ret = fault_once(pf, &code);
        if (ret & VM_FAULT_RETRY) {
            pf->flags |= FAULT_TRIED;
            waits++;
        }
    }
    if (unlikely(ret & VM_FAULT_ERROR)) {
        fault_failed(pf, ret, code);
        return;
    }
    /* Linux does not count a wait that held up the area alone. */
    thread_count_fault(waits > pf->user);
    if ((pf->rec->vma_flags & VM_PAGED) && pf->rec->stage[STAGE_FILLED])
        pf->rec->end = END_PAGER; /* and the page was then mapped */
    ledger_finish(pf->rec, pf->rec->end);
}

/* The same for user mode, where what is known of the fault is its record. */
static __noinline void user_fault_slow(struct fault_record *rec, unsigned flags,
                                       unsigned ret)
{
    struct page_fault pf = {
        .regs = thread_regs(current),
        .error_code = rec->error_code,
        .address = rec->address,
        .mm = current->mm,
        .rec = rec,
        .flags = flags,
        .user = true,
    };

    fault_slow(&pf, ret);
}

/*
 * A fault in user mode: nearly always in an area that nobody is changing, with
 * something the area's handler can do at once.
 */
static void do_user_fault(const struct regs *regs, u64 error_code, u64 address)
{
    struct fault_record *rec = open_record(regs, error_code, address);
    unsigned flags = fault_flags(error_code), ret;
    struct mm_struct *mm = current->mm;
    struct vm_area_struct *vma = vma_start_read(mm, address);

    if (unlikely(!vma)) {
        ret = VM_FAULT_RETRY;
    } else if (unlikely(access_error(error_code, vma) ||
                        (vma->vm_flags & VM_PKEY_MASK))) {
        vma_end_read(vma);
        ret = VM_FAULT_RETRY;
    } else {
        note_area(rec, vma);
        ret = handle_mm_fault(vma, address, flags | FAULT_VMA_LOCK, rec);
        if (!(ret & VM_FAULT_RETRY))
            vma_end_read(vma);
        else
            flags |= FAULT_TRIED;
    }
    if (unlikely(ret & (VM_FAULT_RETRY | VM_FAULT_ERROR)) &&
        !(ret & VM_FAULT_DONE)) {
        user_fault_slow(rec, flags, ret);
        return;
    }
    current->min_flt++;
    ledger_finish(rec, rec->end);
}

/* The kernel touched user memory for its caller, or by mistake; or a program
 * used memory whose key it may not use. */
static void do_rare_user_fault(struct page_fault *pf)
{
    pf->mm = current->mm;
    if (!pf->user && kernel_mode_is_wrong(pf))
        return;
    lockdep_no_locks();
    irq_enable();
    pf->rec = open_record(pf->regs, pf->error_code, pf->address);
    pf->flags = fault_flags(pf->error_code);
    if (current->exits)
        pf->flags &= ~FAULT_RETRY_OK;
    fault_slow(pf, VM_FAULT_RETRY);
}

/* What is not a user's fault in a sound table, keys apart. */
static __noinline void do_rare_fault(struct regs *regs, u64 error_code,
                                     u64 address)
{
    struct page_fault pf = {
        .regs = regs,
        .error_code = error_code,
        .address = address,
        .user = regs_user(regs),
    };

    if (address >= TASK_SIZE)
        do_kernel_addr_fault(&pf);
    else if (error_code & PF_RSVD)
        corrupt_table(&pf);
    else
        do_rare_user_fault(&pf);
}

void do_page_fault(struct regs *regs, u64 error_code)
{
    /* CR2 first: the next fault, even one in a handler here, replaces it. */
    u64 address = cr2_read();

    if (unlikely(address >= TASK_SIZE || !regs_user(regs) ||
                 (error_code & (PF_RSVD | PF_PK)))) {
        do_rare_fault(regs, error_code, address);
        return;
    }
    irq_enable();
    do_user_fault(regs, error_code, address);
}

void fault_error_text(u32 error_code, char *buf, size_t size)
{
    const char *access = "read", *why = "page not present";

    if (error_code & PF_WRITE)
        access = "write";
    else if (error_code & PF_INSTR)
        access = "instruction fetch";
    if (error_code & PF_RSVD)
        why = "reserved bit set in an entry";
    else if (error_code & PF_PK)
        why = "protection key";
    else if (error_code & PF_PROT)
        why = "not allowed by the entry";
    snprintk(buf, size, "%s %s, %s", error_code & PF_USER ? "user" : "kernel",
             access, why);
}
