/*
 * /proc/PID/mem, proc_pid_mem(5): bytes of an address space, also where its
 * own task may not look or write, as long as the mapping could ever allow it.
 * And what else of /proc a program may ask about itself.
 */
#include "mm_util.h"

#include <fcntl.h>
#include <sys/eventfd.h>

static int mem;

static ssize_t look(const void *at, void *bytes, size_t size)
{
    return pread(mem, bytes, size, (off_t)(uintptr_t)at);
}

static ssize_t change(void *at, const void *bytes, size_t size)
{
    return pwrite(mem, bytes, size, (off_t)(uintptr_t)at);
}

static void test_plain(void)
{
    char *pages = map_pages(3), bytes[8];

    strcpy(pages + PAGE - 2, "over");
    is(look(pages + PAGE - 2, bytes, 5), 5, "read over the edge of two pages");
    ok(!strcmp(bytes, "over"), "what stands there");
    is(change(pages + 2 * PAGE, "new", 4), 4, "write to an untouched page");
    ok(!strcmp(pages + 2 * PAGE, "new"), "it is there");
    munmap(pages + PAGE, PAGE);
    is(look(pages + PAGE - 4, bytes, 8), 4, "read up to a hole");
    fails(look(pages + PAGE, bytes, 1), EIO, "nothing there");
    fails(change(pages + PAGE, bytes, 1), EIO, "nor to be written");
    fails(look(pages, (char *)1, 1), EFAULT, "no buffer");
    is(look(pages, bytes, 0), 0, "no bytes");
}

static void test_force(void)
{
    char *page = map_pages(2), byte = 0;

    memset(page, 7, 2 * PAGE);
    must(!mprotect(page, 2 * PAGE, PROT_READ));
    is(change(page, "a", 1), 1, "write to read-only private memory");
    is(page[0], 'a', "it is there");
    is(probe_write(page, 1), SEGV_ACCERR, "the task itself still may not");
    must(!mprotect(page, 2 * PAGE, PROT_NONE));
    is(look(page, &byte, 1), 1, "read of memory without any rights");
    is(byte, 'a', "what stands there");
    is(change(page + PAGE, "b", 1), 1, "write to such memory");
    is(look(page + PAGE, &byte, 1), 1, "and read again");
    is(byte, 'b', "what was written");
    is(probe_read(page), SEGV_ACCERR, "the task itself still may not");
    must(!mprotect(page, 2 * PAGE, RW));
    is(page[PAGE], 'b', "with the right to read it is there");
}

static void test_objects(void)
{
    int fd = memfd_create("object", 0);
    char *own, *shared, byte = 0;

    must(fd >= 0 && !ftruncate(fd, PAGE));
    own = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    must(own != MAP_FAILED && shared != MAP_FAILED);
    is(change(own, "p", 1), 1, "write to a read-only private mapping");
    is(own[0], 'p', "is a copy");
    is(shared[0], 0, "of which others know nothing");
    is(probe_write(own, 1), SEGV_ACCERR, "and that stays read-only");
    fails(change(shared, "s", 1), EIO, "a shared read-only one is refused");
    is(pread(fd, &byte, 1, 0), 1, "the object");
    is(byte, 0, "is as before");
    close(fd);
}

/* A copy made by force is the task's alone: a child has its own. */
static void test_fork(void)
{
    char *page = map_pages(1), byte;
    int go = eventfd(0, 0);
    uint64_t n = 1;
    pid_t pid;

    *page = 1;
    must(!mprotect(page, PAGE, PROT_READ));
    pid = fork();
    if (!pid) {
        must(read(go, &n, 8) == 8);
        _exit(*page);
    }
    byte = 2;
    is(change(page, &byte, 1), 1, "write to a page shared with a child");
    must(write(go, &n, 8) == 8);
    is(wait_status(pid), 1, "the child has what it had");
    is(*page, 2, "we what was written");
}

static void test_names(void)
{
    char link[64], wanted[64], *text = calloc(1, 8192);
    ssize_t n = readlink("/proc/thread-self", link, sizeof(link) - 1);
    int fd = open("/proc/self/status", O_RDONLY);

    must(n > 0);
    link[n] = 0;
    snprintf(wanted, sizeof(wanted), "%d/task/%ld", getpid(),
             syscall(SYS_gettid));
    ok(!strcmp(link, wanted), "/proc/thread-self names task and thread");
    must(fd >= 0 && read(fd, text, 8191) > 0);
    ok(strstr(text, "\nKthread:\t0\n") != NULL,
       "we are no thread of the kernel");
    close(fd);
    fd = eventfd(5, EFD_SEMAPHORE);
    snprintf(wanted, sizeof(wanted), "/proc/self/fdinfo/%d", fd);
    close(fd);
    fd = eventfd(5, EFD_SEMAPHORE);
    n = open(wanted, O_RDONLY);
    memset(text, 0, 8192);
    must(n >= 0 && read((int)n, text, 8191) > 0);
    ok(strstr(text, "eventfd-count:                5\n") != NULL,
       "fdinfo: its count");
    ok(strstr(text, "\neventfd-semaphore: 1\n") != NULL,
       "and that it counts by one");
    free(text);
}

int main(void)
{
    mem = open("/proc/self/mem", O_RDWR);
    must(mem >= 0);
    test_plain();
    test_force();
    test_objects();
    test_fork();
    test_names();
    return done_testing();
}
