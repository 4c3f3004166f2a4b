/*
 * /dev/userfaultfd: its one ioctl makes a userfaultfd, for whoever may open it.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#include <sys/stat.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

#define DEVICE "/dev/userfaultfd"

static void test_device(int device)
{
    struct stat st;
    char byte;

    must(!fstat(device, &st));
    ok(S_ISCHR(st.st_mode), "a character device");
    must(!stat(DEVICE, &st));
    ok(S_ISCHR(st.st_mode), "also by its name");
    fails(read(device, &byte, 1), EINVAL, "nothing to be read");
    fails(write(device, &byte, 1), EINVAL, "nor written");
    fails(ioctl(device, UFFDIO_API, &st), EINVAL, "UFFDIO_API is not for it");
    fails(ioctl(device, USERFAULTFD_IOC_NEW, O_APPEND), EINVAL,
          "an unknown flag");
    fails(open(DEVICE "/x", O_RDONLY), ENOTDIR, "it is no directory");
}

static void test_new(int device)
{
    int fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    char *page = map_pages(1);
    pthread_t thread;

    ok(fd >= 0 && fd != device, "USERFAULTFD_IOC_NEW");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "O_CLOEXEC");
    ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
    close(device);
    is(uffd_api(fd, 0, NULL), 0, "a userfaultfd");
    must(!uffd_register(fd, page, PAGE));
    thread = thread_start(read_byte, page);
    must(!uffd_fill(fd, uffd_next_page(fd), 'd'));
    is(thread_join(thread), 'd', "that serves");
    close(fd);
    munmap(page, PAGE);
}

int main(void)
{
    int device = open(DEVICE, O_RDWR | O_CLOEXEC);

    must(device >= 0);
    test_device(device);
    test_new(device);
    return done_testing();
}
