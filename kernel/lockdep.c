/*
 * The debug build's checks, see base/lockdep.h. Each CPU keeps a list of the
 * spinlocks it holds: they are never held across a wait, and the run queue's
 * lock, which is held across a switch, stays with its CPU. Sleeping locks go
 * with the thread. An interrupt may come while locks are held; then only those
 * that it takes itself are compared.
 */
#include <base/lockdep.h>

#ifdef LOCKDEP

#include <base/printk.h>
#include <base/spinlock.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>

#define HELD_MAX   16
#define STACK_FILL 0x5a5a5a5a5a5a5a5aull

struct held {
    const struct spinlock *lock;
    u32 irq_depth; /* of the CPU when it was taken */
};

static struct {
    unsigned count;
    struct held held[HELD_MAX];
} cpu_locks[MAX_CPUS];

static u64 deepest; /* bytes of stack */

static const char *const class_names[] = {
    [LOCK_UNKNOWN] = "unknown",
    [LOCK_EPOLL] = "epoll",
    [LOCK_FUTEX] = "futex",
    [LOCK_OBJECT] = "object",
    [LOCK_FAMILY] = "family",
    [LOCK_PAGE_TABLE] = "page table",
    [LOCK_PTE] = "page-table entries",
    [LOCK_UFFD_ALL] = "all userfaultfds",
    [LOCK_UFFD] = "userfaultfd",
    [LOCK_TASK] = "task",
    [LOCK_FILES] = "files",
    [LOCK_TTY] = "tty",
    [LOCK_WAIT_QUEUE] = "wait queue",
    [LOCK_EPOLL_READY] = "epoll ready list",
    [LOCK_RWSEM] = "rwsem",
    [LOCK_RUN_QUEUE] = "run queue",
    [LOCK_THREADS] = "spare threads",
    [LOCK_STACKS] = "stacks",
    [LOCK_SLAB_LIST] = "slab caches",
    [LOCK_SLAB] = "slab",
    [LOCK_BUDDY] = "buddy",
    [LOCK_RANDOM] = "random",
    [LOCK_CONSOLE] = "console",
};

static bool needs_irq_off(enum lock_class class)
{
    return class == LOCK_TTY || class == LOCK_WAIT_QUEUE ||
           class == LOCK_EPOLL_READY || class == LOCK_RUN_QUEUE ||
           class == LOCK_CONSOLE;
}

/* Two locks of this class may be held at once. */
static bool may_nest(const struct spinlock *outer, const struct spinlock *inner)
{
    if (inner->class == LOCK_FUTEX || inner->class == LOCK_PTE)
        return outer < inner;
    return inner->class == LOCK_WAIT_QUEUE;
}

static void check_order(const struct spinlock *outer,
                        const struct spinlock *inner)
{
    if (outer->class < inner->class)
        return;
    if (outer->class == inner->class && may_nest(outer, inner))
        return;
    panic("lock order: %s (%p) taken inside %s (%p)", class_names[inner->class],
          (void *)inner, class_names[outer->class], (void *)outer);
}

static void check_class(const struct spinlock *l, u32 irq_depth)
{
    if (l->class == LOCK_UNKNOWN)
        panic("lock %p has no class", (void *)l);
    if (needs_irq_off(l->class)) {
        if (flags_read() & RFLAGS_IF)
            panic("%s lock taken with interrupts on", class_names[l->class]);
    } else if (irq_depth) {
        panic("%s lock taken in an interrupt", class_names[l->class]);
    }
}

void lockdep_wait(const struct spinlock *l)
{
    unsigned cpu = cpu_id(), i;
    u32 depth = this_cpu()->irq_depth;

    if (panic_is_on())
        return;
    check_class(l, depth);
    for (i = 0; i < cpu_locks[cpu].count; i++)
        if (cpu_locks[cpu].held[i].irq_depth == depth)
            check_order(cpu_locks[cpu].held[i].lock, l);
}

/* With interrupts off: one may come between the look at the count and its
 * change. */
void lockdep_got(const struct spinlock *l)
{
    u64 flags = irq_save();
    unsigned cpu = cpu_id(), n = cpu_locks[cpu].count;

    if (n == HELD_MAX && !panic_is_on())
        panic("%u spinlocks held at once", n);
    if (n < HELD_MAX)
        cpu_locks[cpu].held[cpu_locks[cpu].count++] =
            (struct held){l, this_cpu()->irq_depth};
    irq_restore(flags);
}

void lockdep_drop(const struct spinlock *l)
{
    u64 flags = irq_save();
    struct held *held = cpu_locks[cpu_id()].held;
    unsigned *n = &cpu_locks[cpu_id()].count, i = *n;

    while (i && held[i - 1].lock != l)
        i--;
    if (!i && !panic_is_on())
        panic("%s lock let go by a CPU that does not hold it",
              class_names[l->class]);
    if (i) {
        memmove(&held[i - 1], &held[i], (*n - i) * sizeof(*held));
        --*n;
    }
    irq_restore(flags);
}

void lockdep_sleeping(int by)
{
    struct thread *t = current;

    if (by > 0 && t->sleeping_locks && !panic_is_on())
        panic("a sleeping lock taken inside another");
    t->sleeping_locks += by;
}

void lockdep_may_sleep(void)
{
    unsigned cpu = cpu_id();

    if (panic_is_on())
        return;
    if (cpu_locks[cpu].count)
        panic("sleeping with the %s lock held",
              class_names[cpu_locks[cpu].held[0].lock->class]);
    if (this_cpu()->irq_depth)
        panic("sleeping in an interrupt");
}

void lockdep_no_locks(void)
{
    lockdep_may_sleep();
    if (current->sleeping_locks && !panic_is_on())
        panic("waiting for a pager, or ending, with a sleeping lock held");
}

/* ---- stack use ---- */

void stack_use_begin(u64 bottom, u64 size)
{
    for (u64 at = bottom; at < bottom + size; at += sizeof(u64))
        *(u64 *)at = STACK_FILL;
}

void stack_use_end(u64 bottom, u64 size)
{
    u64 at = bottom, used;

    while (at < bottom + size && *(u64 *)at == STACK_FILL)
        at += sizeof(u64);
    used = bottom + size - at;
    if (used > READ_ONCE(deepest))
        WRITE_ONCE(deepest, used);
}

void stack_use_report(void)
{
    printk("stack: at most %llu of %u bytes used\n",
           (unsigned long long)deepest, KSTACK_SIZE);
}

#endif
