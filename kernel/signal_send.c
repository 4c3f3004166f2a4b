/*
 * Sending signals: making them pending and waking those they concern. Relies
 * on task_lock for everything pending, and on WORK_SIGNAL being set in every
 * thread that has to look: only that thread itself clears it, on its way back
 * to user mode.
 */
#include <base/string.h>
#include <kernel/cputime.h>
#include <kernel/signal_queue.h>

static u64 sig_handler(const struct task *task, int sig)
{
    return task->sighand->actions[sig - 1].sa_handler;
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

void signal_actions_reset(struct sighand *sighand)
{
    spin_lock(&task_lock);
    for (unsigned i = 0; i < SIG_COUNT; i++) {
        u64 handler = sighand->actions[i].sa_handler;

        sighand->actions[i] = (struct sigaction_k){
            .sa_handler = handler == SIG_IGN ? SIG_IGN : SIG_DFL,
        };
    }
    spin_unlock(&task_lock);
}

bool signal_fatal(const struct task *task, int sig)
{
    return sig_handler(task, sig) == SIG_DFL && !(SIG_BIT(sig) & SIG_STOPS) &&
           !signal_ignored(task, sig);
}

/* The signals t reacts to now: not blocked, or waited for. */
static u64 signal_wanted(const struct thread *t)
{
    return ~READ_ONCE(t->sig_mask) | READ_ONCE(t->sig_wait);
}

bool signal_pending(const struct thread *t)
{
    return thread_doomed(t) || t->fault_info.si_signo || t->task->stop_sig ||
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
    if (t == current)
        return;
    if (READ_ONCE(t->wait_mode) >= least || (fatal && t->stopped))
        thread_wake(t);
    thread_kick(t);
}

void signal_end_task(struct task *task, int status, const struct thread *but)
{
    struct thread *t;

    if (!task->exiting) {
        task->exiting = true;
        task->exit_status = status;
        task->stop_sig = 0;
        task->stop_report = 0;
    }
    list_for_each_entry (t, &task->threads, task_link)
        if (t != but)
            signal_notify(t, true);
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

/* The blocked are kept even if ignored: the action may change meanwhile. */
static bool signal_dropped(const struct task *task, const struct thread *t,
                           int sig)
{
    if (!t && !list_empty(&task->threads))
        t = list_first_entry(&task->threads, struct thread, task_link);
    return signal_ignored(task, sig) &&
           !(t && (t->sig_mask & SIG_BIT(sig)) && sig != SIGKILL);
}

/* A stop and a continue do away with each other, whatever else becomes of
 * them. */
static void signal_prepare(struct task *task, int sig)
{
    if (SIG_BIT(sig) & SIG_STOPS) {
        signal_flush(task, SIG_BIT(SIGCONT));
    } else if (sig == SIGCONT) {
        signal_flush(task, SIG_STOPS);
        job_continue(task);
    }
}

/* The fence: either signal_set_mask() of a thread sees what is pending, or we
 * see its new mask. */
int signal_post(struct task *task, struct thread *t, const struct siginfo *info)
{
    int sig = info->si_signo, r;
    bool fatal;

    if (task->zombie)
        return 0;
    signal_prepare(task, sig);
    if (signal_dropped(task, t, sig))
        return 0;
    if (sig == SIGKILL) {
        signal_end_task(task, SIGKILL, NULL);
        return 0;
    }
    r = pending_add(t ? &t->pending : &task->pending, info,
                    task->limits[RLIMIT_SIGPENDING].cur);
    if (r)
        return r;
    if (unlikely(!list_empty(&signalfds)))
        signalfd_wake(sig);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    fatal = signal_fatal(task, sig);
    if (!t)
        signal_notify_task(task, sig, fatal);
    else if (signal_wanted(t) & SIG_BIT(sig))
        signal_notify(t, fatal);
    return 0;
}

void signal_send_task(struct task *task, const struct siginfo *info)
{
    spin_lock(&task_lock);
    (void)signal_post(task, NULL, info);
    spin_unlock(&task_lock);
}

int signal_take(struct thread *t, u64 allowed, struct siginfo *info)
{
    int sig = pending_take(&t->pending, allowed, info);

    if (!sig)
        sig = pending_take(&t->task->pending, allowed, info);
    if (unlikely(sig == SIGALRM))
        itimer_taken(t->task);
    if (unlikely(sig && info->si_code == SI_TIMER))
        posix_timer_taken(t->task, info);
    return sig;
}

void signal_flush(struct task *task, u64 mask)
{
    struct thread *t;

    pending_discard(&task->pending, mask);
    list_for_each_entry (t, &task->threads, task_link)
        pending_discard(&t->pending, mask);
}

/* Signals of the set, pending for the task, want a new taker. */
static void signal_offer(struct task *task, u64 set)
{
    for (set &= task->pending.set; set; set &= set - 1) {
        int sig = __builtin_ctzl(set) + 1;

        signal_notify_task(task, sig, signal_fatal(task, sig));
    }
}

void signal_hand_over(const struct thread *t)
{
    signal_offer(t->task, ~t->sig_mask);
}

/* Signals are pending, and the thread's mask, old before, is another now. */
static __noinline void mask_changed(struct thread *t, u64 old)
{
    u64 mask = t->sig_mask;

    if (signal_pending_set(t) & ~mask)
        __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
    if (READ_ONCE(t->task->pending.set) & mask & ~old) {
        spin_lock(&task_lock);
        signal_offer(t->task, mask & ~old);
        spin_unlock(&task_lock);
    }
}

void signal_set_mask(u64 mask)
{
    struct thread *t = current;
    u64 old = __atomic_exchange_n(&t->sig_mask, mask & ~SIG_UNSTOPPABLE,
                                  __ATOMIC_SEQ_CST);

    if (unlikely(signal_pending_set(t)))
        mask_changed(t, old);
}

void signal_force(int sig, int code, u64 addr)
{
    struct thread *t = current;
    struct sigaction_k *act = &t->task->sighand->actions[sig - 1];

    spin_lock(&task_lock);
    if (act->sa_handler == SIG_IGN || (t->sig_mask & SIG_BIT(sig)))
        act->sa_handler = SIG_DFL;
    t->sig_mask &= ~SIG_BIT(sig);
    memset(&t->fault_info, 0, sizeof(t->fault_info));
    t->fault_info.si_signo = sig;
    t->fault_info.si_code = code;
    t->fault_info.si_addr = addr;
    if (sig == SIGBUS && code == BUS_MCEERR_AR)
        t->fault_info.si_addr_lsb = PAGE_SHIFT;
    __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
    spin_unlock(&task_lock);
}

void signal_force_pkey(u64 addr, int key)
{
    signal_force(SIGSEGV, SEGV_PKUERR, addr);
    current->fault_info.si_pkey = (u32)key;
}

void thread_kill_task(void)
{
    signal_force(SIGKILL, SI_KERNEL, 0);
}
