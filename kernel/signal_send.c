/*
 * Sending signals: making them pending and waking those they concern. Relies
 * on task_lock for everything pending, and on WORK_SIGNAL being set in every
 * thread that has to look: only that thread itself clears it, on its way back
 * to user mode.
 */
#include <base/printk.h>
#include <base/string.h>
#include <kernel/signal_queue.h>

static u64 sig_handler(const struct task *task, int sig)
{
    return task->actions[sig - 1].sa_handler;
}

/* pid 1 does not die of a signal it has no handler for, see kill(2). */
bool signal_ignored(const struct task *task, int sig)
{
    u64 handler = sig_handler(task, sig);

    if (handler == SIG_IGN)
        return true;
    return handler == SIG_DFL &&
           ((SIG_BIT(sig) & SIG_DEFAULT_IGNORED) || task->pid == 1);
}

bool signal_fatal(const struct task *task, int sig)
{
    return sig_handler(task, sig) == SIG_DFL && !signal_ignored(task, sig);
}

/* The signals t reacts to now: not blocked, or waited for. */
static u64 signal_wanted(const struct thread *t)
{
    return ~READ_ONCE(t->sig_mask) | READ_ONCE(t->sig_wait);
}

bool signal_pending(const struct thread *t)
{
    return thread_doomed(t) || t->fault_info.si_signo ||
           (signal_pending_set(t) & signal_wanted(t));
}

bool signal_fatal_pending(const struct thread *t)
{
    u64 set = signal_pending_set(t) & ~READ_ONCE(t->sig_mask);
    int sig = t->fault_info.si_signo;

    if (thread_doomed(t) || (sig && signal_fatal(t->task, sig)))
        return true;
    for (; set; set &= set - 1)
        if (signal_fatal(t->task, __builtin_ctzl(set) + 1))
            return true;
    return false;
}

bool thread_signal_pending(enum wait_mode mode)
{
    const struct thread *t = current;

    if (likely(!(READ_ONCE(t->work) & WORK_SIGNAL)) || !t->task)
        return false;
    switch (mode) {
    case WAIT_INTERRUPTIBLE:
        return signal_pending(t);
    case WAIT_KILLABLE:
        return signal_fatal_pending(t);
    default:
        return false;
    }
}

/* The atomic or is the barrier that pairs with thread_prepare_block(). */
void signal_notify(struct thread *t, bool fatal)
{
    enum wait_mode least = fatal ? WAIT_KILLABLE : WAIT_INTERRUPTIBLE;

    __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
    if (READ_ONCE(t->wait_mode) >= least)
        thread_wake(t);
    thread_kick(t);
}

/* A task-wide signal: everybody who takes it if it kills, else the first. */
static void signal_notify_task(struct task *task, int sig, bool fatal)
{
    struct thread *t;

    list_for_each_entry (t, &task->threads, task_link) {
        if (!(signal_wanted(t) & SIG_BIT(sig)))
            continue;
        signal_notify(t, fatal);
        if (!fatal)
            return;
    }
}

/* The slot that keeps the siginfo of sig; real-time signals share one. */
static unsigned info_slot(int sig)
{
    return sig < SIG_QUEUED ? (unsigned)sig : 0;
}

/* The blocked are kept even if ignored: the action may change meanwhile. */
static bool signal_dropped(const struct task *task, const struct thread *t,
                           int sig)
{
    if (!t && !list_empty(&task->threads))
        t = list_first_entry(&task->threads, struct thread, task_link);
    return signal_ignored(task, sig) &&
           !(t && (t->sig_mask & SIG_BIT(sig)) && sig != SIGKILL);
}

void signal_post(struct task *task, struct thread *t,
                 const struct siginfo *info)
{
    int sig = info->si_signo;
    u64 *pending = t ? &t->sig_pending : &task->sig_pending;
    struct siginfo *slots = t ? t->sig_info : task->sig_info;
    bool fatal = signal_fatal(task, sig);

    if (task->zombie || signal_dropped(task, t, sig))
        return;
    if (!(*pending & SIG_BIT(sig)))
        slots[info_slot(sig)] = *info;
    *pending |= SIG_BIT(sig);
    if (!t || (fatal && sig == SIGKILL))
        signal_notify_task(task, sig, fatal);
    else if (signal_wanted(t) & SIG_BIT(sig))
        signal_notify(t, fatal);
}

void signal_send_thread(struct thread *t, const struct siginfo *info)
{
    spin_lock(&task_lock);
    if (t->task)
        signal_post(t->task, t, info);
    spin_unlock(&task_lock);
}

void signal_send_task(struct task *task, const struct siginfo *info)
{
    spin_lock(&task_lock);
    signal_post(task, NULL, info);
    spin_unlock(&task_lock);
}

/* Takes sig out of a pending set, with what is known about it. */
static void take_from(u64 *pending, const struct siginfo *slots, int sig,
                      struct siginfo *info)
{
    const struct siginfo *kept = &slots[info_slot(sig)];

    *pending &= ~SIG_BIT(sig);
    if (kept->si_signo == sig) {
        *info = *kept;
    } else {
        memset(info, 0, sizeof(*info));
        info->si_signo = sig;
    }
}

int signal_take(struct thread *t, u64 allowed, struct siginfo *info)
{
    struct task *task = t->task;
    int sig;

    if (t->sig_pending & allowed) {
        sig = __builtin_ctzl(t->sig_pending & allowed) + 1;
        take_from(&t->sig_pending, t->sig_info, sig, info);
    } else if (task->sig_pending & allowed) {
        sig = __builtin_ctzl(task->sig_pending & allowed) + 1;
        take_from(&task->sig_pending, task->sig_info, sig, info);
    } else {
        return 0;
    }
    if (signal_pending_set(t) & ~t->sig_mask)
        __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
    return sig;
}

void signal_flush(struct task *task, int sig)
{
    struct thread *t;

    task->sig_pending &= ~SIG_BIT(sig);
    list_for_each_entry (t, &task->threads, task_link)
        t->sig_pending &= ~SIG_BIT(sig);
}

void signal_set_mask(u64 mask)
{
    struct thread *t = current;
    u64 lost, bit;

    mask &= ~SIG_UNSTOPPABLE;
    spin_lock(&task_lock);
    lost = t->task->sig_pending & mask & ~t->sig_mask;
    t->sig_mask = mask;
    if (signal_pending_set(t) & ~mask)
        __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
    for (; lost; lost &= ~bit) {
        int sig = __builtin_ctzl(lost) + 1;

        bit = SIG_BIT(sig);
        signal_notify_task(t->task, sig, signal_fatal(t->task, sig));
    }
    spin_unlock(&task_lock);
}

void signal_force(int sig, int code, u64 addr)
{
    struct thread *t = current;
    struct sigaction_k *act = &t->task->actions[sig - 1];

    spin_lock(&task_lock);
    if (act->sa_handler == SIG_IGN || (t->sig_mask & SIG_BIT(sig)))
        act->sa_handler = SIG_DFL;
    t->sig_mask &= ~SIG_BIT(sig);
    memset(&t->fault_info, 0, sizeof(t->fault_info));
    t->fault_info.si_signo = sig;
    t->fault_info.si_code = code;
    t->fault_info.si_addr = addr;
    __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
    spin_unlock(&task_lock);
}
