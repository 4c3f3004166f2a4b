/*
 * rt_sigreturn(2): takes the state back that a handler may have rewritten.
 * User code may ask for any user state, and for nothing else: segments, flags,
 * ip and the FPU image are checked here, so that the way out cannot fault.
 */
#include <arch/thread.h>
#include <arch/uaccess.h>
#include <asm/cpu.h>
#include <asm/fpu.h>
#include <kernel/signal_queue.h>
#include "signal_frame.h"

/* Flags user code may set: the arithmetic ones, TF, DF, RF, AC. */
#define USER_FLAGS (0x8d5ul | RFLAGS_TF | RFLAGS_DF | RFLAGS_RF | RFLAGS_AC)

/* Whether the image is a whole XSAVE image of ours, and of which components;
 * otherwise only FXSAVE's part counts. -EFAULT. */
static int extended_state(const struct fpu __user *fpu, bool *extended,
                          u64 *features)
{
    const u64 __user *sw = (const u64 __user *)fpu->sw_reserved;
    u64 head, size;
    u32 magic2;

    *extended = false;
    user_access_begin();
    unsafe_get_64(head, &sw[0], fault);
    unsafe_get_64(*features, &sw[1], fault);
    unsafe_get_64(size, &sw[2], fault);
    user_access_end();
    *extended =
        fpu_features && (u32)head == FP_XSTATE_MAGIC1 &&
        (u32)size == fpu_size &&
        !get_user_32(&magic2, (const u32 __user *)((u64)fpu + fpu_size)) &&
        magic2 == FP_XSTATE_MAGIC2;
    return 0;
fault:
    user_access_end();
    return -EFAULT;
}

/* Without an image the registers become initial. */
static int restore_fpu(u64 fpstate)
{
    const struct fpu __user *fpu = (const struct fpu __user *)fpstate;
    bool extended;
    u64 features;

    if (unlikely(!fpstate)) {
        fpu_restore_initial();
        return 0;
    }
    if (fpstate % 64 || !access_ok(fpu, fpu_size) ||
        extended_state(fpu, &extended, &features))
        return -EFAULT;
    return fpu_restore_user(fpu, extended, features);
}

/* The registers, out of the frame itself. Part of them may be overwritten when
 * it fails; then the thread gets a SIGSEGV. In a user access window. */
static int get_regs(struct regs *r, const struct sigcontext __user *sc)
{
    u64 flags;

    unsafe_get_64(r->r8, &sc->r8, fault);
    unsafe_get_64(r->r9, &sc->r9, fault);
    unsafe_get_64(r->r10, &sc->r10, fault);
    unsafe_get_64(r->r11, &sc->r11, fault);
    unsafe_get_64(r->r12, &sc->r12, fault);
    unsafe_get_64(r->r13, &sc->r13, fault);
    unsafe_get_64(r->r14, &sc->r14, fault);
    unsafe_get_64(r->r15, &sc->r15, fault);
    unsafe_get_64(r->di, &sc->di, fault);
    unsafe_get_64(r->si, &sc->si, fault);
    unsafe_get_64(r->bp, &sc->bp, fault);
    unsafe_get_64(r->bx, &sc->bx, fault);
    unsafe_get_64(r->dx, &sc->dx, fault);
    unsafe_get_64(r->ax, &sc->ax, fault);
    unsafe_get_64(r->cx, &sc->cx, fault);
    unsafe_get_64(r->sp, &sc->sp, fault);
    unsafe_get_64(flags, &sc->flags, fault);
    r->flags = (r->flags & ~USER_FLAGS) | (flags & USER_FLAGS);
    r->cs = USER_CS;
    r->ss = USER_DS;
    return 0;
fault:
    return -EFAULT;
}

/* ip is checked before it is believed: the way out must not fault. */
static int get_context(struct regs *r, const struct ucontext __user *uc,
                       struct stack_k *ss, u64 *mask, u64 *fpstate)
{
    u64 ip, flags;
    int result = -EFAULT;

    user_access_begin();
    unsafe_get_64(ip, &uc->uc_mcontext.ip, fault);
    unsafe_get_64(*fpstate, &uc->uc_mcontext.fpstate, fault);
    unsafe_get_64(*mask, &uc->uc_sigmask, fault);
    unsafe_get_64(ss->ss_sp, &uc->uc_stack.ss_sp, fault);
    unsafe_get_64(flags, &uc->uc_stack.ss_flags, fault);
    unsafe_get_64(ss->ss_size, &uc->uc_stack.ss_size, fault);
    ss->ss_flags = (s32)flags;
    ss->ss_pad_ = 0;
    if (ip < TASK_SIZE)
        result = get_regs(r, &uc->uc_mcontext);
    if (!result)
        r->ip = ip;
fault:
    user_access_end();
    return result;
}

/* The stack the frame names, unless the code we return to runs on the present
 * one, or it is none. */
static void restore_stack(struct thread *t, const struct stack_k *ss)
{
    if (on_signal_stack(t, thread_regs(t)->sp) || signal_stack_check(ss))
        return;
    t->sig_stack = *ss;
    if ((u32)ss->ss_flags & SS_DISABLE)
        t->sig_stack.ss_sp = t->sig_stack.ss_size = 0;
}

int arch_sigreturn(u64 *mask)
{
    struct thread *t = current;
    struct regs *r = thread_regs(t);
    /* The handler's return took pretcode off the stack. */
    const struct rt_sigframe __user *frame =
        (const struct rt_sigframe __user *)(r->sp - sizeof(u64));
    struct stack_k ss;
    u64 fpstate;
    u32 pkru = pkru_open(t);

    r->orig_ax = -1ul; /* nothing to restart, whatever ax will be */
    if (!access_ok(frame, sizeof(*frame)) ||
        get_context(r, &frame->uc, &ss, mask, &fpstate) ||
        restore_fpu(fpstate)) {
        pkru_close(pkru);
        return -EFAULT;
    }
    restore_stack(t, &ss);
    return 0;
}
