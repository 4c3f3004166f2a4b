/*
 * RLIMIT_FSIZE and RLIMIT_NPROC, see getrlimit(2): a file that would grow
 * beyond the limit, by write, pwritev, ftruncate or fallocate, sends SIGXFSZ
 * and fails with EFBIG; one that is longer already may be written and cut;
 * root has as many tasks as it likes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "probe.h"

#define LIMIT 6000

static int fd;
static volatile int signals, sender, code;

static void note(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    signals++;
    sender = info->si_pid;
    code = info->si_code;
}

static void limit(int resource, unsigned long value)
{
    struct rlimit new = {value, RLIM_INFINITY};

    must(!setrlimit(resource, &new));
}

static long size(void)
{
    struct stat st;

    must(!fstat(fd, &st));
    return st.st_size;
}

static long result(long r)
{
    return r < 0 ? -errno : r;
}

/* So many have come since the last time. */
static void signalled(int count)
{
    is(signals, count, "%d SIGXFSZ", count);
    signals = 0;
}

static void test_write(void)
{
    static char bytes[LIMIT + 100];
    struct iovec two[2] = {{bytes, LIMIT / 2}, {bytes, LIMIT}};

    is(result(pwrite(fd, bytes, 10, LIMIT - 4)), 4, "up to the limit");
    is(size(), LIMIT, "so long");
    signalled(0);
    is(result(pwrite(fd, bytes, 1, LIMIT)), -EFBIG, "nothing beyond");
    signalled(1);
    is(sender, getpid(), "from ourselves");
    is(code, SI_USER, "as if by kill()");
    is(result(pwrite(fd, bytes, 0, LIMIT + 5)), 0, "nothing at all may be");
    is(result(pwritev(fd, two, 2, 100)), LIMIT - 100, "vectors are cut");
    signalled(0);
    is(lseek(fd, 0, SEEK_END), LIMIT, "at the end");
    is(result(write(fd, bytes, 5)), -EFBIG, "write");
    signalled(1);
    must(fcntl(fd, F_SETFL, O_APPEND) == 0);
    must(lseek(fd, 0, SEEK_SET) == 0);
    is(result(write(fd, bytes, 5)), -EFBIG, "appending");
    signalled(1);
    must(fcntl(fd, F_SETFL, 0) == 0);
    is(size(), LIMIT, "as long as before");
}

static void test_size(void)
{
    is(result(ftruncate(fd, LIMIT + 1)), -EFBIG, "ftruncate");
    signalled(1);
    is(result(fallocate(fd, 0, 0, LIMIT + 1)), -EFBIG, "fallocate");
    signalled(1);
    is(result(fallocate(fd, FALLOC_FL_KEEP_SIZE, LIMIT, 1)), -EFBIG,
       "and for later");
    signalled(1);
    is(size(), LIMIT, "as long as before");
    limit(RLIMIT_FSIZE, 100);
    is(result(ftruncate(fd, LIMIT)), 0, "what is longer may stay so");
    is(result(fallocate(fd, 0, 200, 300)), 0, "and be filled");
    is(result(ftruncate(fd, 1000)), 0, "or cut");
    signalled(0);
    is(result(ftruncate(fd, 1001)), -EFBIG, "but not grow again");
    signalled(1);
    is(result(pwrite(fd, "x", 1, 500)), -EFBIG, "or be written there");
    signalled(1);
}

static int dies(void *unused)
{
    (void)unused;
    signal(SIGXFSZ, SIG_DFL);
    (void)ftruncate(fd, 2000);
    return 1;
}

static int ignores(void *unused)
{
    (void)unused;
    signal(SIGXFSZ, SIG_IGN);
    return result(ftruncate(fd, 2000)) == -EFBIG ? 0 : 1;
}

static int forks(void *unused)
{
    (void)unused;
    limit(RLIMIT_NPROC, 1);
    return in_child(ignores, NULL);
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = note;
    must(!sigaction(SIGXFSZ, &action, NULL));
    fd = memfd_create("file", 0);
    must(fd >= 0);
    limit(RLIMIT_FSIZE, LIMIT);
    test_write();
    test_size();
    is(in_child(dies, NULL), 1000 + SIGXFSZ, "by default it kills");
    is(in_child(ignores, NULL), 0, "ignored, the error is left");
    is(in_child(forks, NULL), 0, "RLIMIT_NPROC is not for root");
    return done_testing();
}
