/*
 * process_vm_readv(2) and process_vm_writev(2): bytes of another task, whole
 * and in part; what is refused, and in which order.
 */
#include "mm_util.h"

#include <sched.h>
#include <sys/uio.h>

#define BIG (40 * PAGE + 123)

static long vm_read(pid_t pid, const struct iovec *ours, unsigned long n,
                    const struct iovec *theirs, unsigned long m, long flags)
{
    return syscall(SYS_process_vm_readv, pid, ours, n, theirs, m, flags);
}

static long vm_write(pid_t pid, const struct iovec *ours, unsigned long n,
                     const struct iovec *theirs, unsigned long m, long flags)
{
    return syscall(SYS_process_vm_writev, pid, ours, n, theirs, m, flags);
}

static long read1(pid_t pid, void *to, const void *from, size_t size)
{
    struct iovec ours = {to, size}, theirs = {(void *)from, size};

    return vm_read(pid, &ours, 1, &theirs, 1, 0);
}

static long write1(pid_t pid, void *to, const void *from, size_t size)
{
    struct iovec ours = {(void *)from, size}, theirs = {to, size};

    return vm_write(pid, &ours, 1, &theirs, 1, 0);
}

static char *shared; /* [0]: the child is ready; [1]: it may go on */

/* A child that has pages of its own, waits, and checks what it then finds. */
static pid_t child_with(char *at, int (*check)(char *at))
{
    pid_t pid;

    shared[0] = shared[1] = 0;
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        fill(at, 4, 10);
        ((volatile char *)shared)[0] = 1;
        while (!((volatile char *)shared)[1])
            sched_yield();
        _exit(check(at));
    }
    while (!((volatile char *)shared)[0])
        sched_yield();
    return pid;
}

static int child_end(pid_t pid)
{
    ((volatile char *)shared)[1] = 1;
    return wait_status(pid);
}

static int unchanged(char *at)
{
    return !filled(at, 4, 10);
}

static int changed(char *at)
{
    if (!filled(at, 1, 10) || !filled(at + 3 * PAGE, 1, 13))
        return 1;
    if (!all_bytes(at + PAGE, 11, PAGE - 100))
        return 2;
    if (!all_bytes(at + 2 * PAGE - 100, 77, 200))
        return 3;
    return !all_bytes(at + 2 * PAGE + 100, 12, PAGE - 100);
}

static void test_read(void)
{
    char *at = map_pages(4), *buffer = map_pages(4);
    pid_t pid;

    fill(at, 4, 1);
    pid = child_with(at, unchanged);
    is(read1(pid, buffer, at, 4 * PAGE), 4 * PAGE, "reading four pages");
    ok(filled(buffer, 4, 10), "the child's, not ours");
    is(read1(pid, buffer, at + PAGE - 3, 6), 6, "over the edge of a page");
    ok(!memcmp(buffer, "\12\12\12\13\13\13", 6), "reads both");
    is(read1(getpid(), buffer, at, PAGE), PAGE, "reading oneself");
    ok(filled(buffer, 1, 1), "works too");
    is(child_end(pid), 0, "the child noticed nothing");
    fails(read1(pid, buffer, at, PAGE), ESRCH, "now it is gone");
    munmap(at, 4 * PAGE);
    munmap(buffer, 4 * PAGE);
}

static void test_write(void)
{
    char *at = map_pages(4), *buffer = map_pages(1);
    pid_t pid;

    fill(at, 4, 1);
    memset(buffer, 77, PAGE);
    pid = child_with(at, changed);
    is(write1(pid, at + 2 * PAGE - 100, buffer, 200), 200, "writing");
    is(child_end(pid), 0, "changes the child");
    ok(filled(at, 4, 1), "and not us, who shared the pages once");
    munmap(at, 4 * PAGE);
    munmap(buffer, PAGE);
}

/* What is untouched there is made present, by our access. */
static void test_untouched(void)
{
    char *at = map_pages(4), buffer[16] = "abcdefghijklmno";
    char *ro = map_at(hole(3), 1, PROT_READ);

    is(read1(getpid(), buffer, at, 8), 8, "reading what was never touched");
    ok(all_bytes(buffer, 0, 8), "gives zeros");
    is(write1(getpid(), at + PAGE, buffer, 16), 16, "writing to it");
    is(at[PAGE + 9], 'j', "makes it");
    fails(write1(getpid(), ro, buffer, 1), EFAULT, "read-only memory");
    is(read1(getpid(), buffer, ro, 1), 1, "can be read");
    mprotect(ro, PAGE, PROT_NONE);
    fails(read1(getpid(), buffer, ro, 1), EFAULT, "if it is not forbidden");
    munmap(at, 4 * PAGE);
    munmap(ro, PAGE);
}

static void test_vectors(void)
{
    char *at = map_pages(4), a[10], b[20], c[30];
    struct iovec ours[3] = {{a, 10}, {b, 20}, {c, 30}};
    struct iovec theirs[4] = {{at + 5, 25},
                              {at + PAGE, 0},
                              {at + PAGE - 10, 20},
                              {at + 3 * PAGE, 15}};
    pid_t me = getpid();

    fill(at, 4, 1);
    memset(at + 5, 50, 25);
    is(vm_read(me, ours, 3, theirs, 4, 0), 60, "vectors of different sizes");
    ok(all_bytes(a, 50, 10) && all_bytes(b, 50, 15) &&
           all_bytes(b + 15, 1, 5) && all_bytes(c, 1, 5) &&
           all_bytes(c + 5, 2, 10) && all_bytes(c + 15, 4, 15),
       "fit together");
    is(vm_read(me, ours, 1, theirs, 4, 0), 10, "ours may be less");
    is(vm_read(me, ours, 3, theirs, 1, 0), 25, "or theirs");
    is(vm_read(me, ours, 0, theirs, 4, 0), 0, "ours may be none");
    is(vm_read(me, ours, 3, theirs, 0, 0), 0, "theirs, too");
    is(vm_read(me, ours, 3, theirs + 1, 1, 0), 0, "or empty");
    munmap(at, 4 * PAGE);
}

/* What was moved before the trouble counts. */
static void test_partial(void)
{
    char *at = map_at(hole(4), 4, RW), *buffer = map_at(hole(4), 4, RW);
    struct iovec ours[2], theirs[2];
    pid_t me = getpid();

    fill(at, 4, 1);
    munmap(at + 2 * PAGE, PAGE);
    is(read1(me, buffer, at, 4 * PAGE), 2 * PAGE, "up to a hole of theirs");
    ok(filled(buffer, 2, 1), "the bytes are there");
    is(write1(me, at + PAGE + 7, buffer, 3 * PAGE), PAGE - 7, "written too");
    fails(read1(me, buffer, at + 2 * PAGE, PAGE), EFAULT, "nothing but a hole");
    munmap(buffer + PAGE, PAGE);
    is(read1(me, buffer + 100, at, 2 * PAGE), PAGE - 100,
       "up to a hole of ours");
    fails(read1(me, buffer + PAGE, at, PAGE), EFAULT, "which is all");
    ours[0] = (struct iovec){buffer, 10};
    ours[1] = (struct iovec){buffer + PAGE, 10};
    theirs[0] = (struct iovec){at, 20};
    is(vm_read(me, ours, 2, theirs, 1, 0), 10, "in a second vector");
    ours[0] = (struct iovec){buffer, 30};
    theirs[1] = (struct iovec){at + 2 * PAGE, 10};
    is(vm_read(me, ours, 1, theirs, 2, 0), 20, "of theirs as well");
    munmap(at, 4 * PAGE);
    munmap(buffer, 4 * PAGE);
}

static void test_big(void)
{
    char *at = map_pages(41), *buffer = map_pages(41);

    for (size_t i = 0; i < 41 * PAGE; i++)
        at[i] = (char)(i * 7 + i / PAGE);
    is(read1(getpid(), buffer, at + 1, BIG), BIG, "many pages at once");
    ok(!memcmp(buffer, at + 1, BIG), "all of them right");
    munmap(at, 41 * PAGE);
    munmap(buffer, 41 * PAGE);
}

static void test_refused(void)
{
    static struct iovec many[1025];
    char a[8] = {0}, b[8] = {0};
    struct iovec ours = {a, 8}, theirs = {b, 8}, bad = {a, -1UL};
    struct iovec outside = {(void *)(1UL << 47), 8};
    struct iovec empty = {a, 0};
    pid_t me = getpid();

    for (int i = 0; i < 1025; i++)
        many[i] = (struct iovec){a, 0};
    many[0].iov_len = 4;
    fails(vm_read(me, &ours, 1, &theirs, 1, 1), EINVAL, "a flag");
    fails(vm_read(0, &ours, 1, &theirs, 1, 0), ESRCH, "no such task: 0");
    fails(vm_read(-1, &ours, 1, &theirs, 1, 0), ESRCH, "-1");
    fails(vm_read(99999, &ours, 1, &theirs, 1, 0), ESRCH, "99999");
    is(vm_read(99999, &empty, 1, &theirs, 1, 0), 0,
       "nobody looks when there is nothing to move");
    is(vm_read(99999, &ours, 1, &empty, 1, 0), 0, "on either side");
    fails(vm_read(99999, &ours, 1, NULL, 1, 0), EFAULT,
          "vectors are fetched first");
    is(vm_read(99999, &empty, 1, NULL, 1, 0), 0, "theirs after ours");
    fails(vm_read(me, NULL, 1, &theirs, 1, 0), EFAULT, "ours are not there");
    fails(vm_read(me, &ours, 1, NULL, 1, 0), EFAULT, "theirs are not");
    fails(vm_read(me, &bad, 1, &theirs, 1, 0), EINVAL, "a negative size");
    fails(vm_read(me, &ours, 1, &bad, 1, 0), EINVAL, "of theirs");
    fails(vm_read(me, &outside, 1, &theirs, 1, 0), EFAULT, "not our memory");
    fails(vm_read(me, &ours, 1, &outside, 1, 0), EFAULT, "nor theirs");
    is(vm_read(me, many, 1024, &theirs, 1, 0), 4, "1024 vectors");
    fails(vm_read(me, many, 1025, &theirs, 1, 0), EINVAL, "not 1025");
    is(vm_read(me, &ours, 1, many, 1024, 0), 4, "of theirs");
    fails(vm_read(me, &ours, 1, many, 1025, 0), EINVAL, "the same");
    fails(vm_read(me, &ours, -1UL, &theirs, 1, 0), EINVAL, "nor -1");
    fails(vm_write(me, &ours, 1, &outside, 1, 0), EFAULT, "writing outside");
}

int main(void)
{
    shared = map_shared(1);
    test_read();
    test_write();
    test_untouched();
    test_vectors();
    test_partial();
    test_big();
    test_refused();
    return done_testing();
}
