/*
 * clone(2), clone3(2), fork(2), vfork(2), the decoding half: which flags go
 * together, and clone3's structure, which grows with the kernel. The work is
 * in fork.c.
 */
#include <arch/uaccess.h>
#include <kernel/clone.h>
#include <kernel/copy_struct.h>
#include <kernel/thread.h>

#define SET_TIDS_MAX 32u /* depth of pid name spaces there can be */

/* struct clone_args of the ABI; sizes of its three editions. */
struct clone_args_k {
    u64 flags, pidfd, child_tid, parent_tid, exit_signal;
    u64 stack, stack_size, tls;
    u64 set_tid, set_tid_size;
    u64 cgroup;
};
#define ARGS_SIZE_FIRST 64u
#define ARGS_SIZE_LAST  ((u32)sizeof(struct clone_args_k))

/* The combinations clone(2) names, and those that need a part we lack: other
 * name spaces. */
static int clone_check(const struct clone_request *c)
{
    u64 flags = c->flags;

    if (flags & CLONE_NEWANY)
        return -EINVAL;
    /* A pidfd names a task, not a thread of it. */
    if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
        return -EINVAL;
    if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID) &&
        c->pidfd == c->ptid)
        return -EINVAL;
    if ((flags & CLONE_NEWNS) && (flags & CLONE_FS))
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
        return -EINVAL;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((flags & CLONE_PARENT) && current->task->pid == 1)
        return -EINVAL;
    if ((flags & CLONE_SETTLS) && c->tls >= TASK_SIZE)
        return -EPERM;
    return 0;
}

static long checked_clone(const struct clone_request *c)
{
    int r = clone_check(c);

    return r ? r : do_clone(c);
}

long sys_clone(u64 flags, u64 stack, u32 __user *ptid, u32 __user *ctid,
               u64 tls)
{
    struct clone_request c = {
        .flags = (u32)flags & ~CSIGNAL,
        .exit_signal = (u32)flags & CSIGNAL,
        .stack = stack,
        .tls = tls,
        .ptid = ptid,
        .pidfd = ptid,
        .ctid = ctid,
    };

    return checked_clone(&c);
}

long sys_fork(void)
{
    struct clone_request c = {.exit_signal = SIGCHLD};

    return do_clone(&c);
}

long sys_vfork(void)
{
    struct clone_request c = {
        .flags = CLONE_VFORK | CLONE_VM,
        .exit_signal = SIGCHLD,
    };

    return do_clone(&c);
}

/* ---- clone3 ---- */

static int fetch_args(struct clone_args_k *args, const void __user *user,
                      size_t size)
{
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < ARGS_SIZE_FIRST)
        return -EINVAL;
    return copy_struct_from_user(args, sizeof(*args), user, size);
}

/* What is wrong by itself, before flags are looked at together. */
static int check_fields(const struct clone_args_k *a, size_t size)
{
    if (a->set_tid_size > SET_TIDS_MAX || !a->set_tid != !a->set_tid_size)
        return -EINVAL;
    if (a->exit_signal > SIG_COUNT)
        return -EINVAL;
    if ((a->flags & CLONE_INTO_CGROUP) &&
        (a->cgroup > 0x7fffffff || size < ARGS_SIZE_LAST))
        return -EINVAL;
    return 0;
}

static int check_flags(const struct clone_args_k *a)
{
    u64 flags = a->flags;

    if (flags & ~(0xffffffffull | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP))
        return -EINVAL;
    if (flags & (CLONE_DETACHED | CSIGNAL)) /* CLONE_NEWTIME among them */
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND))
        return -EINVAL;
    if ((flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
        return -EINVAL;
    if (!a->stack != !a->stack_size)
        return -EINVAL;
    if (a->stack && !access_ok((void __user *)a->stack, a->stack_size))
        return -EINVAL;
    return 0;
}

/* The number to get, 0: any. There is one pid name space, so one number. */
static int fetch_set_tid(const struct clone_args_k *a, u32 *tid)
{
    s32 tids[SET_TIDS_MAX];

    *tid = 0;
    if (!a->set_tid_size)
        return 0;
    if (copy_from_user(tids, (void __user *)a->set_tid,
                       a->set_tid_size * sizeof(tids[0])))
        return -EFAULT;
    *tid = (u32)tids[0];
    return 0;
}

long sys_clone3(const void __user *user, size_t size)
{
    struct clone_request c = {0};
    struct clone_args_k a;
    int r = fetch_args(&a, user, size);

    if (!r)
        r = check_fields(&a, size);
    if (!r)
        r = fetch_set_tid(&a, &c.set_tid);
    if (!r)
        r = check_flags(&a);
    if (r)
        return r;
    c.flags = a.flags;
    c.exit_signal = (u32)a.exit_signal;
    c.stack = a.stack + a.stack_size;
    c.tls = a.tls;
    c.ptid = (u32 __user *)a.parent_tid;
    c.pidfd = (u32 __user *)a.pidfd;
    c.ctid = (u32 __user *)a.child_tid;
    r = clone_check(&c);
    if (r)
        return r;
    if (a.flags & CLONE_INTO_CGROUP)
        return -EBADF; /* no descriptor is a control group's */
    if (a.set_tid_size > 1 || (a.set_tid_size && c.set_tid - 1 >= TID_MAX - 1))
        return -EINVAL;
    return do_clone(&c);
}
