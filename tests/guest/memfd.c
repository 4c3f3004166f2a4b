/*
 * memfd_create(2) and the calls on its descriptor: names and flags, read and
 * write with and without a position, holes, fallocate(2), fsync(2), and what
 * mmap(2) answers.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "memfd.h"

#define LAST 0x7fffffffffffffffL

static char buffer[4 * PAGE];

static void test_names(void)
{
    char name[300];

    memset(name, 'n', sizeof(name));
    name[250] = 0;
    fails(memfd(name, 0), EINVAL, "a name of 250 bytes");
    name[249] = 0;
    ok(memfd(name, 0) >= 0, "a name of 249 bytes");
    ok(memfd("", 0) >= 0, "an empty name");
    fails(memfd((char *)8, 0), EFAULT, "a name that is not there");
    fails(memfd(NULL, 0), EFAULT, "no name");
}

static void test_flags(void)
{
    int fd = memfd("x", MFD_CLOEXEC);

    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "MFD_CLOEXEC");
    fd = memfd("x", 0);
    is(fcntl(fd, F_GETFD), 0, "without MFD_CLOEXEC");
    is(fcntl(fd, F_GETFL), O_RDWR | 0100000, "F_GETFL: for both, and large");
    fails(memfd("x", 0x20), EINVAL, "an unknown flag");
    fails(memfd("x", MFD_EXEC | MFD_NOEXEC_SEAL), EINVAL,
          "MFD_EXEC with MFD_NOEXEC_SEAL");
    fails(memfd("x", 1u << 26), EINVAL, "a huge page's size without HUGETLB");
    fails(memfd("x", MFD_HUGETLB | 20u << 26), ENODEV, "huge pages of 1 MiB");
}

/* There are no huge pages, and still such an object can be had. */
static void test_huge(void)
{
    int fd = memfd("huge", MFD_HUGETLB);

    ok(fd >= 0, "an object of huge pages");
    is(stat_of(fd).st_blksize, 2 << 20, "its blocks are 2 MiB");
    fails(ftruncate(fd, PAGE), EINVAL, "its size is one of whole blocks");
    works(ftruncate(fd, 4 << 20), "ftruncate to two blocks");
    fails(mmap(NULL, 2 << 20, RW, MAP_SHARED, fd, 0), ENOMEM, "mmap of it");
    fails(mmap(NULL, 2 << 20, RW, MAP_SHARED, fd, PAGE), EINVAL,
          "at an offset within a block");
    fails(mmap((void *)0x10001000, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0),
          EINVAL, "at an address within a block");
    fails(write(fd, "x", 1), EINVAL, "write to it");
    is(read(fd, buffer, 5), 5, "read of its zeros");
    fails(fallocate(fd, 0, 0, 2 << 20), ENOSPC, "fallocate of a block");
}

static void test_stat(void)
{
    struct stat st = stat_of(memfd("x", 0));

    is(st.st_mode, S_IFREG | 0777, "mode of an object");
    is(stat_of(memfd("x", MFD_EXEC)).st_mode, S_IFREG | 0777, "with MFD_EXEC");
    is(stat_of(memfd("x", MFD_NOEXEC_SEAL)).st_mode, S_IFREG | 0666,
       "with MFD_NOEXEC_SEAL");
    is(st.st_size, 0, "it is empty");
    is(st.st_blocks, 0, "and takes no memory");
    is(st.st_nlink, 0, "it has no name");
    is(st.st_blksize, PAGE, "its blocks are pages");
    ok(st.st_ino != stat_of(memfd("x", 0)).st_ino, "each is another");
}

static void test_read_write(void)
{
    int fd = memfd("x", 0);

    is(read(fd, buffer, 10), 0, "read of an empty object");
    is(write(fd, "hello", 5), 5, "write at the start");
    is(lseek(fd, 0, SEEK_CUR), 5, "moves on");
    is(read(fd, buffer, 10), 0, "read at the end");
    is(lseek(fd, -3, SEEK_END), 2, "lseek from the end");
    is(read(fd, buffer, 10), 3, "short read");
    ok(!memcmp(buffer, "llo", 3), "of what was written");
    memset(buffer, 'b', sizeof(buffer));
    is(pwrite(fd, buffer, 2 * PAGE + 10, PAGE - 5), 2 * PAGE + 10,
       "pwrite over four pages");
    is(size_of(fd), 3 * PAGE + 5, "makes the object longer");
    is(pages_of(fd), 4, "by the pages it touched");
    is(lseek(fd, 0, SEEK_CUR), 5, "and moves nothing");
    memset(buffer, 'c', sizeof(buffer));
    is(pread(fd, buffer, sizeof(buffer), 0), 3 * PAGE + 5, "pread of it all");
    ok(!memcmp(buffer, "hello", 5) && all_bytes(buffer + 5, 0, PAGE - 10) &&
           all_bytes(buffer + PAGE - 5, 'b', 2 * PAGE + 10),
       "sees it all");
    is(write(fd, "", 0), 0, "write of nothing");
}

static void test_positions(void)
{
    int fd = object_of(10), event = eventfd(0, 0);

    fails(pread(fd, buffer, 1, -1), EINVAL, "pread before the start");
    fails(pwrite(fd, buffer, 1, -1), EINVAL, "pwrite before the start");
    fails(pread(event, buffer, 8, 0), ESPIPE, "pread of an eventfd");
    fails(pread(-1, buffer, 1, 0), EBADF, "pread of nothing");
    is(lseek(fd, LAST, SEEK_SET), LAST, "lseek to the last byte there can be");
    fails(lseek(fd, 1, SEEK_CUR), EINVAL, "lseek beyond");
    fails(write(fd, "x", 1), EINVAL, "write beyond");
    fails(read(fd, buffer, 1), EINVAL, "read beyond");
    fails(pwrite(fd, "xy", 2, LAST - 1), EINVAL, "pwrite that reaches beyond");
    is(pwrite(fd, "x", 1, LAST - 1), 1, "pwrite of the last byte there can be");
    is(size_of(fd), LAST, "is the longest object");
    is(pages_of(fd), 1, "of one page");
    is(pread(fd, buffer, 1, LAST - 1), 1, "pread of it");
    is(buffer[0], 'x', "sees it");
}

static void test_bad_buffers(void)
{
    int fd = object_of(3 * PAGE);
    char *edge = map_pages(2);

    munmap(edge + PAGE, PAGE);
    memset(edge, 'e', PAGE);
    fails(write(fd, (char *)8, 1), EFAULT, "write from nowhere");
    fails(read(fd, (char *)8, 1), EFAULT, "read to nowhere");
    is(pwrite(fd, edge + PAGE - 10, 20, 0), 10, "write up to the edge");
    is(pread(fd, edge + PAGE - 10, 20, 5), 10, "read up to the edge");
    ok(all_bytes(edge + PAGE - 10, 'e', 5) && all_bytes(edge + PAGE - 5, 0, 5),
       "moves what there is");
    is(size_of(fd), 3 * PAGE, "the size stays");
}

static void test_append(void)
{
    int fd = object_of(100);

    works(fcntl(fd, F_SETFL, O_APPEND), "O_APPEND");
    is(write(fd, "a", 1), 1, "write");
    is(lseek(fd, 0, SEEK_CUR), 101, "at the end");
    is(pwrite(fd, "b", 1, 0), 1, "pwrite at the start");
    is(size_of(fd), 102, "at the end, too");
    is(pread(fd, buffer, 1, 101), 1, "pread");
    is(buffer[0], 'b', "where it was asked to");
}

static void test_vectors(void)
{
    char a[3], b[5];
    struct iovec v[2] = {{a, 3}, {b, 5}}, w[2] = {{"abc", 3}, {"defgh", 5}};
    int fd = object_of(0), event = eventfd(0, 0);

    is(pwritev(fd, w, 2, 10), 8, "pwritev of two");
    is(size_of(fd), 18, "makes the object longer");
    is(preadv(fd, v, 2, 10), 8, "preadv of two");
    ok(!memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5), "sees them");
    is(lseek(fd, 0, SEEK_CUR), 0, "neither moves");
    is(preadv(fd, v, 2, 14), 4, "short preadv");
    is(preadv(fd, v, 0, 0), 0, "preadv of none");
    fails(preadv(fd, v, 2, -1), EINVAL, "preadv before the start");
    fails(pwritev(fd, w, 2, -1), EINVAL, "pwritev before the start");
    fails(preadv(fd, v, -1, 0), EINVAL, "preadv of -1 vectors");
    fails(preadv(event, v, 1, 0), ESPIPE, "preadv of an eventfd");
    fails(pwritev(-1, w, 1, 0), EBADF, "pwritev to nothing");
}

static void test_holes(void)
{
    int fd = object_of(10 * PAGE);
    volatile char *p;

    must(pwrite(fd, "a", 1, 3 * PAGE + 5) == 1);
    must(pwrite(fd, "a", 1, 4 * PAGE + 5) == 1);
    is(lseek(fd, 0, SEEK_DATA), 3 * PAGE, "the first data");
    is(lseek(fd, 5, SEEK_HOLE), 5, "the hole before it");
    is(lseek(fd, 3 * PAGE + 7, SEEK_DATA), 3 * PAGE + 7, "within data");
    is(lseek(fd, 3 * PAGE + 7, SEEK_HOLE), 5 * PAGE, "the hole behind it");
    fails(lseek(fd, 5 * PAGE, SEEK_DATA), ENXIO, "no more data");
    is(lseek(fd, 10 * PAGE - 1, SEEK_HOLE), 10 * PAGE - 1, "the last byte");
    fails(lseek(fd, 10 * PAGE, SEEK_HOLE), ENXIO, "no hole behind the end");
    fails(lseek(fd, -1, SEEK_DATA), ENXIO, "data before the start");
    fails(lseek(fd, 0, 5), EINVAL, "an unknown whence");
    must(pread(fd, buffer, PAGE, 0) == PAGE);
    is(lseek(fd, 0, SEEK_DATA), 3 * PAGE, "read(2) makes no page");
    p = map_object(fd, 10, RW, MAP_SHARED, 0);
    (void)p[7 * PAGE];
    is(lseek(fd, 5 * PAGE, SEEK_DATA), 7 * PAGE, "a touch does");
    p[9 * PAGE] = 1;
    must(ftruncate(fd, 9 * PAGE + 10) == 0);
    is(lseek(fd, 9 * PAGE, SEEK_HOLE), 9 * PAGE + 10, "the end is a hole");
}

static void test_fallocate(void)
{
    int fd = object_of(0);
    char *p;

    works(fallocate(fd, 0, PAGE, PAGE), "fallocate");
    is(size_of(fd), 2 * PAGE, "makes the object longer");
    is(pages_of(fd), 1, "by one page");
    fails(lseek(fd, 0, SEEK_DATA), ENXIO, "that is no data");
    p = map_object(fd, 4, RW, MAP_SHARED, 0);
    is(p[PAGE], 0, "until it is touched");
    is(lseek(fd, 0, SEEK_DATA), PAGE, "then it is");
    works(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE), "KEEP_SIZE");
    is(size_of(fd), 2 * PAGE, "keeps the size");
    is(pages_of(fd), 4, "but sets pages aside");
    is(probe_read(p + 2 * PAGE), BUS_ADRERR, "that are not there yet");
    must(ftruncate(fd, 4 * PAGE) == 0);
    is(probe_write(p + 3 * PAGE, 7), 0, "until the object reaches them");
    must(ftruncate(fd, 2 * PAGE) == 0);
    works(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE), "once more");
    must(ftruncate(fd, 2 * PAGE) == 0);
    is(pages_of(fd), 2, "ftruncate to the same size gives them back");
    munmap(p, 4 * PAGE);
    must(!ftruncate(fd, 0) && !fallocate(fd, 0, 0, PAGE));
    fails(lseek(fd, 0, SEEK_DATA), ENXIO, "set aside, it is no data");
    must(!fallocate(fd, 0, 0, PAGE));
    is(lseek(fd, 0, SEEK_DATA), 0, "set aside twice, it is");
}

static void test_fallocate_errors(void)
{
    int fd = object_of(0), event = eventfd(0, 0);

    fails(fallocate(fd, 0, 0, 0), EINVAL, "fallocate of nothing");
    fails(fallocate(fd, 0, -1, 1), EINVAL, "before the start");
    fails(fallocate(fd, 0, LAST, 10), EFBIG, "beyond what there can be");
    fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP,
          "a hole without KEEP_SIZE");
    fails(fallocate(fd, 0x10, 0, PAGE), EOPNOTSUPP, "ZERO_RANGE");
    fails(fallocate(fd, 8, 0, PAGE), EOPNOTSUPP, "COLLAPSE_RANGE");
    fails(fallocate(fd, 0x1000, 0, PAGE), EOPNOTSUPP, "an unknown mode");
    fails(fallocate(-1, 0, 0, 0), EBADF, "of no descriptor");
    fails(fallocate(event, 0, 0, 1), ENODEV, "of an eventfd");
    works(fallocate(fd, PUNCH, 100000, 10), "a hole behind the end");
}

static void test_sync(void)
{
    int fd = object_of(10), event = eventfd(0, 0);

    works(fsync(fd), "fsync");
    works(fdatasync(fd), "fdatasync");
    fails(fsync(event), EINVAL, "fsync of an eventfd");
    fails(fsync(-1), EBADF, "fsync of nothing");
}

static long map(int fd, size_t size, int flags, off_t offset)
{
    return syscall(SYS_mmap, 0, size, RW, flags, fd, offset);
}

static void test_mmap_args(void)
{
    const long top = 0x7ffffffffffff000L;
    int fd = object_of(2 * PAGE);

    ok(map(fd, PAGE, MAP_SHARED_VALIDATE, 0) > 0, "MAP_SHARED_VALIDATE");
    ok(map(fd, PAGE, MAP_SHARED_VALIDATE | MAP_NORESERVE | MAP_STACK, 0) > 0,
       "with flags that it knows");
    fails(map(fd, PAGE, MAP_SHARED_VALIDATE | MAP_SYNC, 0), EOPNOTSUPP,
          "with MAP_SYNC");
    fails(map(fd, PAGE, MAP_SHARED_VALIDATE | 0x800000, 0), EOPNOTSUPP,
          "with a flag that it does not know");
    ok(map(fd, PAGE, MAP_SHARED | 0x800000, 0) > 0, "MAP_SHARED does not ask");
    fails(map(fd, PAGE, MAP_PRIVATE | MAP_GROWSDOWN, 0), EINVAL,
          "MAP_GROWSDOWN of an object");
    fails(map(fd, PAGE, MAP_SHARED | MAP_GROWSDOWN, 0), EINVAL,
          "shared as well");
    fails(map(fd, PAGE, MAP_SHARED, 1), EINVAL, "an offset within a page");
    fails(map(fd, PAGE, MAP_SHARED, top), EOVERFLOW, "beyond the last byte");
    fails(map(fd, 2 * PAGE, MAP_PRIVATE, -PAGE), EOVERFLOW, "wrapping around");
    ok(map(fd, PAGE, MAP_SHARED, top - PAGE) > 0, "just before the last byte");
    fails(map(fd, PAGE, 0, 0), EINVAL, "neither shared nor private");
    fails(map(eventfd(0, 0), PAGE, MAP_SHARED, 0), ENODEV, "of an eventfd");
}

/* Views of one object agree with each other and with read and write. */
static void test_mappings(void)
{
    int fd = object_of(4 * PAGE);
    char *a = map_object(fd, 4, RW, MAP_SHARED, 0);
    char *b = map_object(fd, 2, RW, MAP_SHARED, 2);
    char *c = map_object(fd, 4, RW, MAP_PRIVATE, 0);

    a[2 * PAGE] = 'a';
    is(b[0], 'a', "another shared view, at an offset");
    is(c[2 * PAGE], 'a', "a private view");
    c[2 * PAGE] = 'c';
    is(a[2 * PAGE], 'a', "its writes are its own");
    must(pwrite(fd, "w", 1, 2 * PAGE) == 1);
    ok(a[2 * PAGE] == 'w' && b[0] == 'w', "write(2) shows in the shared ones");
    is(c[2 * PAGE], 'c', "not in a private copy");
    must(pwrite(fd, "w", 1, 3 * PAGE) == 1);
    is(c[3 * PAGE], 'w', "but where there is none");
    b[PAGE] = 'b';
    must(pread(fd, buffer, 1, 3 * PAGE) == 1);
    is(buffer[0], 'b', "read(2) sees a shared write");
    is(c[3 * PAGE], 'b', "so does the private view");
    close(fd);
    is(a[2 * PAGE], 'w', "the object outlives its descriptor");
}

int main(void)
{
    test_names();
    test_flags();
    test_huge();
    test_stat();
    test_read_write();
    test_positions();
    test_bad_buffers();
    test_append();
    test_vectors();
    test_holes();
    test_fallocate();
    test_fallocate_errors();
    test_sync();
    test_mmap_args();
    test_mappings();
    return done_testing();
}
