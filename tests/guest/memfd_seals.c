/*
 * Seals on memory objects: who may add them, what each forbids, and how they
 * and shared writable mappings keep out of each other's way.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>

#include "memfd.h"

#define SEALS(fd)      fcntl(fd, F_GET_SEALS)
#define SEAL(fd, seal) fcntl(fd, F_ADD_SEALS, seal)

static char buffer[3 * PAGE];

static int sealed(off_t size, int seals)
{
    int fd = object_of(size);

    must(SEAL(fd, seals) == 0);
    return fd;
}

static void test_adding(void)
{
    int fd = memfd("x", 0), event = eventfd(0, 0);

    is(SEALS(fd), F_SEAL_SEAL, "sealed against seals unless asked");
    fails(SEAL(fd, F_SEAL_GROW), EPERM, "so there are no more");
    fd = object_of(0);
    is(SEALS(fd), 0, "MFD_ALLOW_SEALING starts with none");
    works(SEAL(fd, F_SEAL_GROW), "one");
    works(SEAL(fd, F_SEAL_SHRINK), "and one");
    is(SEALS(fd), F_SEAL_GROW | F_SEAL_SHRINK, "add up");
    works(SEAL(fd, F_SEAL_GROW), "twice is as good");
    fails(SEAL(fd, 0x40), EINVAL, "an unknown seal");
    works(SEAL(fd, F_SEAL_SEAL), "no more seals");
    fails(SEAL(fd, F_SEAL_GROW), EPERM, "not even one that is there");
    fails(SEAL(fd, 0), EPERM, "or none at all");
    fails(SEALS(event), EINVAL, "seals of an eventfd");
    fails(SEAL(event, F_SEAL_GROW), EINVAL, "sealing an eventfd");
    fails(SEALS(-1), EBADF, "seals of nothing");
}

static void test_grow(void)
{
    int fd = sealed(5000, F_SEAL_GROW);

    fails(ftruncate(fd, 5001), EPERM, "GROW: ftruncate up");
    works(ftruncate(fd, 5000), "to the same size");
    is(pwrite(fd, buffer, 5000, 0), 5000, "write within");
    fails(pwrite(fd, buffer, 5001, 0), EPERM, "write one byte beyond");
    fails(pwrite(fd, buffer, 1000, 4500), EPERM, "nothing of it is written");
    fails(pwrite(fd, buffer, 1, 5000), EPERM, "write at the end");
    fails(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9000), EPERM,
          "fallocate beyond, even with KEEP_SIZE");
    works(fallocate(fd, 0, 0, 5000), "fallocate within");
    works(ftruncate(fd, 4999), "ftruncate down");
    fails(ftruncate(fd, 5000), EPERM, "and there is no way back");
}

static void test_shrink(void)
{
    int fd = sealed(5000, F_SEAL_SHRINK);

    fails(ftruncate(fd, 4999), EPERM, "SHRINK: ftruncate down");
    works(ftruncate(fd, 5001), "ftruncate up");
    fails(ftruncate(fd, 5000), EPERM, "and not back");
    is(pwrite(fd, "x", 1, 9000), 1, "write beyond the end");
    works(fallocate(fd, PUNCH, 0, PAGE), "a hole is no shrinking");
}

static void test_write(void)
{
    int fd = sealed(2 * PAGE, F_SEAL_WRITE);
    char *p;

    fails(write(fd, "x", 1), EPERM, "WRITE: write");
    is(write(fd, "x", 0), 0, "write of nothing");
    fails(write(fd, (char *)8, 1), EFAULT, "a bad buffer is found first");
    fails(fallocate(fd, PUNCH, 0, PAGE), EPERM, "a hole");
    works(fallocate(fd, 0, 0, 3 * PAGE), "fallocate");
    works(ftruncate(fd, PAGE), "ftruncate");
    fails(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM,
          "a shared writable mapping");
    p = map_object(fd, 1, PROT_READ, MAP_SHARED, 0);
    ok(p != MAP_FAILED, "a shared mapping to read");
    fails(mprotect(p, PAGE, RW), EACCES, "that stays so");
    p = map_object(fd, 1, RW, MAP_PRIVATE, 0);
    is(probe_write(p, 1), 0, "a private one may be written");
}

static void test_write_and_mappings(void)
{
    int fd = object_of(2 * PAGE);
    char *p = map_object(fd, 2, RW, MAP_SHARED, 0);

    fails(SEAL(fd, F_SEAL_WRITE), EBUSY, "WRITE while mapped for writing");
    is(SEALS(fd), 0, "sets nothing");
    mprotect(p, 2 * PAGE, PROT_READ);
    fails(SEAL(fd, F_SEAL_WRITE), EBUSY, "for reading now, but it might");
    fails(SEAL(fd, F_SEAL_WRITE | F_SEAL_GROW), EBUSY, "with another");
    is(SEALS(fd), 0, "sets neither");
    munmap(p, PAGE);
    fails(SEAL(fd, F_SEAL_WRITE), EBUSY, "half of it is still there");
    munmap(p + PAGE, PAGE);
    p = map_object(fd, 2, RW, MAP_PRIVATE, 0);
    is(probe_write(p, 1), 0, "a private mapping");
    works(SEAL(fd, F_SEAL_WRITE), "is no obstacle");
}

/* A mapping in another address space counts as well. */
static int child_waits(void *go)
{
    volatile int *word = go;

    while (!*word)
        usleep(1000);
    return 0;
}

static void test_write_and_children(void)
{
    volatile int *go = map_shared(1);
    int fd = object_of(PAGE);
    char *p = map_object(fd, 1, RW, MAP_SHARED, 0);
    pid_t child = fork();

    must(child >= 0);
    if (!child)
        _exit(child_waits((void *)go));
    munmap(p, PAGE);
    fails(SEAL(fd, F_SEAL_WRITE), EBUSY, "a child has it mapped");
    *go = 1;
    is(wait_status(child), 0, "until it is gone");
    works(SEAL(fd, F_SEAL_WRITE), "then it can be sealed");
}

static void test_future_write(void)
{
    int fd = object_of(2 * PAGE);
    char *old = map_object(fd, 2, RW, MAP_SHARED, 0), *p;

    works(SEAL(fd, F_SEAL_FUTURE_WRITE), "FUTURE_WRITE while mapped");
    is(probe_write(old, 1), 0, "the old mapping goes on");
    mprotect(old, PAGE, PROT_READ);
    works(mprotect(old, PAGE, RW), "whatever becomes of its rights");
    fails(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM, "a new writable one");
    p = map_object(fd, 1, PROT_READ, MAP_SHARED, 0);
    fails(mprotect(p, PAGE, RW), EACCES, "a new one to read stays so");
    fails(write(fd, "x", 1), EPERM, "write");
    fails(fallocate(fd, PUNCH, 0, PAGE), EPERM, "a hole");
    works(ftruncate(fd, PAGE), "ftruncate");
    fails(SEAL(fd, F_SEAL_WRITE), EBUSY, "WRITE minds the old mapping");
    munmap(old, 2 * PAGE);
    works(SEAL(fd, F_SEAL_WRITE), "not the new one");
}

static void test_exec(void)
{
    int fd = memfd("x", MFD_NOEXEC_SEAL);

    is(SEALS(fd), F_SEAL_EXEC, "MFD_NOEXEC_SEAL allows seals");
    fails(fchmod(fd, 0777), EPERM, "it never becomes executable");
    works(fchmod(fd, 0600), "other rights may change");
    is(stat_of(fd).st_mode, S_IFREG | 0600, "and do");
    fd = object_of(0);
    works(SEAL(fd, F_SEAL_EXEC), "EXEC of an executable object");
    is(SEALS(fd),
       F_SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
           F_SEAL_FUTURE_WRITE,
       "seals what it contains");
    fails(fchmod(fd, 0666), EPERM, "it stays executable");
    fd = object_of(PAGE);
    map_object(fd, 1, RW, MAP_SHARED, 0);
    fails(SEAL(fd, F_SEAL_EXEC), EBUSY, "unless it is mapped for writing");
    works(fchmod(fd, 0666), "no longer executable");
    works(SEAL(fd, F_SEAL_EXEC), "that does not matter");
    is(SEALS(fd), F_SEAL_EXEC, "and nothing else is sealed");
}

int main(void)
{
    test_adding();
    test_grow();
    test_shrink();
    test_write();
    test_write_and_mappings();
    test_write_and_children();
    test_future_write();
    test_exec();
    return done_testing();
}
