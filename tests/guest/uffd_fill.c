/*
 * UFFDIO_COPY, ZEROPAGE and WAKE by one thread, before anyone has touched the
 * pages: results, errors, and how far a copy that fails half-way has come.
 */
#include "uffd_util.h"

#define KERNEL_HALF ((void *)0xffff888000000000UL)

static char *pages;
static int fd;

/* Eight pages, all registered but the last two. */
static void set_up(void)
{
    pages = map_pages(8);
    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register(fd, pages, 6 * PAGE));
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, 8 * PAGE);
}

static void test_copy(void)
{
    long copied;

    set_up();
    memset(source, 's', sizeof(source));
    is(uffd_copy_mode(fd, pages, source, PAGE, 0, &copied), 0, "UFFDIO_COPY");
    is(copied, PAGE, "tells how much it copied");
    ok(all_bytes(pages, 's', PAGE), "the page is there");
    is(uffd_poll(fd), 0, "and did not fault");
    is(uffd_copy_mode(fd, pages + PAGE, source, 3 * PAGE, 0, &copied), 0,
       "three pages");
    is(copied, 3 * PAGE, "in one go");
    ok(all_bytes(pages + PAGE, 's', 3 * PAGE), "are there");
    pages[0] = 't';
    ok(pages[0] == 't' && source[0] == 's', "a filled page is one's own");
    is(uffd_copy(fd, pages + 4 * PAGE, source + 1, PAGE), 0,
       "the source need not be aligned");
    ok(all_bytes(pages + 4 * PAGE, 's', PAGE), "for all bytes to come");
    tear_down();
}

static void test_copy_exists(void)
{
    long copied;

    set_up();
    must(!uffd_fill(fd, pages + PAGE, 'x'));
    is(uffd_copy_mode(fd, pages + PAGE, source, PAGE, 0, &copied), -EEXIST,
       "a page that is there");
    is(copied, -EEXIST, "the copy field says so");
    is(pages[PAGE], 'x', "it keeps its bytes");
    is(uffd_copy_mode(fd, pages, source, 3 * PAGE, 0, &copied), -EAGAIN,
       "the second of three is there");
    is(copied, PAGE, "one was copied");
    is(uffd_copy_mode(fd, pages + 2 * PAGE, source, PAGE, 0, &copied), 0,
       "the third was not");
    is(uffd_zero(fd, pages + PAGE, PAGE, &copied), -EEXIST,
       "UFFDIO_ZEROPAGE where a page is");
    tear_down();
}

static void test_copy_arguments(void)
{
    long copied;

    set_up();
    is(uffd_copy(fd, pages + 1, source, PAGE), -EINVAL, "to within a page");
    is(uffd_copy(fd, pages, source, PAGE - 1), -EINVAL, "part of a page");
    is(uffd_copy(fd, pages, source, 0), -EINVAL, "no bytes");
    is(uffd_copy(fd, pages, source, -PAGE), -EINVAL, "a wrap around");
    is(uffd_copy(fd, KERNEL_HALF, source, PAGE), -EINVAL,
       "into the kernel's half");
    is(uffd_copy_mode(fd, pages, source, PAGE, 1UL << 40, &copied), -EINVAL,
       "an unknown mode");
    is(copied, 12345, "does not touch the copy field");
    is(uffd_ioctl(fd, UFFDIO_COPY, NULL), -EFAULT, "no structure");
    is(probe_read(pages + 6 * PAGE), 0, "a page not registered");
    is(uffd_copy_mode(fd, pages + 6 * PAGE, source, PAGE, 0, &copied), -ENOENT,
       "is not filled");
    is(copied, -ENOENT, "the copy field says so");
    is(uffd_copy(fd, pages + 5 * PAGE, source, 2 * PAGE), -ENOENT,
       "nor is a range that ends in one");
    munmap(pages + 7 * PAGE, PAGE);
    is(uffd_copy(fd, pages + 7 * PAGE, source, PAGE), -ENOENT, "nor a hole");
    tear_down();
}

static void test_copy_source(void)
{
    char *gone = map_pages(2);
    long copied;

    set_up();
    memset(gone, 'g', PAGE);
    munmap(gone + PAGE, PAGE);
    is(uffd_copy_mode(fd, pages, gone + PAGE, PAGE, 0, &copied), -EFAULT,
       "from a hole");
    is(copied, -EFAULT, "the copy field says so");
    is(uffd_copy(fd, pages, KERNEL_HALF, PAGE) < 0, 1,
       "from the kernel's half");
    is(uffd_copy_mode(fd, pages, gone, 2 * PAGE, 0, &copied), -EAGAIN,
       "a source that ends half-way");
    is(copied, PAGE, "one page was copied");
    is(pages[0], 'g', "and is there");
    is(uffd_copy(fd, pages + PAGE, gone + PAGE / 2, PAGE), -EFAULT,
       "a source page that ends half-way");
    is(uffd_fill(fd, pages + PAGE, 'h'), 0, "leaves no page behind");
    tear_down();
    munmap(gone, PAGE);
}

/* The source may itself be a page that has yet to be faulted in. */
static void test_copy_untouched_source(void)
{
    char *fresh = map_pages(1);

    set_up();
    is(uffd_copy(fd, pages, fresh, PAGE), 0, "from untouched memory");
    ok(all_bytes(pages, 0, PAGE), "come zeros");
    pages[5] = 1;
    is(fresh[5], 0, "that are not the source's");
    tear_down();
    munmap(fresh, PAGE);
}

static void test_zeropage(void)
{
    long zeroed;

    set_up();
    is(uffd_zero(fd, pages, 2 * PAGE, &zeroed), 0, "UFFDIO_ZEROPAGE");
    is(zeroed, 2 * PAGE, "tells how much");
    ok(all_bytes(pages, 0, 2 * PAGE), "gives zeros");
    pages[0] = 1;
    ok(pages[0] == 1 && pages[PAGE] == 0, "which can be written");
    is(uffd_zero(fd, pages + PAGE, 2 * PAGE, &zeroed), -EEXIST,
       "not over a page");
    is(uffd_zero(fd, pages + 6 * PAGE, PAGE, &zeroed), -ENOENT,
       "nor where nothing is registered");
    is(uffd_zero(fd, pages + 1, PAGE, NULL), -EINVAL, "nor within a page");
    is(uffd_poll(fd), 0, "no message came");
    tear_down();
}

static void test_wake_arguments(void)
{
    set_up();
    is(uffd_wake(fd, pages, PAGE), 0, "UFFDIO_WAKE with nobody asleep");
    is(uffd_wake(fd, pages + 1, PAGE), -EINVAL, "within a page");
    is(uffd_wake(fd, pages, 0), -EINVAL, "no bytes");
    is(uffd_wake(fd, KERNEL_HALF, PAGE), -EINVAL, "the kernel's half");
    is(uffd_wake(fd, pages + 6 * PAGE, PAGE), 0, "an unregistered page");
    tear_down();
}

/* Rights do not keep the pager from filling, only the client from using. */
static void test_read_only(void)
{
    set_up();
    mprotect(pages, PAGE, PROT_READ);
    is(uffd_fill(fd, pages, 'r'), 0, "a read-only page is filled");
    is(pages[0], 'r', "and read");
    is(probe_write(pages, 1), SEGV_ACCERR, "and not written");
    mprotect(pages, PAGE, PROT_READ | PROT_WRITE);
    is(probe_write(pages, 'w'), 0, "until it may be");
    ok(pages[0] == 'w' && pages[1] == 'r', "with all its bytes");
    tear_down();
}

static void test_read(void)
{
    struct uffd_msg message;

    set_up();
    fails(read(fd, &message, sizeof(message)), EAGAIN,
          "O_NONBLOCK: no message, no waiting");
    fails(read(fd, &message, sizeof(message) - 1), EINVAL,
          "a buffer too small for a message");
    fails(read(fd, &message, 0), EINVAL, "no buffer at all");
    tear_down();
}

int main(void)
{
    test_copy();
    test_copy_exists();
    test_copy_arguments();
    test_copy_source();
    test_copy_untouched_source();
    test_zeropage();
    test_wake_arguments();
    test_read_only();
    test_read();
    return done_testing();
}
