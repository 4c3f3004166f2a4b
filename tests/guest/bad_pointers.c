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
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <time.h>

#include "uffd_util.h"

#define IN  1 /* the call reads it */
#define OUT 2 /* the call writes it */

#define P 0x5050505050 /* stands for the pointer in a row's arguments */

/* Descriptors with fixed numbers, so that the rows are constants. */
#define EVENT 41
#define UFFD  42
#define EPOLL 43
#define READY 44 /* a userfaultfd past its handshake */

struct row {
    const char *name;
    long number;
    long args[6]; /* one of them is P */
    int use;
    unsigned size;
    const void *content; /* what P points to, of that size; NULL: zeros */
    void (*prepare)(void);
    long straddling; /* result across two pages, if not EFAULT */
    int wait;        /* with a good pointer it would wait for ever */
};

static char *plain, *read_only, *edge, *registered;
static char template[PAGE] __attribute__((aligned(4096)));
static int pager;

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

static const struct iovec no_iovec;
static const struct pollfd no_pollfd = {.fd = -1};
static const unsigned seven = 7;
static const unsigned long first_cpu = 1, one = 1;
static const stack_t no_stack = {.ss_flags = SS_DISABLE};
static const struct rlimit core = {0, 0};
static const struct uffdio_api api = {.api = 1};
static const struct epoll_event no_event_yet = {.events = 0};

#define PATH_CONTENT "/no/such/file"
#define PATH(name, number)                                                     \
    {                                                                          \
        name, number, {P}, IN, sizeof(PATH_CONTENT), PATH_CONTENT, NULL, 0, 0  \
    }
#define PATH_AT(name, number)                                                  \
    {                                                                          \
        name, number, {-100, P}, IN, sizeof(PATH_CONTENT), PATH_CONTENT, NULL, \
            0, 0                                                               \
    }
#define TIME (sizeof(struct timespec))

#include "bad_pointers.h"

/* The call with that pointer: its result or -errno. */
static long call(const struct row *row, const void *pointer)
{
    long a[6], result;

    for (int i = 0; i < 6; i++)
        a[i] = row->args[i] == P ? (long)pointer : row->args[i];
    if (row->prepare)
        row->prepare();
    errno = 0;
    result = syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == -1)
        return -errno;
    return row->number == SYS_wait4 ? 0 : result; /* any pid will do */
}

/* Reaps what a failed wait may or may not have left. */
static void tidy(void)
{
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

    if (row->straddling < 0) /* has to be aligned: cannot */
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
    want = call(row, plain);
    tidy();
    if (want == -EFAULT || want == -ENOSYS) {
        diag("%s: %ld with a good pointer", row->name, want);
        wrong++;
    }
    if (!(row->use & OUT)) {
        mprotect(read_only, PAGE, PROT_READ | PROT_WRITE);
        content_to(row, read_only);
        mprotect(read_only, PAGE, PROT_READ);
        wrong += expect(row, "read-only", read_only, want);
    }
    madvise(registered, PAGE, MADV_DONTNEED);
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
    if ((row->use & OUT) && !row->wait)
        wrong += bad(row, "read-only", read_only);
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

static void make_descriptors(void)
{
    struct epoll_event none = {.events = 0};
    int fd = eventfd(0, EFD_NONBLOCK);

    must(fd >= 0 && dup2(fd, EVENT) == EVENT);
    fd = uffd_open(O_NONBLOCK);
    must(fd >= 0 && dup2(fd, UFFD) == UFFD);
    must(dup2(uffd_new(O_NONBLOCK), READY) == READY);
    fd = epoll_create1(0);
    must(fd >= 0 && dup2(fd, EPOLL) == EPOLL);
    must(!epoll_ctl(EPOLL, EPOLL_CTL_ADD, EVENT, &none));
}

int main(void)
{
    plain = map_pages(1);
    read_only = map_pages(1);
    edge = map_pages(2);
    registered = map_pages(1);
    memset(edge, 0, PAGE);
    must(!munmap(edge + PAGE, PAGE));
    must(!mprotect(read_only, PAGE, PROT_READ));
    make_descriptors();
    pager = uffd_new(0);
    must(!uffd_register(pager, registered, PAGE));
    thread_start(serve, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is(test_row(&rows[i]), 0, "%s", rows[i].name);
    return done_testing();
}
