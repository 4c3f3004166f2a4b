/*
 * The debug build's (`make D=1`) watch over locks, sleeping and stacks. Each
 * spinlock has a class; classes are numbered in the order in which they may be
 * taken, outermost first (docs/locking.md explains each). A breach is a panic.
 * Without -DDEBUG, and in the host tests, all of this is nothing.
 */
#pragma once

#include <base/types.h>

enum lock_class {
    LOCK_UNKNOWN, /* a lock that nobody gave a class: taking it is a panic */
    LOCK_EPOLL,   /* every epoll set; asks files while it is held */
    LOCK_FUTEX,   /* two at once, in order of address */
    LOCK_OBJECT,
    LOCK_FAMILY,
    LOCK_PAGE_TABLE,
    LOCK_PTE,      /* one table's entries; two at once, in order of address */
    LOCK_UFFD_ALL, /* of all contexts, while a cycle of pagers is looked for */
    LOCK_UFFD,
    LOCK_TASK,
    LOCK_FILES,
    LOCK_TTY, /* this one and those below it that say so: interrupts off */
    LOCK_WAIT_QUEUE,  /* interrupts off; a set's inside its file's */
    LOCK_EPOLL_READY, /* interrupts off */
    LOCK_RWSEM,
    LOCK_RUN_QUEUE, /* interrupts off; of two only the first is waited for */
    LOCK_THREADS,
    LOCK_STACKS,
    LOCK_SLAB_LIST,
    LOCK_SLAB,
    LOCK_BUDDY,
    LOCK_RANDOM,
    LOCK_CONSOLE, /* and the trace's; interrupts off */
};

#if defined(DEBUG) && defined(FAULTLINE_KERNEL)
#define LOCKDEP 1

struct spinlock;

/* The CPU is about to wait for l / has it / is about to let it go. */
void lockdep_wait(const struct spinlock *l);
void lockdep_got(const struct spinlock *l);
void lockdep_drop(const struct spinlock *l);

/* The thread has taken (by: 1) or let go (-1) a sleeping lock. */
void lockdep_sleeping(int by);

/* What comes now may sleep: no spinlock, no interrupt. */
void lockdep_may_sleep(void);

/* The same and no sleeping lock either: what comes may wait for a pager, or,
 * at a thread's end, forever. */
void lockdep_no_locks(void);

/* A stack is handed out / comes back: how deep was it used? */
void stack_use_begin(u64 bottom, u64 size);
void stack_use_end(u64 bottom, u64 size);
/* Prints the deepest use there was. */
void stack_use_report(void);

#else

#define lockdep_wait(l)           ((void)0)
#define lockdep_got(l)            ((void)0)
#define lockdep_drop(l)           ((void)0)
#define lockdep_sleeping(by)      ((void)0)
#define lockdep_may_sleep()       ((void)0)
#define lockdep_no_locks()        ((void)0)
#define stack_use_begin(at, size) ((void)0)
#define stack_use_end(at, size)   ((void)0)
#define stack_use_report()        ((void)0)

#endif
