/* Calls of no family: what is missing, the machine's figures. */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/sys_misc.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/time.h>

/* struct sysinfo of the ABI. */
struct sysinfo_k {
    s64 uptime;
    u64 loads[3];
    u64 totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    u16 procs, pad;
    u64 totalhigh, freehigh;
    u32 mem_unit;
};

_Static_assert(sizeof(((struct task *)0)->missing_told) * 8 == SYSCALL_COUNT,
               "a bit for each call");

/* Says so on the console, once per task and number. */
long sys_ni_syscall(void)
{
    struct thread *t = current;
    u64 number = regs_syscall(thread_regs(t)), bit = 1ul << (number % 64);
    u64 *told = &t->task->missing_told[number / 64];
    const char *name;

    if (READ_ONCE(*told) & bit ||
        __atomic_fetch_or(told, bit, __ATOMIC_RELAXED) & bit)
        return -ENOSYS;
    name = syscall_name(number);
    printk("task %s[%u/%u]: system call %llu (%s) is not implemented\n",
           t->name, t->task->pid, t->tid, (unsigned long long)number,
           name ? name : "no such call");
    return -ENOSYS;
}

long sys_sysinfo(void __user *user)
{
    struct sysinfo_k info;
    struct thread *t;

    memset(&info, 0, sizeof(info));
    info.uptime = (s64)(time_ns() / NSEC_PER_SEC);
    info.totalram = frames_total();
    info.freeram = frames_free();
    info.mem_unit = PAGE_SIZE;
    spin_lock(&task_lock);
    list_for_each_entry (t, &all_threads, all_link)
        info.procs++;
    spin_unlock(&task_lock);
    return copy_to_user(user, &info, sizeof(info));
}

long sys_getcwd(char __user *buf, size_t size)
{
    (void)buf;
    (void)size;
    return -ENOENT;
}
