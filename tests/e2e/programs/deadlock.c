/*
 * UFFD_FL_GUARD_DEADLOCK, see docs/userfaultfd.md: pagers that wait for
 * themselves or for one another get SIGBUS; those who only seem to do not.
 * Prints TAP.
 */
#define _GNU_SOURCE
#include "fl_uffd.h"

enum {
    COUNT = 4,
    CHAIN = 3,
    PAGERS = 2
};

/* Memory, and the descriptor through which it is served. */
struct served {
    char *pages;
    int fd;
};

static void serve_begin(struct served *s, unsigned flags)
{
    s->pages = map_pages(COUNT);
    s->fd = uffd_new(0);
    must(!uffd_register(s->fd, s->pages, COUNT * PAGE));
    must(!fl_guard(s->fd, s->pages, COUNT * PAGE, 0, NONE, flags));
}

static void serve_end(struct served *s)
{
    close(s->fd);
    munmap(s->pages, COUNT * PAGE);
}

/* The page is read by a system call: 0 or the errno, and no signal, so that
 * several threads can do so. */
static long need(const char *page)
{
    struct timespec *time = (struct timespec *)page;

    return syscall(SYS_nanosleep, time, NULL) ? errno : 0;
}

/* A message is read and served, so that the reader is a pager from then on. */
static void become_pager(struct served *s)
{
    pthread_t thread = thread_start(read_byte, s->pages);

    must(!uffd_fill(s->fd, uffd_next_page(s->fd), 'p'));
    must(thread_join(thread) == (void *)'p');
}

static void test_oneself(void)
{
    struct served s;

    serve_begin(&s, DEADLOCK);
    become_pager(&s);
    is(probe_read(s.pages + PAGE), BUS_ADRERR, "a pager's own page: SIGBUS");
    is(probe_write(s.pages + PAGE, 'w'), BUS_ADRERR, "or a write to it");
    is(need(s.pages + PAGE), EFAULT, "EFAULT in a system call");
    is(uffd_copy(s.fd, s.pages + PAGE, s.pages + 2 * PAGE, PAGE), -EFAULT,
       "and in UFFDIO_COPY");
    is(uffd_fill(s.fd, s.pages + PAGE, 'f'), 0, "it can serve still");
    is(s.pages[PAGE], 'f', "and see what it brought");
    serve_end(&s);
}

/* ---- several pagers ---- */

/* A pager that becomes one, waits for its turn and then needs a page. */
struct pager {
    struct served *serves;
    const char *needs;
    volatile int ready, go, done;
    long result;
    pthread_t thread;
};

static void *run_pager(void *argument)
{
    struct pager *p = argument;

    become_pager(p->serves);
    p->ready = 1;
    while (!p->go)
        sched_yield();
    p->result = need(p->needs);
    p->done = 1;
    return NULL;
}

static void pager_start(struct pager *p, struct served *serves)
{
    p->serves = serves;
    p->ready = p->go = p->done = 0;
    p->thread = thread_start(run_pager, p);
    while (!p->ready)
        sched_yield();
}

/* The one that was refused; all the others wait for it. */
static int refused(const struct pager *p, int count)
{
    for (int i = 0;; i = (i + 1) % count) {
        if (p[i].done)
            return i;
        sched_yield();
    }
}

/* Each needs the next one's page, and once the first wait the last as well. */
static void test_chain(int count)
{
    struct served s[CHAIN];
    struct pager p[CHAIN];
    int last;

    for (int i = 0; i < count; i++) {
        serve_begin(&s[i], i ? 0 : DEADLOCK);
        pager_start(&p[i], &s[i]);
    }
    for (int i = 0; i < count; i++) {
        p[i].needs = s[(i + 1) % count].pages + PAGE;
        p[i].go = 1;
        if (i < count - 1)
            await_faults(s[i + 1].fd, 1);
    }
    last = refused(p, count);
    is(p[last].result, EFAULT, "one of a circle of %d", count);
    for (int i = 0; i < count; i++) {
        must(i == last ||
             !uffd_zero(s[(i + 1) % count].fd, (char *)p[i].needs, PAGE, NULL));
        thread_join(p[i].thread);
        must(i == last || p[i].result == 0);
    }
    ok(1, "the others can be served");
    for (int i = 0; i < count; i++)
        serve_end(&s[i]);
}

/* Two threads serve: one may wait for the other, not both at once. */
static void test_two_pagers(void)
{
    struct served s;
    struct pager p[PAGERS];
    int last;

    serve_begin(&s, DEADLOCK);
    pager_start(&p[0], &s);
    must(!madvise(s.pages, PAGE, MADV_DONTNEED));
    pager_start(&p[1], &s);
    p[0].needs = s.pages + PAGE;
    p[1].needs = s.pages + 2 * PAGE;
    p[0].go = 1;
    await_faults(s.fd, 1);
    p[1].go = 1;
    last = refused(p, PAGERS);
    is(p[last].result, EFAULT, "of two pagers the second to wait");
    must(!uffd_zero(s.fd, (char *)p[!last].needs, PAGE, NULL));
    thread_join(p[!last].thread);
    is(p[!last].result, 0, "the first had a right to");
    thread_join(p[last].thread);
    serve_end(&s);
}

/* A pager that has ended serves nobody. */
static void test_ended(void)
{
    struct served s;
    struct pager p;

    serve_begin(&s, DEADLOCK);
    pager_start(&p, &s);
    must(!madvise(s.pages, PAGE, MADV_DONTNEED));
    become_pager(&s);
    p.needs = s.pages;
    p.go = 1;
    thread_join(p.thread);
    is(probe_read(s.pages + PAGE), BUS_ADRERR, "the other pager has ended");
    serve_end(&s);
}

/* ---- two tasks, each of which serves the other's memory ---- */

struct meeting {
    volatile int ready, go;
};

#define HELPED 64

static struct served parents;
static struct meeting *meet;

static int child_main(void)
{
    must(uffd_poll(parents.fd) == 0);
    meet->ready = 1;
    while (!meet->go)
        sched_yield();
    if (!need(parents.pages))
        return 0;
    must(!uffd_zero(parents.fd, parents.pages, PAGE, NULL));
    return HELPED;
}

static void *fork_child(void *unused)
{
    pid_t pid = fork();

    (void)unused;
    must(pid >= 0);
    if (!pid)
        _exit(child_main());
    return (void *)(long)pid;
}

/* The descriptor of the child's memory, for its parent. */
static int take_child(void)
{
    struct uffd_msg message;

    while (read(parents.fd, &message, sizeof(message)) != sizeof(message))
        sched_yield();
    must(message.event == UFFD_EVENT_FORK);
    return message.arg.fork.ufd;
}

static void test_tasks(void)
{
    pthread_t thread;
    long error, status;
    int child;

    meet = map_shared(1);
    parents.pages = map_pages(COUNT);
    parents.fd = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_EVENT_FORK);
    must(!uffd_register(parents.fd, parents.pages, COUNT * PAGE));
    must(!fl_guard(parents.fd, parents.pages, COUNT * PAGE, 0, NONE, DEADLOCK));
    thread = thread_start(fork_child, NULL);
    child = take_child();
    must(uffd_poll(child) == 0);
    while (!meet->ready)
        sched_yield();
    meet->go = 1;
    while (!uffd_poll(child))
        sched_yield();
    error = need(parents.pages);
    if (error)
        must(!uffd_fill(child, uffd_next_page(child), 0));
    status = wait_status((pid_t)(long)thread_join(thread));
    ok((error == EFAULT && !status) || (!error && status == HELPED),
       "of two tasks that serve each other one, and the other goes on");
    close(child);
    serve_end(&parents);
    munmap(meet, PAGE);
}

/* ---- no deadlocks ---- */

static volatile int serves;

static void *serve_one(void *argument)
{
    struct served *s = argument;

    must(uffd_poll(s->fd) == POLLERR);
    serves = 1;
    return (void *)(long)uffd_fill(s->fd, uffd_next_page(s->fd), 'o');
}

/* Another thread is about to read. */
static void test_other_reads(void)
{
    struct served s;
    pthread_t thread;

    serve_begin(&s, DEADLOCK);
    become_pager(&s);
    serves = 0;
    thread = thread_start(serve_one, &s);
    while (!serves)
        sched_yield();
    is(probe_read(s.pages + PAGE), 0, "another one reads: no deadlock");
    is(thread_join(thread), 0, "it serves the first");
    serve_end(&s);
}

/* Never reads, but fills. */
static void *fill_ahead(void *argument)
{
    struct served *s = argument;

    must(!uffd_zero(s->fd, s->pages + 3 * PAGE, PAGE, NULL));
    serves = 1;
    await_faults(s->fd, 1);
    return (void *)(long)uffd_fill(s->fd, s->pages + PAGE, 'a');
}

static void test_other_fills(void)
{
    struct served s;
    pthread_t thread;

    serve_begin(&s, DEADLOCK);
    become_pager(&s);
    serves = 0;
    thread = thread_start(fill_ahead, &s);
    while (!serves)
        sched_yield();
    is(probe_read(s.pages + PAGE), 0, "another one fills: no deadlock");
    is(thread_join(thread), 0, "it did");
    serve_end(&s);
}

/* A pager's page that is not its own to bring. */
static void test_client(void)
{
    struct served ours, theirs;
    struct pager p;

    serve_begin(&ours, DEADLOCK);
    serve_begin(&theirs, DEADLOCK);
    become_pager(&ours);
    pager_start(&p, &theirs);
    p.needs = ours.pages + PAGE;
    p.go = 1;
    must(!uffd_fill(ours.fd, uffd_next_page(ours.fd), 0));
    thread_join(p.thread);
    is(p.result, 0, "a pager is another's client");
    serve_end(&ours);
    serve_end(&theirs);
}

static void *come_and_serve(void *argument)
{
    struct served *s = argument;

    await_faults(s->fd, 1);
    return (void *)(long)uffd_fill(s->fd, s->pages + PAGE, 'c');
}

/* Without the flag the console names it, and it waits as on Linux. */
static void test_unflagged(void)
{
    struct served s;
    pthread_t thread;

    serve_begin(&s, 0);
    become_pager(&s);
    thread = thread_start(come_and_serve, &s);
    is(probe_read(s.pages + PAGE), 0, "without the flag it waits");
    is(thread_join(thread), 0, "until somebody new comes");
    serve_end(&s);
}

int main(void)
{
    test_oneself();
    test_chain(2);
    test_chain(3);
    test_two_pagers();
    test_tasks();
    test_ended();
    test_other_reads();
    test_other_fills();
    test_client();
    test_unflagged();
    return done_testing();
}
