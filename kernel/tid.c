/*
 * Numbers of threads and tasks, handed out in turn. A number may be used again
 * when nobody goes by it any more: no thread, task, group or session. That is
 * looked up for all of them at once, each time the numbers start over.
 */
#include <base/string.h>
#include <kernel/task.h>

#define WORD_BITS 64u

/* task_lock guards all of it. */
static u32 last_tid;
static u64 taken[TID_MAX / WORD_BITS]; /* exact only when the turn starts */

static void take(u32 id)
{
    taken[id / WORD_BITS] |= 1ul << (id % WORD_BITS);
}

static bool is_taken(u32 id)
{
    return taken[id / WORD_BITS] >> (id % WORD_BITS) & 1;
}

static __cold void start_over(void)
{
    struct thread *t;
    struct task *task;

    memset(taken, 0, sizeof(taken));
    list_for_each_entry (t, &all_threads, all_link)
        take(t->tid);
    list_for_each_entry (task, &all_tasks, all_link) {
        take(task->pid);
        take(task->pgid);
        take(task->sid);
    }
    last_tid = 0;
}

u32 tid_alloc(void)
{
    do {
        if (unlikely(++last_tid == TID_MAX)) {
            start_over();
            last_tid = 1;
        }
    } while (unlikely(is_taken(last_tid)));
    return last_tid;
}

/* Somebody goes by this number. */
static bool in_use(u32 id)
{
    struct task *task;

    if (thread_find(id))
        return true;
    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pid == id || task->pgid == id || task->sid == id)
            return true;
    return false;
}

int tid_claim(struct thread *t, u32 id)
{
    int r = -EEXIST;

    spin_lock(&task_lock);
    if (!in_use(id)) {
        take(id);
        t->tid = id;
        r = 0;
    }
    spin_unlock(&task_lock);
    return r;
}
