/*
 * userfaultfd(2), UFFDIO_API and UFFDIO_REGISTER/UNREGISTER: the handshake,
 * and which ranges and modes are refused.
 */
#include "uffd_util.h"

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define BIT(n)  (1UL << (n))

static void test_open(void)
{
    int fd = uffd_open(O_CLOEXEC | O_NONBLOCK);

    ok(fd >= 0, "userfaultfd");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "O_CLOEXEC");
    ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
    close(fd);
    fd = uffd_open(0);
    is(fcntl(fd, F_GETFD), 0, "without O_CLOEXEC");
    ok(!(fcntl(fd, F_GETFL) & O_NONBLOCK), "without O_NONBLOCK");
    close(fd);
    fails(uffd_open(O_APPEND), EINVAL, "an unknown flag");
    fd = uffd_open(UFFD_USER_MODE_ONLY);
    ok(fd >= 0, "UFFD_USER_MODE_ONLY");
    close(fd);
}

static void test_before_api(void)
{
    char *page = map_pages(1);
    int fd = uffd_open(O_NONBLOCK);
    struct uffd_msg message;

    is(uffd_register(fd, page, PAGE), -EINVAL,
       "no UFFDIO_REGISTER before "
       "UFFDIO_API");
    is(uffd_copy(fd, page, source, PAGE), -EINVAL, "no UFFDIO_COPY");
    is(uffd_wake(fd, page, PAGE), -EINVAL, "no UFFDIO_WAKE");
    fails(read(fd, &message, sizeof(message)), EINVAL, "no read");
    is(uffd_poll(fd), POLLERR, "poll says POLLERR");
    close(fd);
    munmap(page, PAGE);
}

static void test_api(void)
{
    struct uffdio_api api = {.api = 0xabad1dea, .ioctls = 77};
    struct uffdio_api zero = {0};
    int fd = uffd_open(0);

    is(uffd_ioctl(fd, UFFDIO_API, &api), -EINVAL, "an unknown version");
    ok(!memcmp(&api, &zero, sizeof(api)), "leaves a structure of zeros");
    is(uffd_api(fd, BIT(63), &api), -EINVAL, "an unknown feature");
    ok(!memcmp(&api, &zero, sizeof(api)), "leaves zeros as well");
    is(uffd_ioctl(fd, UFFDIO_API, NULL), -EFAULT, "no structure at all");
    is(uffd_api(fd, 0, &api), 0, "the right version afterwards");
    is(api.api, UFFD_API, "is confirmed");
    is(api.ioctls &
           (BIT(_UFFDIO_API) | BIT(_UFFDIO_REGISTER) | BIT(_UFFDIO_UNREGISTER)),
       BIT(_UFFDIO_API) | BIT(_UFFDIO_REGISTER) | BIT(_UFFDIO_UNREGISTER),
       "with the ioctls of the descriptor");
    is(uffd_api(fd, 0, &api), -EINVAL, "a second handshake is refused");
    ok(!memcmp(&api, &zero, sizeof(api)), "with zeros");
    is(uffd_ioctl(fd, 0x1234, &api), -EINVAL, "an unknown ioctl");
    close(fd);
}

static void test_register_arguments(int fd, char *pages)
{
    is(uffd_register(fd, pages + 1, PAGE), -EINVAL, "start within a page");
    is(uffd_register(fd, pages, PAGE + 1), -EINVAL, "part of a page");
    is(uffd_register(fd, pages, 0), -EINVAL, "no bytes");
    is(uffd_register(fd, pages, -PAGE), -EINVAL, "a wrap around");
    is(uffd_register(fd, NULL, PAGE), -EINVAL, "page 0");
    is(uffd_register(fd, (void *)(1UL << 63), PAGE), -EINVAL,
       "the kernel's half");
    is(uffd_register_mode(fd, pages, PAGE, 0), -EINVAL, "no mode");
    is(uffd_register_mode(fd, pages, PAGE, BIT(40)), -EINVAL,
       "an unknown mode");
    is(uffd_ioctl(fd, UFFDIO_REGISTER, NULL), -EFAULT, "no structure");
    munmap(pages + 3 * PAGE, PAGE);
    is(uffd_register(fd, pages + 3 * PAGE, PAGE), -EINVAL, "a hole");
}

static void test_register(void)
{
    char *pages = map_pages(4);
    int fd = uffd_new(O_NONBLOCK);
    int other = uffd_new(0);
    unsigned long want =
        BIT(_UFFDIO_COPY) | BIT(_UFFDIO_ZEROPAGE) | BIT(_UFFDIO_WAKE);
    struct uffdio_register range = {
        .range = {.start = (unsigned long)pages, .len = 2 * PAGE},
        .mode = MISSING,
    };

    test_register_arguments(fd, pages);
    is(uffd_ioctl(fd, UFFDIO_REGISTER, &range), 0, "UFFDIO_REGISTER");
    is(range.ioctls & want, want, "tells the ioctls of the range");
    is(uffd_register(fd, pages, 2 * PAGE), 0, "a second time");
    is(uffd_register(other, pages + PAGE, 2 * PAGE), -EBUSY,
       "not by another userfaultfd");
    is(uffd_register(other, pages + 2 * PAGE, PAGE), 0,
       "which may have the next page");
    close(other);
    is(uffd_register(fd, pages, 4 * PAGE), 0,
       "over a hole, where the other was until it was closed");
    close(fd);
    is(probe_read(pages), 0, "closed: an ordinary page");
    munmap(pages, 4 * PAGE);
}

static void test_unregister(void)
{
    char *pages = map_pages(3);
    int fd = uffd_new(O_NONBLOCK);
    int other = uffd_new(0);

    must(!uffd_register(fd, pages, 3 * PAGE));
    is(uffd_unregister(fd, pages + 1, PAGE), -EINVAL, "start within a page");
    is(uffd_unregister(fd, pages, 0), -EINVAL, "no bytes");
    is(uffd_unregister(fd, pages + PAGE, PAGE), 0, "the middle of a range");
    is(probe_read(pages + PAGE), 0, "is an ordinary page");
    is(uffd_poll(fd), 0, "and has not caused a message");
    is(uffd_copy(fd, pages + PAGE, source, PAGE), -ENOENT,
       "it cannot be filled");
    is(uffd_fill(fd, pages, 'a'), 0, "the lower page can");
    is(uffd_fill(fd, pages + 2 * PAGE, 'b'), 0, "and the upper");
    ok(pages[0] == 'a' && pages[2 * PAGE] == 'b', "and are");
    is(uffd_unregister(fd, pages + PAGE, PAGE), 0, "a second time");
    is(uffd_unregister(other, pages, PAGE), 0, "even another's");
    is(probe_read(pages + PAGE), 0, "which ends");
    munmap(pages + PAGE, PAGE);
    is(uffd_unregister(fd, pages + PAGE, PAGE), -EINVAL, "a hole");
    close(other);
    close(fd);
    munmap(pages, 3 * PAGE);
}

/* Each feature that is offered can be had alone; none that is not. */
static void test_features(void)
{
    struct uffdio_api api;
    int fd = uffd_new(0);
    int wrong = 0;

    close(fd);
    fd = uffd_open(0);
    must(!uffd_api(fd, 0, &api));
    close(fd);
    for (int i = 0; i < 64; i++) {
        int offered = api.features >> i & 1;

        fd = uffd_open(0);
        wrong += uffd_api(fd, BIT(i), NULL) != (offered ? 0 : -EINVAL);
        close(fd);
    }
    is(wrong, 0, "features are to be had as they are offered");
}

static void test_fork(void)
{
    int fd = uffd_open(0);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(uffd_api(fd, 0, NULL) ? 1 : 0);
    is(wait_status(pid), 0, "a child shakes hands for its parent");
    is(uffd_api(fd, 0, NULL), -EINVAL, "which then cannot");
    close(fd);
}

int main(void)
{
    test_open();
    test_before_api();
    test_api();
    test_features();
    test_register();
    test_unregister();
    test_fork();
    return done_testing();
}
