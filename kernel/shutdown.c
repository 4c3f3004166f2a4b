/*
 * The end of the machine, once pid 1 has ended: all that is left is killed,
 * and when the last of it is gone the frames in use are compared with those
 * before the first task. A kernel thread does this, made before that first
 * count was taken, so that not even pid 1's own stack is left over.
 */
#include <arch/machine.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/signal_queue.h>
#include <kernel/task.h>

#define POLL_NS 100000ull

u64 frames_before_tasks;

static struct thread *shutdown_thread;
static int init_status = -1; /* wait4() status of pid 1; -1: it lives */

u64 frames_in_use(void)
{
    thread_cache_drain();
    mm_shrink_all();
    return frames_total() - frames_free();
}

/* Every task ends as if by SIGKILL. */
static void kill_all(void)
{
    struct task *task;
    struct thread *t;

    spin_lock(&task_lock);
    list_for_each_entry (task, &all_tasks, all_link) {
        if (!task->exiting) {
            task->exiting = true;
            task->exit_status = SIGKILL;
        }
        list_for_each_entry (t, &task->threads, task_link)
            signal_notify(t, true);
    }
    spin_unlock(&task_lock);
}

/* One zombie, off the lists; NULL: there is none. */
static struct task *take_zombie(void)
{
    struct task *task;

    spin_lock(&task_lock);
    list_for_each_entry (task, &all_tasks, all_link) {
        if (task->zombie) {
            task_unlink(task);
            spin_unlock(&task_lock);
            return task;
        }
    }
    spin_unlock(&task_lock);
    return NULL;
}

static void bury_all(void)
{
    struct task *task;
    bool left;

    do {
        left = threads_left() != 0;
        if (left)
            (void)thread_sleep_until(time_ns() + POLL_NS, WAIT_UNINTERRUPTIBLE);
        while ((task = take_zombie()))
            task_put(task);
    } while (left);
}

/* The status as a shell shows it. */
static int exit_byte(int status)
{
    return status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

static void shutdown_main(void *unused)
{
    u64 before, after;

    (void)unused;
    irq_enable();
    for (;;) {
        thread_prepare_block(WAIT_UNINTERRUPTIBLE);
        if (READ_ONCE(init_status) >= 0)
            break;
        (void)thread_block();
    }
    thread_cancel_block();
    kill_all();
    bury_all();
    before = frames_before_tasks;
    after = frames_in_use();
    if (vm_committed())
        panic("%lu pages are still promised (overcommit)", vm_committed());
    printk("frames: %s%llu in use before the first task, %llu at the end\n",
           before == after ? "" : "LEAK ", (unsigned long long)before,
           (unsigned long long)after);
    stack_use_report();
    machine_end(exit_byte(init_status),
                before == after ? END_ORDERLY : END_FRAME_LEAK);
}

int shutdown_init(void)
{
    shutdown_thread = thread_create(NULL);
    if (!shutdown_thread)
        return -ENOMEM;
    str_copy(shutdown_thread->name, "shutdown", sizeof(shutdown_thread->name));
    arch_thread_init_kernel(shutdown_thread, shutdown_main, NULL);
    thread_start(shutdown_thread);
    return 0;
}

void shutdown_start(int status)
{
    spin_lock(&task_lock);
    init_task = NULL;
    spin_unlock(&task_lock);
    WRITE_ONCE(init_status, status);
    thread_wake(shutdown_thread);
}
