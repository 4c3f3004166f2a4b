/*
 * Threads as things: making, naming, freeing. What runs when is sched.c's.
 */
#include <base/printk.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>

spinlock_t task_lock = SPINLOCK_INIT;
struct list_head all_threads = LIST_HEAD_INIT(all_threads);

static struct kmem_cache thread_cache;
static u32 last_tid;     /* task_lock */
static u32 user_threads; /* atomic: of tasks, until the last of it is freed */

void thread_cache_init(void)
{
    kmem_cache_init(&thread_cache, "thread", sizeof(struct thread));
}

/* Somebody still goes by this number. task_lock held. */
static bool tid_in_use(u32 id)
{
    struct task *task;

    if (thread_find(id))
        return true;
    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pid == id || task->pgid == id || task->sid == id)
            return true;
    return false;
}

u32 tid_alloc(void)
{
    u32 id;

    spin_lock(&task_lock);
    do {
        last_tid = last_tid % (TID_MAX - 1) + 1;
        id = last_tid;
    } while (tid_in_use(id));
    spin_unlock(&task_lock);
    return id;
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

/* Fields that are not zero at birth. */
static void thread_setup(struct thread *t, struct task *task)
{
    t->task = task;
    t->mm = task ? task->mm : NULL;
    t->cpu = this_cpu();
    t->affinity = task && current->task ? current->affinity : ~0ul;
    t->sig_stack.ss_flags = SS_DISABLE;
    t->tid = task ? tid_alloc() : 0; /* pid 1 is the first task's */
    thread_init_links(t);
    if (task) {
        __atomic_fetch_add(&user_threads, 1, __ATOMIC_RELAXED);
        task_get(task);
        str_copy(t->name, task->name, sizeof(t->name));
    }
    spin_lock(&task_lock);
    list_add_tail(&t->all_link, &all_threads);
    spin_unlock(&task_lock);
}

struct thread *thread_create(struct task *task)
{
    struct thread *t;

    if (threads_left() >= THREADS_MAX)
        return NULL;
    t = kmem_cache_alloc(&thread_cache);
    if (!t)
        return NULL;
    memset(t, 0, offsetof(struct thread, sig_info[1]));
    t->kstack_top = kstack_alloc();
    if (!t->kstack_top) {
        kmem_cache_free(&thread_cache, t);
        return NULL;
    }
    thread_setup(t, task);
    return t;
}

void thread_free(struct thread *t)
{
    struct task *task = t->task;

    spin_lock(&task_lock);
    list_del(&t->all_link);
    spin_unlock(&task_lock);
    arch_thread_free(t);
    kstack_free(t->kstack_top);
    kmem_cache_free(&thread_cache, t);
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
