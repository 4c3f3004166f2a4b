/*
 * timer_create(2): timers of a task that send a signal, or none. After it has
 * expired a timer stands still until its signal is taken: then what it missed
 * is counted and the next period begins, so no timer can keep anybody from
 * running. Those of real time are ktimers; those of CPU time are looked at by
 * cpu_limits.c. All under task_lock.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <kernel/cputime.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_time.h>
#include <mm/slab.h>

#define SIGEV_SIGNAL    0
#define SIGEV_NONE      1
#define SIGEV_THREAD    2 /* libc's: a signal as far as we know */
#define SIGEV_THREAD_ID 4

#define TIMER_ABSTIME 1
#define OVERRUN_MAX   0x7fffffffull
#define IGNORED_NS    1000000ull /* least period of one whose signal is */

struct sigevent_k {
    u64 value;
    s32 signo, notify;
    s32 tid, pad_[11];
};
_Static_assert(sizeof(struct sigevent_k) == 64, "sigevent(3type)");

struct posix_timer {
    struct list_head link; /* in task->posix_timers */
    struct ktimer k;
    struct task *task;
    u32 id;
    int clock;
    u32 tid; /* THREAD_CPUTIME_ID: whose */
    struct sigevent_k event;
    struct itimer timer;
    bool signalled; /* its signal is pending: it stands still */
    u32 overrun;    /* of the last one taken */
};

static bool counts_cpu(const struct posix_timer *p)
{
    return p->clock == CLOCK_PROCESS_CPUTIME_ID ||
           p->clock == CLOCK_THREAD_CPUTIME_ID;
}

/* What its clock shows, as its deadline counts. */
static u64 clock_now(const struct posix_timer *p)
{
    const struct thread *t;

    if (!counts_cpu(p))
        return time_ns();
    if (p->clock == CLOCK_PROCESS_CPUTIME_ID)
        return task_run_ns(p->task);
    t = thread_find(p->tid);
    return t && t->task == p->task ? thread_run_ns(t) : 0;
}

/* The deadline is new. */
static void arm(struct posix_timer *p)
{
    if (counts_cpu(p))
        cpu_limits_changed(p->task);
    else
        ktimer_set(&p->k, p->timer.deadline);
}

/* Sends the signal: false if nobody will take it. One more of a standard
 * signal that is pending already would not be seen either. */
static bool post(struct posix_timer *p)
{
    const struct siginfo info = {.si_signo = p->event.signo,
                                 .si_code = SI_TIMER,
                                 .si_timerid = (s32)p->id,
                                 .si_value = p->event.value};
    struct sig_pending *pending = &p->task->pending;
    u64 bit = SIG_BIT(info.si_signo);
    struct thread *t = NULL;

    if (p->event.notify & SIGEV_THREAD_ID) {
        t = thread_find((u32)p->event.tid);
        if (!t || t->task != p->task)
            return false;
        pending = &t->pending;
    }
    if (info.si_signo < SIGRTMIN && (pending->set & bit))
        return false;
    return !signal_post(p->task, t, &info) && (pending->set & bit);
}

static void expire(struct posix_timer *p, u64 now)
{
    if (p->event.notify == SIGEV_NONE)
        return;
    p->signalled = post(p);
    if (p->signalled)
        return;
    if (p->timer.interval) {
        (void)itimer_advance(&p->timer, now);
        p->timer.deadline = max(p->timer.deadline, now + IGNORED_NS);
    } else {
        p->timer.deadline = 0;
    }
    arm(p);
}

static void posix_timer_fire(struct ktimer *k, u64 now)
{
    expire(container_of(k, struct posix_timer, k), now);
}

static struct posix_timer *find(struct task *task, u32 id)
{
    struct posix_timer *p;

    list_for_each_entry (p, &task->posix_timers, link)
        if (p->id == id)
            return p;
    return NULL;
}

void posix_timer_taken(struct task *task, struct siginfo *info)
{
    struct posix_timer *p = find(task, (u32)info->si_timerid);

    if (!p || !p->signalled)
        return;
    p->signalled = false;
    p->overrun = 0;
    if (p->timer.interval)
        p->overrun =
            (u32)min(itimer_advance(&p->timer, clock_now(p)), OVERRUN_MAX);
    else
        p->timer.deadline = 0;
    info->si_overrun = (s32)p->overrun;
    arm(p);
}

bool posix_timers_count(const struct task *task)
{
    const struct posix_timer *p;

    list_for_each_entry (p, &task->posix_timers, link)
        if (counts_cpu(p) && p->timer.deadline && !p->signalled)
            return true;
    return false;
}

void posix_timers_look(struct task *task, u64 now)
{
    struct posix_timer *p;

    list_for_each_entry (p, &task->posix_timers, link) {
        if (!counts_cpu(p) || !p->timer.deadline || p->signalled)
            continue;
        if (p->clock == CLOCK_THREAD_CPUTIME_ID)
            now = clock_now(p);
        if (p->timer.deadline <= now)
            expire(p, now);
    }
}

static void timer_free(struct posix_timer *p)
{
    ktimer_set(&p->k, 0);
    list_del(&p->link);
    kfree(p);
}

void posix_timers_free(struct task *task)
{
    struct posix_timer *p, *next;

    if (likely(list_empty(&task->posix_timers)))
        return;
    spin_lock(&task_lock);
    list_for_each_entry_safe (p, next, &task->posix_timers, link)
        timer_free(p);
    cpu_limits_changed(task);
    spin_unlock(&task_lock);
}

/* ---- the calls ---- */

/* 0, -EINVAL: no clock, -EOPNOTSUPP: none that has timers. */
static int clock_check(int clock)
{
    if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
        clock == CLOCK_REALTIME_COARSE)
        return -EOPNOTSUPP;
    return clock >= 0 && clock <= CLOCK_TAI && clock != 10 ? 0 : -EINVAL;
}

/* task_lock held. */
static bool event_good(const struct sigevent_k *e)
{
    const struct thread *t;

    if (e->notify == SIGEV_NONE)
        return true;
    if (e->notify & SIGEV_THREAD_ID) {
        t = thread_find((u32)e->tid);
        if (!t || t->task != current->task)
            return false;
    }
    return (e->notify & ~SIGEV_THREAD_ID) <= SIGEV_THREAD &&
           e->notify != (SIGEV_NONE | SIGEV_THREAD_ID) &&
           e->notify != (SIGEV_THREAD | SIGEV_THREAD_ID) && e->signo > 0 &&
           e->signo <= SIG_COUNT;
}

long sys_timer_create(int clock, const struct sigevent_k __user *event,
                      s32 __user *id)
{
    struct task *task = current->task;
    struct posix_timer *p;
    int r = clock_check(clock);
    bool good;

    if (r)
        return r;
    p = kzalloc(sizeof(*p));
    if (!p)
        return -EAGAIN;
    p->event.signo = SIGALRM;
    if (event && copy_from_user(&p->event, event, sizeof(p->event))) {
        kfree(p);
        return -EFAULT;
    }
    p->k.fire = posix_timer_fire;
    p->task = task;
    p->clock = clock;
    p->tid = current->tid;
    spin_lock(&task_lock);
    good = event_good(&p->event);
    p->id = task->next_timer;
    if (!event)
        p->event.value = p->id;
    spin_unlock(&task_lock);
    if (!good || copy_to_user(id, &p->id, sizeof(p->id))) {
        kfree(p);
        return good ? -EFAULT : -EINVAL;
    }
    spin_lock(&task_lock);
    p->id = task->next_timer++ & OVERRUN_MAX;
    list_add_tail(&p->link, &task->posix_timers);
    spin_unlock(&task_lock);
    return 0;
}

/* What is left; an expired one whose signal is not out yet: just about. */
static struct itimer left(const struct posix_timer *p)
{
    struct itimer now = itimer_remaining(p->timer, clock_now(p));

    if (!now.deadline && p->timer.deadline && !p->signalled &&
        p->event.notify != SIGEV_NONE)
        now.deadline = 1;
    return now;
}

static void set(struct posix_timer *p, int flags, const struct itimer *new)
{
    u64 value = new->deadline;

    p->timer = *new;
    p->signalled = false;
    p->overrun = 0;
    if (value && counts_cpu(p))
        p->timer.deadline =
            flags & TIMER_ABSTIME ? value : clock_now(p) + value;
    else if (value && (flags & TIMER_ABSTIME))
        p->timer.deadline =
            deadline_at(value, p->clock == CLOCK_REALTIME ||
                                   p->clock == CLOCK_REALTIME_ALARM ||
                                   p->clock == CLOCK_TAI);
    else if (value)
        p->timer.deadline = deadline_after(value);
    arm(p);
}

long sys_timer_settime(u32 id, int flags,
                       const struct itimerspec_k __user *user,
                       struct itimerspec_k __user *old)
{
    struct itimer new, was;
    struct posix_timer *p;
    int r;

    if (!user)
        return -EINVAL;
    r = itimer_from_user(&new, user);
    if (r)
        return r;
    spin_lock(&task_lock);
    p = find(current->task, id);
    if (p) {
        was = left(p);
        set(p, flags, &new);
    }
    spin_unlock(&task_lock);
    if (!p)
        return -EINVAL;
    return old ? itimer_to_user(old, &was) : 0;
}

long sys_timer_gettime(u32 id, struct itimerspec_k __user *user)
{
    struct posix_timer *p;
    struct itimer now;

    spin_lock(&task_lock);
    p = find(current->task, id);
    if (p)
        now = left(p);
    spin_unlock(&task_lock);
    return p ? itimer_to_user(user, &now) : -EINVAL;
}

long sys_timer_getoverrun(u32 id)
{
    struct posix_timer *p;
    long r = -EINVAL;

    spin_lock(&task_lock);
    p = find(current->task, id);
    if (p)
        r = p->overrun;
    spin_unlock(&task_lock);
    return r;
}

long sys_timer_delete(u32 id)
{
    struct posix_timer *p;

    spin_lock(&task_lock);
    p = find(current->task, id);
    if (p) {
        timer_free(p);
        cpu_limits_changed(current->task);
    }
    spin_unlock(&task_lock);
    return p ? 0 : -EINVAL;
}
