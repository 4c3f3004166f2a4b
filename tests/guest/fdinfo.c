/* /proc/PID/fdinfo/FD: position, flags, and what a userfaultfd says of itself.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "proc.h"
#include "uffd_util.h"

static char *read_info(const char *who, int fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/fdinfo/%d", who, fd);
    must(proc_read_all(path) > 0);
    return proc_text;
}

static void has(const char *row, const char *what)
{
    if (!ok(strstr(proc_text, row) != NULL, "%s", what))
        diag("%s", proc_text);
}

static void test_files(void)
{
    int fd = memfd_create("x", MFD_CLOEXEC), event = eventfd(0, EFD_NONBLOCK);
    int maps = open("/proc/self/maps", O_RDONLY);
    char bytes[10];

    must(ftruncate(fd, 100) == 0 && lseek(fd, 7, SEEK_SET) == 7);
    read_info("self", fd);
    has("pos:\t7\n", "the position");
    has("flags:\t02100002\n", "flags, close-on-exec among them");
    has("\nmnt_id:\t", "a mount");
    has("\nino:\t", "an inode");
    must(fcntl(fd, F_SETFD, 0) == 0);
    read_info("thread-self", fd);
    has("flags:\t0100002\n", "not any more");
    read_info("self", event);
    has("pos:\t0\nflags:\t04002\n", "an eventfd's");
    must(read(maps, bytes, sizeof(bytes)) == sizeof(bytes));
    read_info("self", maps);
    has("pos:\t10\n", "how far it was read");
    close(fd);
    close(event);
    close(maps);
}

static void test_names(void)
{
    int fd;

    fails(open("/proc/self/fdinfo/99", O_RDONLY), ENOENT, "not open");
    fails(open("/proc/self/fdinfo/00", O_RDONLY), ENOENT, "no number");
    fails(open("/proc/self/fdinfo/x", O_RDONLY), ENOENT, "a word");
    fails(open("/proc/self/fdinfo/0/x", O_RDONLY), ENOTDIR, "no directory");
    fd = open("/proc/self/fdinfo/1", O_RDONLY);
    ok(fd >= 0, "one that is open");
    close(fd);
}

static void *toucher(void *page)
{
    *(volatile char *)page = 1;
    return NULL;
}

static void test_userfaultfd(void)
{
    struct uffdio_api api = {.api = UFFD_API,
                             .features = UFFD_FEATURE_THREAD_ID};
    struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    struct uffdio_zeropage zero = {0};
    struct uffd_msg msg;
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
    char *pages = map_pages(2);
    pthread_t thread;

    must(fd >= 0);
    read_info("self", fd);
    has("flags:\t02000000\n", "a userfaultfd's flags");
    has("pending:\t0\ntotal:\t0\nAPI:\taa:0:", "before UFFDIO_API");
    must(ioctl(fd, UFFDIO_API, &api) == 0);
    read_info("self", fd);
    has("pending:\t0\ntotal:\t0\nAPI:\taa:80000100:80000000000001ff\n",
        "version, features, calls");
    reg.range.start = (uint64_t)pages;
    reg.range.len = 2 * PAGE;
    must(ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
    must(pthread_create(&thread, NULL, toucher, pages) == 0);
    must(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) >= 0);
    while (!strstr(read_info("self", fd), "pending:\t1\ntotal:\t1\n"))
        usleep(1000);
    ok(1, "a fault nobody has read");
    must(read(fd, &msg, sizeof(msg)) == sizeof(msg));
    read_info("self", fd);
    has("pending:\t0\ntotal:\t1\n", "read, not served");
    zero.range.start = (uint64_t)pages;
    zero.range.len = PAGE;
    must(ioctl(fd, UFFDIO_ZEROPAGE, &zero) == 0);
    must(pthread_join(thread, NULL) == 0);
    read_info("self", fd);
    has("pending:\t0\ntotal:\t0\n", "served");
    close(fd);
    munmap(pages, 2 * PAGE);
}

static void test_child(void)
{
    int fd = memfd_create("x", 0);
    char who[16];
    pid_t child;

    must(ftruncate(fd, 100) == 0);
    child = fork();
    must(child >= 0);
    if (!child) {
        pause();
        _exit(0);
    }
    must(lseek(fd, 9, SEEK_SET) == 9);
    snprintf(who, sizeof(who), "%d", child);
    read_info(who, fd);
    has("pos:\t9\n", "a child's, which is ours");
    kill(child, SIGKILL);
    is(wait_status(child), 1000 + SIGKILL, "the child ends");
    close(fd);
}

int main(void)
{
    test_files();
    test_names();
    test_userfaultfd();
    test_child();
    return done_testing();
}
