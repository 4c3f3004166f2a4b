/*
 * Building a signal frame: from the top of the stack down the FPU image, 64
 * aligned, then struct rt_sigframe, placed so that the handler finds the stack
 * aligned as after a call.
 */
#include <arch/thread.h>
#include <arch/uaccess.h>
#include <asm/cpu.h>
#include <asm/fpu.h>
#include <base/string.h>
#include <kernel/thread.h>
#include "signal_frame.h"

static u64 fpu_image_size(void)
{
    return fpu_size + (fpu_features ? sizeof(u32) : 0);
}

/* The running FPU state to user memory, described for sigreturn and for
 * handlers that look. */
static int put_fpu(struct fpu *fpu, u64 to)
{
    struct fpx_sw_bytes sw = {
        .magic1 = FP_XSTATE_MAGIC1,
        .extended_size = (u32)fpu_image_size(),
        .xfeatures = fpu_features,
        .xstate_size = fpu_size,
    };

    fpu_save(fpu);
    memset(fpu->sw_reserved, 0, sizeof(fpu->sw_reserved));
    if (fpu_features) {
        memcpy(fpu->sw_reserved, &sw, sizeof(sw));
        if (put_user_32(FP_XSTATE_MAGIC2, (u32 __user *)(to + fpu_size)))
            return -EFAULT;
    }
    return copy_to_user((void __user *)to, fpu, fpu_size);
}

static void fill_context(struct sigcontext *sc, const struct thread *t,
                         const struct regs *r)
{
    *sc = (struct sigcontext){
        .r8 = r->r8,
        .r9 = r->r9,
        .r10 = r->r10,
        .r11 = r->r11,
        .r12 = r->r12,
        .r13 = r->r13,
        .r14 = r->r14,
        .r15 = r->r15,
        .di = r->di,
        .si = r->si,
        .bp = r->bp,
        .bx = r->bx,
        .dx = r->dx,
        .ax = r->ax,
        .cx = r->cx,
        .sp = r->sp,
        .ip = r->ip,
        .flags = r->flags,
        .cs = (u16)r->cs,
        .ss = (u16)r->ss,
        .trapno = t->arch.trap_nr,
        .err = t->arch.trap_error,
        .cr2 = t->arch.trap_cr2,
    };
}

/* Where the frame goes; 0 if there is no room for it. */
static u64 place_frame(const struct thread *t, u64 onstack, u64 *fpstate)
{
    u64 sp = onstack ? onstack : thread_regs(t)->sp - RED_ZONE;
    u64 need = fpu_image_size() + sizeof(struct rt_sigframe) + 128;

    if (sp < need || sp > TASK_SIZE ||
        (onstack && sp - need < t->sig_stack.ss_sp))
        return 0;
    *fpstate = ALIGN_DOWN(sp - fpu_image_size(), 64);
    return ALIGN_DOWN(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
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
    struct regs *r = thread_regs(t);
    struct rt_sigframe f = {
        .pretcode = sa->sa_restorer,
        .info = *info,
    };
    u64 frame = place_frame(t, onstack, &f.uc.uc_mcontext.fpstate);
    u64 fpstate = f.uc.uc_mcontext.fpstate;

    if (!frame || !(sa->sa_flags & SA_RESTORER) || sa->sa_handler >= TASK_SIZE)
        return -EFAULT;
    fill_context(&f.uc.uc_mcontext, t, r);
    f.uc.uc_mcontext.fpstate = fpstate;
    f.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
                    (fpu_features ? UC_FP_XSTATE : 0);
    f.uc.uc_stack = t->sig_stack;
    f.uc.uc_sigmask = mask;
    if (put_fpu(t->arch.fpu, fpstate) ||
        copy_to_user((void __user *)frame, &f, sizeof(f)))
        return -EFAULT;
    /* The handler starts with a clean FPU. */
    fpu_reset(t->arch.fpu);
    fpu_restore(t->arch.fpu);
    enter_handler(r, sig, frame, sa->sa_handler);
    return 0;
}
