/*
 * Objects with pagers, Faultline's own, see docs/object-pagers.md: one message
 * for a page that several miss, whoever they are; pages that get dirty, are
 * cleaned and evicted; sizes; pagers that are dead, late or wrong. Prints TAP.
 */
#include "object_util.h"

enum {
    COUNT = 8
};

static char *pages;

static void set_up(int flags, long limit)
{
    object_new(COUNT, flags, limit);
    pages = object_map(MAP_SHARED, COUNT);
}

static void set_up_guarded(long deadline, int action)
{
    object_new_guarded(COUNT, 0, 0, deadline, action);
    pages = object_map(MAP_SHARED, COUNT);
}

static void tear_down(void)
{
    munmap(pages, COUNT * PAGE);
    object_end();
}

static void *read_object(void *page)
{
    unsigned char c;
    ssize_t n = pread(object, &c, 1, (long)page * PAGE);

    return (void *)(long)(n == 1 ? c : n < 0 ? -errno : -1000);
}

static void *write_object(void *page)
{
    ssize_t n = pwrite(object, "W", 1, (long)page * PAGE + 1);

    return (void *)(long)(n < 0 ? -errno : n);
}

static void test_bind(void)
{
    struct uffdio_fl_bind b = {0};

    object_new(COUNT, 0, 0);
    is(object_bind(0, 0, 0), -EBUSY, "an object has one pager");
    close(pager);
    pager = uffd_new(O_NONBLOCK);
    is(object_bind(0, 0, 0), 0, "after its death another may take over");
    object_end();
    object_new(COUNT, 0, 0);
    close(object);
    object = syscall(SYS_memfd_create, "late", 0);
    must(!ftruncate(object, PAGE));
    pages = object_map(MAP_SHARED, 1);
    is(object_bind(0, 0, 0), -EBUSY, "a mapped object cannot be bound");
    munmap(pages, PAGE);
    is(object_bind(2, 0, 0), -EINVAL, "an unknown flag");
    is(object_bind_guarded(0, 0, 0, 0, 4), -EINVAL, "an unknown action");
    b.fd = object;
    b.reserved = 1;
    is(uffd_ioctl(pager, UFFDIO_FL_BIND, &b), -EINVAL, "something reserved");
    b.fd = 99;
    b.reserved = 0;
    is(uffd_ioctl(pager, UFFDIO_FL_BIND, &b), -EBADF, "no descriptor");
    b.fd = 1;
    is(uffd_ioctl(pager, UFFDIO_FL_BIND, &b), -EINVAL, "no object");
    is(uffd_ioctl(pager, UFFDIO_FL_BIND, NULL), -EFAULT, "no structure");
    is(request(UFFDIO_FL_FILL, 0, 0, 1, source, NULL), -EINVAL,
       "nor a fill unbound");
    close(pager);
    pager = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_SIGBUS);
    is(object_bind(0, 0, 0), -EINVAL, "a pager nobody waits for");
    object_end();
}

static int reader(void *page)
{
    char *at = object_map(MAP_SHARED, COUNT);

    return at[(long)page * PAGE];
}

/* Three tasks with mappings of their own, and three threads. */
static void test_one_message(void)
{
    pthread_t thread[3];
    int wrong = 0;
    pid_t pid[3];

    set_up(0, 0);
    for (int i = 0; i < 3; i++) {
        thread[i] = thread_start(read_byte, pages + PAGE);
        pid[i] = fork();
        if (!pid[i])
            _exit(reader((void *)1));
    }
    await_faults(pager, 6);
    is(next_miss(), 1, "a miss names its page");
    ok(is_quiet(), "once for all who miss it");
    must(!fill_with(1, 'm'));
    for (int i = 0; i < 3; i++) {
        wrong += thread_join(thread[i]) != (void *)'m';
        wrong += wait_status(pid[i]) != 'm';
    }
    is(wrong, 0, "one fill serves them all");
    ok(is_quiet(), "and nobody asks again");
    is(pages[PAGE + 9], 'm', "the page stays");
    is(fill_with(1, 'x'), -EEXIST, "and cannot be filled twice");
    tear_down();
}

static void *read_by_kernel(void *from)
{
    struct iovec local = {source + PAGE, 1}, remote = {from, 1};

    return (void *)syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote,
                           1, 0);
}

static void test_ways(void)
{
    char *private;
    pthread_t thread;

    set_up(0, 0);
    private = object_map(MAP_PRIVATE, COUNT);
    thread = thread_start(read_object, (void *)2);
    must(next_miss() == 2 && !fill_with(2, 'r'));
    is(thread_join(thread), 'r', "read(2) misses");
    thread = thread_start(write_object, (void *)3);
    must(next_miss() == 3 && !fill_with(3, 'w'));
    is(thread_join(thread), 1, "write(2) of a part does");
    ok(pages[3 * PAGE] == 'w' && pages[3 * PAGE + 1] == 'W',
       "and keeps the rest");
    memset(source, 'f', PAGE);
    is(pwrite(object, source, PAGE, 4 * PAGE), PAGE, "of all of it does not");
    is(pages[4 * PAGE + 77], 'f', "as nothing of it is missed");
    thread = thread_start(write_one, private + 5 * PAGE);
    must(next_miss() == 5 && !fill_with(5, 'p'));
    thread_join(thread);
    ok(private[5 * PAGE] == 'w' && private[5 * PAGE + 1] == 'p' &&
           pages[5 * PAGE] == 'p',
       "a private write misses, and copies");
    thread = thread_start(read_byte, private + 6 * PAGE);
    must(next_miss() == 6 && !fill_with(6, 'q'));
    is(thread_join(thread), 'q', "a private read misses");
    thread = thread_start(write_one, pages);
    must(message(1).info == UFFD_PAGEFAULT_FLAG_WRITE && !fill_with(0, 's'));
    thread_join(thread);
    ok(pages[0] == 'w' && pages[1] == 's', "a shared write says so");
    thread = thread_start(read_by_kernel, pages + 7 * PAGE);
    must(next_miss() == 7 && !fill_with(7, 'v'));
    is(thread_join(thread), 1, "process_vm_readv misses");
    is(source[PAGE], 'v', "and gets its byte");
    munmap(private, COUNT * PAGE);
    tear_down();
}

static void test_write_back(void)
{
    struct uffd_fl_object_msg m;
    char *other, c;
    long done;

    set_up(UFFD_FL_BIND_DIRTY, 0);
    other = object_map(MAP_SHARED, COUNT);
    for (int i = 0; i < COUNT; i++)
        must(!fill_with(i, 'a' + i));
    ok(pages[0] == 'a' && other[PAGE] == 'b' && is_quiet(), "reads are quiet");
    pages[2 * PAGE] = '2';
    pages[3 * PAGE] = '3';
    other[3 * PAGE + 1] = '4';
    m = message(1);
    ok(m.event == UFFD_EVENT_FL_DIRTY && m.cookie == 7 &&
           m.offset == 2 * PAGE && m.info == 2 * PAGE,
       "pages written in a row are one message");
    ok(is_quiet(), "once, wherever they are written");
    is(evict(0, COUNT), -EAGAIN, "eviction stops");
    is(request(UFFDIO_FL_EVICT, 0, 0, COUNT, NULL, &done), -EAGAIN, "and says");
    is(done, 2 * PAGE, "where it met a dirty page");
    is(evict(2, 1), -EBUSY, "which stays");
    is(clean(0, COUNT), 0, "until it is cleaned");
    pages[3 * PAGE + 2] = '5';
    m = message(1);
    ok(m.event == UFFD_EVENT_FL_DIRTY && m.offset == 3 * PAGE, "written again");
    is(evict(3, 1), -EBUSY, "it is dirty again");
    is(evict(2, 1), 0, "the other one goes");
    must(pread(object, &c, 1, 3 * PAGE + 2) == 1 && c == '5');
    must(pwrite(object, "6", 1, 4 * PAGE) == 1);
    is(message(1).offset, 4 * PAGE, "write(2) makes dirty as well");
    must(!clean(0, COUNT) && !evict(0, COUNT));
    munmap(other, COUNT * PAGE);
    must(!fill_with(2, 'n'));
    is(pages[2 * PAGE], 'n', "evicted pages are missed anew");
    ok(is_quiet(), "but for those that were brought unasked");
    tear_down();
}

static void test_private_copies(void)
{
    char *private;
    pthread_t thread;

    object_new(COUNT, 0, 0);
    private = object_map(MAP_PRIVATE, COUNT);
    must(!fill_with(0, 'a') && !fill_with(1, 'b'));
    private[0] = 'P';
    must(private[PAGE] == 'b');
    is(evict(0, 2), 0, "pages with private copies can go");
    is(private[0], 'P', "and leave them");
    thread = thread_start(read_byte, private + PAGE);
    must(next_miss() == 1 && !fill_with(1, 'c'));
    is(thread_join(thread), 'c', "those not copied are missed again");
    munmap(private, COUNT * PAGE);
    object_end();
}

static void test_limit(void)
{
    struct uffd_fl_object_msg m;
    long done;

    set_up(UFFD_FL_BIND_DIRTY, 3);
    memset(source, 'l', 4 * PAGE);
    is(request(UFFDIO_FL_FILL, 0, 0, 4, source, &done), -EAGAIN,
       "a limit of pages");
    is(done, 3 * PAGE, "is not passed");
    m = message(1);
    ok(m.event == UFFD_EVENT_FL_SHRINK && m.info == 0,
       "the pager is to shrink");
    is(fill_with(3, 'x'), -ENOSPC, "nor later");
    must(message(1).event == UFFD_EVENT_FL_SHRINK && !evict(1, 1));
    is(fill_with(3, 'x'), 0, "before it did");
    memset(source, 'W', PAGE);
    must(pwrite(object, source, PAGE, 4 * PAGE) == PAGE);
    must(pwrite(object, source, PAGE, 5 * PAGE) == PAGE);
    m = message(1);
    ok(m.event == UFFD_EVENT_FL_SHRINK && m.info == 2 * PAGE,
       "a write(2) may pass it, and says so");
    must(message(1).event == UFFD_EVENT_FL_DIRTY);
    tear_down();
}

static void test_size(void)
{
    struct uffd_fl_object_msg m;
    pthread_t thread;

    set_up(0, 0);
    must(!fill_with(5, 'z'));
    thread = thread_start(read_object, (void *)7);
    must(next_miss() == 7);
    must(!ftruncate(object, 5 * PAGE + 10));
    is(thread_join(thread), 0, "who misses what is cut off waits no longer");
    must(!ftruncate(object, 7 * PAGE));
    is(fill_with(6, 'o'), -EAGAIN, "an old page is refused");
    m = message(1);
    ok(m.event == UFFD_EVENT_FL_SIZE && m.offset == 5 * PAGE + 10 &&
           m.info == 7 * PAGE,
       "until the pager has read how short it was");
    ok(pages[5 * PAGE + 9] == 'z' && !pages[5 * PAGE + 10], "the tail is zero");
    is(fill_with(6, 'n'), 0, "a new one is not");
    is(fill_with(7, 'n'), -ENXIO, "beyond the end there is none");
    is(probe_read(pages + 7 * PAGE), BUS_ADRERR, "but SIGBUS");
    must(pwrite(object, "e", 1, 8 * PAGE) == 1);
    m = message(1);
    ok(m.event == UFFD_EVENT_FL_SIZE && m.offset == 7 * PAGE &&
           m.info == 8 * PAGE + 1,
       "a write(2) that makes it longer tells, too");
    is(syscall(SYS_fallocate, object, 0, 0, PAGE), -1, "no room aside");
    is(errno, EOPNOTSUPP, "can be set");
    is(syscall(SYS_fallocate, object, 3, 0, PAGE), -1, "no hole");
    is(errno, EOPNOTSUPP, "be made");
    is(lseek(object, 0, SEEK_HOLE), 8 * PAGE + 1, "all of it counts as data");
    is(uffd_register(pager, pages, PAGE), -EINVAL, "one pager is enough");
    tear_down();
}

static void test_seals(void)
{
    object = memfd("sealed", MFD_ALLOW_SEALING);
    pager = uffd_new(O_NONBLOCK);
    must(!ftruncate(object, PAGE) && !object_bind(0, 0, 0));
    must(!fcntl(object, F_ADD_SEALS,
                F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
    fails(pwrite(object, "x", 1, 0), EPERM, "a seal is asked before the pager");
    ok(is_quiet(), "who is not");
    is(fill_with(0, 's'), 0, "a sealed object can be filled");
    is(evict(0, 1), 0, "and evicted");
    object_end();
}

/* The source of three pages ends after two. */
static void test_source(void)
{
    char *from = map_pages(3);
    long done;

    must(!munmap(from + 2 * PAGE, PAGE));
    set_up(0, 0);
    is(request(UFFDIO_FL_FILL, 0, 0, 3, from, &done), -EAGAIN,
       "a source that ends");
    is(done, 2 * PAGE, "fills as far as it goes");
    is(request(UFFDIO_FL_FILL, 0, 2, 1, from + 2 * PAGE, &done), -EFAULT,
       "and none");
    is(done, -EFAULT, "says so");
    munmap(from, 2 * PAGE);
    tear_down();
}

static void *probe_it(void *address)
{
    return (void *)(long)probe_read(address);
}

static void test_death(void)
{
    pthread_t thread;
    char c = 0;

    set_up(0, 0);
    must(!fill_with(0, 'h'));
    thread = thread_start(probe_it, pages + PAGE);
    must(next_miss() == 1);
    close(pager);
    is(thread_join(thread), BUS_ADRERR, "a pager dies on duty: SIGBUS");
    is(probe_read(pages + 2 * PAGE), BUS_ADRERR, "a dead one: SIGBUS");
    fails(pread(object, &c, 1, PAGE), EIO, "read(2): EIO");
    fails(pwrite(object, &c, 1, PAGE), EIO, "write(2): EIO");
    fails(syscall(SYS_nanosleep, pages + PAGE, NULL), EFAULT, "others: EFAULT");
    is(pages[0], 'h', "what is there is there");
    pages[0] = 'H';
    is(madvise(pages + PAGE, PAGE, 22), -1, "populating");
    is(errno, EFAULT, "fails, too");
    pager = uffd_new(O_NONBLOCK);
    must(!object_bind(0, 8, 0));
    thread = thread_start(read_byte, pages + PAGE);
    must(message(1).cookie == 8 && !fill_with(1, 's'));
    is(thread_join(thread), 's', "a new pager helps");
    is(evict(0, 1), -EBUSY, "and knows of dirty pages");
    tear_down();
    set_up_guarded(0, ACT_ZERO);
    close(pager);
    is(probe_read(pages), 0, "zeros, where asked for");
    is(pread(object, &c, 1, PAGE), 1, "for read(2), too");
    is(pwrite(object, "x", 1, PAGE), 1, "and write(2)");
    tear_down();
}

static int touch(void *unused)
{
    (void)unused;
    return *(volatile char *)pages;
}

static void test_late(void)
{
    char c;

    set_up_guarded(20000000, ACT_BUS);
    is(probe_read(pages), BUS_ADRERR, "a late pager: SIGBUS");
    fails(pread(object, &c, 1, PAGE), EIO, "read(2): EIO");
    ok(is_quiet(), "their messages are gone");
    tear_down();
    set_up_guarded(20000000, ACT_ZERO);
    is(probe_read(pages), 0, "zeros, where asked for");
    is(pages[0], 0, "that is");
    tear_down();
    set_up_guarded(20000000, ACT_KILL);
    is(in_child(touch, NULL), 1000 + SIGKILL, "or the toucher dies");
    tear_down();
}

static void test_fail(void)
{
    pthread_t thread;

    set_up(0, 0);
    thread = thread_start(read_object, (void *)1);
    must(next_miss() == 1);
    is(request(UFFDIO_FL_WAKE, UFFD_FL_MODE_FAIL, 0, COUNT, NULL, NULL), 0,
       "a pager can fail");
    is(thread_join(thread), -EIO, "read(2): EIO");
    thread = thread_start(probe_it, pages);
    must(next_miss() == 0);
    must(!request(UFFDIO_FL_WAKE, UFFD_FL_MODE_FAIL, 0, 1, NULL, NULL));
    is(thread_join(thread), BUS_ADRERR, "a touch: SIGBUS");
    thread = thread_start(read_byte, pages);
    must(next_miss() == 0);
    memset(source, 'd', PAGE);
    must(!request(UFFDIO_FL_FILL, UFFD_FL_MODE_DONTWAKE | UFFD_FL_MODE_DIRTY, 0,
                  1, source, NULL));
    let_run();
    must(!request(UFFDIO_FL_WAKE, 0, 0, 1, NULL, NULL));
    is(thread_join(thread), 'd', "filled, and woken later");
    is(evict(0, 1), -EBUSY, "it came dirty");
    must(!request(UFFDIO_FL_FILL, UFFD_FL_MODE_ZERO, 1, 3, NULL, NULL));
    is(pages[3 * PAGE], 0, "pages of zeros");
    tear_down();
}

static void test_self(void)
{
    pthread_t thread;
    char c;

    set_up(0, 0);
    thread = thread_start(read_byte, pages + 3 * PAGE);
    must(next_miss() == 3 && !fill_with(3, 's'));
    thread_join(thread);
    is(probe_read(pages), BUS_ADRERR, "a pager does not wait for itself");
    fails(pread(object, &c, 1, 0), EDEADLK, "nor in read(2)");
    is(request(UFFDIO_FL_FILL, 0, 1, 1, pages, NULL), -EFAULT, "nor in a fill");
    ok(is_quiet(), "there is no message");
    tear_down();
}

static void test_wild(void)
{
    static const long numbers[] = {1,     4095,     PAGE,     -1,
                                   -PAGE, 1L << 62, 1L << 63, 0};
    static const unsigned calls[] = {UFFDIO_FL_FILL, UFFDIO_FL_WAKE,
                                     UFFDIO_FL_CLEAN, UFFDIO_FL_EVICT};
    int wrong = 0;

    set_up(UFFD_FL_BIND_DIRTY, 0);
    for (int i = 0; i < 8 * 8 * 8 * 4; i++) {
        struct uffdio_fl_object c = {object,
                                     i % 5 * 16,
                                     numbers[i % 8],
                                     numbers[i / 8 % 8],
                                     numbers[i / 64 % 8],
                                     0};
        int r = uffd_ioctl(pager, calls[i / 512], &c);

        wrong += r == 0 && (c.offset % PAGE || !c.len || c.len % PAGE);
        wrong += r == 0 && calls[i / 512] == UFFDIO_FL_FILL;
    }
    is(wrong, 0, "wild requests are refused");
    is(request(UFFDIO_FL_FILL, 0, COUNT - 1, 2, source, NULL), -ENXIO,
       "too long");
    is(request(UFFDIO_FL_EVICT, 0, 0, 1L << 50, NULL, NULL), 0,
       "a long way is quick");
    is(request(UFFDIO_FL_CLEAN, UFFD_FL_MODE_FAIL, 0, 1, NULL, NULL), -EINVAL,
       "not its mode");
    is(request(UFFDIO_FL_EVICT, 0, 0, 1, source, NULL), -EINVAL, "no source");
    ok(is_quiet(), "nobody was told");
    tear_down();
}

int main(void)
{
    alarm(60);
    test_bind();
    test_one_message();
    test_ways();
    test_write_back();
    test_private_copies();
    test_limit();
    test_size();
    test_seals();
    test_source();
    test_death();
    test_late();
    test_fail();
    test_self();
    test_wild();
    return done_testing();
}
