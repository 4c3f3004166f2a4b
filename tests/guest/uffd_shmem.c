/*
 * userfaultfd on shared memory: what is missing is missing for all who map
 * it; UFFDIO_CONTINUE maps what is there; private mappings; protection that
 * outlives the entry.
 */
#define _GNU_SOURCE
#include "uffd_memory.h"

static int proceed_mode(void *start, size_t size, unsigned long mode,
                        long *mapped)
{
    struct uffdio_continue c = {
        .range = {.start = (unsigned long)start, .len = size},
        .mode = mode,
        .mapped = 12345,
    };
    int result = uffd_ioctl(fd, UFFDIO_CONTINUE, &c);

    if (mapped)
        *mapped = c.mapped;
    return result;
}

static int proceed(void *start, size_t size)
{
    return proceed_mode(start, size, 0, NULL);
}

static void test_missing(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(MISSING, MAP_SHARED);
    thread = thread_start(read_byte, pages + PAGE);
    message = uffd_next(fd);
    is(message.arg.pagefault.flags, 0, "a missing page of shared memory");
    is(uffd_fill(fd, pages + PAGE, 'm'), 0, "is filled by UFFDIO_COPY");
    is(thread_join(thread), 'm', "for who waits");
    is(other[PAGE], 'm', "and for every other mapping");
    pages[PAGE] = 'n';
    is(other[PAGE], 'n', "it is one page");
    is(uffd_fill(fd, pages + PAGE, 'x'), -EEXIST, "filled once");
    other[2 * PAGE] = 'o';
    is(pages[2 * PAGE], 'o', "what another mapping made is not missing");
    is(uffd_poll(fd), 0, "and no message");
    other[3 * PAGE] = 'o';
    is(uffd_fill(fd, pages + 3 * PAGE, 'x'), -EEXIST, "nor to be filled");
    is(uffd_zero(fd, pages + 4 * PAGE, PAGE, NULL), 0, "UFFDIO_ZEROPAGE");
    is(pages[4 * PAGE], 0, "zeros");
    pages[4 * PAGE] = 'z';
    is(other[4 * PAGE], 'z', "of the memory's own");
    must(!madvise(pages, COUNT * PAGE, MADV_DONTNEED));
    is(pages[PAGE], 'n', "discarded here, it is there still");
    tear_down();
}

static void test_end_of_memory(void)
{
    set_up(MISSING, MAP_SHARED);
    must(!ftruncate(memory, 2 * PAGE));
    is(uffd_fill(fd, pages + 2 * PAGE, 'e'), -EFAULT, "beyond the end: COPY");
    is(uffd_zero(fd, pages + 3 * PAGE, PAGE, NULL), -EFAULT, "ZEROPAGE");
    is(probe_read(pages + 2 * PAGE), BUS_ADRERR, "a touch is SIGBUS");
    is(uffd_poll(fd), 0, "without a message");
    is(uffd_fill(fd, pages + PAGE, 'e'), 0, "before the end it works");
    tear_down();
}

static void test_anonymous(void)
{
    char *area = map_shared(2);
    pthread_t thread;

    fd = uffd_new(O_NONBLOCK);
    is(uffd_register(fd, area, 2 * PAGE), 0, "shared anonymous memory");
    thread = thread_start(read_byte, area);
    must(uffd_next_page(fd) == area);
    must(!uffd_fill(fd, area, 'a'));
    is(thread_join(thread), 'a', "is filled");
    close(fd);
    munmap(area, 2 * PAGE);
}

static int child_reads(void *unused)
{
    (void)unused;
    return pages[PAGE];
}

/* What a pager fills in one task is there for the others. */
static void test_two_tasks(void)
{
    set_up(MISSING, MAP_SHARED);
    must(!uffd_fill(fd, pages + PAGE, 42));
    is(in_child(child_reads, NULL), 42, "a child finds what was filled");
    tear_down();
}

static int poison(void *page)
{
    struct uffdio_poison poison = {{(unsigned long)page, PAGE}, 0, 0};

    return uffd_ioctl(fd, UFFDIO_POISON, &poison);
}

static void test_private(void)
{
    pthread_t thread;

    set_up(MISSING, MAP_PRIVATE);
    thread = thread_start(read_byte, pages);
    must(uffd_next_page(fd) == pages);
    must(!uffd_fill(fd, pages, 'p'));
    is(thread_join(thread), 'p', "a private mapping is filled");
    is(other[0], 0, "for itself");
    other[PAGE] = 'q';
    is(pages[PAGE], 'q', "what the memory has is not missing");
    is(uffd_fill(fd, pages + PAGE, 'x'), -EEXIST, "nor to be filled");
    is(uffd_zero(fd, pages + PAGE, PAGE, NULL), -EEXIST, "in no way");
    is(poison(pages + PAGE), -EEXIST, "or poisoned");
    is(pages[PAGE], 'q', "it is as it was");
    other[5 * PAGE] = 'q';
    is(uffd_fill(fd, pages + 5 * PAGE, 'r'), 0, "unless it was not touched");
    is(pages[5 * PAGE], 'r', "and gets bytes of its own");
    is(other[5 * PAGE], 'q', "beside those of the memory");
    must(!uffd_zero(fd, pages + 2 * PAGE, PAGE, NULL));
    pages[2 * PAGE] = 'z';
    is(other[2 * PAGE], 0, "zeros are its own as well");
    must(!uffd_zero(fd, pages + 3 * PAGE, PAGE, NULL));
    must(!fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    2 * PAGE, 2 * PAGE));
    is(pages[2 * PAGE], 'z', "a hole leaves the private copy");
    is(uffd_zero(fd, pages + 3 * PAGE, PAGE, NULL), 0,
       "and takes zeros that nobody wrote to");
    tear_down();
}

static void test_minor(void)
{
    struct uffdio_register range = {.mode = MINOR};
    unsigned long bit = 1UL << _UFFDIO_CONTINUE;
    pthread_t thread;
    long mapped;

    set_up(MINOR, MAP_SHARED);
    range.range.start = (unsigned long)pages;
    range.range.len = PAGE;
    must(!uffd_ioctl(fd, UFFDIO_REGISTER, &range));
    ok(range.ioctls & bit, "the range knows UFFDIO_CONTINUE");
    is(probe_read(pages), 0, "a missing page is made as ever");
    is(uffd_poll(fd), 0, "without a message");
    other[PAGE] = 'm';
    thread = thread_start(read_byte, pages + PAGE);
    is(uffd_next(fd).arg.pagefault.flags, UFFD_PAGEFAULT_FLAG_MINOR,
       "one that is there, but not here, is told");
    other[PAGE] = 'n';
    is(proceed_mode(pages + PAGE, PAGE, 0, &mapped), 0, "UFFDIO_CONTINUE");
    is(mapped, PAGE, "tells how much it mapped");
    is(thread_join(thread), 'n', "and lets the thread see it");
    pages[PAGE] = 'w';
    is(other[PAGE], 'w', "writable");
    is(proceed(pages + PAGE, PAGE), -EEXIST, "once");
    is(proceed(pages + 2 * PAGE, PAGE), -EFAULT, "what is not there cannot");
    other[3 * PAGE] = 'a';
    thread = thread_start(write_one, pages + 3 * PAGE);
    is(uffd_next(fd).arg.pagefault.flags,
       UFFD_PAGEFAULT_FLAG_MINOR | UFFD_PAGEFAULT_FLAG_WRITE,
       "a write is told as one");
    must(!proceed(pages + 3 * PAGE, PAGE));
    thread_join(thread);
    is(other[3 * PAGE], 'w', "and arrives");
    tear_down();
}

static void test_minor_errors(void)
{
    char *anonymous = map_pages(1);
    long mapped;

    set_up(MINOR, MAP_SHARED);
    is(uffd_register_mode(fd, anonymous, PAGE, MINOR), -EINVAL,
       "not of anonymous memory");
    must(!uffd_register(fd, anonymous, PAGE));
    is(proceed(anonymous, PAGE), -EINVAL, "nor CONTINUE there");
    is(proceed(pages + 1, PAGE), -EINVAL, "within a page");
    is(proceed(pages, 0), -EINVAL, "no bytes");
    is(proceed_mode(pages, PAGE, 4, NULL), -EINVAL, "an unknown mode");
    is(proceed_mode(pages, PAGE, 2, NULL), -EINVAL,
       "protected, without a WP registration");
    other[0] = other[PAGE] = 1;
    is(proceed_mode(pages, 3 * PAGE, 0, &mapped), -EAGAIN, "a page too many");
    is(mapped, 2 * PAGE, "two were mapped");
    must(!ftruncate(memory, PAGE));
    is(proceed(pages + 2 * PAGE, PAGE), -EINVAL, "beyond the end");
    munmap(anonymous, PAGE);
    tear_down();
}

/* A write to PAGE is told as one to a protected page, and let through. */
static int write_is_told(char *page)
{
    pthread_t thread = thread_start(write_one, page);
    struct uffd_msg message = uffd_next(fd);
    int good = message.arg.pagefault.address == (unsigned long)page &&
               message.arg.pagefault.flags ==
                   (UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);

    must(!uffd_protect(fd, page, PAGE, 0));
    thread_join(thread);
    return good && *page == 'w';
}

static void test_protect(void)
{
    set_up(WP, MAP_SHARED);
    for (int i = 0; i < 4; i++)
        pages[i * PAGE] = i;
    must(!uffd_protect(fd, pages, COUNT * PAGE, PROTECT));
    ok(write_is_told(pages), "a protected page of shared memory");
    is(other[0], 'w', "is written in the end");
    other[PAGE] = 'o';
    is(pages[PAGE], 'o', "another mapping may write all the time");
    ok(write_is_told(pages + 5 * PAGE), "a page never touched is protected");
    must(!madvise(pages, COUNT * PAGE, MADV_DONTNEED));
    is(pages[2 * PAGE], 2, "discarded, it comes back");
    ok(write_is_told(pages + 2 * PAGE), "protected as it was");
    ok(write_is_told(pages + 6 * PAGE), "a mark stays too");
    *pages = 'f';
    is(uffd_poll(fd), 0, "what was freed stays free");
    must(!madvise(pages, COUNT * PAGE, MADV_REMOVE));
    is(pages[3 * PAGE], 0, "MADV_REMOVE empties");
    ok(write_is_told(pages + 3 * PAGE), "but leaves the mark");
    must(!uffd_unregister(fd, pages, COUNT * PAGE));
    pages[7 * PAGE] = 'u';
    is(other[7 * PAGE], 'u', "until the registration ends");
    tear_down();
}

static void test_copy_protected(void)
{
    set_up(MISSING | MINOR | WP, MAP_SHARED);
    memset(source, 'c', PAGE);
    must(!uffd_copy_mode(fd, pages, source, PAGE, UFFDIO_COPY_MODE_WP, NULL));
    ok(write_is_told(pages), "COPY_MODE_WP protects");
    other[PAGE] = 'o';
    must(!proceed_mode(pages + PAGE, PAGE, 2, NULL));
    ok(write_is_told(pages + PAGE), "CONTINUE_MODE_WP too");
    tear_down();
}

static void test_poison(void)
{
    set_up(MISSING, MAP_SHARED);
    is(poison(pages), 0, "UFFDIO_POISON");
    is(probe_read(pages), BUS_MCEERR_AR, "poisons this mapping");
    is(probe_read(other), 0, "not the others");
    is(other[0], 0, "where it is made as ever");
    other[PAGE] = 'h';
    must(pages[PAGE] == 'h');
    is(poison(pages + PAGE), -EEXIST, "a page that is there stays");
    is(pages[PAGE], 'h', "as it is");
    tear_down();
}

/* An event of MADV_REMOVE. */
static void *remove_one(void *start)
{
    return (void *)(long)madvise(start, PAGE, MADV_REMOVE);
}

static void test_remove_event(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(MISSING, MAP_SHARED);
    close(fd);
    fd = uffd_new_with(0, UFFD_FEATURE_EVENT_REMOVE);
    must(!uffd_register(fd, pages, COUNT * PAGE));
    must(!uffd_fill(fd, pages, 'r'));
    thread = thread_start(remove_one, pages);
    must(read(fd, &message, sizeof(message)) == sizeof(message));
    is(message.event, UFFD_EVENT_REMOVE, "MADV_REMOVE is told");
    is(thread_join(thread), 0, "and done");
    is(other[0], 0, "the page is gone everywhere");
    tear_down();
}

int main(void)
{
    test_missing();
    test_end_of_memory();
    test_anonymous();
    test_two_tasks();
    test_private();
    test_minor();
    test_minor_errors();
    test_protect();
    test_copy_protected();
    test_poison();
    test_remove_event();
    return done_testing();
}
