/*
 * Building a signal frame: from the top of the stack down the FPU image, 64
 * aligned, then struct rt_sigframe, placed so that the handler finds the stack
 * aligned as after a call.
 */
#include <arch/thread.h>
#include <arch/uaccess.h>
#include <asm/cpu.h>
#include <asm/fpu.h>
#include <kernel/signal_queue.h>
#include "signal_frame.h"

static u64 fpu_image_size(void)
{
    return fpu_size + (fpu_features ? sizeof(u32) : 0);
}

/* The running FPU state to user memory, described for sigreturn and for
 * handlers that look. pkru: see pkru_open(). */
static int put_fpu(u64 to, u32 pkru)
{
    struct fpu __user *fpu = (struct fpu __user *)to;
    struct fpx_sw_bytes sw = {0};

    if (likely(fpu_features)) {
        sw.magic1 = FP_XSTATE_MAGIC1;
        sw.extended_size = (u32)fpu_image_size();
        sw.xfeatures = fpu_features;
        sw.xstate_size = fpu_size;
        if (put_user_32(FP_XSTATE_MAGIC2, (u32 __user *)(to + fpu_size)))
            return -EFAULT;
    }
    if (fpu_save_user(fpu) ||
        copy_to_user(fpu->sw_reserved, &sw, sizeof(fpu->sw_reserved)))
        return -EFAULT;
    return unlikely(pkru) ? fpu_put_pkru(fpu, pkru) : 0;
}

/* The registers, into the frame itself. In a user access window. */
static int put_regs(struct sigcontext __user *sc, const struct regs *r)
{
    unsafe_put_64(r->r8, &sc->r8, fault);
    unsafe_put_64(r->r9, &sc->r9, fault);
    unsafe_put_64(r->r10, &sc->r10, fault);
    unsafe_put_64(r->r11, &sc->r11, fault);
    unsafe_put_64(r->r12, &sc->r12, fault);
    unsafe_put_64(r->r13, &sc->r13, fault);
    unsafe_put_64(r->r14, &sc->r14, fault);
    unsafe_put_64(r->r15, &sc->r15, fault);
    unsafe_put_64(r->di, &sc->di, fault);
    unsafe_put_64(r->si, &sc->si, fault);
    unsafe_put_64(r->bp, &sc->bp, fault);
    unsafe_put_64(r->bx, &sc->bx, fault);
    unsafe_put_64(r->dx, &sc->dx, fault);
    unsafe_put_64(r->ax, &sc->ax, fault);
    unsafe_put_64(r->cx, &sc->cx, fault);
    unsafe_put_64(r->sp, &sc->sp, fault);
    unsafe_put_64(r->ip, &sc->ip, fault);
    unsafe_put_64(r->flags, &sc->flags, fault);
    unsafe_put_64(r->cs | r->ss << 48, &sc->cs, fault);
    return 0;
fault:
    return -EFAULT;
}

/* What else the handler may look at. In a user access window. */
static int put_context(struct ucontext __user *uc, const struct thread *t,
                       u64 mask, u64 fpstate)
{
    struct sigcontext __user *sc = &uc->uc_mcontext;
    u64 flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;

    unsafe_put_64(flags | (fpu_features ? UC_FP_XSTATE : 0), &uc->uc_flags,
                  fault);
    unsafe_put_64(0, &uc->uc_link, fault);
    unsafe_put_64(t->sig_stack.ss_sp, &uc->uc_stack.ss_sp, fault);
    unsafe_put_64((u32)t->sig_stack.ss_flags, &uc->uc_stack.ss_flags, fault);
    unsafe_put_64(t->sig_stack.ss_size, &uc->uc_stack.ss_size, fault);
    unsafe_put_64(t->arch.trap_error, &sc->err, fault);
    unsafe_put_64(t->arch.trap_nr, &sc->trapno, fault);
    unsafe_put_64(mask, &sc->oldmask, fault);
    unsafe_put_64(t->arch.trap_cr2, &sc->cr2, fault);
    unsafe_put_64(fpstate, &sc->fpstate, fault);
    unsafe_put_64(mask, &uc->uc_sigmask, fault);
    return 0;
fault:
    return -EFAULT;
}

static int put_frame(struct rt_sigframe __user *f, const struct thread *t,
                     const struct siginfo *info, const struct sigaction_k *sa,
                     u64 mask, u64 fpstate)
{
    int r = -EFAULT;

    user_access_begin();
    unsafe_put_64(sa->sa_restorer, &f->pretcode, fault);
    if (!put_regs(&f->uc.uc_mcontext, thread_regs(t)) &&
        !put_context(&f->uc, t, mask, fpstate))
        r = 0;
fault:
    user_access_end();
    if (r || copy_to_user(&f->info, info, sizeof(*info)) ||
        clear_user_partial(f->info_rest, sizeof(f->info_rest)))
        return -EFAULT;
    return 0;
}

/* Where the frame goes; 0 if there is no room for it: in user space, or on the
 * alternate stack if that is the one in use. */
static u64 place_frame(const struct thread *t, u64 onstack, u64 *fpstate)
{
    u64 sp = thread_regs(t)->sp, frame;
    bool nested = on_signal_stack(t, sp);

    sp = onstack ? onstack : sp - RED_ZONE;
    if (sp < fpu_image_size() + sizeof(struct rt_sigframe) + 128 ||
        sp > TASK_SIZE)
        return 0;
    *fpstate = ALIGN_DOWN(sp - fpu_image_size(), 64);
    frame = ALIGN_DOWN(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
    if ((onstack || nested) && !inside_signal_stack(t, frame))
        return 0;
    return frame;
}

/* The handler's first registers: handler(sig, &info, &context). */
static void enter_handler(struct regs *r, int sig, u64 frame, u64 handler)
{
    r->di = (u64)sig;
    r->si = frame + offsetof(struct rt_sigframe, info);
    r->dx = frame + offsetof(struct rt_sigframe, uc);
    r->ax = 0;
    r->ip = handler;
    r->sp = frame;
    r->cs = USER_CS;
    r->ss = USER_DS;
    r->flags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    r->orig_ax = -1ul;
}

int arch_signal_frame(struct thread *t, int sig, const struct siginfo *info,
                      const struct sigaction_k *sa, u64 mask, u64 onstack)
{
    u64 fpstate, frame = place_frame(t, onstack, &fpstate);
    u32 pkru;

    if (!frame || !(sa->sa_flags & SA_RESTORER) || sa->sa_handler >= TASK_SIZE)
        return -EFAULT;
    pkru = pkru_open(t);
    if (put_frame((struct rt_sigframe __user *)frame, t, info, sa, mask,
                  fpstate) ||
        put_fpu(fpstate, pkru)) {
        pkru_close(pkru);
        return -EFAULT;
    }
    /* The handler starts with a clean FPU. */
    fpu_restore_initial();
    enter_handler(thread_regs(t), sig, frame, sa->sa_handler);
    return 0;
}
