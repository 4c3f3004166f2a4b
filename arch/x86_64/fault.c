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
#include <arch/cpu.h>
#include <arch/machine.h>
#include <arch/trap.h>
#include <asm/setup.h>
#include <asm/traps.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <mm/mm.h>

/* One fault, as long as it is being handled. */
struct page_fault {
    struct regs *regs;
    u64 error_code, address;
    struct mm_struct *mm;
    struct fault_record *rec;
    unsigned flags; /* FAULT_* */
    bool user;      /* taken in user mode */
};

/* ---- faults that no mapping can repair ---- */

/* A signal for the thread, with what the CPU said for its frame. */
static void fault_signal(struct page_fault *pf, int sig, int code)
{
    trap_note(current, TRAP_PF, pf->error_code, pf->address);
    signal_force(sig, code, pf->address);
}

/* Kernel code touched bad memory: an announced user copy gets its EFAULT,
 * anything else is our bug. */
static void kernel_fault(struct page_fault *pf, const char *reason)
{
    if (!extable_fixup(pf->regs))
        die(reason, pf->regs);
    if (pf->rec)
        ledger_finish(pf->rec, END_FIXUP);
}

static void bad_area(struct page_fault *pf, int sig, int code)
{
    if (!pf->user) {
        kernel_fault(pf, "kernel access to bad user memory");
        return;
    }
    ledger_finish(pf->rec, sig == SIGBUS ? END_SIGBUS : END_SIGSEGV);
    fault_signal(pf, sig, code);
}

/* ---- the kernel's half ---- */

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
        pf->rec = ledger_begin(pf->address, pf->regs->ip, pf->error_code);
        pf->rec->pid = thread_pid(current);
        pf->rec->tid = thread_tid(current);
        bad_area(pf, SIGSEGV, SEGV_MAPERR);
        return;
    }
    if (spurious_kernel_fault(pf))
        return;
    if (kstack_is_guard(pf->address))
        die("kernel stack overflow", pf->regs);
    kernel_fault(pf, "kernel page fault");
}

/* ---- the user's half ---- */

/* A reserved bit is set in an entry: a table is corrupt. What it says of this
 * task cannot be trusted; the machine as such can go on. */
static void corrupt_table(struct page_fault *pf)
{
    printk("corrupt page table of task %s[%u]:\n", current->name,
           thread_pid(current));
    walk_print(pf->address);
    if (!pf->user)
        die("corrupt page table", pf->regs);
    fault_signal(pf, SIGKILL, SI_KERNEL);
}

/* Faults of kernel code on user addresses that are wrong whatever is mapped. */
static bool kernel_mode_is_wrong(struct page_fault *pf)
{
    if (pf->error_code & PF_INSTR)
        die("kernel ran user memory (SMEP)", pf->regs);
    if (cpu_has_smap && !(pf->regs->flags & RFLAGS_AC))
        die("kernel touched user memory outside a user copy (SMAP)", pf->regs);
    if (!pf->mm || !(pf->regs->flags & RFLAGS_IF)) {
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

/* The area's rights forbid the access. */
static bool access_error(const struct page_fault *pf,
                         const struct vm_area_struct *vma)
{
    if (pf->error_code & PF_WRITE)
        return !(vma->vm_flags & VM_WRITE);
    if (pf->error_code & PF_INSTR)
        return !(vma->vm_flags & VM_EXEC);
    return (pf->error_code & PF_PROT) || !(vma->vm_flags & VM_ACCESS);
}

static void note_area(struct page_fault *pf, const struct vm_area_struct *vma)
{
    struct fault_record *rec = pf->rec;

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

/* Looks the address up and repairs it. Returns VM_FAULT_* bits, or with
 * *code set the reason for a SIGSEGV. Leaves the mmap lock unlocked. */
static unsigned fault_once(struct page_fault *pf, int *code)
{
    struct vm_area_struct *vma;
    unsigned ret = VM_FAULT_SIGSEGV;

    lock_mm(pf);
    vma = fault_area(pf);
    *code = SEGV_MAPERR;
    if (likely(vma)) {
        note_area(pf, vma);
        *code = SEGV_ACCERR;
        if (unlikely(access_error(pf, vma)))
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
        ledger_finish(pf->rec, END_KILLED);
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

static void account_fault(struct page_fault *pf)
{
    struct thread *t = current;

    if (unlikely(pf->flags & FAULT_TRIED))
        t->maj_flt++;
    else
        t->min_flt++;
}

static void open_record(struct page_fault *pf)
{
    struct thread *t = current;

    pf->rec = ledger_begin(pf->address, pf->regs->ip, pf->error_code);
    pf->rec->pid = t->task->pid;
    pf->rec->tid = t->tid;
    t->fault = pf->rec;
}

static unsigned fault_flags(const struct page_fault *pf)
{
    return FAULT_RETRY_OK | FAULT_KILLABLE | (pf->user ? FAULT_USER : 0) |
           (pf->error_code & PF_WRITE ? FAULT_WRITE : 0) |
           (pf->error_code & PF_INSTR ? FAULT_EXEC : 0);
}

static void do_user_addr_fault(struct page_fault *pf)
{
    unsigned ret;
    int code;

    pf->mm = current->mm;
    if (unlikely(pf->error_code & PF_RSVD)) {
        corrupt_table(pf);
        return;
    }
    if (unlikely(!pf->user)) {
        if (kernel_mode_is_wrong(pf))
            return;
        lockdep_no_locks();
    }
    irq_enable();
    open_record(pf);
    pf->flags = fault_flags(pf);
    while ((ret = fault_once(pf, &code)) & VM_FAULT_RETRY) {
        if (unlikely(broken_off(pf)))
            return;
        pf->flags |= FAULT_TRIED;
    }
    if (unlikely(ret & VM_FAULT_ERROR)) {
        fault_failed(pf, ret, code);
        return;
    }
    account_fault(pf);
    ledger_finish(pf->rec, pf->rec->end);
}

void do_page_fault(struct regs *regs, u64 error_code)
{
    /* CR2 first: the next fault, even one in a handler here, replaces it. */
    struct page_fault pf = {
        .address = cr2_read(),
        .regs = regs,
        .error_code = error_code,
        .user = regs_user(regs),
    };

    if (unlikely(pf.address >= TASK_SIZE))
        do_kernel_addr_fault(&pf);
    else
        do_user_addr_fault(&pf);
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
