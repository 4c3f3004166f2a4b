/*
 * One more thread, or one more task: clone(2) performed, sys_clone.c decodes.
 * The new one is made whole
 * before anybody can see it; until then a failure takes it apart again. Relies
 * on mm_fork() for the copy of an address space and on the machine's room for
 * that of the registers.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/file.h>
#include <kernel/clone.h>
#include <kernel/signal_queue.h>
#include <kernel/task.h>

/* What a thread has of its maker, task or no task. */
static int thread_inherit(struct thread *t, const struct clone_request *c)
{
    struct thread *me = current;
    u64 flags = c->flags;

    t->sig_mask = me->sig_mask;
    memcpy(t->name, me->name, sizeof(t->name));
    if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM)
        t->sig_stack = me->sig_stack;
    if (flags & CLONE_CHILD_CLEARTID)
        t->clear_child_tid = c->ctid;
    if (c->set_tid) {
        int r = tid_claim(t, c->set_tid);

        if (r)
            return r;
    }
    return arch_thread_init_fork(t, me, c->stack, flags & CLONE_SETTLS, c->tls);
}

/* Writes the tid where the new thread will read it: in its own space, which
 * after fork() is not ours. A bad pointer is nobody's error, see clone(2). */
static void write_child_tid(struct thread *t, u32 __user *word)
{
    u64 addr = (u64)word;
    struct page *page;

    if (t->mm == current->mm) {
        (void)!put_user_32(t->tid, word);
    } else if (access_ok(word, sizeof(*word)) && IS_ALIGNED(addr, 4) &&
               !mm_pin_page(t->mm, addr, PIN_WRITE, &page)) {
        memcpy((char *)page_address(page) + addr % PAGE_SIZE, &t->tid,
               sizeof(*word));
        put_page(page);
    }
}

static void write_tids(struct thread *t, const struct clone_request *c)
{
    if (c->flags & CLONE_PARENT_SETTID)
        (void)!put_user_32(t->tid, c->ptid);
    if (c->flags & CLONE_CHILD_SETTID)
        write_child_tid(t, c->ctid);
}

/* The descriptors, shared or copied; NULL: no memory. */
static struct files *clone_files(u64 flags)
{
    struct files *files = current->files;

    if (!(flags & CLONE_FILES))
        return files_dup(files);
    files_get(files);
    return files;
}

static long clone_thread(const struct clone_request *c)
{
    struct thread *t = thread_create(current->task);
    u32 tid;
    int r;

    if (!t)
        return -EAGAIN;
    t->files = clone_files(c->flags);
    r = t->files ? thread_inherit(t, c) : -ENOMEM;
    if (!r) {
        write_tids(t, c);
        r = task_add_thread(t);
    }
    if (r) {
        thread_free(t);
        return r;
    }
    tid = t->tid;
    thread_start(t);
    return tid;
}

/* The address space, shared or copied: 0 or -ENOMEM. */
static int task_copy(struct task *task, u64 flags)
{
    struct task *me = current->task;

    if (flags & CLONE_VM) {
        task->mm = me->mm;
        mm_get(task->mm);
    } else {
        task->mm = mm_fork(me->mm);
    }
    return task->mm ? 0 : -ENOMEM;
}

/* A task that never came to be. */
static void task_discard(struct task *task)
{
    if (task->mm)
        mm_put(task->mm);
    task_put(task);
}

/* The parent of a vfork() sleeps until the child has run execve or ended; a
 * fatal signal lets it go, and the child goes on alone. */
static void vfork_wait(struct task *child)
{
    struct thread *me = current;
    int r = 0;

    while (!r) {
        thread_prepare_block(WAIT_KILLABLE);
        if (READ_ONCE(child->vfork_waiter) != me)
            break;
        me->waiting_for = "vfork";
        r = thread_block();
    }
    thread_cancel_block();
    me->waiting_for = NULL;
    spin_lock(&task_lock);
    child->vfork_waiter = NULL;
    spin_unlock(&task_lock);
}

/* The task's first thread, ready but not started; NULL: *error says why. */
static struct thread *first_thread(struct task *task,
                                   const struct clone_request *c, int *error)
{
    /* Descriptors first: those that a userfaultfd's reader gets while the
     * copy of the address space waits for it are not the child's. */
    struct files *files = clone_files(c->flags);
    struct thread *t = NULL;
    int pidfd = -1;

    *error = files ? task_copy(task, c->flags) : -ENOMEM;
    if (!*error) {
        *error = -EAGAIN;
        t = thread_create(task);
    }
    if (!t) {
        if (files)
            files_put(files);
        return NULL;
    }
    t->files = files;
    *error = thread_inherit(t, c);
    if (!*error && (c->flags & CLONE_PIDFD)) {
        pidfd = pidfd_give(task, c->pidfd);
        *error = min(pidfd, 0);
    }
    if (!*error) {
        write_tids(t, c);
        *error = task_publish(task, t, c->flags & CLONE_PARENT);
        if (*error && pidfd >= 0)
            pidfd_take_back(pidfd);
    }
    if (*error) {
        thread_free(t);
        return NULL;
    }
    return t;
}

/* Signal actions, shared or copied; with CLONE_PARENT the new task ends as its
 * maker does. 0 or -ENOMEM. */
static int task_signals(struct task *task, const struct clone_request *c)
{
    struct task *me = current->task;

    task->exit_signal =
        c->flags & CLONE_PARENT ? me->exit_signal : c->exit_signal;
    if (c->flags & CLONE_SIGHAND) {
        task->sighand = me->sighand;
        __atomic_fetch_add(&task->sighand->refcount, 1, __ATOMIC_RELAXED);
    } else {
        task->sighand = sighand_copy(me->sighand);
        if (!task->sighand)
            return -ENOMEM;
    }
    if (c->flags & CLONE_CLEAR_SIGHAND)
        signal_actions_reset(task->sighand);
    return 0;
}

static long clone_task(const struct clone_request *c)
{
    struct task *task = task_create(current->task);
    struct thread *t;
    u32 pid;
    int r;

    if (!task)
        return -EAGAIN;
    if (c->flags & CLONE_VFORK)
        task->vfork_waiter = current;
    r = task_signals(task, c);
    t = r ? NULL : first_thread(task, c, &r);
    if (!t) {
        task_discard(task);
        return r;
    }
    pid = task->pid;
    task_get(task);
    thread_start(t);
    if (c->flags & CLONE_VFORK)
        vfork_wait(task);
    task_put(task);
    return pid;
}

long do_clone(const struct clone_request *c)
{
    return c->flags & CLONE_THREAD ? clone_thread(c) : clone_task(c);
}
