/*
 * What becomes of faults that wait when their range changes: mprotect,
 * madvise, mremap, munmap, execve; and of those who wait for an event to be
 * read when its reader or the child it is about dies.
 */
#define _GNU_SOURCE
#include "uffd_range.h"

enum {
    COUNT = 4
};

static void set_up(unsigned long features)
{
    range_set_up(COUNT, O_NONBLOCK | O_CLOEXEC, features,
                 UFFDIO_REGISTER_MODE_MISSING);
}

static void *probe(void *address)
{
    return (void *)(long)probe_read(address);
}

static void *probe_store(void *address)
{
    return (void *)(long)probe_write(address, 'w');
}

/* A thread that waits for the first page. */
static pthread_t wait_in(void *(*touch)(void *))
{
    pthread_t thread = thread_start(touch, pages);

    must(uffd_next_page(fd) == pages);
    return thread;
}

static void test_protect(void)
{
    pthread_t thread;

    set_up(0);
    thread = wait_in(probe);
    works(mprotect(pages, PAGE, PROT_NONE), "mprotect under a waiting read");
    must(!uffd_wake(fd, pages, PAGE));
    is(thread_join(thread), SEGV_ACCERR, "which may not any more");
    is(uffd_fill(fd, pages, 'p'), 0, "the page can be filled");
    must(!mprotect(pages, PAGE, PROT_READ | PROT_WRITE));
    is(pages[0], 'p', "and is seen later");
    tear_down();
    set_up(0);
    thread = wait_in(probe_store);
    works(mprotect(pages, PAGE, PROT_READ), "under a waiting write");
    is(uffd_fill(fd, pages, 'q'), 0, "the page is filled");
    is(thread_join(thread), SEGV_ACCERR, "the write is refused");
    is(pages[0], 'q', "reads are not");
    tear_down();
}

static void test_madvise(void)
{
    pthread_t thread;

    set_up(0);
    thread = wait_in(read_byte);
    works(madvise(pages, PAGE, MADV_DONTNEED), "MADV_DONTNEED");
    is(uffd_poll(fd), 0, "asks no second time");
    is(uffd_fill(fd, pages, 'm'), 0, "the page is filled");
    is(thread_join(thread), 'm', "for who waits");
    tear_down();
}

static void test_remap(void)
{
    char *away = map_pages(COUNT);
    pthread_t thread;

    set_up(0);
    thread = wait_in(probe);
    ok(mremap(pages, COUNT * PAGE, COUNT * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
              away) == away,
       "mremap under a waiting read");
    is(uffd_fill(fd, pages, 'x'), -ENOENT, "there is nothing to fill");
    must(!uffd_wake(fd, pages, PAGE));
    is(thread_join(thread), SEGV_MAPERR, "nor to read");
    is(away[0], 0, "the new place is ordinary memory");
    munmap(away, COUNT * PAGE);
    tear_down();
}

/* Something else comes to the place of what was waited for. */
static void test_replace(void)
{
    pthread_t thread;

    set_up(0);
    thread = wait_in(read_byte);
    must(mmap(pages, PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == pages);
    pages[0] = 'n';
    is(uffd_fill(fd, pages, 'x'), -ENOENT, "a new mapping is not filled");
    must(!uffd_wake(fd, pages, PAGE));
    is(thread_join(thread), 'n', "who waited sees what it holds");
    tear_down();
}

static void test_reregister(void)
{
    pthread_t thread;
    int other = uffd_new(O_NONBLOCK);

    set_up(0);
    thread = wait_in(read_byte);
    must(!uffd_unregister(fd, pages, PAGE));
    thread_join(thread);
    must(!madvise(pages, PAGE, MADV_DONTNEED));
    must(!uffd_register(fd, pages, PAGE));
    thread = wait_in(read_byte);
    must(!uffd_unregister(fd, pages, COUNT * PAGE));
    must(!uffd_register(other, pages + PAGE, PAGE));
    is(uffd_fill(other, pages + PAGE, 'o'), 0, "another pager, another page");
    is(thread_join(thread), 0, "who waited for the first goes on");
    close(other);
    tear_down();
}

/* ---- execve ---- */

/* mov $231, %eax; mov $7, %edi; syscall: exit_group(7), in an ELF file. */
static const unsigned char image[] = {
    0x7f, 'E',  'L', 'F',  2,  1,    1,  0, 0,    0, 0,    0,
    0,    0,    0,   0, /* ident */
    2,    0,    62,  0,    1,  0,    0,  0, 0x78, 0, 0,    0x10,
    0,    0,    0,   0, /* entry */
    64,   0,    0,   0,    0,  0,    0,  0, 0,    0, 0,    0,
    0,    0,    0,   0, /* phoff */
    0,    0,    0,   0,    64, 0,    56, 0, 1,    0, 0,    0,
    0,    0,    0,   0, /* 1 segment */
    1,    0,    0,   0,    5,  0,    0,  0, 0,    0, 0,    0,
    0,    0,    0,   0, /* PT_LOAD, rx */
    0,    0,    0,   0x10, 0,  0,    0,  0, 0,    0, 0,    0x10,
    0,    0,    0,   0, /* vaddr */
    0x84, 0,    0,   0,    0,  0,    0,  0, 0x84, 0, 0,    0,
    0,    0,    0,   0,                                          /* sizes */
    0,    0x10, 0,   0,    0,  0,    0,  0,                      /* align */
    0xb8, 231,  0,   0,    0,  0xbf, 7,  0, 0,    0, 0x0f, 0x05, /* code */
};

static int run_other(void *features)
{
    char *const none[] = {"x", NULL};
    int program = syscall(SYS_memfd_create, "p", 0);

    must(write(program, image, sizeof(image)) == sizeof(image));
    set_up((unsigned long)features);
    for (int i = 0; i < 4; i++)
        thread_start(read_byte, pages + i * PAGE);
    uffd_next(fd);
    uffd_next(fd);
    syscall(SYS_execveat, program, "", none, none, 0x1000);
    return 1;
}

static void test_exec(void)
{
    is(in_child(run_other, NULL), 7, "execve while threads wait for pages");
    is(in_child(run_other,
                (void *)(UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMOVE)),
       7, "and with events on");
}

/* ---- events ---- */

static int do_unmap(void)
{
    return munmap(pages, PAGE);
}

static int do_discard(void)
{
    return madvise(pages, PAGE, MADV_DONTNEED);
}

static int do_move(void)
{
    char *away = map_pages(1);
    int result =
        mremap(pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) != away;

    munmap(away, PAGE);
    return result;
}

static int do_fork(void)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(pages[0] ? 1 : 5);
    return wait_status(pid) != 5;
}

#define EVENTS                                                                 \
    (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |                      \
     UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

/* The only holder of the descriptor: dies once there is a message, having read
 * it or not. */
static void die_at_message(int reads)
{
    struct uffd_msg message;

    while (!uffd_poll(fd))
        sched_yield();
    let_run();
    if (reads)
        must(read(fd, &message, sizeof(message)) == sizeof(message));
    raise(SIGKILL);
}

static void test_reader_dies(int (*call)(void), int reads, const char *what)
{
    pid_t pid;

    pages = map_pages(COUNT);
    fd = uffd_new_with(O_NONBLOCK | O_CLOEXEC, EVENTS);
    pid = fork();
    must(pid >= 0);
    if (!pid)
        die_at_message(reads);
    must(!uffd_register(fd, pages, COUNT * PAGE));
    close(fd);
    is(call(), 0, "%s, its reader dies %s reading", what,
       reads ? "after" : "before");
    is(wait_status(pid), 1000 + SIGKILL, "killed");
    is(pages[PAGE], 0, "what is left is ordinary memory");
    munmap(pages, COUNT * PAGE);
}

static void test_readers_die(void)
{
    for (int reads = 0; reads < 2; reads++) {
        test_reader_dies(do_unmap, reads, "munmap");
        test_reader_dies(do_discard, reads, "madvise");
        test_reader_dies(do_move, reads, "mremap");
        test_reader_dies(do_fork, reads, "fork");
    }
}

/* Forks, and dies while it waits for the event to be read. */
static void *fork_waiting(void *unused)
{
    if (fork() == 0)
        _exit(0);
    return unused;
}

static int die_forking(void *unused)
{
    (void)unused;
    set_up(EVENTS);
    thread_start(fork_waiting, NULL);
    while (!uffd_poll(fd))
        sched_yield();
    let_run();
    raise(SIGKILL);
    return 0;
}

static void test_forker_dies(void)
{
    is(in_child(die_forking, NULL), 1000 + SIGKILL,
       "who forks and waits for a reader can be killed");
}

int main(void)
{
    test_protect();
    test_madvise();
    test_remap();
    test_replace();
    test_reregister();
    test_exec();
    test_readers_die();
    test_forker_dies();
    return done_testing();
}
