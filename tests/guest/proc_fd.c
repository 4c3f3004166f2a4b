/*
 * /proc/PID/fd/FD: what a descriptor leads to. A memory object's file is opened
 * anew by it, with rights and a position of its own.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "memfd.h"

static char path[64];
static char text[128];

static const char *path_of(int fd)
{
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static void links_to(int fd, const char *want)
{
    ssize_t n = readlink(path_of(fd), text, sizeof(text) - 1);

    must(n > 0);
    text[n] = 0;
    if (!ok(!strcmp(text, want), "a link to %s", want))
        diag("%s", text);
}

static void test_links(void)
{
    int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

    links_to(memfd("some", 0), "/memfd:some (deleted)");
    links_to(eventfd(0, 0), "anon_inode:[eventfd]");
    links_to(epoll_create1(0), "anon_inode:[eventpoll]");
    links_to(uffd, "anon_inode:[userfaultfd]");
    is(readlink(path_of(uffd), text, 4), 4, "what there is room for");
    ok(!memcmp(text, "anon", 4), "its beginning");
    fails(readlink(path_of(uffd), (char *)8, 4), EFAULT, "no room at all");
    fails(readlink("/proc/self/fd/99", text, 4), ENOENT, "no descriptor");
    fails(readlink("/proc/self/maps", text, 4), EINVAL, "no link");
    fails(open(path_of(uffd), O_RDWR), ENXIO, "a userfaultfd opened anew");
    fails(open(path_of(99), O_RDWR), ENOENT, "nothing opened anew");
    works(access(path_of(uffd), F_OK), "access");
}

static void test_rights(void)
{
    int fd = object_of(2 * PAGE), reader, writer;
    char byte = 0;

    reader = open(path_of(fd), O_RDONLY | O_CLOEXEC);
    writer = open(path_of(fd), O_WRONLY | O_APPEND);
    ok(reader >= 0 && writer >= 0, "opened for reading, for writing");
    is(fcntl(reader, F_GETFL), O_RDONLY | 0100000, "flags of the one");
    is(fcntl(reader, F_GETFD), FD_CLOEXEC, "closed at exec");
    is(fcntl(writer, F_GETFL), O_WRONLY | O_APPEND | 0100000, "of the other");
    is(lseek(fd, PAGE, SEEK_SET), PAGE, "the first's position");
    is(write(fd, "x", 1), 1, "written through the first");
    is(lseek(reader, 0, SEEK_CUR), 0, "the second's is its own");
    is(pread(reader, &byte, 1, PAGE), 1, "read through the second");
    is(byte, 'x', "the same bytes");
    fails(write(reader, "y", 1), EBADF, "the reader writes");
    fails(read(writer, &byte, 1), EBADF, "the writer reads");
    is(write(writer, "y", 1), 1, "appended");
    is(stat_of(fd).st_size, 2 * PAGE + 1, "at the end");
    fails(mmap(NULL, PAGE, RW, MAP_SHARED, reader, 0), EACCES,
          "shared and writable through the reader");
    ok(mmap(NULL, PAGE, RW, MAP_PRIVATE, reader, 0) != MAP_FAILED,
       "private through the reader");
    fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer, 0), EACCES,
          "mapped through the writer");
    fails(ftruncate(reader, 0), EINVAL, "the reader changes the size");
}

static void test_seals(void)
{
    int fd = object_of(PAGE), reader = open(path_of(fd), O_RDONLY);
    struct stat st;

    works(stat(path_of(fd), &st), "stat by the name");
    is(st.st_size, PAGE, "is of the object");
    is(st.st_ino, stat_of(fd).st_ino, "whose inode");
    fails(fcntl(reader, F_ADD_SEALS, F_SEAL_SHRINK), EPERM,
          "a reader seals nothing");
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), "sealed");
    is(fcntl(reader, F_GET_SEALS), F_SEAL_SHRINK, "seen by the reader");
    fails(open(path_of(fd), O_RDWR | O_TRUNC), EPERM, "emptied: sealed");
    fails(open(path_of(fd), O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST,
          "made anew");
    fails(open(path_of(fd), O_RDWR | O_DIRECTORY), ENOTDIR, "as a directory");
    fd = object_of(PAGE);
    ok(open(path_of(fd), O_RDWR | O_CREAT | O_TRUNC, 0600) >= 0, "emptied");
    is(stat_of(fd).st_size, 0, "of nothing");
}

/* The last descriptor to the object is the one that was opened by name. */
static void test_life(void)
{
    int fd = object_of(PAGE), again;
    char byte = 0;

    must(pwrite(fd, "z", 1, 5) == 1);
    again = open(path_of(fd), O_RDWR);
    close(fd);
    is(pread(again, &byte, 1, 5), 1, "read when the first is closed");
    is(byte, 'z', "what was written");
}

int main(void)
{
    test_links();
    test_rights();
    test_seals();
    test_life();
    return done_testing();
}
