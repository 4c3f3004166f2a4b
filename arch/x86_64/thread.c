/*
 * Threads as the machine sees them: their first stack frame, the switch, the
 * user registers of a new program. Relies on switch.S and entry.S.
 */
#include <arch/thread.h>
#include <arch/uaccess.h>
#include <asm/cpu.h>
#include <asm/fpu.h>
#include <asm/msr.h>
#include <asm/root.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

#define SYSCALL_INSN_SIZE 2

/* What stack_switch() pops. */
struct switch_frame {
    u64 r15, r14, r13, r12, bx, bp;
    u64 ip;
};

void stack_switch(u64 *save_sp, u64 load_sp);
void thread_begin(void);
void thread_begin_user(void);

_Static_assert(offsetof(struct thread, arch) == 0, "asm/regs.h");

/* The switch frame lies below the user registers, even while there are none
 * yet: pid 1 begins as a kernel thread. */
static struct switch_frame *first_frame(struct thread *t, void (*ip)(void))
{
    struct switch_frame *f = (struct switch_frame *)thread_regs(t) - 1;

    *f = (struct switch_frame){.ip = (u64)ip};
    t->arch.sp = (u64)f;
    return f;
}

void arch_thread_init_kernel(struct thread *t, void (*entry)(void *), void *arg)
{
    struct switch_frame *f = first_frame(t, thread_begin);

    f->bx = (u64)entry;
    f->r12 = (u64)arg;
}

int arch_thread_init_fork(struct thread *t, struct thread *parent, u64 stack,
                          bool set_tls, u64 tls)
{
    struct regs *regs = thread_regs(t);

    if (t->arch.fpu)
        fpu_reset_header(t->arch.fpu);
    else
        t->arch.fpu = fpu_alloc();
    if (!t->arch.fpu)
        return -ENOMEM;
    if (parent == current)
        fpu_save(t->arch.fpu);
    else
        memcpy(t->arch.fpu, parent->arch.fpu, fpu_size);
    first_frame(t, thread_begin_user);
    *regs = *thread_regs(parent);
    regs->ax = 0;
    if (stack)
        regs->sp = stack;
    t->arch.fs_base = set_tls ? tls : parent->arch.fs_base;
    t->arch.gs_base = parent->arch.gs_base;
    t->arch.trap_nr = t->arch.trap_error = t->arch.trap_cr2 = 0;
    return 0;
}

void arch_thread_free(struct thread *t)
{
    if (t->arch.fpu)
        fpu_free(t->arch.fpu);
    t->arch.fpu = NULL;
}

void arch_thread_exec(u64 ip, u64 sp)
{
    struct thread *t = current;
    u64 flags;

    if (!t->arch.fpu) {
        t->arch.fpu = fpu_alloc();
        if (!t->arch.fpu)
            panic("no memory for the first program's registers");
    }
    *thread_regs(t) = (struct regs){
        .orig_ax = -1ul,
        .ip = ip,
        .cs = USER_CS,
        .flags = RFLAGS_IF | 2,
        .sp = sp,
        .ss = USER_DS,
    };
    flags = irq_save();
    fpu_reset(t->arch.fpu);
    fpu_restore_initial();
    t->arch.fs_base = 0;
    t->arch.gs_base = 0;
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    irq_restore(flags);
}

/*
 * Both bases are always loaded: user code can zero them by loading a selector,
 * and the next thread must not inherit that.
 */
static void load_user_state(const struct arch_thread *next)
{
    fpu_restore(next->fpu);
    wrmsr(MSR_FS_BASE, next->fs_base);
    wrmsr(MSR_KERNEL_GS_BASE, next->gs_base);
}

/* Kernel threads keep the space that happens to be loaded; with more CPUs they
 * let it go, so that nobody has to tell an idle CPU what to forget. */
static __always_inline_ void switch_space(struct cpu *cpu, struct mm_struct *mm)
{
    if (mm != cpu->active_mm && (mm || cpu_count > 1))
        root_load(cpu, mm);
}

void arch_switch(struct thread *prev, struct thread *next)
{
    struct cpu *cpu = this_cpu();

    switch_space(cpu, next->mm);
    cpu->running = next;
    cpu->kernel_stack = next->kstack_top;
    cpu->arch.tss.rsp0 = next->kstack_top;
    if (prev->arch.fpu)
        fpu_save(prev->arch.fpu);
    if (next->arch.fpu)
        load_user_state(&next->arch);
    stack_switch(&prev->arch.sp, next->arch.sp);
}

static long set_base(u64 *field, u32 msr, u64 addr)
{
    u64 flags;

    if (addr >= TASK_SIZE)
        return -EPERM;
    flags = irq_save();
    *field = addr;
    wrmsr(msr, addr);
    irq_restore(flags);
    return 0;
}

long arch_prctl(int code, u64 addr)
{
    struct arch_thread *arch = &current->arch;

    switch (code) {
    case ARCH_SET_FS:
        return set_base(&arch->fs_base, MSR_FS_BASE, addr);
    case ARCH_SET_GS:
        return set_base(&arch->gs_base, MSR_KERNEL_GS_BASE, addr);
    case ARCH_GET_FS:
        return put_user_64(arch->fs_base, (u64 __user *)addr);
    case ARCH_GET_GS:
        return put_user_64(arch->gs_base, (u64 __user *)addr);
    default:
        return -EINVAL;
    }
}

void arch_restart_syscall(struct regs *r)
{
    r->ax = r->orig_ax;
    r->ip -= SYSCALL_INSN_SIZE;
}
