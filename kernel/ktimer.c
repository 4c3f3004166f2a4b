/*
 * The timers of include/kernel/ktimer.h: a tree by deadline, and the thread
 * that calls them. Interrupts may not take task_lock, hence the thread.
 */
#include <arch/machine.h>
#include <base/string.h>
#include <kernel/ktimer.h>
#include <kernel/thread.h>

static bool nothing_to_update(struct rb_node *node __maybe_unused)
{
    return false;
}

static struct rb_root timers = {.update = nothing_to_update};
static struct thread *timer_thread;

static struct ktimer *timer_of(struct rb_node *node)
{
    return container_of(node, struct ktimer, node);
}

static void timer_insert(struct ktimer *timer)
{
    struct rb_node **link = &timers.node, *parent = NULL;

    while (*link) {
        parent = *link;
        link = timer->deadline < timer_of(parent)->deadline ? &parent->left
                                                            : &parent->right;
    }
    rb_insert(&timers, &timer->node, parent, link, NULL, nothing_to_update);
}

static void timer_remove(struct ktimer *timer)
{
    timer->deadline = 0;
    rb_erase(&timers, &timer->node, NULL, nothing_to_update);
}

void ktimer_set(struct ktimer *timer, u64 deadline)
{
    if (timer->deadline)
        timer_remove(timer);
    timer->deadline = deadline;
    if (!deadline)
        return;
    timer_insert(timer);
    if (rb_first(&timers) == &timer->node && current != timer_thread)
        thread_wake(timer_thread);
}

static void (*deferred)(void); /* atomic */

void ktimer_defer(void (*fn)(void))
{
    __atomic_store_n(&deferred, fn, __ATOMIC_RELEASE);
    if (timer_thread)
        thread_wake(timer_thread);
}

/* Calls those due. Returns the soonest of the others, 0: none. */
static u64 timers_fire(u64 now)
{
    struct rb_node *first;

    while ((first = rb_first(&timers))) {
        struct ktimer *timer = timer_of(first);

        if (timer->deadline > now)
            return timer->deadline;
        timer_remove(timer);
        timer->fire(timer, now);
    }
    return 0;
}

static void timer_main(void *unused)
{
    void (*fn)(void);
    u64 next;

    (void)unused;
    irq_enable();
    for (;;) {
        thread_prepare_block(WAIT_UNINTERRUPTIBLE);
        spin_lock(&task_lock);
        fn = __atomic_exchange_n(&deferred, NULL, __ATOMIC_ACQ_REL);
        if (fn)
            fn();
        next = timers_fire(time_ns());
        spin_unlock(&task_lock);
        (void)thread_block_until(next);
    }
}

int ktimer_init(void)
{
    timer_thread = thread_create(NULL);
    if (!timer_thread)
        return -ENOMEM;
    str_copy(timer_thread->name, "timers", sizeof(timer_thread->name));
    arch_thread_init_kernel(timer_thread, timer_main, NULL);
    thread_start(timer_thread);
    return 0;
}
