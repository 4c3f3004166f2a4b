/*
 * Every pointer argument of every call, each with every kind of bad pointer:
 * unmapped, in the kernel's half, not canonical, read-only where the call
 * writes, across two pages of which the second is missing. All are EFAULT
 * unless the row says otherwise. Then with a page that a pager has to bring:
 * the call must not notice. What a call does with a good pointer is found by
 * doing it.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#include "uffd_util.h"

#define IN  1 /* the call reads it */
#define OUT 2 /* the call writes it */

/* What stands for something in a row's arguments and boxes. */
#define P     0x5050505050 /* the pointer */
#define BOX   0x5151515151 /* a copy of the row's box */
#define Q     0x5252525252 /* two good pages, of zeros */
#define SELF  0x5353535353 /* our number */
#define TIMER 0x5454545454 /* a timer of ours */

/* Descriptors with fixed numbers, so that the rows are constants. */
#define EVENT   41
#define UFFD    42
#define EPOLL   43
#define READY   44 /* a userfaultfd past its handshake */
#define MEMFD   45 /* executable, and no program */
#define EVENTS  46 /* an epoll set that waits for EVENT */
#define TIMERFD 47
#define PIDFD   48 /* ourselves */
#define MAPS    49 /* our /proc/self/maps */

#define SKIP 1 /* straddling: has to be aligned */

/* Faultline's own, and what the headers of Debian 12 do not know yet. */
#define UFFDIO_FL_COPY_NEXT 0xc050fa00u
#define UFFDIO_FL_GUARD     0x4020fa01u
#define UFFDIO_FL_BIND      0x4028fa02u
#define UFFDIO_FL_FILL      0xc028fa03u
#define UFFDIO_FL_WAKE      0xc028fa04u
#define UFFDIO_FL_CLEAN     0xc028fa05u
#define UFFDIO_FL_EVICT     0xc028fa06u
#define UFFDIO_FL_FILL_NEXT 0xc048fa07u
#define PR_FAULTS           0x464c0003
#define PROCMAP_QUERY       0xc0686611u
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

struct row {
    const char *name;
    long number;
    long args[6]; /* one of them is P, or BOX with a P in it */
    int use;
    unsigned size;
    const void *content; /* what P points to, of that size; NULL: zeros */
    void (*prepare)(void);
    long straddling; /* result across two pages, if not EFAULT */
    int wait;        /* with a good pointer it would wait for ever */
    int ours;        /* Linux has no such thing */
    enum {
        EXACT,
        ANY,          /* it is never twice the same */
        NEW_FD,       /* to be closed again */
    } value;          /* what a result that is no error says */
    long linux_paged; /* where Linux cannot wait for a pager: its result */
    const void *box;
    unsigned box_size;
};

static char *plain, *read_only, *edge, *registered, *target;
static char template[PAGE] __attribute__((aligned(4096)));
static int pager, on_linux;
static timer_t timer;

static void one_event(void)
{
    unsigned long one = 1;

    must(write(EVENT, &one, sizeof(one)) == sizeof(one));
}

static void no_event(void)
{
    unsigned long value;

    if (read(EVENT, &value, sizeof(value)) < 0)
        must(errno == EAGAIN);
}

static void one_child(void)
{
    pid_t pid = fork();
    siginfo_t info;

    must(pid >= 0);
    if (!pid)
        _exit(5);
    must(!waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
}

static void one_signal(void)
{
    kill(getpid(), SIGUSR2); /* blocked */
}

/* Again and again, in case the call has not begun to wait. */
static void alarm_soon(void)
{
    const struct itimerval soon = {{0, 2000}, {0, 2000}};

    setitimer(ITIMER_REAL, &soon, NULL);
}

static void no_alarm(void)
{
    const struct itimerval never = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &never, NULL);
}

static const struct iovec no_iovec;
static const struct pollfd no_pollfd = {.fd = -1};
static const unsigned seven = 7;
static const unsigned long first_cpu = 1, one = 1;
static const unsigned long usr2 = 1UL << (SIGUSR2 - 1);
static const stack_t no_stack = {.ss_flags = SS_DISABLE};
static const struct rlimit core = {0, 0};
static const struct uffdio_api api = {.api = 1};
static const struct epoll_event no_event_yet = {.events = 0};
static const struct timespec no_time, ten_seconds = {10, 0};
static const struct itimerspec no_timer;
static const unsigned no_how[6];
static const struct clone_args no_clone = {.flags = 1UL << 63};
static const siginfo_t queued = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
static const struct sigevent no_notice = {.sigev_notify = SIGEV_NONE};
/* Which nobody would set a clock to. */
static const struct timespec wrong_time = {0, 2000000000};
static const long no_timeval[2] = {0, 2000000};
static const int no_zone[2] = {9999, 0};
/* struct sched_attr, struct procmap_query */
static const unsigned normal[12] = {48};
static const unsigned long one_query[13] = {104, 0x10};

/* Boxes. */
static const unsigned long one_vector[2] = {P, 8}, small_vector[2] = {P, 4};
static const unsigned long target_vector[2] = {Q, 8}, one_string[2] = {P, 0};
static const unsigned long mask_and_size[2] = {P, 8};
static const struct clone_args clone_numbers = {
    .exit_signal = SIGCHLD,
    .set_tid = P,
    .set_tid_size = 1,
};
static const unsigned long named_query[13] = {104, 0x10, [10] = 128, [11] = P};
static unsigned seven_target = 7;
static const struct iovec seven_vector = {&seven_target, 4};

#define EMPTY     ((long)"")
#define PROC_SELF ((long)"/proc/self")
#define PROC_STAT ((long)"/proc/self/stat")

#define NO_FILE "/no/such/file"
#define A(...)                                                                 \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define BOXED(what) .box = &(what), .box_size = sizeof(what)
#define ROW(n, nr, arguments, direction, bytes, ...)                           \
    {                                                                          \
        .name = n, .number = nr, .args = arguments, .use = direction,          \
        .size = bytes, .content = __VA_ARGS__                                  \
    }
#define TIME (sizeof(struct timespec))

#include "bad_pointers_files.h"
#include "bad_pointers_tasks.h"

/* What WORD of a row's arguments or box stands for. */
static long meant(const struct row *row, long word, const void *pointer)
{
    static char box[128] __attribute__((aligned(8)));

    switch (word) {
    case P:
        return (long)pointer;
    case Q:
        return (long)memset(target, 0, 2 * PAGE);
    case SELF:
        return getpid();
    case TIMER:
        return (long)timer;
    case BOX:
        memcpy(box, row->box, row->box_size);
        for (unsigned i = 0; i < row->box_size / 8; i++)
            ((long *)box)[i] = meant(row, ((long *)box)[i], pointer);
        return (long)box;
    default:
        return word;
    }
}

/* The call with that pointer: its result or -errno. */
static long call(const struct row *row, const void *pointer)
{
    long a[6], result;

    for (int i = 0; i < 6; i++)
        a[i] = meant(row, row->args[i], pointer);
    if (row->prepare)
        row->prepare();
    errno = 0;
    result = syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == -1)
        return -errno;
    if (row->value == NEW_FD)
        close(result);
    return row->value == EXACT ? result : 0;
}

/* Reaps what a failed wait may or may not have left. */
static void tidy(void)
{
    sigset_t all;

    no_alarm();
    sigfillset(&all);
    while (sigtimedwait(&all, NULL, &no_time) > 0)
        ;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    no_event();
}

static int expect(const struct row *row, const char *kind, const void *pointer,
                  long want)
{
    long got = call(row, pointer);

    tidy();
    if (got == want)
        return 0;
    diag("%s, %s: %ld, want %ld", row->name, kind, got, want);
    return 1;
}

static int bad(const struct row *row, const char *kind, const void *pointer)
{
    return expect(row, kind, pointer, -EFAULT);
}

static void content_to(const struct row *row, char *to)
{
    memset(to, 0, row->size);
    if (row->content)
        memcpy(to, row->content, row->size);
}

/* Half of it on the last page there is. */
static int straddling(const struct row *row)
{
    char *at = edge + PAGE - row->size / 2;
    char whole[512];

    if (row->straddling == SKIP)
        return 0;
    content_to(row, whole);
    memcpy(at, whole, row->size / 2);
    return expect(row, "two pages", at,
                  row->straddling ? row->straddling : -EFAULT);
}

/* A good pointer, then one to a page that a pager brings in the middle. */
static int good(const struct row *row)
{
    long want;
    int wrong = 0;

    content_to(row, plain);
    content_to(row, template);
    must(!mprotect(read_only, PAGE, PROT_READ | PROT_WRITE));
    content_to(row, read_only);
    must(!mprotect(read_only, PAGE, PROT_READ));
    want = call(row, plain);
    tidy();
    if (want == -EFAULT || want == -ENOSYS) {
        diag("%s: %ld with a good pointer", row->name, want);
        wrong++;
    }
    wrong +=
        expect(row, "read-only", read_only, row->use & OUT ? -EFAULT : want);
    madvise(registered, PAGE, MADV_DONTNEED);
    if (on_linux && row->linux_paged)
        want = row->linux_paged;
    return wrong + expect(row, "a pager's page", registered, want);
}

static int test_row(const struct row *row)
{
    int wrong = 0;

    wrong += bad(row, "unmapped", edge + PAGE);
    wrong += bad(row, "page 1", (void *)PAGE);
    wrong += bad(row, "end of user space", (void *)0x7ffffffff000);
    wrong += bad(row, "not canonical", (void *)(1L << 47));
    wrong += bad(row, "not canonical", (void *)(long)0x8000000000000000);
    wrong += bad(row, "kernel half", (void *)(long)0xffff888000000000);
    wrong += bad(row, "kernel image", (void *)(long)0xffffffff80000000);
    wrong += bad(row, "last page", (void *)-PAGE);
    wrong += straddling(row);
    return row->wait ? wrong : wrong + good(row);
}

/* Brings the template's bytes to whoever needs them. */
static void *serve(void *argument)
{
    for (;;)
        must(!uffd_copy(pager, uffd_next_page(pager), template, PAGE));
    return argument;
}

static void place(int fd, int number)
{
    must(fd >= 0 && dup2(fd, number) == number);
    close(fd);
}

static void make_descriptors(void)
{
    struct epoll_event event = {.events = 0};

    place(eventfd(0, EFD_NONBLOCK), EVENT);
    place(uffd_open(O_NONBLOCK), UFFD);
    place(uffd_new(O_NONBLOCK), READY);
    place(epoll_create1(0), EPOLL);
    must(!epoll_ctl(EPOLL, EPOLL_CTL_ADD, EVENT, &event));
    place(epoll_create1(0), EVENTS);
    event.events = EPOLLIN;
    must(!epoll_ctl(EVENTS, EPOLL_CTL_ADD, EVENT, &event));
    place(memfd_create("no program", 0), MEMFD);
    must(write(MEMFD, "12345678", 8) == 8);
    place(timerfd_create(CLOCK_MONOTONIC, 0), TIMERFD);
    place(syscall(SYS_pidfd_open, getpid(), 0), PIDFD);
    place(open("/proc/self/maps", O_RDONLY), MAPS);
}

static void on_signal(int number)
{
    (void)number;
}

/* SIGALRM ends this thread's calls, SIGUSR2 waits. */
static void prepare_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;

    must(!sigaction(SIGALRM, &action, NULL));
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigaddset(&blocked, SIGALRM);
    must(!sigprocmask(SIG_BLOCK, &blocked, NULL));
    thread_start(serve, NULL);
    sigdelset(&blocked, SIGUSR2);
    must(!sigprocmask(SIG_UNBLOCK, &blocked, NULL));
}

static void test_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!rows[i].ours || !on_linux)
            is(test_row(&rows[i]), 0, "%s", rows[i].name);
}

/* What is only kept for later, or written with nobody to tell, is taken. */
static void test_kept(void)
{
    const void *bad = (void *)(long)0xffff888000000000;
    long flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
                 CLONE_CHILD_CLEARTID | SIGCHLD;
    pid_t pid = syscall(SYS_clone, flags, 0, bad, bad, 0);
    int status;

    if (!pid) {
        syscall(SYS_set_tid_address, bad);
        syscall(SYS_set_robust_list, bad, 24);
        _exit(7);
    }
    ok(pid > 0, "clone: words that cannot be written");
    is(waitpid(pid, &status, 0), pid, "it ends");
    is(status, 7 << 8, "in its own way, with a robust list that is none");
}

/* The child is gone although its status could not be told. */
static void test_wait(void)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(1);
    fails(syscall(SYS_wait4, pid, 8, 0, NULL), EFAULT, "wait4");
    fails(syscall(SYS_wait4, pid, NULL, 0, NULL), ECHILD, "has waited");
}

/* What comes before the hole is written, and the count says how much. */
static void test_partial(void)
{
    static const char text[] = "# up to the end of a page\n";
    size_t size = sizeof(text) - 1;
    char *at = edge + PAGE - size;
    long got;

    memcpy(at, text, size);
    got = write(STDOUT_FILENO, at, 2 * size);
    ok(got == (long)size || (got == -1 && errno == EFAULT),
       "write into a hole stops there");
}

int main(void)
{
    struct utsname name;

    uname(&name);
    on_linux = !strcmp(name.sysname, "Linux");
    plain = map_pages(1);
    read_only = map_pages(1);
    edge = map_pages(2);
    registered = map_pages(1);
    target = map_pages(2);
    memset(edge, 0, PAGE);
    must(!munmap(edge + PAGE, PAGE));
    must(!mprotect(read_only, PAGE, PROT_READ));
    must(!timer_create(CLOCK_MONOTONIC, NULL, &timer));
    make_descriptors();
    pager = uffd_new(0);
    must(!uffd_register(pager, registered, PAGE));
    prepare_signals();
    test_rows(file_rows, sizeof(file_rows) / sizeof(file_rows[0]));
    test_rows(task_rows, sizeof(task_rows) / sizeof(task_rows[0]));
    test_kept();
    test_wait();
    test_partial();
    return done_testing();
}
