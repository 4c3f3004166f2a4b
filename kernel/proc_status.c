/*
 * A task at a glance: /proc/PID/status, statm, stat and comm, see
 * proc_pid_status(5), proc_pid_statm(5), proc_pid_stat(5). Of a task whose
 * memory is gone the memory rows are left out, or zero.
 */
#include <base/string.h>
#include <kernel/cputime.h>
#include <kernel/procfs.h>

#define KB(pages) ((u64)(pages) << (PAGE_SHIFT - 10))

/* The task as it is at one moment. */
struct task_look {
    char name[16], state;
    const char *state_name;
    u32 pid, ppid, pgid, sid, threads, exit_signal;
    struct rusage_sums used, child;
};

/* Pages, and bytes of its fixed points. */
struct mm_look {
    u64 total, peak, locked, resident, peak_resident;
    u64 anon, file, shmem, data, stack, text, lib, tables;
    u64 start_code, end_code, start_stack;
};

static void look_state(struct task_look *l, const struct task *task)
{
    const struct thread *t =
        list_empty(&task->threads)
            ? NULL
            : list_first_entry(&task->threads, struct thread, task_link);

    l->state = 'S';
    l->state_name = "sleeping";
    if (task->zombie || !t) {
        l->state = 'Z';
        l->state_name = "zombie";
    } else if (t->stopped) {
        l->state = 'T';
        l->state_name = "stopped";
    } else if (READ_ONCE(t->state) != THREAD_BLOCKED) {
        l->state = 'R';
        l->state_name = "running";
    }
}

/* Returns 0, or -ESRCH when it has been waited for. */
static int look_task(struct task *task, struct task_look *l)
{
    int r = -ESRCH;

    spin_lock(&task_lock);
    if (!list_empty(&task->all_link)) {
        look_state(l, task);
        memcpy(l->name, task->name, sizeof(l->name));
        l->pid = task->pid;
        l->ppid = task->ppid;
        l->pgid = task->pgid;
        l->sid = task->sid;
        l->threads = max(task->thread_count, 1u);
        l->exit_signal = task->exit_signal;
        l->used = task_usage(task);
        l->child = task->child;
        r = 0;
    }
    spin_unlock(&task_lock);
    return r;
}

/* Pages that the bytes from start to end lie in. */
static u64 pages_of(u64 start, u64 end)
{
    return (ALIGN_UP(end, PAGE_SIZE) - ALIGN_DOWN(start, PAGE_SIZE)) >>
           PAGE_SHIFT;
}

/* False: it has no memory any more. */
static bool look_mm(const struct proc_file *p, struct mm_look *l)
{
    struct mm_struct *mm = proc_task_mm(p);

    memset(l, 0, sizeof(*l));
    if (!mm)
        return false;
    mmap_read_lock(mm);
    l->total = mm->total_vm;
    l->peak = mm_hiwater_vm(mm);
    l->locked = mm->locked_vm;
    l->data = mm->data_vm;
    l->stack = mm->stack_vm;
    l->anon = (u64)max(READ_ONCE(mm->rss[RSS_ANON]), 0l);
    l->file = (u64)max(READ_ONCE(mm->rss[RSS_FILE]), 0l);
    l->shmem = (u64)max(READ_ONCE(mm->rss[RSS_SHMEM]), 0l);
    l->resident = l->anon + l->file + l->shmem;
    l->peak_resident = max(READ_ONCE(mm->hiwater_rss), l->resident);
    l->text = pages_of(mm->start_code, mm->end_code);
    l->lib = mm->exec_vm - min(mm->exec_vm, l->text);
    l->tables = READ_ONCE(mm->table_pages);
    l->start_code = mm->start_code;
    l->end_code = mm->end_code;
    l->start_stack = mm->start_stack;
    mmap_read_unlock(mm);
    mm_put(mm);
    return true;
}

/* One memory row. */
static void row(struct seq *s, const char *name, u64 pages)
{
    seq_printf(s, "%s:\t%8lu kB\n", name, KB(pages));
}

static void status_memory(struct seq *s, const struct mm_look *l)
{
    row(s, "VmPeak", l->peak);
    row(s, "VmSize", l->total);
    row(s, "VmLck", l->locked);
    row(s, "VmPin", 0);
    row(s, "VmHWM", l->peak_resident);
    row(s, "VmRSS", l->resident);
    row(s, "RssAnon", l->anon);
    row(s, "RssFile", l->file);
    row(s, "RssShmem", l->shmem);
    row(s, "VmData", l->data);
    row(s, "VmStk", l->stack);
    row(s, "VmExe", l->text);
    row(s, "VmLib", l->lib);
    row(s, "VmPTE", l->tables);
    row(s, "VmSwap", 0);
}

int status_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    struct task_look l;
    struct mm_look m;

    if ((*cursor)++)
        return 0;
    if (look_task(p->task, &l))
        return -ESRCH;
    seq_printf(s, "Name:\t%s\nState:\t%c (%s)\nTgid:\t%u\nPid:\t%u\n", l.name,
               l.state, l.state_name, l.pid, l.pid);
    seq_printf(s, "PPid:\t%u\nTracerPid:\t0\nUid:\t0\t0\t0\t0\n", l.ppid);
    seq_printf(s, "Gid:\t0\t0\t0\t0\nKthread:\t0\n");
    if (look_mm(p, &m))
        status_memory(s, &m);
    seq_printf(s, "Threads:\t%u\n", l.threads);
    return 0;
}

int statm_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    struct mm_look m;

    if ((*cursor)++)
        return 0;
    if (proc_task_gone(p))
        return -ESRCH;
    (void)look_mm(p, &m);
    seq_printf(s, "%lu %lu %lu %lu 0 %lu 0\n", m.total, m.resident,
               m.file + m.shmem, m.text, m.data + m.stack);
    return 0;
}

#define TICKS(ns) ((ns) / 10000000) /* of sysconf(_SC_CLK_TCK), 100 Hz */

/* 52 fields; what does not exist here is 0. */
int stat_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    struct task_look l;
    struct mm_look m;

    if ((*cursor)++)
        return 0;
    if (look_task(p->task, &l))
        return -ESRCH;
    (void)look_mm(p, &m);
    seq_printf(s, "%u (%s) %c %u %u %u 0 -1 0 %lu %lu %lu %lu ", l.pid, l.name,
               l.state, l.ppid, l.pgid, l.sid, l.used.min_flt, l.child.min_flt,
               l.used.maj_flt, l.child.maj_flt);
    seq_printf(s, "%lu %lu %lu %lu ", TICKS(l.used.time.user),
               TICKS(l.used.time.system), TICKS(l.child.time.user),
               TICKS(l.child.time.system));
    seq_printf(s, "20 0 %u 0 0 %lu %lu %lu %lu %lu %lu 0 0 0 0 0 0 0 0 0 ",
               l.threads, m.total << PAGE_SHIFT, m.resident, ~0ul, m.start_code,
               m.end_code, m.start_stack);
    seq_printf(s, "%u 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", l.exit_signal);
    return 0;
}

int comm_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    struct task_look l;

    if ((*cursor)++)
        return 0;
    if (look_task(p->task, &l))
        return -ESRCH;
    seq_printf(s, "%s\n", l.name);
    return 0;
}
