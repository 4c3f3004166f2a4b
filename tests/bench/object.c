/*
 * Benchmarks of a page that an object's pager brings (docs/object-pagers.md):
 * from the access through the pager's read(2) and UFFDIO_FL_FILL (or both in
 * one call) until it is done, with the pager in a thread and in a task of its
 * own. Linux has none.
 */
#include "bench.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <faultline/object_pager.h>

#define ROUNDS 200

static char source[PAGE] __attribute__((aligned(4096)));
static int object, pager;

/* False: this kernel binds no objects. */
static int open_object(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_fl_bind bind = {0};

    bind.fd = object = syscall(SYS_memfd_create, "paged", 0);
    must(object >= 0 && !ftruncate(object, ROUNDS * PAGE), "memfd_create");
    pager = syscall(SYS_userfaultfd, 0);
    must(pager >= 0 && !ioctl(pager, UFFDIO_API, &api), "userfaultfd");
    return !ioctl(pager, UFFDIO_FL_BIND, &bind);
}

static void *serve(void *unused)
{
    struct uffdio_fl_object fill = {
        .fd = object, .len = PAGE, .src = (unsigned long)source};

    for (int i = 0; i < ROUNDS; i++) {
        struct uffd_fl_object_msg message;

        must(read(pager, &message, sizeof(message)) == sizeof(message), "read");
        fill.offset = message.offset;
        must(!ioctl(pager, UFFDIO_FL_FILL, &fill), "UFFDIO_FL_FILL");
    }
    return unused;
}

/* One kernel entry per page. */
static void *serve_next(void *unused)
{
    struct uffdio_fl_fill_next c = {
        .fill = {.fd = object, .len = PAGE, .src = (unsigned long)source}};

    must(read(pager, &c.msg, sizeof(c.msg)) == sizeof(c.msg), "read");
    for (int i = 1; i < ROUNDS; i++) {
        c.fill.offset = c.msg.offset;
        must(!ioctl(pager, UFFDIO_FL_FILL_NEXT, &c), "UFFDIO_FL_FILL_NEXT");
    }
    c.fill.offset = c.msg.offset;
    must(!ioctl(pager, UFFDIO_FL_FILL, &c.fill), "UFFDIO_FL_FILL");
    return unused;
}

static char *map_object(void)
{
    char *pages = mmap(NULL, ROUNDS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
                       object, 0);

    must(pages != MAP_FAILED, "mmap");
    return pages;
}

static void drop_object(char *pages)
{
    munmap(pages, ROUNDS * PAGE);
    close(object);
    close(pager);
}

static void with_thread(struct samples *samples, void *(*work)(void *))
{
    pthread_t server;
    char *pages;

    if (!open_object())
        return;
    touch_write(source);
    pages = map_object();
    must(!pthread_create(&server, NULL, work, NULL), "pthread_create");
    sample_reads(samples, pages);
    pthread_join(server, NULL);
    drop_object(pages);
}

static void with_task(struct samples *samples, void *(*work)(void *))
{
    char *pages;
    pid_t pid;

    if (!open_object())
        return;
    pages = map_object();
    pid = fork();
    must(pid >= 0, "fork");
    if (!pid) {
        touch_write(source);
        work(NULL);
        _exit(0);
    }
    sample_reads(samples, pages);
    must(waitpid(pid, NULL, 0) == pid, "waitpid");
    drop_object(pages);
}

static void miss_thread(struct samples *samples)
{
    with_thread(samples, serve);
}

static void miss_task(struct samples *samples)
{
    with_task(samples, serve);
}

static void next_thread(struct samples *samples)
{
    with_thread(samples, serve_next);
}

static void next_task(struct samples *samples)
{
    with_task(samples, serve_next);
}

const struct benchmark object_benchmarks[] = {
    {"object-miss-thread", miss_thread},
    {"object-miss-task", miss_task},
    {"object-next-thread", next_thread},
    {"object-next-task", next_task},
    {NULL, NULL},
};
