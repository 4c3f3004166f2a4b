/* /proc/PID/pagemap, and soft-dirty tracking with clear_refs. */
#define _GNU_SOURCE
#define _GNU_SOURCE
#include "proc.h"

#include <sys/resource.h>

#define SOFT_DIRTY (1ul << 55)
#define EXCLUSIVE  (1ul << 56)
#define FILE_PAGE  (1ul << 61)
#define PRESENT    (1ul << 63)
#define FRAME      ((1ul << 55) - 1)
#define STATE      (PRESENT | FILE_PAGE | EXCLUSIVE)

static int map_fd;

static unsigned long entry(const void *address)
{
    unsigned long value;

    must(pread(map_fd, &value, 8, (unsigned long)address / PAGE * 8) == 8);
    return value;
}

static unsigned long state(const void *address)
{
    return entry(address) & STATE;
}

static int soft_dirty(const void *address)
{
    return !!(entry(address) & SOFT_DIRTY);
}

static void touch(const void *address)
{
    (void)*(const volatile char *)address;
}

static void test_states(void)
{
    char *area = map_pages(4), *object = map_shared(3);

    area[0] = 1;
    touch(area + PAGE);
    object[0] = 1;
    touch(object + PAGE);
    is(state(area), PRESENT | EXCLUSIVE, "written");
    ok((entry(area) & FRAME) != 0, "with a frame");
    is(state(area + PAGE), PRESENT, "read: the zero page");
    is(state(area + 2 * PAGE), 0, "untouched");
    is(state(object), PRESENT | FILE_PAGE | EXCLUSIVE, "an object's");
    is(state(object + PAGE), PRESENT | FILE_PAGE | EXCLUSIVE, "read");
    is(state(object + 2 * PAGE), 0, "untouched");
    must(mprotect(area, PAGE, PROT_NONE) == 0);
    is(state(area), PRESENT | EXCLUSIVE, "PROT_NONE changes nothing");
    must(munmap(area, PAGE) == 0);
    is(entry(area), 0, "nothing where nothing is mapped");
    munmap(area + PAGE, 3 * PAGE);
    munmap(object, 3 * PAGE);
}

static int child_looks(void *argument)
{
    char *area = argument;
    unsigned long before, after;

    map_fd = open("/proc/self/pagemap", O_RDONLY);
    before = entry(area);
    area[0] = 2;
    after = entry(area);
    return (before & STATE) == PRESENT &&
           (after & STATE) == (PRESENT | EXCLUSIVE) &&
           (before & FRAME) != (after & FRAME);
}

static void test_fork(void)
{
    char *area = map_pages(1);

    area[0] = 1;
    is(in_child(child_looks, area), 1, "shared by fork, then copied");
    is(state(area), PRESENT | EXCLUSIVE, "ours alone again");
    munmap(area, PAGE);
}

static void test_reads(void)
{
    unsigned long *all = malloc(3000 * 8), one = 1;
    char *area = map_pages(3000);
    off_t at = (unsigned long)area / PAGE * 8;
    const off_t end = 0x7ffffffff000ul / PAGE * 8;
    int right = 1;

    for (int i = 0; i < 3000; i += 7)
        area[i * PAGE] = 1;
    is(pread(map_fd, all, 3000 * 8, at), 3000 * 8, "many at once");
    for (int i = 0; i < 3000; i++)
        right &= (all[i] & STATE) == (i % 7 ? 0 : PRESENT | EXCLUSIVE);
    ok(right, "each in its place");
    is(lseek(map_fd, at, SEEK_SET), at, "seek");
    is(read(map_fd, &one, 8), 8, "read goes on");
    is(lseek(map_fd, 0, SEEK_CUR), at + 8, "by what it read");
    fails(lseek(map_fd, 0, SEEK_END), EINVAL, "no end to seek");
    fails(pread(map_fd, &one, 8, at + 3), EINVAL, "odd offset");
    fails(pread(map_fd, &one, 7, at), EINVAL, "odd length");
    is(pread(map_fd, &one, 0, at), 0, "nothing");
    fails(pread(map_fd, (void *)8, 8, at), EFAULT, "bad pointer");
    is(pread(map_fd, all, 80, end - 16), 16, "up to the end");
    is(pread(map_fd, all, 80, end), 0, "nothing beyond");
    is(pread(map_fd, all, 80, end << 10), 0, "nor far beyond");
    fails(pread(map_fd, all, 80, 0x7ffffffffffffff8l), EINVAL, "too far");
    fails(write(map_fd, &one, 8), EBADF, "not for writing");
    munmap(area, 3000 * PAGE);
    free(all);
}

static void clear(void)
{
    must(proc_store("/proc/self/clear_refs", "4") == 0);
}

static void test_soft_dirty(void)
{
    char *area = map_pages(6), *object = map_shared(4);

    ok(soft_dirty(area), "a new area is dirty, touched or not");
    memset(area, 1, 4 * PAGE);
    memset(object, 1, 3 * PAGE);
    clear();
    is(soft_dirty(area) + soft_dirty(area + 5 * PAGE), 0, "cleared");
    is(soft_dirty(object), 0, "objects too");
    area[PAGE] = 2;
    is(soft_dirty(area + PAGE), 1, "written");
    is(soft_dirty(area), 0, "its neighbour was not");
    touch(area + 2 * PAGE);
    is(soft_dirty(area + 2 * PAGE), 0, "reading does not count");
    area[4 * PAGE] = 1;
    is(soft_dirty(area + 4 * PAGE), 1, "a new page does");
    touch(area + 5 * PAGE);
    is(soft_dirty(area + 5 * PAGE), 0, "the zero page does not");
    object[PAGE] = 2;
    is(soft_dirty(object + PAGE), 1, "a shared page, written");
    touch(object + 2 * PAGE);
    is(soft_dirty(object + 2 * PAGE), 0, "not read");
    touch(object + 3 * PAGE);
    is(soft_dirty(object + 3 * PAGE), 0, "first read after");
    object[3 * PAGE] = 2;
    is(soft_dirty(object + 3 * PAGE), 1, "then written");
    clear();
    is(soft_dirty(area + PAGE) + soft_dirty(object + PAGE), 0, "again");
    area[PAGE] = 3;
    is(soft_dirty(area + PAGE), 1, "and again");
    is(area[PAGE], 3, "with the byte in place");
    munmap(area, 6 * PAGE);
    munmap(object, 4 * PAGE);
}

/* Rights taken and given back do not hide a store, or invent one. */
static void test_protect(void)
{
    char *area = map_pages(3), *object = map_shared(2);

    memset(area, 1, 3 * PAGE);
    memset(object, 1, 2 * PAGE);
    clear();
    must(mprotect(area, 2 * PAGE, PROT_READ) == 0);
    must(mprotect(area, 2 * PAGE, PROT_READ | PROT_WRITE) == 0);
    must(mprotect(object, PAGE, PROT_READ) == 0);
    must(mprotect(object, PAGE, PROT_READ | PROT_WRITE) == 0);
    is(soft_dirty(area) + soft_dirty(object), 0, "mprotect is no store");
    area[0] = 2;
    object[0] = 2;
    is(soft_dirty(area), 1, "a store after it is one");
    is(soft_dirty(object), 1, "to a shared page, too");
    is(soft_dirty(area + PAGE), 0, "where it was");
    munmap(area, 3 * PAGE);
    munmap(object, 2 * PAGE);
}

/* A mapping over another, or beside it, is new. */
static void test_new_areas(void)
{
    char *area = map_pages(4);

    memset(area, 1, 4 * PAGE);
    must(munmap(area + 2 * PAGE, PAGE) == 0);
    clear();
    is(soft_dirty(area + PAGE), 0, "cleared");
    must(mmap(area + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
              0) == area + 2 * PAGE);
    is(soft_dirty(area + 2 * PAGE), 1, "mapped anew");
    munmap(area, 4 * PAGE);
}

/* What moves is new where it comes to. */
static void test_moved(void)
{
    char *area = map_pages(4), *place = map_pages(4);

    memset(area, 1, 2 * PAGE);
    clear();
    must(mremap(area, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                place) == place);
    is(soft_dirty(place), 1, "moved by mremap");
    is(soft_dirty(place + 2 * PAGE), 0, "nothing moved there");
    munmap(place, 4 * PAGE);
    munmap(area + 3 * PAGE, PAGE);
}

static int child_dirty(void *argument)
{
    char *area = argument;
    int before, after;

    map_fd = open("/proc/self/pagemap", O_RDONLY);
    before = soft_dirty(area) + 2 * soft_dirty(area + PAGE);
    area[0] = 1;
    after = soft_dirty(area) + 2 * soft_dirty(area + PAGE);
    return before * 4 + after;
}

static void test_fork_dirty(void)
{
    char *area = map_pages(2);

    memset(area, 1, 2 * PAGE);
    clear();
    area[PAGE] = 2;
    is(in_child(child_dirty, area), 2 * 4 + 3, "the child inherits marks");
    is(soft_dirty(area), 0, "its stores are not ours");
    is(soft_dirty(area + PAGE), 1, "nor does it take ours");
    munmap(area, 2 * PAGE);
}

static void test_ended(void)
{
    char path[64];
    unsigned long value;
    siginfo_t info;
    int fd, ready = 0;
    pid_t child = fork();

    must(child >= 0);
    if (!child) {
        pause();
        _exit(0);
    }
    snprintf(path, sizeof(path), "/proc/%d/pagemap", child);
    fd = open(path, O_RDONLY);
    must(fd >= 0);
    ready = pread(fd, &value, 8, (unsigned long)path / PAGE * 8) == 8;
    ok(ready && (value & PRESENT), "a child's page");
    kill(child, SIGKILL);
    must(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    is(pread(fd, &value, 8, (unsigned long)path / PAGE * 8), 0,
       "its space is gone");
    fails(open(path, O_RDONLY), ESRCH, "a zombie has none");
    is(wait_status(child), 1000 + SIGKILL, "waited for");
    is(pread(fd, &value, 8, 0), 0, "still the end");
    close(fd);
}

static long faults(void)
{
    struct rusage usage;

    must(getrusage(RUSAGE_THREAD, &usage) == 0);
    return usage.ru_minflt;
}

/* A shared page that is written again is still the object's. */
static void test_shared_store(void)
{
    int fd = syscall(SYS_memfd_create, "object", 0);
    char *object, byte;
    long before;

    must(ftruncate(fd, 2 * PAGE) == 0);
    object = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    object[0] = 1;
    clear();
    object[0] = 2;
    must(pread(fd, &byte, 1, 0) == 1);
    is(byte, 2, "a store after clearing goes to the object");
    before = faults();
    object[PAGE] = 1;
    is(faults() - before, 1, "one to a new page takes one fault");
    munmap(object, 2 * PAGE);
    close(fd);
}

int main(void)
{
    map_fd = open("/proc/self/pagemap", O_RDONLY);
    must(map_fd >= 0);
    test_states();
    test_fork();
    test_reads();
    test_soft_dirty();
    test_shared_store();
    test_protect();
    test_new_areas();
    test_moved();
    test_fork_dirty();
    test_ended();
    return done_testing();
}
