/*
 * A set of pending signals: standard ones once, with what came with the first;
 * real-time ones each, in the order sent, up to a bound. Relies on task_lock.
 */
#include <kernel/signal_queue.h>
#include <mm/slab.h>

/* One real-time signal. */
struct sig_queued {
    struct sig_queued *next;
    struct siginfo info;
};

static u64 queued_count;

static struct sig_queued *queued_new(u64 limit)
{
    struct sig_queued *q;

    if (queued_count >= limit)
        return NULL;
    q = kmalloc(sizeof(*q));
    if (q)
        queued_count++;
    return q;
}

static void queued_free(struct sig_queued *q)
{
    queued_count--;
    kfree(q);
}

/* kill() always gets through, if need be without saying whose it is. */
static int queue_add(struct sig_pending *p, const struct siginfo *info,
                     u64 limit)
{
    struct sig_queued *q = queued_new(limit);

    if (!q)
        return info->si_code == SI_USER ? 0 : -EAGAIN;
    q->info = *info;
    q->next = NULL;
    if (p->first)
        p->last->next = q;
    else
        p->first = q;
    p->last = q;
    return 0;
}

int pending_add(struct sig_pending *p, const struct siginfo *info, u64 limit)
{
    int sig = info->si_signo;
    int r = 0;

    if (sig >= SIGRTMIN)
        r = queue_add(p, info, limit);
    else if (!(p->set & SIG_BIT(sig)))
        p->info[sig] = *info;
    if (!r)
        p->set |= SIG_BIT(sig);
    return r;
}

/* Takes the link's entry out. */
static struct sig_queued *queue_cut(struct sig_pending *p,
                                    struct sig_queued **link,
                                    struct sig_queued *before)
{
    struct sig_queued *q = *link;

    *link = q->next;
    if (p->last == q)
        p->last = before;
    return q;
}

/* The oldest of its number; if there are more of them, it stays pending. */
static void queue_take(struct sig_pending *p, int sig, struct siginfo *info)
{
    struct sig_queued **link = &p->first, *before = NULL, *q;

    while (*link && (*link)->info.si_signo != sig) {
        before = *link;
        link = &before->next;
    }
    if (!*link) {
        *info = (struct siginfo){.si_signo = sig, .si_code = SI_USER};
        p->set &= ~SIG_BIT(sig);
        return;
    }
    q = queue_cut(p, link, before);
    *info = q->info;
    queued_free(q);
    for (q = *link; q; q = q->next)
        if (q->info.si_signo == sig)
            return;
    p->set &= ~SIG_BIT(sig);
}

int pending_take(struct sig_pending *p, u64 allowed, struct siginfo *info)
{
    u64 set = p->set & allowed;
    int sig;

    if (!set)
        return 0;
    if (set & SIG_SYNCHRONOUS)
        set &= SIG_SYNCHRONOUS;
    sig = __builtin_ctzl(set) + 1;
    if (sig >= SIGRTMIN) {
        queue_take(p, sig, info);
    } else {
        *info = p->info[sig];
        p->set &= ~SIG_BIT(sig);
    }
    return sig;
}

void pending_discard(struct sig_pending *p, u64 mask)
{
    struct sig_queued **link = &p->first, *before = NULL;

    p->set &= ~mask;
    while (*link) {
        if (mask & SIG_BIT((*link)->info.si_signo)) {
            queued_free(queue_cut(p, link, before));
        } else {
            before = *link;
            link = &before->next;
        }
    }
}

void signal_pending_free(struct sig_pending *p)
{
    if (likely(!p->first))
        return;
    spin_lock(&task_lock);
    pending_discard(p, ~0ul);
    spin_unlock(&task_lock);
}
