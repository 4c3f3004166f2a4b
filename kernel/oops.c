/*
 * When a bug of the kernel's is met on the way of a system call, the task pays
 * for it and the machine goes on, if that is safe: nothing may be left behind
 * that others wait for. What cannot be seen to be free is taken for held.
 */
#include <kernel/cpu.h>
#include <kernel/oops.h>
#include <kernel/task.h>

/* In the middle of a page fault: the area is locked. */
static bool in_fault(const struct thread *t)
{
    const struct fault_record *rec = t->fault;

    return rec && rec->tid == t->tid && rec->end == END_OPEN;
}

bool oops_is_safe(bool irqs_on)
{
    struct thread *t = current;

    if (!irqs_on || this_cpu()->irq_depth || cpu_lock_count() ||
        mm_hot_locks_held())
        return false;
    if (!t->task || !t->mm || t->task->pid == 1 || t->oops)
        return false;
    return !READ_ONCE(t->mm->mmap_lock.count) && !in_fault(t);
}

void oops_end(void)
{
    struct thread *t = current;

    t->oops = true; /* another one on the way out is too much */
    task_begin_exit(t->task, SIGKILL);
    thread_exit(SIGKILL);
}
