/*
 * What a program may ask about the kernel or set about itself: uname(2),
 * prctl(2), arch_prctl(2).
 */
#include <arch/setup.h>
#include <arch/thread.h>
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/sys_proc.h>
#include <kernel/proc_faults.h>
#include <kernel/thread.h>
#include <uapi/faultline/prctl.h>

#define PR_SET_PDEATHSIG       1
#define PR_GET_PDEATHSIG       2
#define PR_GET_DUMPABLE        3
#define PR_SET_DUMPABLE        4
#define PR_SET_NAME            15
#define PR_GET_NAME            16
#define PR_GET_TSC             25
#define PR_SET_TSC             26
#define PR_SET_TIMERSLACK      29
#define PR_GET_TIMERSLACK      30
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS    38
#define PR_GET_NO_NEW_PRIVS    39
#define PR_GET_TID_ADDRESS     40
#define PR_SET_MDWE            65
#define PR_GET_MDWE            66

#define TIMER_SLACK_NS 50000 /* Linux's; timers here have none */

/* The release begins with the Linux whose system calls these are: C libraries
 * look there for what they may use. */
static const struct utsname_k utsname = {
    .sysname = "Faultline",
    .nodename = "faultline",
    .release = "6.12.0-faultline",
    .version = "#1",
    .machine = "x86_64",
    .domainname = "(none)",
};

long sys_uname(struct utsname_k __user *name)
{
    return copy_to_user(name, &utsname, sizeof(utsname));
}

long sys_arch_prctl(int code, u64 addr)
{
    return arch_prctl(code, addr);
}

static long set_name(const char __user *from)
{
    struct thread *t = current;
    char name[sizeof(t->name)];
    ssize_t n = strncpy_from_user(name, from, sizeof(name));

    if (n == -EFAULT)
        return n;
    name[sizeof(name) - 1] = 0; /* too long: the beginning counts */
    str_copy(t->name, name, sizeof(t->name));
    if (t->tid == t->task->pid)
        str_copy(t->task->name, name, sizeof(t->task->name));
    return 0;
}

/* One inside ours. A sibling may still count in ours, which the new one holds,
 * but only one at a time may take its place. */
static long create_group(struct mm_struct *mm, u64 limit)
{
    struct mm_group *old, *group;

    mmap_write_lock(mm);
    old = mm->group;
    group = mm_group_create(old, limit);
    if (group) {
        WRITE_ONCE(mm->group, group);
        mm_group_put(old);
    }
    mmap_write_unlock(mm);
    return group ? 0 : -ENOMEM;
}

/* PR_MEMORY_GROUP: see docs/limits.md. */
static long memory_group(u64 what, u64 limit)
{
    const struct mm_group *group = READ_ONCE(current->mm->group);

    switch (what) {
    case PR_GROUP_CREATE:
        return limit ? create_group(current->mm, limit) : -EINVAL;
    case PR_GROUP_USED:
        return group ? (long)READ_ONCE(group->used) : -ESRCH;
    case PR_GROUP_LIMIT:
        return group ? (long)group->limit : -ESRCH;
    default:
        return -EINVAL;
    }
}

/* Once set it stays as it is. */
static long set_mdwe(struct mm_struct *mm, u64 bits)
{
    if (bits & ~(u64)(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT) ||
        bits == PR_MDWE_NO_INHERIT)
        return -EINVAL;
    if (mm->mdwe && mm->mdwe != bits)
        return -EPERM;
    mm->mdwe = (u8)bits;
    return 0;
}

long sys_prctl(int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5)
{
    struct task *task = current->task;

    switch (option) {
    case PR_OOPS:
        return arch_selftest_call(arg2, arg3);
    case PR_MEMORY_GROUP:
        return memory_group(arg2, arg3);
    case PR_FAULTS:
        return own_faults(arg2, (struct fault_entry __user *)arg3, arg4);
    case PR_SET_PDEATHSIG:
        if (arg2 > SIG_COUNT)
            return -EINVAL;
        current->task->pdeath_sig = (int)arg2;
        return 0;
    case PR_GET_PDEATHSIG:
        return put_user_32((u32)current->task->pdeath_sig, (u32 __user *)arg2);
    case PR_SET_NAME:
        return set_name((const char __user *)arg2);
    case PR_GET_NAME:
        return copy_to_user((void __user *)arg2, current->name,
                            sizeof(current->name));
    case PR_GET_DUMPABLE:
        return !task->not_dumpable;
    case PR_SET_DUMPABLE:
        if (arg2 > 1)
            return -EINVAL;
        task->not_dumpable = !arg2;
        return 0;
    case PR_GET_TSC:
        return put_user_32(1, (u32 __user *)arg2); /* may be read */
    case PR_SET_TSC:
        return arg2 == 1 ? 0 : -EINVAL;
    case PR_SET_TIMERSLACK:
        return 0;
    case PR_GET_TIMERSLACK:
        return TIMER_SLACK_NS;
    case PR_SET_CHILD_SUBREAPER:
        task->subreaper = arg2 != 0;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return put_user_32(task->subreaper, (u32 __user *)arg2);
    case PR_SET_NO_NEW_PRIVS:
        if (arg2 != 1 || arg3 || arg4 || arg5)
            return -EINVAL;
        task->no_new_privs = true;
        return 0;
    case PR_GET_NO_NEW_PRIVS:
        return arg2 || arg3 || arg4 || arg5 ? -EINVAL : task->no_new_privs;
    case PR_SET_MDWE:
        return arg3 || arg4 || arg5 ? -EINVAL : set_mdwe(current->mm, arg2);
    case PR_GET_MDWE:
        return arg2 || arg3 || arg4 || arg5 ? -EINVAL : current->mm->mdwe;
    case PR_GET_TID_ADDRESS:
        return put_user_64((u64)current->clear_child_tid, (u64 __user *)arg2);
    default:
        return -EINVAL;
    }
}
