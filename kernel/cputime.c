/*
 * How much CPU time threads and tasks had. The sum is exact, measured at each
 * switch; how it divides into the user's and the system's is told by where the
 * ticks found them (timer.c), which is exact in the long run and costs the ways
 * into the kernel nothing. Linux does the same.
 */
#include <base/string.h>
#include <kernel/cputime.h>

/* In proportion to the ticks, but never less of either than was told before. */
static struct cputime divide(u64 run, u64 user, u64 system,
                             struct cputime *told)
{
    u64 ticks = user + system;
    u64 part = ticks ? run / ticks * system + run % ticks * system / ticks : 0;

    part = max(part, told->system);
    if (run - part < told->user)
        part = run - told->user;
    *told = (struct cputime){run - part, part};
    return *told;
}

struct cputime thread_cputime(struct thread *t)
{
    return divide(thread_run_ns(t), t->user_ticks, t->system_ticks, &t->told);
}

u64 task_run_ns(const struct task *task)
{
    const struct thread *t;
    u64 ns = task->run_ns;

    list_for_each_entry (t, &task->threads, task_link)
        ns += thread_run_ns(t);
    return ns;
}

struct cputime task_cputime(struct task *task)
{
    u64 user = task->user_ticks, system = task->system_ticks;
    const struct thread *t;

    list_for_each_entry (t, &task->threads, task_link) {
        user += t->user_ticks;
        system += t->system_ticks;
    }
    return divide(task_run_ns(task), user, system, &task->told);
}

void cputime_leave(struct thread *t)
{
    struct task *task = t->task;

    task->run_ns += thread_run_ns(t);
    task->user_ticks += t->user_ticks;
    task->system_ticks += t->system_ticks;
    task->switches += t->switches;
    task->preempted += t->preempted;
    task->min_flt += t->min_flt;
    task->maj_flt += t->maj_flt;
}

void usage_leave_mm(struct task *task, const struct mm_struct *mm)
{
    task->maxrss = max(task->maxrss, mm_hiwater_rss(mm));
}

/* The most pages at a time, now or earlier. */
static u64 task_maxrss(const struct task *task)
{
    u64 now = task->mm ? mm_hiwater_rss(task->mm) : 0;

    return max(task->maxrss, now);
}

struct rusage_sums thread_usage(struct thread *t)
{
    return (struct rusage_sums){
        .time = thread_cputime(t),
        .min_flt = t->min_flt,
        .maj_flt = t->maj_flt,
        .switches = t->switches,
        .preempted = t->preempted,
        .maxrss = task_maxrss(t->task),
    };
}

struct rusage_sums task_usage(struct task *task)
{
    struct rusage_sums sums = {
        .time = task_cputime(task),
        .min_flt = task->min_flt,
        .maj_flt = task->maj_flt,
        .switches = task->switches,
        .preempted = task->preempted,
        .maxrss = task_maxrss(task),
    };
    const struct thread *t;

    list_for_each_entry (t, &task->threads, task_link) {
        sums.switches += t->switches;
        sums.preempted += t->preempted;
        sums.min_flt += READ_ONCE(t->min_flt);
        sums.maj_flt += READ_ONCE(t->maj_flt);
    }
    return sums;
}

void usage_add(struct rusage_sums *to, const struct rusage_sums *more)
{
    to->time.user += more->time.user;
    to->time.system += more->time.system;
    to->min_flt += more->min_flt;
    to->maj_flt += more->maj_flt;
    to->switches += more->switches;
    to->preempted += more->preempted;
    to->maxrss = max(to->maxrss, more->maxrss);
}

void rusage_fill(struct rusage_k *ru, const struct rusage_sums *sums)
{
    memset(ru, 0, sizeof(*ru));
    ru->ru_utime = ns_to_timeval(sums->time.user);
    ru->ru_stime = ns_to_timeval(sums->time.system);
    ru->ru_maxrss = (s64)(sums->maxrss << (PAGE_SHIFT - 10));
    ru->ru_minflt = (s64)sums->min_flt;
    ru->ru_majflt = (s64)sums->maj_flt;
    ru->ru_nvcsw = (s64)(sums->switches - sums->preempted);
    ru->ru_nivcsw = (s64)sums->preempted;
}

void thread_count_fault(bool major)
{
    struct thread *t = current;

    if (major)
        t->maj_flt++;
    else
        t->min_flt++;
}
