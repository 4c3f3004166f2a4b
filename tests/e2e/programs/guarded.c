/*
 * UFFDIO_FL_GUARD, Faultline's own request, see docs/userfaultfd.md: ranges
 * whose pager is dead or late. Prints TAP. Counted in instructions, times are
 * exact, but for what the calls around them take.
 */
#define _GNU_SOURCE
#include "../../guest/uffd_util.h"

#include <time.h>

#include "../../guest/proc.h"
#include "fl_uffd.h"

#define MS   1000000L
#define LATE (20 * MS)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define EVENTS (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP)

enum {
    COUNT = 8
};

static char *pages;
static int fd;

static int guard_at(int page, int count, unsigned long deadline, int action)
{
    return fl_guard(fd, pages + page * PAGE, count * PAGE, deadline, action, 0);
}

static void set_up_with(unsigned long features, unsigned long mode)
{
    pages = map_pages(COUNT);
    fd = uffd_new_with(O_NONBLOCK | O_CLOEXEC, features);
    must(!uffd_register_mode(fd, pages, COUNT * PAGE, mode));
}

static void set_up(unsigned long deadline, int action)
{
    set_up_with(0, UFFDIO_REGISTER_MODE_MISSING);
    must(!guard_at(0, COUNT, deadline, action));
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
}

static long now(void)
{
    struct timespec t;

    must(!clock_gettime(CLOCK_MONOTONIC, &t));
    return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void pause_for(long ns)
{
    struct timespec t = {.tv_nsec = ns};

    while (nanosleep(&t, &t) < 0)
        must(errno == EINTR);
}

/* Since START it has been NS, and not more than a millisecond longer. */
static int took(long start, long ns)
{
    long time = now() - start;

    if (time >= ns && time < ns + MS)
        return 1;
    diag("%ld ns instead of %ld", time, ns);
    return 0;
}

static void test_arguments(void)
{
    int other = uffd_new(0);

    set_up_with(0, UFFDIO_REGISTER_MODE_MISSING);
    is(guard_at(0, 1, 0, 4), -EINVAL, "an unknown action");
    is(fl_guard(fd, pages, PAGE, 0, BUS, 1 << 5), -EINVAL, "an unknown flag");
    is(guard_at(0, 1, 1000, NONE), -EINVAL, "a deadline for nothing");
    is(fl_guard(fd, pages + 1, PAGE, 0, BUS, 0), -EINVAL, "part of a page");
    is(guard_at(0, 0, 0, BUS), -EINVAL, "no page");
    is(uffd_ioctl(fd, FL_GUARD, NULL), -EFAULT, "no structure");
    is(guard_at(0, COUNT + 1, 0, BUS), -ENOENT, "a range that ends too late");
    is(fl_guard(other, pages, PAGE, 0, BUS, 0), -ENOENT, "another's range");
    must(!uffd_unregister(fd, pages + PAGE, PAGE));
    is(guard_at(0, 3, 0, BUS), -ENOENT, "a range with a gap");
    is(guard_at(0, 1, 0, BUS), 0, "a guard");
    close(other);
    tear_down();
}

/* ---- a pager that is gone ---- */

static int touch_dead(void *unused)
{
    (void)unused;
    set_up(0, KILL);
    close(fd);
    return *(volatile char *)pages;
}

static void test_dead(void)
{
    set_up(0, BUS);
    must(!guard_at(2, 2, 0, ZERO));
    must(!guard_at(4, 2, 0, NONE));
    close(fd);
    is(probe_read(pages), BUS_MCEERR_AR, "a dead pager: SIGBUS");
    is(probe_read(pages), BUS_MCEERR_AR, "and again");
    is(probe_read(pages + 2 * PAGE), 0, "zeros where so asked");
    is(pages[2 * PAGE], 0, "which they are");
    is(probe_write(pages + 3 * PAGE, 'w'), 0, "also for a write");
    is(probe_read(pages + 4 * PAGE), 0, "without a guard as on Linux");
    fd = uffd_new(O_NONBLOCK);
    is(uffd_register(fd, pages, COUNT * PAGE), 0, "the next pager takes over");
    is(uffd_fill(fd, pages, 'n'), 0, "heals");
    is(probe_read(pages) ? 0 : pages[0], 'n', "what was lost");
    tear_down();
    is(in_child(touch_dead, NULL), 1000 + SIGKILL, "or the toucher dies");
}

static void *probe_it(void *address)
{
    return (void *)(long)probe_read(address);
}

static void test_dies_meanwhile(void)
{
    pthread_t thread;

    set_up(0, BUS);
    thread = thread_start(probe_it, pages);
    uffd_next(fd);
    close(fd);
    is(thread_join(thread), BUS_MCEERR_AR, "a pager that dies on duty: SIGBUS");
    munmap(pages, COUNT * PAGE);
}

/* ---- a pager that is late ---- */

static void test_late(void)
{
    long start;

    set_up(LATE, BUS);
    must(!guard_at(1, 1, 2 * LATE, ZERO));
    start = now();
    is(probe_read(pages), BUS_MCEERR_AR, "a late pager: SIGBUS");
    ok(took(start, LATE), "after that time");
    is(uffd_poll(fd), 0, "its message is gone");
    is(uffd_fill(fd, pages, 'l'), 0, "it may still bring the page");
    is(probe_read(pages) ? 0 : pages[0], 'l', "which heals");
    start = now();
    is(probe_read(pages + PAGE), 0, "the next page's guard: zeros");
    ok(took(start, 2 * LATE), "after its own time");
    start = now();
    fails(syscall(SYS_nanosleep, pages + 2 * PAGE, NULL), EFAULT,
          "a system call that waits in vain: EFAULT");
    ok(took(start, LATE), "after the same time");
    tear_down();
}

static void *fill_late(void *ns)
{
    void *page = uffd_next_page(fd);

    pause_for((long)ns);
    return (void *)(long)uffd_fill(fd, page, 'i');
}

static void test_in_time(void)
{
    pthread_t pager;

    set_up(LATE, BUS);
    pager = thread_start(fill_late, (void *)(LATE - MS));
    is(probe_read(pages) ? 0 : pages[0], 'i', "just in time");
    is(thread_join(pager), 0, "is in time");
    tear_down();
}

/* A page that a system call needs: its errno. */
static void *need_page(void *page)
{
    return (void *)(long)(syscall(SYS_nanosleep, page, NULL) ? errno : 0);
}

static void test_two(void)
{
    pthread_t first, second;
    long start;

    set_up(LATE, BUS);
    start = now();
    first = thread_start(need_page, pages);
    pause_for(LATE / 2);
    second = thread_start(need_page, pages);
    is(thread_join(first), EFAULT, "of two that wait for a page the first");
    ok(took(start, LATE), "in its time");
    is(thread_join(second), EFAULT, "and the other with it");
    ok(took(start, LATE), "at the same time");
    tear_down();
}

static void *wake_often(void *unused)
{
    for (int i = 0; i < 100; i++) {
        pause_for(MS);
        uffd_wake(fd, pages, PAGE);
    }
    return unused;
}

static void test_false_alarms(void)
{
    pthread_t pager;
    long start;

    set_up(LATE, BUS);
    pager = thread_start(wake_often, NULL);
    start = now();
    is(probe_read(pages), BUS_MCEERR_AR, "false alarms");
    ok(took(start, LATE), "do not make the time longer");
    thread_join(pager);
    tear_down();
}

/* A guard for those who wait already. */
static void test_set_later(void)
{
    pthread_t thread;

    set_up_with(0, UFFDIO_REGISTER_MODE_MISSING);
    thread = thread_start(need_page, pages);
    uffd_next(fd);
    is(guard_at(0, COUNT, LATE, BUS), 0, "a guard while somebody waits");
    is(thread_join(thread), EFAULT, "is for it as well");
    tear_down();
}

/* What is there, but protected, is not touched: SIGBUS, whatever the action. */
static void test_protected(int action)
{
    long start;

    set_up_with(0, UFFDIO_REGISTER_MODE_WP);
    must(!guard_at(0, COUNT, LATE, action));
    pages[0] = 'p';
    must(!uffd_protect(fd, pages, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    start = now();
    is(probe_write(pages, 'w'), BUS_ADRERR, "a protected page: SIGBUS");
    ok(took(start, LATE), "in time");
    is(pages[0], 'p', "it may be read");
    is(syscall(SYS_madvise, pages, PAGE, MADV_POPULATE_WRITE), -1,
       "MADV_POPULATE_WRITE fails");
    close(fd);
    is(probe_write(pages, 'w'), BUS_ADRERR, "and so does a write for ever");
    munmap(pages, COUNT * PAGE);
}

/* ---- where a guard goes ---- */

/* Into how many areas the pages are cut. */
static int areas(void)
{
    int n = 0;

    must(proc_read_all("/proc/self/maps") > 0);
    for (char *at = pages, *line; at < pages + COUNT * PAGE; n++) {
        unsigned long end;

        line = proc_line(at);
        must(line && sscanf(line, "%*x-%lx", &end) == 1);
        at = (char *)end;
    }
    return n;
}

static void test_areas(void)
{
    set_up(0, BUS);
    is(areas(), 1, "one guard, one area");
    must(!guard_at(2, 2, 0, ZERO));
    is(areas(), 3, "another guard in the middle cuts it");
    must(!guard_at(2, 2, MS, BUS));
    is(areas(), 3, "one that differs in the time as well");
    must(!guard_at(2, 2, 0, BUS));
    is(areas(), 1, "the same guard joins it");
    must(!guard_at(2, 2, 0, ZERO));
    must(!mprotect(pages + PAGE, 2 * PAGE, PROT_READ));
    must(!mprotect(pages + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
    is(areas(), 3, "mprotect to and fro changes nothing");
    munmap(pages + 3 * PAGE, PAGE);
    must(!uffd_register_mode(fd, pages + 4 * PAGE, PAGE,
                             UFFDIO_REGISTER_MODE_MISSING |
                                 UFFDIO_REGISTER_MODE_WP));
    close(fd);
    is(probe_read(pages + PAGE), BUS_MCEERR_AR, "the one guard");
    is(probe_read(pages + 2 * PAGE), 0, "the other");
    is(probe_read(pages + 4 * PAGE), BUS_MCEERR_AR,
       "what was registered anew has kept its own");
    munmap(pages, COUNT * PAGE);
}

/* There are 63 different ones at a time. */
static void test_many(void)
{
    char *many = map_pages(80);
    int set = 0;

    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register(fd, many, 80 * PAGE));
    while (!fl_guard(fd, many + set * PAGE, PAGE, 1 + set, ZERO, 0))
        set++;
    is(set, 63, "63 different guards");
    is(fl_guard(fd, many + 70 * PAGE, PAGE, 99, ZERO, 0), -ENOSPC, "no more");
    is(fl_guard(fd, many + 70 * PAGE, PAGE, 7, ZERO, 0), 0, "one of them");
    must(!fl_guard(fd, many, PAGE, 0, NONE, 0));
    is(fl_guard(fd, many + 71 * PAGE, PAGE, 99, ZERO, 0), 0,
       "when one is gone another may come");
    close(fd);
    munmap(many, 80 * PAGE);
}

static int touch_child(void)
{
    return probe_read(pages + PAGE) == BUS_MCEERR_AR && !probe_read(pages);
}

static void *fork_child(void *unused)
{
    pid_t pid = fork();

    (void)unused;
    must(pid >= 0);
    if (!pid)
        _exit(touch_child());
    return (void *)(long)pid;
}

static int next_event(struct uffd_msg *message)
{
    while (read(fd, message, sizeof(*message)) != sizeof(*message))
        sched_yield();
    return message->event;
}

static void test_fork(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up_with(EVENTS, UFFDIO_REGISTER_MODE_MISSING);
    must(!guard_at(0, 1, LATE, ZERO));
    must(!guard_at(1, 1, 0, BUS));
    thread = thread_start(fork_child, NULL);
    must(next_event(&message) == UFFD_EVENT_FORK);
    close(message.arg.fork.ufd);
    is(wait_status((pid_t)(long)thread_join(thread)), 1,
       "a child's memory is guarded like its parent's");
    tear_down();
}

static char *target;

static void *move_pages(void *unused)
{
    (void)unused;
    return mremap(pages, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                  target);
}

static void test_move(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up_with(EVENTS, UFFDIO_REGISTER_MODE_MISSING);
    must(!guard_at(0, COUNT, 0, BUS));
    target = map_pages(2);
    thread = thread_start(move_pages, NULL);
    must(next_event(&message) == UFFD_EVENT_REMAP);
    ok(thread_join(thread) == target, "mremap takes pages away");
    close(fd);
    is(probe_read(target), BUS_MCEERR_AR, "their guard goes with them");
    munmap(target, 2 * PAGE);
    munmap(pages + 2 * PAGE, (COUNT - 2) * PAGE);
    set_up(0, BUS);
    target = map_pages(2);
    must(move_pages(NULL) == target);
    is(probe_read(target), 0, "but not where the registration does not");
    munmap(target, 2 * PAGE);
    tear_down();
}

/* Whoever unmaps waits for the pager; whoever is guarded does not. */
static void *unmap_last(void *unused)
{
    munmap(pages + (COUNT - 1) * PAGE, PAGE);
    return unused;
}

static void test_changing(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up_with(UFFD_FEATURE_EVENT_UNMAP, UFFDIO_REGISTER_MODE_MISSING);
    must(!guard_at(0, 1, LATE, BUS));
    must(!guard_at(1, 1, LATE, ZERO));
    thread = thread_start(unmap_last, NULL);
    while (!uffd_poll(fd))
        sched_yield();
    is(probe_read(pages), BUS_MCEERR_AR, "late with an event, too: SIGBUS");
    is(probe_read(pages + PAGE), 0, "or zeros");
    must(next_event(&message) == UFFD_EVENT_UNMAP);
    thread_join(thread);
    tear_down();
}

int main(void)
{
    test_arguments();
    test_dead();
    test_dies_meanwhile();
    test_late();
    test_in_time();
    test_two();
    test_false_alarms();
    test_set_later();
    test_protected(BUS);
    test_protected(ZERO);
    test_areas();
    test_many();
    test_fork();
    test_move();
    test_changing();
    return done_testing();
}
