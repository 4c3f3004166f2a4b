/* PROCMAP_QUERY: an area of /proc/PID/maps as a structure. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/ioctl.h>

#include "proc.h"

#define READABLE   0x01
#define WRITABLE   0x02
#define EXECUTABLE 0x04
#define SHARED     0x08
#define OR_NEXT    0x10
#define FILE_ONLY  0x20

struct query {
    uint64_t size, flags, addr;
    uint64_t start, end, vma_flags, page_size, offset, inode;
    uint32_t major, minor, name_size, build_size;
    uint64_t name, build;
};

#define QUERY _IOWR('f', 17, struct query)

static int fd;
static struct query q;

static int ask(const void *at, unsigned flags)
{
    q = (struct query){.size = sizeof(q), .flags = flags, .addr = (uint64_t)at};
    return ioctl(fd, QUERY, &q);
}

static void is_area(const void *start, size_t pages, unsigned rights)
{
    is(q.start, (long)start, "its start");
    is(q.end, (long)start + pages * PAGE, "its end");
    is(q.vma_flags, rights, "its rights");
}

static void test_find(void)
{
    char *area = map_pages(8);

    must(munmap(area + PAGE, PAGE) == 0);
    must(mprotect(area + 4 * PAGE, PAGE, PROT_READ) == 0);
    must(mprotect(area + 7 * PAGE, PAGE, PROT_NONE) == 0);
    must(munmap(area + 6 * PAGE, PAGE) == 0);
    works(ask(area + 3 * PAGE + 5, 0), "in the middle");
    is_area(area + 2 * PAGE, 2, READABLE | WRITABLE);
    is(q.page_size, PAGE, "pages of 4 KiB");
    is(q.offset, 0, "no offset");
    is(q.inode, 0, "no file");
    fails(ask(area + PAGE, 0), ENOENT, "a hole");
    works(ask(area + PAGE, OR_NEXT), "or the next");
    is_area(area + 2 * PAGE, 2, READABLE | WRITABLE);
    works(ask(area + 4 * PAGE, READABLE), "readable");
    is_area(area + 4 * PAGE, 1, READABLE);
    fails(ask(area + 4 * PAGE, WRITABLE), ENOENT, "not writable");
    works(ask(area + 4 * PAGE, WRITABLE | OR_NEXT), "or the next that is");
    is_area(area + 5 * PAGE, 1, READABLE | WRITABLE);
    works(ask(area + 7 * PAGE, 0), "without rights");
    is_area(area + 7 * PAGE, 1, 0);
    fails(ask(area, EXECUTABLE), ENOENT, "not executable");
    works(ask((void *)test_find, EXECUTABLE), "the program's text is");
    works(ask((void *)0, OR_NEXT), "the first of all");
    fails(ask((void *)~0ul, OR_NEXT), ENOENT, "after the last");
    munmap(area, 8 * PAGE);
}

static void test_objects(void)
{
    char *area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char name[64] = "x";

    must(area != MAP_FAILED);
    must(munmap(area, PAGE) == 0);
    area += PAGE;
    works(ask(area, SHARED | FILE_ONLY), "a shared area");
    is_area(area, 3, READABLE | WRITABLE | SHARED);
    is(q.offset, PAGE, "its offset");
    ok(q.inode != 0, "its file");
    is(q.name_size, 0, "no name asked for");
    q = (struct query){.size = sizeof(q), .flags = 0, .addr = (uint64_t)area};
    q.name = (uint64_t)name;
    q.name_size = sizeof(name);
    works(ioctl(fd, QUERY, &q), "with its name");
    ok(!strcmp(name, "/dev/zero (deleted)"), "the name");
    is(q.name_size, 20, "and its size");
    q.name_size = 19;
    fails(ioctl(fd, QUERY, &q), ENAMETOOLONG, "no room for it");
    q.name = (uint64_t)8;
    q.name_size = 64;
    fails(ioctl(fd, QUERY, &q), EFAULT, "bad pointer");
    q = (struct query){.size = sizeof(q), .flags = 0, .addr = (uint64_t)name};
    q.name = (uint64_t)name;
    q.name_size = sizeof(name);
    works(ioctl(fd, QUERY, &q), "the stack");
    ok(!strcmp(name, "[stack]"), "is called so");
    munmap(area, 3 * PAGE);
}

static void test_unnamed(void)
{
    char *area = map_pages(1), name[16] = "x";

    q = (struct query){.size = sizeof(q), .flags = 0, .addr = (uint64_t)area};
    q.name = (uint64_t)name;
    q.name_size = sizeof(name);
    works(ioctl(fd, QUERY, &q), "anonymous memory");
    is(q.name_size, 0, "has no name");
    is(name[0], 'x', "nothing is written");
    fails(ask(area, FILE_ONLY), ENOENT, "and no file");
    munmap(area, PAGE);
}

static void test_errors(void)
{
    struct {
        struct query q;
        uint64_t more[2];
    } big;
    char *area = map_pages(1);

    fails(ask(area, 0x40), EINVAL, "unknown flag");
    q = (struct query){.size = offsetof(struct query, start) - 8,
                       .flags = 0,
                       .addr = (uint64_t)area};
    fails(ioctl(fd, QUERY, &q), EINVAL, "too small");
    q = (struct query){.size = offsetof(struct query, end),
                       .flags = 0,
                       .addr = (uint64_t)area};
    q.end = 7;
    works(ioctl(fd, QUERY, &q), "a short structure");
    is(q.start, (long)area, "is filled");
    is(q.end, 7, "as far as it goes");
    q = (struct query){.size = PAGE + 1, .flags = 0, .addr = (uint64_t)area};
    fails(ioctl(fd, QUERY, &q), E2BIG, "too large");
    memset(&big, 0, sizeof(big));
    big.q.size = sizeof(big);
    big.q.addr = (uint64_t)area;
    works(ioctl(fd, QUERY, &big), "a longer structure");
    big.more[1] = 1;
    fails(ioctl(fd, QUERY, &big), E2BIG, "with what nobody knows");
    q = (struct query){.size = sizeof(q), .flags = 0, .addr = (uint64_t)area};
    q.name_size = 5;
    fails(ioctl(fd, QUERY, &q), EINVAL, "a size without a buffer");
    q.name_size = 0;
    q.build = (uint64_t)area;
    fails(ioctl(fd, QUERY, &q), EINVAL, "a buffer without a size");
    fails(ioctl(fd, QUERY, (void *)8), EFAULT, "bad pointer");
    fails(ioctl(fd, _IOWR('f', 99, struct query), &q), ENOTTY, "unknown call");
    munmap(area, PAGE);
}

static void test_others(void)
{
    int other = open("/proc/self/smaps", O_RDONLY), *ready = map_shared(1);
    char *area = map_pages(2), path[64];
    pid_t child;

    fails(ioctl(other, QUERY, &q), ENOTTY, "smaps has no such call");
    close(other);
    child = fork();
    must(child >= 0);
    if (!child) {
        munmap(area, PAGE);
        *(volatile int *)ready = 1;
        for (;;)
            pause();
    }
    while (!*(volatile int *)ready)
        usleep(1000);
    snprintf(path, sizeof(path), "/proc/%d/maps", child);
    fd = open(path, O_RDONLY);
    fails(ask(area, 0), ENOENT, "a child's hole");
    works(ask(area, OR_NEXT), "its next area");
    is(q.start, (long)area + PAGE, "where it is");
    kill(child, SIGKILL);
    is(wait_status(child), 1000 + SIGKILL, "the child ends");
    fails(ask(area, OR_NEXT), ESRCH, "its space is gone");
    munmap(area, 2 * PAGE);
}

int main(void)
{
    fd = open("/proc/self/maps", O_RDONLY);
    must(fd >= 0);
    test_find();
    test_objects();
    test_unnamed();
    test_errors();
    test_others();
    return done_testing();
}
