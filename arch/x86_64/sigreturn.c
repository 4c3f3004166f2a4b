/*
 * rt_sigreturn(2): takes the state back that a handler may have rewritten.
 * User code may ask for any user state, and for nothing else: segments, flags,
 * ip and the FPU image are checked here, so that the way out cannot fault.
 */
#include <arch/thread.h>
#include <arch/uaccess.h>
#include <asm/cpu.h>
#include <asm/fpu.h>
#include <base/string.h>
#include <kernel/thread.h>
#include "signal_frame.h"

/* Flags user code may set: the arithmetic ones, TF, DF, RF, AC. */
#define USER_FLAGS (0x8d5ul | RFLAGS_TF | RFLAGS_DF | RFLAGS_RF | RFLAGS_AC)

/* True if the image at fpstate, whose first part is in fpu, is a whole XSAVE
 * image of ours; otherwise only FXSAVE's part counts. */
static bool has_extended_state(const struct fpu *fpu, u64 fpstate)
{
    struct fpx_sw_bytes sw;
    u32 magic2;

    memcpy(&sw, fpu->sw_reserved, sizeof(sw));
    return fpu_features && sw.magic1 == FP_XSTATE_MAGIC1 &&
           sw.xstate_size == fpu_size &&
           !get_user_32(&magic2, (const u32 __user *)(fpstate + fpu_size)) &&
           magic2 == FP_XSTATE_MAGIC2;
}

static int get_fpu(struct fpu *fpu, u64 fpstate)
{
    if (!fpstate)
        return 0; /* stays initial */
    if (fpstate % 64 ||
        copy_from_user(fpu, (const void __user *)fpstate, FXSAVE_SIZE))
        return -EFAULT;
    if (has_extended_state(fpu, fpstate)) {
        if (copy_from_user(fpu, (const void __user *)fpstate, fpu_size) ||
            !fpu_sanitize(fpu))
            return -EFAULT;
    } else if (fpu_features) {
        fpu->xstate_bv = FPU_LEGACY_FEATURES;
    }
    return fpu_sanitize(fpu) ? 0 : -EFAULT;
}

/*
 * Filled in an area of its own: a user copy may sleep, and the switch then
 * saves the registers to the thread's.
 */
static int restore_fpu(struct thread *t, u64 fpstate)
{
    struct fpu *fresh = fpu_alloc(), *old = t->arch.fpu;

    if (!fresh)
        return -ENOMEM;
    if (get_fpu(fresh, fpstate)) {
        fpu_free(fresh);
        return -EFAULT;
    }
    t->arch.fpu = fresh;
    fpu_restore(fresh);
    fpu_free(old);
    return 0;
}

static void restore_regs(struct regs *r, const struct sigcontext *sc)
{
    *r = (struct regs){
        .r15 = sc->r15,
        .r14 = sc->r14,
        .r13 = sc->r13,
        .r12 = sc->r12,
        .bp = sc->bp,
        .bx = sc->bx,
        .r11 = sc->r11,
        .r10 = sc->r10,
        .r9 = sc->r9,
        .r8 = sc->r8,
        .ax = sc->ax,
        .cx = sc->cx,
        .dx = sc->dx,
        .si = sc->si,
        .di = sc->di,
        .orig_ax = -1ul, /* nothing to restart */
        .ip = sc->ip,
        .cs = USER_CS,
        .flags = (sc->flags & USER_FLAGS) | RFLAGS_IF | 2,
        .sp = sc->sp,
        .ss = USER_DS,
    };
}

int arch_sigreturn(u64 *mask)
{
    struct thread *t = current;
    struct regs *r = thread_regs(t);
    /* The handler's return took pretcode off the stack. */
    const struct rt_sigframe __user *frame =
        (const struct rt_sigframe __user *)(r->sp - sizeof(u64));
    struct ucontext uc;

    if (copy_from_user(&uc, &frame->uc, sizeof(uc)) ||
        uc.uc_mcontext.ip >= TASK_SIZE ||
        restore_fpu(t, uc.uc_mcontext.fpstate))
        return -EFAULT;
    restore_regs(r, &uc.uc_mcontext);
    t->sig_stack = uc.uc_stack;
    *mask = uc.uc_sigmask;
    return 0;
}
