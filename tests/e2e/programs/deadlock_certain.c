/*
 * Pagers that wait for themselves or for one another with nobody left who could
 * help: the one that closes the circle gets SIGBUS without having asked for it,
 * see docs/userfaultfd.md, "Deadlocks". Prints TAP.
 */
#define _GNU_SOURCE
#include "../../guest/elf_image.h"
#include "fl_uffd.h"

#include <sys/time.h>

enum {
    CROWD = 40,
    ALONE = 2 /* of CLOSE_RANGE_UNSHARE: a table of its own */
};

/* Memory, and the descriptor through which it is served. */
struct served {
    char *pages;
    int fd;
};

static struct served s;
static volatile int there; /* it is, or its second server */

static void serve_begin(struct served *served, size_t count)
{
    served->pages = map_pages(count);
    served->fd = uffd_new(0);
    must(!uffd_register(served->fd, served->pages, count * PAGE));
}

/* The page is read by a system call: 0 or the errno, and no signal, so that
 * several threads can do so. */
static long need(const char *page)
{
    struct timespec *time = (struct timespec *)page;

    return syscall(SYS_nanosleep, time, NULL) ? errno : 0;
}

/* ---- one ---- */

static int touch(void *unused)
{
    (void)unused;
    serve_begin(&s, 1);
    return s.pages[0];
}

static void test_oneself(int reads)
{
    serve_begin(&s, 2);
    if (reads)
        must(uffd_poll(s.fd) == POLLERR);
    is(probe_read(s.pages), BUS_ADRERR, "one's own page: SIGBUS");
    is(probe_write(s.pages, 'w'), BUS_ADRERR, "or a write to it");
    is(need(s.pages), EFAULT, "EFAULT in a system call");
    is(uffd_copy(s.fd, s.pages, s.pages + PAGE, PAGE), -EFAULT,
       "and in UFFDIO_COPY");
    is(uffd_fill(s.fd, s.pages, 'f'), 0, "it can serve still");
    is(probe_read(s.pages), 0, "and read what it brought");
    must(!uffd_register_mode(s.fd, s.pages, PAGE, UFFDIO_REGISTER_MODE_WP));
    must(!uffd_protect(s.fd, s.pages, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    is(probe_write(s.pages, 'w'), BUS_ADRERR, "what it protected: SIGBUS");
    is(probe_read(s.pages), 0, "which it may read");
    close(s.fd);
    munmap(s.pages, 2 * PAGE);
}

static int touch_deadline(void *unused)
{
    (void)unused;
    serve_begin(&s, 1);
    must(!fl_guard(s.fd, s.pages, PAGE, 10000000, ZERO, 0));
    return s.pages[0];
}

/* ---- several threads, the main one among them: one of them is refused ---- */

static int refused; /* atomic: how many were */

/* Who is refused brings what all the others wait for. */
static void *need_or_bring(void *page)
{
    long error = need(page);

    if (!error)
        return NULL;
    must(error == EFAULT);
    __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    must(!uffd_zero(s.fd, s.pages, (CROWD + 1) * PAGE, NULL));
    return NULL;
}

static int crowd(void *size)
{
    pthread_t threads[CROWD];
    int count = (int)(long)size;

    serve_begin(&s, CROWD + 1);
    there = 1;
    for (int i = 0; i < count; i++)
        threads[i] = thread_start(need_or_bring, s.pages + (i + 1) * PAGE);
    need_or_bring(s.pages);
    for (int i = 0; i < count; i++)
        thread_join(threads[i]);
    return refused != 1;
}

/* Three threads with a table of descriptors each: each has its neighbour's. */
static struct served three[3];
static int own_tables; /* atomic: how many have one */
static volatile int closed;

static void *one_of_three(void *argument)
{
    long me = (long)argument, next = (me + 1) % 3;

    must(!syscall(SYS_close_range, 900, 900, ALONE));
    for (int i = 0; i < 3; i++)
        if (i != me)
            close(three[i].fd);
    __atomic_fetch_add(&own_tables, 1, __ATOMIC_RELAXED);
    while (!closed)
        sched_yield();
    if (need(three[next].pages) == EFAULT)
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    /* Refused or served, it serves who waits for it. */
    must(!uffd_zero(three[me].fd, three[me].pages, PAGE, NULL));
    return NULL;
}

static int circle_of_three(void *unused)
{
    pthread_t threads[3];

    (void)unused;
    for (int i = 0; i < 3; i++)
        serve_begin(&three[i], 1);
    for (long i = 0; i < 3; i++)
        threads[i] = thread_start(one_of_three, (void *)i);
    while (__atomic_load_n(&own_tables, __ATOMIC_RELAXED) < 3)
        sched_yield();
    for (int i = 0; i < 3; i++)
        close(three[i].fd);
    closed = 1;
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    return refused != 1;
}

/* ---- tasks; each has the other's descriptor ---- */

static pid_t forked;

#define HELPED 64

/* Refused, it serves its parent. */
static int be_client(void *pages)
{
    if (!need(pages))
        return 0;
    must(!uffd_zero(s.fd, pages, PAGE, NULL));
    return HELPED;
}

static void *fork_child(void *pages)
{
    forked = fork();
    must(forked >= 0);
    if (!forked)
        _exit(be_client(pages));
    return NULL;
}

/* Forks a task that needs a page of its own memory; the descriptor for it. */
static int fork_client(void)
{
    pthread_t thread = thread_start(fork_child, s.pages);
    struct uffd_msg message;

    while (read(s.fd, &message, sizeof(message)) < 0)
        sched_yield();
    must(message.event == UFFD_EVENT_FORK);
    thread_join(thread);
    return (int)message.arg.fork.ufd;
}

static int circle_of_tasks(void *count)
{
    int fds[2];
    pid_t pids[2];
    int n = (int)(long)count, status;

    s.pages = map_pages(1);
    s.fd = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_EVENT_FORK);
    must(!uffd_register(s.fd, s.pages, PAGE));
    for (int i = 0; i < n; i++) {
        fds[i] = fork_client();
        pids[i] = forked;
        while (!(uffd_poll(fds[i]) & POLLIN))
            sched_yield();
    }
    refused = need(s.pages) == EFAULT;
    for (int i = 0; i < n; i++) {
        (void)uffd_fill(fds[i], s.pages, 0); /* it may have been that one */
        status = wait_status(pids[i]);
        must(!status || status == HELPED);
        refused += status == HELPED;
    }
    return refused != 1;
}

/* ---- closed by one who goes ---- */

static void *end_later(void *waits)
{
    while (!there)
        sched_yield();
    await_faults(s.fd, (int)(long)waits);
    return NULL;
}

static int thread_ends(void *unused)
{
    (void)unused;
    serve_begin(&s, 1);
    there = 1;
    thread_start(end_later, (void *)1);
    return need(s.pages) != EFAULT;
}

static int two_wait_one_ends(void *unused)
{
    (void)unused;
    thread_start(end_later, (void *)2);
    return crowd((void *)1);
}

static int program;

/* What the inheritor does with the descriptor. */
enum {
    ENDS,
    CLOSES,
    COPIES_OVER,
    EXECS
};

static void inherit(int how)
{
    char *const name[] = {"it", NULL};

    await_faults(s.fd, 1);
    if (how == CLOSES)
        close(s.fd);
    if (how == COPIES_OVER)
        must(dup2(0, s.fd) == s.fd);
    if (how == EXECS)
        syscall(SYS_execveat, program, "", name, name + 1, AT_EMPTY_PATH);
    if (how != ENDS && how != EXECS)
        do_nothing(NULL);
    _exit(0);
}

/* A program that sleeps for ever. */
static void make_program(void)
{
    extern const char sleeper[], sleeper_end[];

    asm(".pushsection .rodata\n"
        "sleeper:\n"
        "    mov $34, %eax\n" /* pause */
        "    syscall\n"
        "    jmp sleeper\n"
        "sleeper_end:\n"
        ".popsection");
    program = memfd_create("it", 0);
    must(program >= 0);
    write_image(program, sleeper, sleeper_end, PF_R | PF_X);
}

static int inheritor_lets_go(void *how)
{
    pid_t pid;
    long r;

    serve_begin(&s, 1);
    must(!fcntl(s.fd, F_SETFD, FD_CLOEXEC));
    make_program();
    pid = fork();
    must(pid >= 0);
    if (!pid)
        inherit((int)(long)how);
    r = need(s.pages);
    must(!kill(pid, SIGKILL));
    wait_status(pid);
    return r != EFAULT;
}

/* Of two that served one ends, while others are left that never did: the range
 * says that this is enough. */
static void *serve_and_end(void *unused)
{
    must(uffd_poll(s.fd) == POLLERR);
    there = 1;
    await_faults(s.fd, 1);
    return unused;
}

static int server_ends(void *unused)
{
    (void)unused;
    serve_begin(&s, 1);
    must(!fl_guard(s.fd, s.pages, PAGE, 0, NONE, DEADLOCK));
    must(uffd_poll(s.fd) == POLLERR);
    thread_start(serve_and_end, NULL);
    leave_hope();
    while (!there)
        sched_yield();
    return need(s.pages) != EFAULT;
}

/* ---- help is possible ---- */

static void fill_page(int number)
{
    (void)number;
    must(!uffd_fill(s.fd, s.pages, 'h'));
}

/* The console names it after a second; help comes later. */
static int named_late(void *unused)
{
    struct itimerval later = {.it_value.tv_sec = 3};

    (void)unused;
    must(signal(SIGALRM, fill_page) != SIG_ERR);
    serve_begin(&s, 1);
    must(!setitimer(ITIMER_REAL, &later, NULL));
    return s.pages[0] != 'h';
}

int main(void)
{
    test_oneself(0);
    test_oneself(1);
    is(in_child(touch, NULL), 1000 + SIGBUS, "which kills");
    is(in_child(touch_deadline, NULL), 0, "a deadline comes first");
    is(in_child(crowd, (void *)1), 0, "one of two threads");
    is(in_child(crowd, (void *)CROWD), 0, "one of many");
    is(in_child(circle_of_three, NULL), 0, "one of a circle of three");
    is(in_child(circle_of_tasks, (void *)1), 0, "of a circle of two tasks");
    is(in_child(circle_of_tasks, (void *)2), 0, "of a knot of three");
    is(in_child(thread_ends, NULL), 0, "the other thread ends");
    is(in_child(two_wait_one_ends, NULL), 0, "one of two when a third ends");
    is(in_child(inheritor_lets_go, (void *)ENDS), 0, "the other task ends");
    is(in_child(inheritor_lets_go, (void *)CLOSES), 0, "or closes");
    is(in_child(inheritor_lets_go, (void *)COPIES_OVER), 0, "or loses");
    is(in_child(inheritor_lets_go, (void *)EXECS), 0, "its descriptor");
    is(in_child(server_ends, NULL), 0, "the last that served ends");
    is(in_child(named_late, NULL), 0, "a handler may help: it waits");
    return done_testing();
}
