/*
 * Tasks as things: making, finding, linking into the tree, freeing. The tree
 * owns one reference on each task, from task_publish() until it is reaped;
 * each thread has another.
 */
#include <base/string.h>
#include <kernel/cputime.h>
#include <kernel/file.h>
#include <kernel/signal_queue.h>
#include <kernel/task.h>

struct list_head all_tasks = LIST_HEAD_INIT(all_tasks);
struct task *init_task;

static struct kmem_cache task_cache, sighand_cache;
static u32 task_count; /* atomic: those not yet freed */

void task_cache_init(void)
{
    kmem_cache_init(&task_cache, "task", sizeof(struct task));
    kmem_cache_init(&sighand_cache, "sighand", sizeof(struct sighand));
}

/* What a new task has when nobody hands it down. */
static void limits_default(struct rlimit_k *limits)
{
    for (unsigned i = 0; i < RLIMIT_COUNT; i++)
        limits[i] = (struct rlimit_k){RLIM_INFINITY, RLIM_INFINITY};
    limits[RLIMIT_STACK].cur = 8ull << 20;
    limits[RLIMIT_CORE].cur = 0;
    limits[RLIMIT_SIGPENDING] =
        (struct rlimit_k){SIGPENDING_DEFAULT, SIGPENDING_DEFAULT};
    limits[RLIMIT_NOFILE] = (struct rlimit_k){FILES_MAX, FILES_MAX};
}

static void inherit(struct task *task, const struct task *parent)
{
    spin_lock(&task_lock);
    task->pgid = parent->pgid;
    task->sid = parent->sid;
    task->left_tty = parent->left_tty;
    task->no_new_privs = parent->no_new_privs;
    task->not_dumpable = parent->not_dumpable;
    memcpy(task->limits, parent->limits, sizeof(task->limits));
    task->oom_score_adj = parent->oom_score_adj;
    cpu_limits_changed(task);
    memcpy(task->name, parent->name, sizeof(task->name));
    spin_unlock(&task_lock);
}

struct sighand *sighand_copy(const struct sighand *of)
{
    struct sighand *copy = kmem_cache_alloc(&sighand_cache);

    if (!copy)
        return NULL;
    if (of) {
        spin_lock(&task_lock);
        memcpy(copy->actions, of->actions, sizeof(copy->actions));
        spin_unlock(&task_lock);
    } else {
        memset(copy->actions, 0, sizeof(copy->actions));
    }
    copy->refcount = 1;
    return copy;
}

void sighand_put(struct sighand *sighand)
{
    if (__atomic_fetch_sub(&sighand->refcount, 1, __ATOMIC_ACQ_REL) == 1)
        kmem_cache_free(&sighand_cache, sighand);
}

struct task *task_create(struct task *parent)
{
    struct task *task;

    if (READ_ONCE(task_count) >= TASKS_MAX)
        return NULL;
    task = kmem_cache_alloc(&task_cache);
    if (!task)
        return NULL;
    __atomic_fetch_add(&task_count, 1, __ATOMIC_RELAXED);
    memset(task, 0, offsetof(struct task, pending.info));
    task->refcount = 1;
    task->parent = parent;
    task->exit_signal = SIGCHLD;
    list_init(&task->threads);
    list_init(&task->children);
    list_init(&task->sibling);
    list_init(&task->all_link);
    list_init(&task->posix_timers);
    task->real_timer.fire = itimer_fire;
    wait_queue_init(&task->child_exit);
    wait_queue_init(&task->end);
    if (parent)
        inherit(task, parent);
    else
        limits_default(task->limits);
    return task;
}

void task_put(struct task *task)
{
    if (__atomic_fetch_sub(&task->refcount, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    signal_pending_free(&task->pending);
    if (task->sighand)
        sighand_put(task->sighand);
    kmem_cache_free(&task_cache, task);
    __atomic_fetch_sub(&task_count, 1, __ATOMIC_RELAXED);
}

struct task *task_find(u32 pid)
{
    struct task *task;

    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pid == pid)
            return task;
    return NULL;
}

struct task *task_of_tid(u32 id)
{
    struct task *task = task_find(id);
    struct thread *t;

    if (task)
        return task;
    t = thread_find(id);
    return t && t->state != THREAD_DEAD ? t->task : NULL;
}

/* The thread joins its task's list. task_lock held. */
static void link_thread(struct task *task, struct thread *t)
{
    list_add_tail(&t->task_link, &task->threads);
    task->thread_count++;
    if (unlikely(task->stop_sig)) /* it stops with the others */
        t->work |= WORK_SIGNAL;
}

/* A child, or with `as_sibling` (CLONE_PARENT) its maker's sibling. */
static void link_tree(struct task *task, bool as_sibling)
{
    if (as_sibling)
        task->parent = task->parent->parent;
    if (task->parent) {
        task->ppid = task->parent->pid;
        list_add_tail(&task->sibling, &task->parent->children);
    }
    list_add_tail(&task->all_link, &all_tasks);
}

int task_publish(struct task *task, struct thread *first, bool as_sibling)
{
    spin_lock(&task_lock);
    /* A signal to the group comes before the child or reaches it as well. */
    if (task->parent && (READ_ONCE(current->work) & WORK_SIGNAL) &&
        signal_pending(current)) {
        spin_unlock(&task_lock);
        return -ERESTARTNOINTR;
    }
    task->pid = first->tid;
    task->maker = as_sibling ? current->task->maker : current->tid;
    if (!task->parent) {
        task->pgid = task->sid = task->pid;
        init_task = task;
    }
    link_tree(task, as_sibling);
    link_thread(task, first);
    spin_unlock(&task_lock);
    return 0;
}

int task_add_thread(struct thread *t)
{
    int r = -EAGAIN;

    spin_lock(&task_lock);
    if (!thread_doomed(current)) {
        link_thread(t->task, t);
        r = 0;
    }
    spin_unlock(&task_lock);
    return r;
}

void task_unlink(struct task *task)
{
    list_del_init(&task->sibling);
    list_del_init(&task->all_link);
}
