/*
 * Waiting for children, wait4(2) and waitid(2). A zombie is taken out of the
 * tree under task_lock, so only one waiter ever gets it; what there is to tell
 * is copied out after that. Stops and continues are reported once each.
 */
#include <arch/uaccess.h>
#include <kernel/cputime.h>
#include <kernel/sys_proc.h>
#include <kernel/task.h>

#define WNOHANG     0x00000001
#define WUNTRACED   0x00000002
#define WEXITED     0x00000004
#define WCONTINUED  0x00000008
#define WNOWAIT     0x01000000
#define __WNOTHREAD 0x20000000
#define __WALL      0x40000000
#define __WCLONE    0x80000000u
#define WAIT_CLONES (__WNOTHREAD | __WALL | __WCLONE)

#define P_ALL   0
#define P_PID   1
#define P_PGID  2
#define P_PIDFD 3

/* Whom to wait for, and what became of it. */
struct wait_request {
    int which; /* P_* */
    u32 id;
    u32 options;
    bool want_rusage;
    u32 pid;    /* of the child found */
    int code;   /* CLD_* */
    int status; /* the exit status or the signal */
    struct rusage_k rusage;
};

/* Another thread of ours made it, and has not ended. */
static bool is_others(const struct task *child)
{
    const struct thread *t = thread_find(child->maker);

    return t && t != current && t->task == current->task;
}

/* __WCLONE: children that do not send SIGCHLD; __WALL: both kinds. */
static bool eligible(const struct task *child, const struct wait_request *w)
{
    bool is_clone = child->exit_signal != SIGCHLD;

    if (w->which == P_PID && child->pid != w->id)
        return false;
    if (w->which == P_PGID && child->pgid != w->id)
        return false;
    if ((w->options & __WNOTHREAD) && is_others(child))
        return false;
    return (w->options & __WALL) || is_clone == !!(w->options & __WCLONE);
}

/* The child's counts become its parent's, as getrusage(2) has it. */
static void reap(struct task *parent, struct task *child)
{
    struct rusage_sums used = task_usage(child);

    usage_add(&parent->child, &used);
    usage_add(&parent->child, &child->child);
    task_unlink(child);
}

/* Fills in what w wants to know about a child. */
static void report(struct wait_request *w, struct task *child, int code,
                   int status)
{
    struct rusage_sums used;

    w->pid = child->pid;
    w->code = code;
    w->status = status;
    if (!w->want_rusage)
        return;
    used = task_usage(child);
    usage_add(&used, &child->child);
    rusage_fill(&w->rusage, &used);
}

static void report_end(struct wait_request *w, struct task *zombie)
{
    int status = zombie->exit_status;

    if (status & 0x7f)
        report(w, zombie, CLD_KILLED, status & 0x7f);
    else
        report(w, zombie, CLD_EXITED, status >> 8 & 0xff);
}

/* Whether there is a stop or a continue that w wants to hear of. */
static bool report_stop(struct wait_request *w, struct task *child)
{
    int code = child->stop_report;

    if (likely(!code) ||
        !(w->options & (code == CLD_STOPPED ? WUNTRACED : WCONTINUED)))
        return false;
    report(w, child, code, child->stop_status);
    if (!(w->options & WNOWAIT))
        child->stop_report = 0;
    return true;
}

/* One look at the children: 1 found, 0 nothing to tell, or -ECHILD. */
static int wait_look(struct task *parent, struct wait_request *w)
{
    struct task *child, *gone = NULL;
    int r = -ECHILD;

    spin_lock(&task_lock);
    list_for_each_entry (child, &parent->children, sibling) {
        if (!eligible(child, w))
            continue;
        r = 0;
        if (child->zombie && (w->options & WEXITED)) {
            report_end(w, child);
            if (!(w->options & WNOWAIT))
                gone = child;
        } else if (child->zombie || !report_stop(w, child)) {
            continue;
        }
        r = 1;
        break;
    }
    if (gone)
        reap(parent, gone);
    spin_unlock(&task_lock);
    if (gone)
        task_put(gone);
    return r;
}

/* Sleeps until there is something to tell: as wait_look(), or -ERESTARTSYS. */
static int wait_sleep(struct task *parent, struct wait_request *w)
{
    struct thread *t = current;
    struct waiter waiter;
    int r, broken = 0;

    t->waiting_for = "child";
    wait_add(&parent->child_exit, &waiter);
    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        r = wait_look(parent, w);
        if (r || broken)
            break;
        broken = thread_block();
    }
    thread_cancel_block();
    wait_remove(&parent->child_exit, &waiter);
    t->waiting_for = NULL;
    return r ? r : -ERESTARTSYS;
}

static int do_wait(struct wait_request *w)
{
    struct task *parent = current->task;
    int r = wait_look(parent, w);

    if (r || (w->options & WNOHANG))
        return r;
    return wait_sleep(parent, w);
}

/* wait4()'s pid: a child, any of a group, any. */
static void wait_select(struct wait_request *w, int pid)
{
    w->which = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    w->id = pid ? (u32)(pid > 0 ? pid : -pid) : current->task->pgid;
}

/* As wait4() puts it. */
static u32 wait_status(const struct wait_request *w)
{
    u32 status = (u32)w->status;

    switch (w->code) {
    case CLD_EXITED:
        return status << 8;
    case CLD_STOPPED:
        return status << 8 | 0x7f;
    case CLD_CONTINUED:
        return 0xffff;
    default:
        return status;
    }
}

long sys_wait4(int pid, int __user *status, int options,
               struct rusage_k __user *rusage)
{
    struct wait_request w = {.want_rusage = rusage != NULL};
    int r;

    if ((u32)options & ~(WNOHANG | WUNTRACED | WCONTINUED | WAIT_CLONES))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    w.options = (u32)options | WEXITED;
    wait_select(&w, pid);
    r = do_wait(&w);
    if (r <= 0)
        return r;
    if (status && put_user_32(wait_status(&w), (u32 __user *)status))
        return -EFAULT;
    if (rusage && copy_to_user(rusage, &w.rusage, sizeof(w.rusage)))
        return -EFAULT;
    return w.pid;
}

/* siginfo as waitid(2) gives it: all 0 when nobody was found. */
static struct siginfo wait_info(const struct wait_request *w, bool found)
{
    struct siginfo info = {0};

    if (found) {
        info.si_signo = SIGCHLD;
        info.si_code = w->code;
        info.si_pid = (s32)w->pid;
        info.si_status = w->status;
    }
    return info;
}

long sys_waitid(int which, int id, struct siginfo __user *info, int options,
                struct rusage_k __user *rusage)
{
    const u32 events = WEXITED | WUNTRACED | WCONTINUED;
    struct wait_request w = {.which = which, .id = id, .options = options};
    struct siginfo told;
    int r;

    if (w.options & ~(WNOHANG | WNOWAIT | events | WAIT_CLONES) ||
        !(w.options & events))
        return -EINVAL;
    if (which == P_PIDFD) {
        r = id < 0 ? -EINVAL : pidfd_pid(id);
        if (r < 0)
            return r;
        which = w.which = P_PID;
        w.id = (u32)(id = r);
    }
    if (which < P_ALL || which > P_PGID || (which == P_PID && id <= 0) ||
        (which == P_PGID && id < 0))
        return -EINVAL;
    if (which == P_PGID && !id)
        w.id = current->task->pgid;
    w.want_rusage = rusage != NULL;
    r = do_wait(&w);
    if (r < 0)
        return r;
    told = wait_info(&w, r == 1);
    if (r && rusage && copy_to_user(rusage, &w.rusage, sizeof(w.rusage)))
        return -EFAULT;
    /* Only the first words are the caller's, the rest stays as it was. */
    return info ? copy_to_user(info, &told,
                               offsetof(struct siginfo, si_fill_) +
                                   3 * sizeof(s32))
                : 0;
}
