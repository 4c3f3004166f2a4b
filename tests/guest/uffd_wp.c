/*
 * Write protection by userfaultfd: which writes become messages, what ends
 * the protection, pages that were never touched, asynchronous tracking.
 */
#include "uffd_util.h"

#define MISSING  UFFDIO_REGISTER_MODE_MISSING
#define WP       UFFDIO_REGISTER_MODE_WP
#define PROTECT  UFFDIO_WRITEPROTECT_MODE_WP
#define QUIET    UFFDIO_WRITEPROTECT_MODE_DONTWAKE
#define WP_FLAGS (UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE)

enum {
    COUNT = 6,
    MANY = 1100
};

static char *pages;
static int fd;

/* COUNT pages; the first four hold their number. */
static void set_up_mode(unsigned long features, unsigned long mode)
{
    pages = map_pages(COUNT);
    for (int i = 0; i < 4; i++)
        pages[i * PAGE] = i;
    fd = uffd_new_with(O_NONBLOCK, features);
    must(!uffd_register_mode(fd, pages, COUNT * PAGE, mode));
}

static void set_up(unsigned long features)
{
    set_up_mode(features, WP);
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
}

/* A write to PAGE becomes a message with the flags, and waits. */
static int write_is_told(char *page)
{
    pthread_t thread = thread_start(write_one, page);
    struct uffd_msg message = uffd_next(fd);
    int good = message.arg.pagefault.address == (unsigned long)page &&
               message.arg.pagefault.flags == WP_FLAGS && *page != 'w';

    good &= !uffd_protect(fd, page, PAGE, 0);
    thread_join(thread);
    return good && *page == 'w';
}

static int write_is_free(char *page)
{
    *(volatile char *)page = 'f';
    return !uffd_poll(fd);
}

static void test_register(void)
{
    struct uffdio_register range = {.mode = WP};
    unsigned long bit = 1UL << _UFFDIO_WRITEPROTECT;

    set_up(0);
    range.range.start = (unsigned long)pages;
    range.range.len = PAGE;
    is(uffd_ioctl(fd, UFFDIO_REGISTER, &range), 0, "registered again");
    ok(range.ioctls & bit, "the range knows UFFDIO_WRITEPROTECT");
    ok(write_is_free(pages), "registering alone protects nothing");
    tear_down();
    pages = map_pages(COUNT);
    fd = uffd_new(O_NONBLOCK);
    range.mode = MISSING;
    range.range.start = (unsigned long)pages;
    must(!uffd_ioctl(fd, UFFDIO_REGISTER, &range));
    ok(!(range.ioctls & bit), "not when only missing pages are reported");
    is(uffd_protect(fd, pages, PAGE, PROTECT), -ENOENT, "nor can it be used");
    must(!uffd_register_mode(fd, pages, PAGE, MISSING | WP));
    is(uffd_protect(fd, pages, PAGE, PROTECT), 0, "unless added later");
    must(!uffd_register_mode(fd, pages, PAGE, MISSING));
    is(uffd_protect(fd, pages, PAGE, PROTECT), 0,
       "which a narrower registration does not take back");
    tear_down();
}

static void test_protect(void)
{
    set_up(0);
    is(uffd_protect(fd, pages, 3 * PAGE, PROTECT), 0, "UFFDIO_WRITEPROTECT");
    is(pages[PAGE], 1, "a protected page can be read");
    is(uffd_poll(fd), 0, "which is no message");
    ok(write_is_told(pages), "a write waits until the protection is lifted");
    ok(write_is_free(pages), "then writes are free");
    ok(write_is_told(pages + 2 * PAGE), "each page counts");
    ok(write_is_free(pages + 3 * PAGE), "the next one was never protected");
    is(uffd_protect(fd, pages, 3 * PAGE, PROTECT), 0, "protected again");
    is(uffd_protect(fd, pages, 3 * PAGE, 0), 0, "and freed, nobody waiting");
    ok(write_is_free(pages + PAGE), "is as if nothing had been");
    tear_down();
}

static void test_arguments(void)
{
    set_up(0);
    is(uffd_protect(fd, pages + 1, PAGE, PROTECT), -EINVAL, "within a page");
    is(uffd_protect(fd, pages, PAGE + 1, PROTECT), -EINVAL, "part of a page");
    is(uffd_protect(fd, pages, 0, PROTECT), -EINVAL, "no bytes");
    is(uffd_protect(fd, pages, PAGE, 4), -EINVAL, "an unknown mode");
    is(uffd_protect(fd, pages, PAGE, PROTECT | QUIET), -EINVAL,
       "DONTWAKE is for lifting");
    is(uffd_ioctl(fd, UFFDIO_WRITEPROTECT, NULL), -EFAULT, "no structure");
    must(!munmap(pages + PAGE, PAGE));
    is(uffd_protect(fd, pages + PAGE, PAGE, PROTECT), -ENOENT, "a hole");
    is(uffd_protect(fd, pages, 3 * PAGE, PROTECT), 0, "over a hole");
    ok(write_is_told(pages + 2 * PAGE), "what is behind it is protected");
    tear_down();
}

/* Whether the writer still waits: it need not if it has not come to sleep. */
static int lift_quietly(void)
{
    pthread_t thread;
    int waits;

    set_up(0);
    must(!uffd_protect(fd, pages, PAGE, PROTECT));
    thread = thread_start(write_one, pages);
    uffd_next(fd);
    must(!uffd_protect(fd, pages, PAGE, QUIET));
    let_run();
    waits = !pages[0];
    must(!uffd_wake(fd, pages, PAGE));
    thread_join(thread);
    must(pages[0] == 'w');
    tear_down();
    return waits;
}

static void test_quiet(void)
{
    int waits = 0;

    for (int i = 0; i < 10 && !waits; i++)
        waits = lift_quietly();
    ok(waits, "lifted with DONTWAKE: the writer waits until UFFDIO_WAKE");
}

/* Woken while still protected: asks again. */
static void test_wake_protected(void)
{
    pthread_t thread;

    set_up(0);
    must(!uffd_protect(fd, pages, PAGE, PROTECT));
    thread = thread_start(write_one, pages);
    uffd_next(fd);
    must(!uffd_wake(fd, pages, PAGE));
    is(uffd_next(fd).arg.pagefault.flags, WP_FLAGS,
       "a woken writer asks again");
    must(!uffd_protect(fd, pages, PAGE, 0));
    thread_join(thread);
    is(pages[0], 'w', "and writes in the end");
    tear_down();
}

static void test_copy_wp(void)
{
    long copied;

    set_up_mode(0, MISSING);
    memset(source, 'c', PAGE);
    is(uffd_copy_mode(fd, pages + 4 * PAGE, source, PAGE, UFFDIO_COPY_MODE_WP,
                      &copied),
       -EINVAL, "COPY_MODE_WP without a WP registration");
    is(copied, -EINVAL, "says so in the structure");
    must(!uffd_register_mode(fd, pages, COUNT * PAGE, MISSING | WP));
    is(uffd_copy_mode(fd, pages + 4 * PAGE, source, PAGE, UFFDIO_COPY_MODE_WP,
                      &copied),
       0, "COPY_MODE_WP");
    is(pages[4 * PAGE], 'c', "fills");
    ok(write_is_told(pages + 4 * PAGE), "and protects");
    must(!uffd_copy(fd, pages + 5 * PAGE, source, PAGE));
    ok(write_is_free(pages + 5 * PAGE), "a plain copy does not");
    tear_down();
}

static void test_untouched(void)
{
    set_up(0);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    ok(write_is_free(pages + 4 * PAGE),
       "a page never touched is not protected");
    tear_down();
    set_up(UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    ok(write_is_told(pages + 4 * PAGE), "with WP_UNPOPULATED it is");
    is(pages[5 * PAGE], 0, "it reads as zeros");
    is(uffd_poll(fd), 0, "without a message");
    ok(write_is_told(pages + 5 * PAGE), "and stays protected");
    must(!madvise(pages, COUNT * PAGE, MADV_DONTNEED));
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    must(!uffd_protect(fd, pages, COUNT * PAGE, 0));
    ok(write_is_free(pages + 4 * PAGE), "lifting it leaves nothing");
    tear_down();
}

/* Both modes: a missing page first, marked or not. */
static void test_missing_and_wp(void)
{
    pthread_t thread;

    set_up_mode(UFFD_FEATURE_WP_UNPOPULATED, MISSING | WP);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    thread = thread_start(write_one, pages + 4 * PAGE);
    is(uffd_next(fd).arg.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE,
       "a marked page that is missing is missing");
    is(uffd_zero(fd, pages + 4 * PAGE, PAGE, NULL), -EEXIST,
       "UFFDIO_ZEROPAGE does not replace the mark");
    must(!uffd_fill(fd, pages + 4 * PAGE, 'p'));
    thread_join(thread);
    is(pages[4 * PAGE], 'w', "UFFDIO_COPY does");
    is(pages[4 * PAGE + 1], 'p', "with its bytes");
    thread = thread_start(write_one, pages + 5 * PAGE);
    uffd_next(fd);
    must(!uffd_copy_mode(fd, pages + 5 * PAGE, source, PAGE,
                         UFFDIO_COPY_MODE_WP, NULL));
    is(uffd_next(fd).arg.pagefault.flags, WP_FLAGS,
       "filled and protected: the same writer asks for the second time");
    must(!uffd_protect(fd, pages + 5 * PAGE, PAGE, 0));
    thread_join(thread);
    is(pages[5 * PAGE], 'w', "and is let through");
    tear_down();
}

static int child_writes(void *argument)
{
    char *page = argument;

    *page = 'c';
    return *page != 'c';
}

static void test_fork(void)
{
    set_up(UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    is(in_child(child_writes, pages), 0, "a child writes freely");
    is(in_child(child_writes, pages + 4 * PAGE), 0,
       "also to what was never touched");
    is(uffd_poll(fd), 0, "nobody is told");
    is(pages[0], 0, "the parent's page is its own");
    ok(write_is_told(pages), "and still protected");
    ok(write_is_told(pages + 4 * PAGE), "as is the untouched one");
    tear_down();
}

static void test_mprotect(void)
{
    set_up(UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    must(!mprotect(pages, COUNT * PAGE, PROT_READ));
    is(probe_write(pages, 1), SEGV_ACCERR, "mprotect comes first");
    is(probe_write(pages + 4 * PAGE, 1), SEGV_ACCERR, "for all pages");
    is(uffd_poll(fd), 0, "a write it forbids is no message");
    must(!mprotect(pages, COUNT * PAGE, PROT_NONE));
    must(!mprotect(pages, COUNT * PAGE, PROT_READ | PROT_WRITE));
    ok(write_is_told(pages), "protected still after mprotect and back");
    ok(write_is_told(pages + 4 * PAGE), "the mark too");
    tear_down();
}

static void test_discard(void)
{
    set_up(UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    must(!madvise(pages, COUNT * PAGE, MADV_DONTNEED));
    ok(write_is_free(pages), "MADV_DONTNEED ends the protection");
    ok(write_is_free(pages + 4 * PAGE), "and takes the marks");
    tear_down();
}

static void test_end(void)
{
    pthread_t thread;

    set_up(UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    is(uffd_unregister(fd, pages, 2 * PAGE), 0, "UFFDIO_UNREGISTER");
    ok(write_is_free(pages), "ends the protection");
    must(!uffd_register_mode(fd, pages, 2 * PAGE, WP));
    ok(write_is_free(pages + PAGE), "for good");
    thread = thread_start(write_one, pages + 3 * PAGE);
    uffd_next(fd);
    close(fd);
    thread_join(thread);
    is(pages[3 * PAGE], 'w', "closing lets writers through");
    pages[5 * PAGE] = 'x';
    is(pages[5 * PAGE], 'x', "and takes the marks");
    munmap(pages, COUNT * PAGE);
}

/* The kernel's own writes into a protected page. */
static void *serve_write(void *argument)
{
    int good = uffd_next(fd).arg.pagefault.flags == WP_FLAGS;

    must(!uffd_protect(fd, argument, PAGE, 0));
    return (void *)(long)good;
}

static void test_kernel_write(void)
{
    pthread_t thread;

    set_up(0);
    must(!uffd_protect(fd, pages, PAGE, PROTECT));
    thread = thread_start(serve_write, pages);
    is(syscall(SYS_getrandom, pages, 8, 0), 8, "a system call's write waits");
    is(thread_join(thread), 1, "and is told as one");
    tear_down();
}

static void test_many(void)
{
    char *many = map_pages(MANY);
    int wrong = 0;

    fd = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_register_mode(fd, many, MANY * PAGE, WP));
    for (int i = 0; i < MANY; i += 2)
        many[i * PAGE] = 1;
    is(uffd_protect(fd, many, MANY * PAGE, PROTECT), 0, "over several tables");
    for (int i = 0; i < MANY; i += 91)
        wrong += !write_is_told(many + i * PAGE);
    is(wrong, 0, "all pages are protected");
    must(!uffd_protect(fd, many, MANY * PAGE, 0));
    for (int i = 0; i < MANY; i++)
        wrong += !write_is_free(many + i * PAGE);
    is(wrong, 0, "and all free again");
    close(fd);
    munmap(many, MANY * PAGE);
}

static void test_async(void)
{
    set_up(UFFD_FEATURE_WP_ASYNC);
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    ok(write_is_free(pages), "WP_ASYNC: a write is not held up");
    is(pages[0], 'f', "and arrives");
    ok(write_is_free(pages + 4 * PAGE), "nor one to an untouched page");
    is(pages[4 * PAGE], 'f', "that arrives");
    is(pages[5 * PAGE], 0, "reading leaves zeros");
    ok(write_is_free(pages + 5 * PAGE), "to be written");
    is(syscall(SYS_getrandom, pages + PAGE, 8, 0), 8, "the kernel writes too");
    is(uffd_poll(fd), 0, "nobody is told");
    is(in_child(child_writes, pages + 2 * PAGE), 0, "nor of a child's");
    is(pages[2 * PAGE], 2, "which are its own");
    tear_down();
}

/* A page shared with a child by fork: let through, the writer gets a copy. */
static void test_cow(void)
{
    volatile int *written = map_shared(1);
    pid_t pid;

    set_up(0);
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        while (!*written)
            sched_yield();
        _exit(pages[0] != 0);
    }
    must(!uffd_protect(fd, pages, PAGE, PROTECT));
    ok(write_is_told(pages), "a page shared by fork is told of once");
    *written = 1;
    is(wait_status(pid), 0, "the child keeps the old bytes");
    tear_down();
}

int main(void)
{
    test_register();
    test_protect();
    test_arguments();
    test_quiet();
    test_wake_protected();
    test_copy_wp();
    test_untouched();
    test_missing_and_wp();
    test_fork();
    test_mprotect();
    test_discard();
    test_end();
    test_kernel_write();
    test_many();
    test_async();
    test_cow();
    return done_testing();
}
