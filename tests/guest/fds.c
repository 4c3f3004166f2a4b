/*
 * Descriptors: dup and its kin, flags, what is refused, poll, and that they
 * are a task's own after fork. A userfaultfd serves as the spare object.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_dup(void)
{
    int fd = uffd_open(O_CLOEXEC);
    int copy = dup(fd);

    ok(fd >= 3, "a new descriptor is above the standard three");
    is(copy, fd + 1, "dup takes the lowest that is free");
    is(fcntl(copy, F_GETFD), 0, "and is not closed on exec");
    works(close(fd), "close");
    is(dup(copy), fd, "the freed number is used again");
    is(dup2(copy, 40), 40, "dup2");
    is(dup2(copy, copy), copy, "dup2 to itself");
    is(fcntl(copy, F_DUPFD, 30), 30, "F_DUPFD from 30 on");
    is(fcntl(copy, F_DUPFD, 30), 31, "and the next");
    is(fcntl(copy, F_DUPFD_CLOEXEC, 30), 32, "F_DUPFD_CLOEXEC");
    is(fcntl(32, F_GETFD), FD_CLOEXEC, "closes on exec");
    is(dup3(copy, 33, O_CLOEXEC), 33, "dup3");
    is(fcntl(33, F_GETFD), FD_CLOEXEC, "closes on exec");
    is(dup2(33, 32), 32, "dup2 over an open one");
    is(fcntl(32, F_GETFD), 0, "clears the flag");
    for (int i = 30; i <= 33; i++)
        close(i);
    close(40);
    close(fd);
    close(copy);
}

static void test_dup_errors(void)
{
    struct rlimit limit;

    must(!getrlimit(RLIMIT_NOFILE, &limit));
    fails(dup(-1), EBADF, "dup of -1");
    fails(dup(30), EBADF, "dup of a closed descriptor");
    fails(dup2(30, 31), EBADF, "dup2 of one");
    ok(!is_open(31), "opens nothing");
    fails(dup2(1, -1), EBADF, "dup2 to -1");
    fails(dup2(1, limit.rlim_cur), EBADF, "dup2 to beyond the limit");
    fails(dup3(1, 1, 0), EINVAL, "dup3 to itself");
    fails(syscall(SYS_dup3, 1, 30, O_APPEND), EINVAL,
          "dup3 with an unknown flag");
    fails(fcntl(1, F_DUPFD, -1), EINVAL, "F_DUPFD from -1 on");
    fails(fcntl(1, F_DUPFD, (int)limit.rlim_cur), EINVAL,
          "F_DUPFD beyond the limit");
    fails(fcntl(1, 9999), EINVAL, "an unknown fcntl");
    fails(fcntl(30, F_GETFD), EBADF, "fcntl of a closed descriptor");
}

static void test_flags(void)
{
    int fd = uffd_open(0);
    int copy = dup(fd);

    works(fcntl(fd, F_SETFD, FD_CLOEXEC), "F_SETFD");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "is seen");
    is(fcntl(copy, F_GETFD), 0, "but not by the duplicate");
    works(fcntl(fd, F_SETFL, O_NONBLOCK), "F_SETFL");
    ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "is seen");
    ok(fcntl(copy, F_GETFL) & O_NONBLOCK, "by the duplicate, too");
    works(fcntl(copy, F_SETFL, 0), "F_SETFL takes it away");
    is(fcntl(fd, F_GETFL) & O_NONBLOCK, 0, "for both");
    close(fd);
    close(copy);
}

static void test_bad(void)
{
    struct iovec vector = {source, 1};
    struct stat info;

    fails(close(30), EBADF, "close");
    fails(close(-1), EBADF, "close of -1");
    fails(read(30, source, 1), EBADF, "read");
    fails(write(30, source, 1), EBADF, "write");
    fails(readv(30, &vector, 1), EBADF, "readv");
    fails(writev(-1, &vector, 1), EBADF, "writev");
    fails(pread(30, source, 1, 0), EBADF, "pread");
    fails(lseek(30, 0, SEEK_SET), EBADF, "lseek");
    fails(ioctl(30, UFFDIO_API, source), EBADF, "ioctl");
    fails(syscall(SYS_fstat, 30, &info), EBADF, "fstat");
    fails(syscall(SYS_newfstatat, 30, "", &info, AT_EMPTY_PATH), EBADF,
          "newfstatat");
    fails(syscall(SYS_execveat, 30, "", NULL, NULL, AT_EMPTY_PATH), EBADF,
          "execveat");
}

static void test_refused(void)
{
    struct iovec vector = {source, -1UL};
    int fd = uffd_new(O_NONBLOCK);

    is(write(1, source, 0), 0, "write of no bytes");
    is(writev(1, &vector, 0), 0, "writev of no parts");
    fails(syscall(SYS_writev, 1, &vector, -1), EINVAL, "of -1 parts");
    fails(syscall(SYS_writev, 1, &vector, 1025), EINVAL, "of 1025 parts");
    fails(writev(1, &vector, 1), EINVAL, "of a part too long");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV,
          "mmap of a userfaultfd");
    fails(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH), EACCES,
          "execveat of one");
    close(fd);
}

static void test_stat(void)
{
    struct stat info;
    struct stat again;
    int fd = uffd_open(0);

    memset(&info, 0xff, sizeof(info));
    works(syscall(SYS_fstat, fd, &info), "fstat");
    is(info.st_size, 0, "a userfaultfd has no size");
    works(syscall(SYS_newfstatat, fd, "", &again, AT_EMPTY_PATH),
          "newfstatat with AT_EMPTY_PATH");
    is(again.st_mode, info.st_mode, "says the same");
    works(syscall(SYS_fstat, 1, &info), "fstat of the standard output");
    close(fd);
}

static void test_poll(void)
{
    struct pollfd entries[3] = {
        {.fd = 30, .events = POLLIN},
        {.fd = -5, .events = POLLIN, .revents = 77},
        {.fd = 1, .events = POLLOUT},
    };
    struct timespec none = {0};
    int fd = uffd_new(O_NONBLOCK);

    /* Not while a slow terminal is still busy with what we printed. */
    must(poll(&entries[2], 1, -1) == 1);
    is(poll(entries, 3, -1), 2, "poll counts what is ready");
    is(entries[0].revents, POLLNVAL, "a closed descriptor: POLLNVAL");
    is(entries[1].revents, 0, "a negative one is passed over");
    is(entries[2].revents, POLLOUT, "the standard output is writable");
    is(poll(NULL, 0, 2), 0, "poll of nothing is a short sleep");
    entries[0].fd = fd;
    is(poll(entries, 1, 2), 0, "nothing becomes readable in 2 ms");
    is(syscall(SYS_ppoll, entries, 1, &none, NULL, 8), 0, "ppoll");
    fails(syscall(SYS_poll, entries, 1 << 30, 0), EINVAL,
          "more entries than there can be descriptors");
    close(fd);
}

static int close_and_open(void *fd)
{
    close(*(int *)fd);
    return dup2(1, 50) != 50 || dup2(1, *(int *)fd) < 0;
}

static void test_fork(void)
{
    int fd = uffd_open(0);

    is(in_child(close_and_open, &fd), 0, "a child changes its descriptors");
    ok(is_open(fd), "its parent's are as they were");
    ok(!is_open(50), "and no more");
    is(uffd_api(fd, 0, NULL), 0, "and what they were");
    close(fd);
}

int main(void)
{
    test_dup();
    test_dup_errors();
    test_flags();
    test_bad();
    test_refused();
    test_stat();
    test_poll();
    test_fork();
    return done_testing();
}
