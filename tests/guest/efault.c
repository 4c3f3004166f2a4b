/*
 * Bad pointers: every system call that takes one gives EFAULT for an address
 * with nothing there, in the kernel's half, in the gap between the halves,
 * for a page that may not be written, and for a structure that lies half in
 * one page and half in a hole; and changes nothing.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#include <asm/prctl.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

/* Stands for the pointer under test in a list of arguments. */
#define BAD         0x0badbadbadL
#define FUTEX_PLAIN FUTEX_WAIT_PRIVATE

enum direction {
    IN,
    OUT
};

struct call {
    const char *name;
    long number;
    enum direction direction; /* OUT: the kernel writes there */
    int size;                 /* of what it points to; 0: do not straddle */
    long arguments[6];
};

static int word = 7;

static const struct call calls[] = {
    {"clock_gettime", SYS_clock_gettime, OUT, 16, {CLOCK_MONOTONIC, BAD}},
    {"clock_getres", SYS_clock_getres, OUT, 16, {CLOCK_MONOTONIC, BAD}},
    {"gettimeofday", SYS_gettimeofday, OUT, 16, {BAD}},
    {"time", SYS_time, OUT, 8, {BAD}},
    {"uname", SYS_uname, OUT, 390, {BAD}},
    {"getrandom", SYS_getrandom, OUT, 0, {BAD, 32}},
    {"getrlimit", SYS_getrlimit, OUT, 16, {RLIMIT_STACK, BAD}},
    {"prlimit64 old", SYS_prlimit64, OUT, 16, {0, RLIMIT_STACK, 0, BAD}},
    {"prlimit64 new", SYS_prlimit64, IN, 16, {0, RLIMIT_STACK, BAD}},
    {"getrusage", SYS_getrusage, OUT, 144, {RUSAGE_SELF, BAD}},
    {"rt_sigprocmask old", SYS_rt_sigprocmask, OUT, 8, {0, 0, BAD, 8}},
    {"rt_sigprocmask new", SYS_rt_sigprocmask, IN, 8, {0, BAD, 0, 8}},
    {"rt_sigpending", SYS_rt_sigpending, OUT, 8, {BAD, 8}},
    {"rt_sigaction old", SYS_rt_sigaction, OUT, 32, {SIGUSR1, 0, BAD, 8}},
    {"rt_sigaction new", SYS_rt_sigaction, IN, 32, {SIGUSR1, BAD, 0, 8}},
    {"rt_sigsuspend", SYS_rt_sigsuspend, IN, 8, {BAD, 8}},
    {"sigaltstack old", SYS_sigaltstack, OUT, 24, {0, BAD}},
    {"sigaltstack new", SYS_sigaltstack, IN, 24, {BAD, 0}},
    {"arch_prctl", SYS_arch_prctl, OUT, 8, {ARCH_GET_FS, BAD}},
    {"PR_GET_NAME", SYS_prctl, OUT, 16, {PR_GET_NAME, BAD}},
    {"PR_SET_NAME", SYS_prctl, IN, 0, {PR_SET_NAME, BAD}},
    {"sched_getaffinity", SYS_sched_getaffinity, OUT, 0, {0, 128, BAD}},
    {"fstat", SYS_fstat, OUT, 144, {1, BAD}},
    {"newfstatat", SYS_newfstatat, OUT, 144, {1, (long)"", BAD, AT_EMPTY_PATH}},
    {"nanosleep", SYS_nanosleep, IN, 16, {BAD}},
    {"clock_nanosleep",
     SYS_clock_nanosleep,
     IN,
     16,
     {CLOCK_MONOTONIC, 0, BAD, 0}},
    {"write", SYS_write, IN, 0, {1, BAD, 16}},
    {"writev", SYS_writev, IN, 16, {1, BAD, 1}},
    {"readv", SYS_readv, IN, 16, {0, BAD, 1}},
    {"poll", SYS_poll, IN, 8, {BAD, 1, 0}},
    {"ppoll's time", SYS_ppoll, IN, 16, {0, 0, BAD, 0, 8}},
    {"futex", SYS_futex, IN, 0, {BAD & ~3L, FUTEX_PLAIN, 0, 0}},
    {"futex's time", SYS_futex, IN, 16, {(long)&word, FUTEX_PLAIN, 7, BAD}},
    {"execve", SYS_execve, IN, 0, {BAD, 0, 0}},
    {"execveat", SYS_execveat, IN, 0, {-1, BAD, 0, 0, AT_EMPTY_PATH}},
};

static char *page;      /* read-write, a hole behind it */
static char *read_only; /* read-only, never touched */

/* The error of CALL with POINTER in place of BAD: 0 or an errno. */
static int error_with(const struct call *call, const void *pointer)
{
    long a[6];

    for (int i = 0; i < 6; i++) {
        a[i] = call->arguments[i];
        if (a[i] == BAD || a[i] == (BAD & ~3L))
            a[i] = (long)pointer;
    }
    errno = 0;
    return syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno
                                                                         : 0;
}

static int faults(const struct call *call, const char *what,
                  const void *pointer)
{
    int error = error_with(call, pointer);

    if (error != EFAULT)
        diag("%s, %s: %s", call->name, what,
             error ? strerror(error) : "no error");
    return error == EFAULT;
}

static void test_call(const struct call *call)
{
    int good = 1;

    good &= faults(call, "a hole", page + PAGE);
    good &= faults(call, "page 0", (void *)8);
    good &= faults(call, "the kernel's half", (void *)0xffff888000000000UL);
    good &= faults(call, "the last page", (void *)0xfffffffffffff000UL);
    good &= faults(call, "kernel text", (void *)0xffffffff81000000UL);
    good &= faults(call, "no address", (void *)0x0000900000000000UL);
    good &= faults(call, "the first bad byte", (void *)(1UL << 63));
    if (call->direction == OUT)
        good &= faults(call, "a read-only page", read_only);
    if (call->size)
        good &= faults(call, "half in a hole", page + PAGE - call->size / 2);
    ok(good, "%s", call->name);
}

static void test_ioctls(void)
{
    struct call call = {"UFFDIO_API", SYS_ioctl, OUT, 24, {0}};

    call.arguments[0] = uffd_open(0);
    call.arguments[1] = UFFDIO_API;
    call.arguments[2] = BAD;
    test_call(&call);
    close(call.arguments[0]);
    call = (struct call){"UFFDIO_REGISTER", SYS_ioctl, IN, 32, {0}};
    call.arguments[0] = uffd_new(0);
    call.arguments[1] = UFFDIO_REGISTER;
    call.arguments[2] = BAD;
    test_call(&call);
    call.name = "UFFDIO_COPY";
    call.arguments[1] = UFFDIO_COPY;
    call.size = 40;
    test_call(&call);
    call.name = "UFFDIO_WAKE";
    call.arguments[1] = UFFDIO_WAKE;
    call.size = 16;
    test_call(&call);
    close(call.arguments[0]);
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
    long got;

    memcpy(page + PAGE - size, text, size);
    got = write(STDOUT_FILENO, page + PAGE - size, 2 * size);
    ok(got == (long)size || (got == -1 && errno == EFAULT),
       "write into a hole stops there");
    memset(page, 0, PAGE);
}

int main(void)
{
    page = map_pages(3);
    read_only = page + 2 * PAGE;
    munmap(page + PAGE, PAGE);
    mprotect(read_only, PAGE, PROT_READ);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        test_call(&calls[i]);
    test_ioctls();
    test_wait();
    test_partial();
    ok(all_bytes(read_only, 0, PAGE), "the read-only page was not written");
    return done_testing();
}
