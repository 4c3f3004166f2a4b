/*
 * The end of memory. A fault must have its page, so somebody else has to give
 * up his: what the kernel keeps in hand goes first, then what tasks can do
 * without (MADV_FREE, MAP_DROPPABLE), and what their pagers may take out of
 * objects; else the task with most pages, oom_score_adj considered, is killed,
 * and the fault waits without a lock until that memory is free. Linux's rules,
 * see proc_pid_oom_score(5).
 *
 * Nobody waits for ever: a victim that does not end in time is given up and
 * the next one chosen, and when there is no other the faulting task is told
 * so and dies of its fault.
 */
#include <arch/machine.h>
#include <base/printk.h>
#include <kernel/oom.h>
#include <kernel/procfs.h>
#include <kernel/signal_queue.h>
#include <mm/object_pager.h>

#define PATIENCE_NS   2000000000ull /* with one victim */
#define RECLAIM_TRIES 8
#define POLL_NS       1000000ull
#define POINTS_NONE   INT64_MIN
#define KB(pages)     ((u64)(pages) << (PAGE_SHIFT - 10))

/* What killing the task would give: its pages, page tables included, and a
 * thousandth of memory for each step of its adjustment. task_lock held. */
static s64 oom_points(const struct task *task)
{
    const struct mm_struct *mm = task->mm;

    if (task->pid == 1 || !mm || task->oom_score_adj == OOM_ADJ_NEVER ||
        task->vfork_waiter)
        return POINTS_NONE;
    return (s64)(mm_rss(mm) + READ_ONCE(mm->table_pages)) +
           (s64)task->oom_score_adj * (s64)(frames_total() / 1000);
}

/* Ends already, and what it had may still be on the way back; not for longer
 * than our patience. */
static bool about_to_go(struct task *task, u64 now)
{
    if (!task->exiting || task->zombie)
        return false;
    if (!task->oom_deadline)
        task->oom_deadline = now + PATIENCE_NS;
    return now < task->oom_deadline;
}

/* The one to be killed, or NULL with *wait when one is dying as it is. A group
 * has to find it among its own. task_lock held. */
static struct task *choose(const struct mm_group *group, bool *wait)
{
    struct task *task, *chosen = NULL;
    s64 points, most = POINTS_NONE;
    u64 now = time_ns();

    list_for_each_entry (task, &all_tasks, all_link) {
        if (group && task->mm && !mm_group_within(task->mm->group, group))
            continue;
        *wait = about_to_go(task, now);
        if (*wait)
            return NULL;
        points = task->exiting ? POINTS_NONE : oom_points(task);
        if (points != POINTS_NONE && points >= most) {
            most = points;
            chosen = task;
        }
    }
    return chosen;
}

/* The task and all that share its memory, for else none of it would be free.
 * task_lock held. */
static void kill(struct task *victim, const char *what)
{
    const struct mm_struct *mm = victim->mm;
    struct task *task;

    printk("%s: Killed process %u (%s) total-vm:%lukB, anon-rss:%lukB, "
           "file-rss:%lukB, shmem-rss:%lukB, pgtables:%lukB, "
           "oom_score_adj:%d\n",
           what, victim->pid, victim->name, KB(mm->total_vm),
           KB(mm->rss[RSS_ANON]), KB(mm->rss[RSS_FILE]), KB(mm->rss[RSS_SHMEM]),
           KB(mm->table_pages), victim->oom_score_adj);
    list_for_each_entry (task, &all_tasks, all_link)
        if (task->mm == mm && task->pid != 1)
            signal_end_task(task, SIGKILL, NULL);
}

/* The next address space after *pid's with pages to drop, a user of it ours. */
static struct mm_struct *lazy_mm_get(const struct mm_group *group, u32 *pid)
{
    struct mm_struct *mm = NULL;
    struct task *task, *next = NULL;

    spin_lock(&task_lock);
    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pid > *pid && (!next || task->pid < next->pid) && task->mm &&
            task->mm->lazy &&
            (!group || mm_group_within(task->mm->group, group)))
            next = task;
    if (next && mm_try_get(next->mm))
        mm = next->mm;
    *pid = next ? next->pid : 0;
    spin_unlock(&task_lock);
    return mm;
}

/* What tasks have said they can do without; true if there was any. */
static bool drop_lazy(const struct mm_group *group)
{
    struct mm_struct *mm;
    u64 dropped = 0;
    u32 pid = 0;

    do {
        mm = lazy_mm_get(group, &pid);
        if (!mm)
            continue;
        dropped = mm_drop_lazy(mm);
        mm_put(mm);
    } while (!dropped && pid);
    return dropped;
}

static bool sleep_a_little(void)
{
    (void)thread_sleep_until(time_ns() + POLL_NS, WAIT_KILLABLE);
    return true;
}

bool out_of_memory(const struct mm_struct *mm, unsigned tries)
{
    struct mm_group *group = mm_group_full(mm);
    bool dying = false;
    struct task *victim;

    /* A frame may be there and not be enough, if several in a row are wanted.
     */
    if (!group && tries < RECLAIM_TRIES) {
        thread_cache_drain();
        if (mm_reclaim())
            return true;
    }
    if (drop_lazy(group))
        return true;
    if (tries < RECLAIM_TRIES && object_pagers_shrink(group))
        return sleep_a_little();
    spin_lock(&task_lock);
    victim = choose(group, &dying);
    if (victim)
        kill(victim, group ? "Memory group out of memory" : "Out of memory");
    spin_unlock(&task_lock);
    if (!victim && !dying)
        return false;
    return sleep_a_little();
}

int oom_adj_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    if (!(*cursor)++)
        seq_printf(s, "%d\n", p->task->oom_score_adj);
    return 0;
}

int oom_adj_store(const struct proc_file *p, s64 value)
{
    if (value < OOM_ADJ_NEVER || value > OOM_ADJ_MAX)
        return -EINVAL;
    WRITE_ONCE(p->task->oom_score_adj, (int)value);
    return 0;
}

/* As Linux scales it: a task of half the memory has 333. */
int oom_score_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    s64 points;

    if ((*cursor)++)
        return 0;
    spin_lock(&task_lock);
    points = oom_points(p->task);
    spin_unlock(&task_lock);
    if (points == POINTS_NONE)
        points = 0;
    else
        points = (1000 + points * 1000 / (s64)frames_total()) * 2 / 3;
    seq_printf(s, "%ld\n", max(points, 0l));
    return 0;
}
