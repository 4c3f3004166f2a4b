/*
 * The worst of pagers, and crowds: ranges that overlap, sources that vanish,
 * a task that runs another program while it is served, many threads that all
 * wait and are served, left alone or killed. After each of them a page is
 * served as if nothing had been.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

enum {
    COUNT = 8,
    CROWD = 150,
    ROUNDS = 100,
    STACK = 4 * PAGE
};

static char *pages;
static int fd;

static void set_up(void)
{
    pages = map_pages(COUNT);
    fd = uffd_new(O_NONBLOCK | O_CLOEXEC);
    must(!uffd_register_mode(fd, pages, COUNT * PAGE,
                             UFFDIO_REGISTER_MODE_MISSING |
                                 UFFDIO_REGISTER_MODE_WP));
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
}

/* The machine works. */
static void check_usable(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(read_byte, pages);
    must(!uffd_fill(fd, uffd_next_page(fd), 'u'));
    must(thread_join(thread) == (void *)'u');
    tear_down();
}

/* ---- wrong ranges ---- */

/* The request over that range: zeropage, poison and move have the same head. */
static int fill_by(unsigned long request, char *start, size_t size)
{
    union {
        struct uffdio_zeropage zero;
        struct uffdio_move move;
        struct uffdio_writeprotect protect;
        struct uffdio_copy copy;
    } u = {0};

    if (request == UFFDIO_MOVE)
        u.move = (struct uffdio_move){.dst = (unsigned long)start,
                                      .src = (unsigned long)source,
                                      .len = size};
    else if (request == UFFDIO_COPY)
        u.copy = (struct uffdio_copy){.dst = (unsigned long)start,
                                      .src = (unsigned long)source,
                                      .len = size};
    else
        u.zero.range = (struct uffdio_range){(unsigned long)start, size};
    return uffd_ioctl(fd, request, &u);
}

static void test_ranges(void)
{
    static const unsigned long requests[] = {
        UFFDIO_COPY,     UFFDIO_ZEROPAGE, UFFDIO_POISON,
        UFFDIO_CONTINUE, UFFDIO_MOVE,     UFFDIO_WRITEPROTECT,
    };
    char *other = map_pages(1);
    int wrong = 0, found = 0;

    set_up();
    for (int i = 0; i < 6; i++) {
        wrong += fill_by(requests[i], pages, 1) != -EINVAL;
        wrong += fill_by(requests[i], pages, PAGE - 1) != -EINVAL;
        wrong += fill_by(requests[i], pages + 8, PAGE) != -EINVAL;
        wrong += fill_by(requests[i], pages, 0) != -EINVAL;
        wrong += fill_by(requests[i], pages, -PAGE) != -EINVAL;
        found += fill_by(requests[i], other, PAGE) >= 0;
    }
    is(wrong, 0, "wrong lengths and addresses: EINVAL from each request");
    is(found, 0, "memory of nobody's is not touched");
    is(uffd_fill(fd, pages, 'r'), 0, "the right ones work");
    munmap(other, PAGE);
    tear_down();
    check_usable();
}

static void test_overlap(void)
{
    long copied;
    int other;

    set_up();
    must(!uffd_fill(fd, pages, 'o'));
    is(uffd_copy_mode(fd, pages + PAGE, pages, 3 * PAGE, 0, &copied), 0,
       "a source that overlaps its target");
    is(copied, 3 * PAGE, "is copied, page after page");
    ok(all_bytes(pages, 'o', 4 * PAGE), "all the same");
    is(uffd_copy(fd, pages, pages, PAGE), -EEXIST, "a page onto itself");
    other = uffd_new(0);
    is(uffd_register(other, pages + 2 * PAGE, 2 * PAGE), -EBUSY,
       "a range that overlaps another's");
    close(other);
    tear_down();
    check_usable();
}

static void test_source_ends(void)
{
    char *from = map_pages(4);
    pthread_t thread;
    long copied;

    set_up();
    memset(from, 's', 4 * PAGE);
    munmap(from + 2 * PAGE, PAGE);
    thread = thread_start(read_byte, pages + PAGE);
    must(uffd_next_page(fd) == pages + PAGE);
    is(uffd_copy_mode(fd, pages, from, 4 * PAGE, 0, &copied), -EAGAIN,
       "a source with a hole");
    is(copied, 2 * PAGE, "is copied up to it");
    is(thread_join(thread), 's', "who waits for that goes on");
    is(uffd_copy_mode(fd, pages + 2 * PAGE, from + 2 * PAGE, PAGE, 0, &copied),
       -EFAULT, "from the hole there is nothing");
    is(copied, -EFAULT, "as the structure says");
    munmap(from, 4 * PAGE);
    tear_down();
    check_usable();
}

static char *from_race;
static volatile int stop;

static void *unmap_source(void *unused)
{
    while (!stop) {
        munmap(from_race + PAGE, PAGE);
        sched_yield();
        must(mmap(from_race + PAGE, PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                  0) == from_race + PAGE);
        sched_yield();
    }
    return unused;
}

static void test_source_race(void)
{
    pthread_t thread;
    int wrong = 0;

    set_up();
    from_race = map_pages(2);
    stop = 0;
    thread = thread_start(unmap_source, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        int result = uffd_copy(fd, pages, from_race, 2 * PAGE);

        wrong += result && result != -EAGAIN && result != -EFAULT;
        must(!madvise(pages, 2 * PAGE, MADV_DONTNEED));
        sched_yield();
    }
    stop = 1;
    thread_join(thread);
    is(wrong, 0, "a source that comes and goes");
    munmap(from_race, 2 * PAGE);
    tear_down();
    check_usable();
}

/* ---- execve against a fill ---- */

/* An ELF file: mov $231, %eax; mov $7, %edi; syscall. */
static const unsigned char image[] = {
    0x7f, 'E', 'L', 'F', 2, 1,    1,  0,    0,    0, 0,    0,    0, 0,    0,
    0, /* */
    2,    0,   62,  0,   1, 0,    0,  0,    0x78, 0, 0,    0x10, 0, 0,    0,
    0,    64,  0,   0,   0, 0,    0,  0,    0,    0, 0,    0,    0, 0,    0,
    0,    0,   0,   0,   0, 0,    64, 0,    56,   0, 1,    0,    0, 0,    0,
    0,    0,   0,   1,   0, 0,    0,  5,    0,    0, 0,    0,    0, 0,    0,
    0,    0,   0,   0,   0, 0,    0,  0x10, 0,    0, 0,    0,    0, 0,    0,
    0x10, 0,   0,   0,   0, 0x84, 0,  0,    0,    0, 0,    0,    0, 0x84, 0,
    0,    0,   0,   0,   0, 0,    0,  0x10, 0,    0, 0,    0,    0, 0, /* */
    0xb8, 231, 0,   0,   0, 0xbf, 7,  0,    0,    0, 0x0f, 0x05,
};

/* Fills what is given back at once, as long as there is memory to fill. */
static int fill_for_ever(volatile int *started)
{
    int result;

    do {
        result = uffd_copy(fd, pages, source, 4 * PAGE);
        *started = 1;
        sched_yield();
    } while (!result || result == -EEXIST || result == -EAGAIN);
    return result == -ESRCH || result == -ENOENT ? 9 : 1;
}

static int exec_while_filled(void *started)
{
    char *const none[] = {"x", NULL};
    int program = syscall(SYS_memfd_create, "p", 0);

    must(write(program, image, sizeof(image)) == sizeof(image));
    set_up();
    if (!fork())
        _exit(fill_for_ever(started));
    while (!*(volatile int *)started)
        sched_yield();
    for (int i = 0; i < 10; i++) {
        must(!madvise(pages, 4 * PAGE, MADV_DONTNEED));
        sched_yield();
    }
    syscall(SYS_execveat, program, "", none, none, 0x1000);
    return 1;
}

static void test_exec(void)
{
    int *started = map_shared(1);

    is(in_child(exec_while_filled, started), 7, "execve against a fill");
    munmap(started, PAGE);
    check_usable();
}

/* ---- crowds ---- */

static char *crowd, *stacks;

static void *wait_here(void *page)
{
    return (void *)(long)*(volatile char *)page;
}

/* All of them wait, each for a page of its own. */
static void gather(pthread_t *threads)
{
    pthread_attr_t attr;

    crowd = map_pages(CROWD);
    if (!stacks)
        stacks = map_pages(CROWD * STACK / PAGE);
    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register(fd, crowd, CROWD * PAGE));
    must(!pthread_attr_init(&attr));
    for (int i = 0; i < CROWD; i++) {
        must(!pthread_attr_setstack(&attr, stacks + i * STACK, STACK));
        must(!pthread_create(&threads[i], &attr, wait_here, crowd + i * PAGE));
    }
    await_faults(fd, CROWD);
}

static int count_of(pthread_t *threads, long value)
{
    int n = 0;

    for (int i = 0; i < CROWD; i++)
        n += thread_join(threads[i]) == (void *)value;
    munmap(crowd, CROWD * PAGE);
    return n;
}

static pthread_t threads[CROWD];

static void test_crowd_served(void)
{
    static struct uffd_msg messages[64];
    int served = 0;
    ssize_t got;

    gather(threads);
    memset(source, 'c', PAGE);
    while ((got = read(fd, messages, sizeof(messages))) > 0)
        for (int i = 0; i < got / 32; i++)
            served += !uffd_copy(
                fd, (void *)(unsigned long)messages[i].arg.pagefault.address,
                source, PAGE);
    is(served, CROWD, "a crowd that waits is told, each once");
    is(count_of(threads, 'c'), CROWD, "and served");
    close(fd);
    check_usable();
}

static void test_crowd_left(void)
{
    gather(threads);
    close(fd);
    is(count_of(threads, 0), CROWD, "the descriptor closed: all go on");
    gather(threads);
    must(!uffd_unregister(fd, crowd, CROWD * PAGE));
    is(count_of(threads, 0), CROWD, "likewise unregistered");
    close(fd);
    check_usable();
}

static int die_in_crowd(void *how)
{
    gather(threads);
    if (how)
        kill(getpid(), SIGKILL);
    return 8;
}

static void test_crowd_ends(void)
{
    is(in_child(die_in_crowd, NULL), 8, "a crowd whose task exits");
    is(in_child(die_in_crowd, ""), 1000 + SIGKILL, "or is killed");
    check_usable();
}

int main(void)
{
    test_ranges();
    test_overlap();
    test_source_ends();
    test_source_race();
    test_exec();
    test_crowd_served();
    test_crowd_left();
    test_crowd_ends();
    return done_testing();
}
