/*
 * Threads as things: making, naming, freeing. What runs when is sched.c's.
 */
#include <base/printk.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/file.h>
#include <kernel/sched.h>
#include <kernel/signal_queue.h>
#include <kernel/thread.h>

spinlock_t task_lock = SPINLOCK_INIT_CLASS(LOCK_TASK);
struct list_head all_threads = LIST_HEAD_INIT(all_threads);

#define SPARES_MAX 16

static struct kmem_cache thread_cache;
/* Ended threads of tasks, with stack and FPU area, for the next ones. */
static struct {
    spinlock_t lock;
    unsigned count;
    struct thread *threads[SPARES_MAX];
} spares = {.lock = SPINLOCK_INIT_CLASS(LOCK_THREADS)};
static u32 user_threads; /* atomic: of tasks, until the last of it is freed */

void thread_cache_init(void)
{
    kmem_cache_init(&thread_cache, "thread", sizeof(struct thread));
}

struct thread *thread_find(u32 tid)
{
    struct thread *t;

    list_for_each_entry (t, &all_threads, all_link)
        if (t->tid == tid)
            return t;
    return NULL;
}

/* Links that are not on any list. */
static void thread_init_links(struct thread *t)
{
    list_init(&t->run_link);
    list_init(&t->task_link);
    list_init(&t->timer_link);
}

void thread_init_idle(struct thread *t, struct cpu *cpu)
{
    t->cpu = cpu;
    t->affinity = 1ul << cpu->id;
    thread_init_links(t);
    list_init(&t->all_link);
    snprintk(t->name, sizeof(t->name), "idle/%u", cpu->id);
}

/* Policy and priority as its maker has them, see sched(7). */
static void sched_inherit(struct thread *t, const struct sched_params *of)
{
    t->sched = *of;
    if (unlikely(of->reset_on_fork)) {
        bool ordinary = !of->prio && of->nice >= 0;

        t->sched = (struct sched_params){.nice = ordinary ? of->nice : 0};
        if (ordinary)
            t->sched.policy = of->policy;
    }
    t->slice = t->slice_left =
        likely(!of->prio && !of->nice) ? SLICE_TICKS : sched_slice(&t->sched);
}

/* Fields that are not zero at birth. */
static void thread_setup(struct thread *t, struct task *task)
{
    t->task = task;
    t->mm = task ? task->mm : NULL;
    t->cpu = this_cpu();
    t->affinity = task && current->task ? current->affinity : ~0ul;
    if (task)
        sched_inherit(t, &current->sched);
    else
        t->sched.prio = PRIO_KERNEL;
    t->sig_stack.ss_flags = SS_DISABLE;
    thread_init_links(t);
    if (task) {
        __atomic_fetch_add(&user_threads, 1, __ATOMIC_RELAXED);
        task_get(task);
    }
    spin_lock(&task_lock);
    t->tid = task ? tid_alloc() : 0; /* pid 1 is the first task's */
    list_add_tail(&t->all_link, &all_threads);
    spin_unlock(&task_lock);
}

/* ---- kept ones ---- */

/* A kept thread; NULL: none. */
static struct thread *spare_take(void)
{
    struct thread *t = NULL;

    spin_lock(&spares.lock);
    if (spares.count)
        t = spares.threads[--spares.count];
    spin_unlock(&spares.lock);
    return t;
}

static bool spare_keep(struct thread *t)
{
    bool keep;

    spin_lock(&spares.lock);
    keep = spares.count < SPARES_MAX;
    if (keep)
        spares.threads[spares.count++] = t;
    spin_unlock(&spares.lock);
    return keep;
}

static void thread_destroy(struct thread *t)
{
    arch_thread_free(t);
    kstack_free(t->kstack_top);
    kmem_cache_free(&thread_cache, t);
}

void thread_cache_drain(void)
{
    struct thread *t;

    while ((t = spare_take()))
        thread_destroy(t);
}

/* Zeros but for what a kept one brings along: the machine's part, a stack. */
static void thread_clear(struct thread *t)
{
    memset(&t->work, 0,
           offsetof(struct thread, pending.info) -
               offsetof(struct thread, work));
}

/* With a stack, everything else as yet unset. */
static struct thread *thread_make(void)
{
    struct thread *t = kmem_cache_alloc(&thread_cache);

    if (!t)
        return NULL;
    memset(&t->arch, 0, sizeof(t->arch));
    t->kstack_top = kstack_alloc();
    if (!t->kstack_top) {
        kmem_cache_free(&thread_cache, t);
        return NULL;
    }
    return t;
}

struct thread *thread_create(struct task *task)
{
    struct thread *t;

    if (threads_left() >= THREADS_MAX)
        return NULL;
    t = task ? spare_take() : NULL;
    if (!t)
        t = thread_make();
    if (!t)
        return NULL;
    thread_clear(t);
    thread_setup(t, task);
    return t;
}

void thread_free(struct thread *t)
{
    struct task *task = t->task;

    spin_lock(&task_lock);
    list_del(&t->all_link);
    spin_unlock(&task_lock);
    signal_pending_free(&t->pending);
    if (unlikely(t->files)) /* it never ran */
        files_put(t->files);
    if (!task || !spare_keep(t))
        thread_destroy(t);
    if (task) {
        task_put(task);
        __atomic_fetch_sub(&user_threads, 1, __ATOMIC_RELEASE);
    }
}

u32 threads_left(void)
{
    return __atomic_load_n(&user_threads, __ATOMIC_ACQUIRE);
}

u32 thread_tid(const struct thread *t)
{
    return t->tid;
}

u32 thread_pid(const struct thread *t)
{
    return t->task ? t->task->pid : 0;
}

struct mm_struct *mm_current(void)
{
    return current->mm;
}
