/*
 * One more thread, or one more task: clone(2) performed, sys_clone.c decodes.
 * The new one is made whole
 * before anybody can see it; until then a failure takes it apart again. Relies
 * on mm_fork() for the copy of an address space and on the machine's room for
 * that of the registers.
 */
#include <arch/uaccess.h>
#include <base/errno.h>
#include <base/string.h>
#include <kernel/file.h>
#include <kernel/clone.h>
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
               !mm_pin_page(t->mm, addr, true, &page)) {
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

static long clone_thread(const struct clone_request *c)
{
    struct thread *t = thread_create(current->task);
    u32 tid;
    int r;

    if (!t)
        return -EAGAIN;
    r = thread_inherit(t, c);
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

/* Address space and descriptors, shared or copied: 0 or -ENOMEM. What there is
 * afterwards belongs to the task. */
static int task_copy(struct task *task, u64 flags)
{
    struct task *me = current->task;

    /* Descriptors first: those that a userfaultfd's reader gets while the
     * copy of the address space waits for it are not the child's. */
    if (flags & CLONE_FILES) {
        task->files = me->files;
        files_get(task->files);
    } else {
        task->files = files_dup(me->files);
    }
    if (!task->files)
        return -ENOMEM;
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
    if (task->files)
        files_put(task->files);
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
    struct thread *t;

    *error = task_copy(task, c->flags);
    if (*error)
        return NULL;
    *error = -EAGAIN;
    t = thread_create(task);
    if (!t)
        return NULL;
    *error = thread_inherit(t, c);
    if (!*error) {
        write_tids(t, c);
        *error = task_publish(task, t, c->flags & CLONE_PARENT);
    }
    if (*error) {
        thread_free(t);
        return NULL;
    }
    return t;
}

/* With CLONE_PARENT the new task ends as its maker does. */
static void task_signals(struct task *task, const struct clone_request *c)
{
    task->exit_signal =
        c->flags & CLONE_PARENT ? current->task->exit_signal : c->exit_signal;
    if (!(c->flags & CLONE_CLEAR_SIGHAND))
        return;
    for (unsigned i = 0; i < SIG_COUNT; i++) {
        u64 handler = task->actions[i].sa_handler;

        task->actions[i] = (struct sigaction_k){
            .sa_handler = handler == SIG_IGN ? SIG_IGN : SIG_DFL,
        };
    }
}

static long clone_task(const struct clone_request *c)
{
    struct task *task = task_create(current->task);
    struct thread *t;
    u32 pid;
    int r;

    if (!task)
        return -EAGAIN;
    task_signals(task, c);
    if (c->flags & CLONE_VFORK)
        task->vfork_waiter = current;
    t = first_thread(task, c, &r);
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
