/*
 * select and pselect: the bit sets are turned into entries for the core in
 * sys_poll.c, and back.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/poll.h>
#include <kernel/sys_file.h>
#include <mm/slab.h>

#define SELECT_WORDS  (FILES_MAX / 64)
#define SELECT_IN     (POLLIN | POLLRDNORM | POLLHUP | POLLERR)
#define SELECT_OUT    (POLLOUT | POLLWRNORM | POLLERR)
#define SELECT_EXCEPT POLLPRI

/* The three sets of select(), as bit words; NULL pointers are empty sets. */
struct select_sets {
    u64 word[3][SELECT_WORDS];
};

static const unsigned select_events[3] = {SELECT_IN, SELECT_OUT, SELECT_EXCEPT};

static int select_copy(struct select_sets *sets, u64 __user *const user[3],
                       int n, bool out)
{
    size_t bytes = ((size_t)n + 63) / 64 * 8;
    int i, r = 0;

    for (i = 0; i < 3 && !r; i++) {
        if (!user[i])
            continue;
        r = out ? copy_to_user(user[i], sets->word[i], bytes)
                : copy_from_user(sets->word[i], user[i], bytes);
    }
    return r;
}

/* One entry per descriptor in any set. Returns how many, or -EBADF. */
static int select_entries(const struct select_sets *sets, int n,
                          struct poll_entry *e)
{
    int fd, i, count = 0;

    for (fd = 0; fd < n; fd++) {
        unsigned events = 0;

        for (i = 0; i < 3; i++)
            if (sets->word[i][fd / 64] >> (fd % 64) & 1)
                events |= select_events[i];
        if (!events)
            continue;
        if (fd_cloexec(fd, -1) < 0)
            return -EBADF;
        e[count].fd = fd;
        e[count++].events = events;
    }
    return count;
}

/* Turns what was got back into sets; returns the number of bits in them. */
static long select_result(struct select_sets *sets, const struct poll_entry *e,
                          int count)
{
    struct select_sets asked = *sets;
    long bits = 0;
    int i;

    memset(sets, 0, sizeof(*sets));
    for (; count; count--, e++) {
        u64 bit = 1ul << (e->fd % 64);

        for (i = 0; i < 3; i++) {
            if (!(e->got & select_events[i]) ||
                !(asked.word[i][e->fd / 64] & bit))
                continue;
            sets->word[i][e->fd / 64] |= bit;
            bits++;
        }
    }
    return bits;
}

static long do_select(int n, u64 __user *const user[3], u64 deadline)
{
    struct select_sets sets;
    struct poll_entry *e;
    long r;
    int count;

    if (n < 0)
        return -EINVAL;
    n = min(n, FILES_MAX);
    memset(&sets, 0, sizeof(sets));
    if (select_copy(&sets, user, n, false))
        return -EFAULT;
    e = kmalloc(((size_t)n + 1) * sizeof(*e));
    if (!e)
        return -ENOMEM;
    r = count = select_entries(&sets, n, e);
    if (count >= 0) {
        r = poll_entries(e, (size_t)count, deadline);
        if (r >= 0) {
            r = select_result(&sets, e, count);
            if (select_copy(&sets, user, n, true))
                r = -EFAULT;
        }
    }
    kfree(e);
    return r;
}

/* A relative timeval, whose microseconds may be too many. */
static int select_deadline(const void __user *tv, u64 *deadline)
{
    struct timespec_k ts;
    struct timeval_k time;

    if (copy_from_user(&time, tv, sizeof(time)))
        return -EFAULT;
    if (time.tv_sec < 0 || time.tv_usec < 0)
        return -EINVAL;
    ts.tv_sec = min(time.tv_sec, 1l << 40) + time.tv_usec / 1000000;
    ts.tv_nsec = time.tv_usec % 1000000 * (s64)NSEC_PER_USEC;
    *deadline = POLL_AT_ONCE;
    if (ts.tv_sec || ts.tv_nsec)
        *deadline = deadline_after(timespec_to_ns(&ts));
    return 0;
}

/* As poll_time_left(), in a timeval. */
static void select_time_left(void __user *tv, u64 deadline)
{
    u64 now = time_ns(), left = deadline > now ? deadline - now : 0;
    struct timeval_k time = {(s64)(left / NSEC_PER_SEC),
                             (s64)(left % NSEC_PER_SEC / NSEC_PER_USEC)};

    (void)copy_to_user_partial(tv, &time, sizeof(time));
}

long sys_select(int n, u64 __user *in, u64 __user *out, u64 __user *except,
                void __user *tv)
{
    u64 __user *const user[3] = {in, out, except};
    u64 deadline = POLL_FOREVER;
    long r = tv ? select_deadline(tv, &deadline) : 0;

    if (r)
        return r;
    r = do_select(n, user, deadline);
    if (tv)
        select_time_left(tv, deadline);
    return r;
}

long sys_pselect6(int n, u64 __user *in, u64 __user *out, u64 __user *except,
                  struct timespec_k __user *timeout, const u64 __user *sig)
{
    u64 __user *const user[3] = {in, out, except};
    u64 mask[2] = {0, 0}; /* pointer to the set, its size */
    u64 deadline;
    long r = poll_deadline(timeout, &deadline);

    if (!r && sig)
        r = copy_from_user(mask, sig, sizeof(mask));
    if (!r)
        r = poll_mask_begin((const u64 __user *)mask[0], mask[1]);
    if (r)
        return r;
    r = do_select(n, user, deadline);
    poll_mask_end(r);
    poll_time_left(timeout, deadline);
    return r;
}
