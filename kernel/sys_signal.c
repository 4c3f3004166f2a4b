/*
 * The calls by which a thread arranges its own signals: actions, mask,
 * waiting, the alternate stack, the return from a handler. Sending is in
 * sys_kill.c.
 */
#include <arch/uaccess.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_signal.h>

#define SIGSET_SIZE sizeof(u64)

static void action_set(int sig, const struct sigaction_k *new,
                       struct sigaction_k *old)
{
    struct task *task = current->task;
    struct sigaction_k *action = &task->sighand->actions[sig - 1];

    spin_lock(&task_lock);
    *old = *action;
    if (new) {
        *action = *new;
        action->sa_mask &= ~SIG_UNSTOPPABLE;
        if (signal_ignored(task, sig))
            signal_flush(task, SIG_BIT(sig));
    }
    spin_unlock(&task_lock);
}

long sys_rt_sigaction(int sig, const struct sigaction_k __user *act,
                      struct sigaction_k __user *old, size_t size)
{
    struct sigaction_k new, was;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (act && copy_from_user(&new, act, sizeof(new)))
        return -EFAULT;
    if (sig < 1 || sig > SIG_COUNT || (act && (SIG_BIT(sig) & SIG_UNSTOPPABLE)))
        return -EINVAL;
    action_set(sig, act ? &new : NULL, &was);
    return old ? copy_to_user(old, &was, sizeof(was)) : 0;
}

long sys_rt_sigprocmask(int how, const u64 __user *set, u64 __user *old,
                        size_t size)
{
    u64 was = current->sig_mask, mask;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (set) {
        if (get_user_64(&mask, set))
            return -EFAULT;
        if (how == SIG_BLOCK)
            mask |= was;
        else if (how == SIG_UNBLOCK)
            mask = was & ~mask;
        else if (how != SIG_SETMASK)
            return -EINVAL;
        signal_set_mask(mask);
    }
    return old ? put_user_64(was, old) : 0;
}

long sys_rt_sigpending(u64 __user *set, size_t size)
{
    u64 pending = signal_pending_set(current) & current->sig_mask;

    if (size > SIGSET_SIZE)
        return -EINVAL;
    return copy_to_user(set, &pending, size);
}

/* Sleeps until a signal is there that somebody must look at. */
static void wait_for_signal(void)
{
    int r;

    do {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        r = thread_block();
    } while (r == 0);
}

long sys_pause(void)
{
    wait_for_signal();
    return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(const u64 __user *mask, size_t size)
{
    struct thread *t = current;
    u64 new;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (copy_from_user(&new, mask, sizeof(new)))
        return -EFAULT;
    t->sig_saved_mask = t->sig_mask;
    t->sig_restore_mask = true;
    signal_set_mask(new);
    wait_for_signal();
    return -ERESTARTNOHAND;
}

/* One try of sigtimedwait(): the signal taken or 0. While `wait` is on, the
 * set's signals wake us although they are blocked. */
static int sigwait_try(struct thread *t, u64 set, bool wait,
                       struct siginfo *info)
{
    int sig;

    spin_lock(&task_lock);
    sig = signal_take(t, set, info);
    t->sig_wait = sig || !wait ? 0 : set;
    spin_unlock(&task_lock);
    return sig;
}

static long sigwait(u64 set, u64 deadline, struct siginfo *info)
{
    struct thread *t = current;
    int sig, r;

    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        sig = sigwait_try(t, set, true, info);
        if (sig) {
            thread_cancel_block();
            return sig;
        }
        r = thread_block_until(deadline);
        if (r)
            break;
    }
    sig = sigwait_try(t, set, false, info);
    if (sig)
        return sig;
    return r == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

static int info_to_user(struct siginfo __user *to, const struct siginfo *info)
{
    if (copy_to_user(to, info, sizeof(*info)) ||
        clear_user_partial(to + 1, SIGINFO_SIZE - sizeof(*info)))
        return -EFAULT;
    return 0;
}

long sys_rt_sigtimedwait(const u64 __user *set, struct siginfo __user *info,
                         const struct timespec_k __user *timeout, size_t size)
{
    struct timespec_k ts;
    struct siginfo got;
    u64 wanted, deadline = 0;
    long r;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (copy_from_user(&wanted, set, sizeof(wanted)))
        return -EFAULT;
    if (timeout) {
        r = timespec_from_user(&ts, timeout);
        if (r)
            return r;
        deadline = deadline_after(timespec_to_ns(&ts));
    }
    r = sigwait(wanted & ~SIG_UNSTOPPABLE, deadline, &got);
    if (r > 0 && info && info_to_user(info, &got))
        return -EFAULT;
    return r;
}

int signal_stack_check(const struct stack_k *ss)
{
    u32 mode = (u32)ss->ss_flags & ~SS_AUTODISARM;

    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
        return -EINVAL;
    if (mode != SS_DISABLE && ss->ss_size < MINSIGSTKSZ)
        return -ENOMEM;
    return 0;
}

/* As sigaltstack() reports it: the flags say whether we are on it. */
static struct stack_k stack_state(const struct thread *t, u64 sp)
{
    struct stack_k ss = t->sig_stack;

    ss.ss_pad_ = 0;
    ss.ss_flags &= (s32)SS_AUTODISARM;
    if (!ss.ss_size)
        ss.ss_flags |= SS_DISABLE;
    else if (on_signal_stack(t, sp))
        ss.ss_flags |= SS_ONSTACK;
    return ss;
}

long sys_sigaltstack(const struct stack_k __user *new,
                     struct stack_k __user *old)
{
    struct thread *t = current;
    u64 sp = regs_sp(thread_regs(t));
    struct stack_k was = stack_state(t, sp), ss;
    int r;

    if (new) {
        if (copy_from_user(&ss, new, sizeof(ss)))
            return -EFAULT;
        if (on_signal_stack(t, sp))
            return -EPERM;
        r = signal_stack_check(&ss);
        if (r)
            return r;
        if (ss.ss_flags & SS_DISABLE)
            ss.ss_sp = ss.ss_size = 0;
        t->sig_stack = ss;
    }
    return old ? copy_to_user(old, &was, sizeof(was)) : 0;
}

/* Nothing to go on with, or it was done already. */
long sys_restart_syscall(void)
{
    struct syscall_restart r = current->restart;

    current->restart.again = NULL;
    return r.again ? r.again(&r) : -EINTR;
}

long sys_rt_sigreturn(void)
{
    u64 mask;

    if (arch_sigreturn(&mask))
        signal_force(SIGSEGV, SI_KERNEL, 0);
    else
        signal_set_mask(mask);
    return regs_return(thread_regs(current));
}
