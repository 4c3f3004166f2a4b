/*
 * Stand-ins for what is no memory, thread, fork or signal: Linux's selftests
 * wake each other through pipes and map temporary files, and Faultline leaves
 * pipes and files to its ring-3 servers. Linked into every selftest with ld's
 * --wrap, so that the same binary runs on both kernels: a pipe is an eventfd
 * that counts the bytes of a ring in shared memory, a temporary file is a
 * memfd, a socket pair is two such pipes. A pipe whose writers are gone gives
 * no end of file, and there is no shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS  1024
#define RING 65536u

struct ring {
    uint64_t head;
    uint64_t tail;
    unsigned char bytes[RING];
};

/* What a descriptor reads from, and what it writes to and tells by. */
static struct end {
    struct ring *in;
    struct ring *out;
    int bell;
} ends[FDS];

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __real_write(int fd, const void *buffer, size_t size);
int __real_stat(const char *path, struct stat *st);

static struct end *end_of(int fd)
{
    return fd >= 0 && fd < FDS ? &ends[fd] : NULL;
}

static struct ring *ring_new(void)
{
    void *at = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

int __wrap_pipe2(int fds[2], int flags)
{
    struct ring *ring = ring_new();
    int only = flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;

    if (!ring)
        return -1;
    fds[0] = eventfd(0, EFD_SEMAPHORE | flags);
    fds[1] = fcntl(fds[0], only, 0);
    if (fds[1] < 0 || fds[1] >= FDS)
        return -1;
    ends[fds[0]] = (struct end){.in = ring};
    ends[fds[1]] = (struct end){.out = ring, .bell = fds[1]};
    return 0;
}

int __wrap_pipe(int fds[2])
{
    return __wrap_pipe2(fds, 0);
}

int __wrap_socketpair(int domain, int type, int protocol, int fds[2])
{
    int there[2];
    int back[2];

    if (domain != AF_UNIX || protocol || type & SOCK_NONBLOCK) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (__wrap_pipe2(there, 0) || __wrap_pipe2(back, 0))
        return -1;
    ends[there[0]].out = ends[back[1]].out;
    ends[there[0]].bell = back[1];
    ends[back[0]].out = ends[there[1]].out;
    ends[back[0]].bell = there[1];
    fds[0] = there[0];
    fds[1] = back[0];
    return 0;
}

int __wrap_close(int fd)
{
    if (end_of(fd))
        ends[fd] = (struct end){0};
    return __real_close(fd);
}

/* Is there another byte? */
static int ready(int fd)
{
    struct pollfd about = {.fd = fd, .events = POLLIN};

    return poll(&about, 1, 0) == 1;
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
    struct end *end = end_of(fd);
    size_t got = 0;
    uint64_t one;

    if (!end || !end->in)
        return __real_read(fd, buffer, size);
    for (; got < size && (!got || ready(fd)); got++) {
        uint64_t at;

        if (__real_read(fd, &one, sizeof(one)) < 0)
            return got ? (ssize_t)got : -1;
        at = __atomic_fetch_add(&end->in->tail, 1, __ATOMIC_SEQ_CST);
        ((unsigned char *)buffer)[got] = end->in->bytes[at % RING];
    }
    return got;
}

ssize_t __wrap_write(int fd, const void *buffer, size_t size)
{
    struct end *end = end_of(fd);
    const unsigned char *bytes = buffer;
    uint64_t one = 1;

    if (!end || !end->out)
        return __real_write(fd, buffer, size);
    for (size_t i = 0; i < size; i++) {
        uint64_t at = __atomic_fetch_add(&end->out->head, 1, __ATOMIC_SEQ_CST);

        while (at - __atomic_load_n(&end->out->tail, __ATOMIC_SEQ_CST) >= RING)
            sched_yield();
        end->out->bytes[at % RING] = bytes[i];
        if (__real_write(end->bell, &one, sizeof(one)) < 0)
            return -1;
    }
    return size;
}

ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags)
{
    (void)flags;
    return __wrap_write(fd, buffer, size);
}

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
    (void)flags;
    return __wrap_read(fd, buffer, size);
}

/* Files that there are everywhere, or without a text nowhere. */
static const struct {
    const char *name;
    const char *text;
} settings[] = {
    {"/hpage_pmd_size", "2097152\n"},
    {"/khugepaged/", "1\n"},
    {"/transparent_hugepage/hugepages-", NULL},
    {"/transparent_hugepage/enabled", "always madvise [never]\n"},
    {"/transparent_hugepage/shmem_enabled", "always [never] deny force\n"},
    {"/transparent_hugepage/defrag", "always defer madvise [never]\n"},
    {"/transparent_hugepage/", "0\n"},
    {"/nr_hugepages", "0\n"},
    {"/etc/passwd", "root::0:0::/:/bin/sh\n"},
    {"/dev/null", ""},
};

/* The program itself: batch.c hands it down. */
static int own_image(const char *path)
{
    const char *fd = getenv("IMAGE");

    return fd && !strcmp(path, program_invocation_name) ? atoi(fd) : -1;
}

/* The last file that was made, which is asked about by its name. */
static int made = -1;

int __wrap_stat(const char *path, struct stat *st)
{
    int image = own_image(path);

    if (image >= 0)
        return fstat(image, st);
    if (!__real_stat(path, st))
        return 0;
    return made < 0 ? -1 : fstat(made, st);
}

static int file_with(const char *text)
{
    int fd = text ? memfd_create("setting", 0) : -1;

    if (!text)
        errno = ENOENT;
    else if (pwrite(fd, text, strlen(text), 0) < 0)
        return -1;
    return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list more;
    int image = own_image(path);
    int mode = 0;

    if (image >= 0)
        return dup(image);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (strstr(path, settings[i].name))
            return file_with(settings[i].text);
    if ((flags & O_CREAT && strncmp(path, "/proc", 5)) ||
        (flags & O_TMPFILE) == O_TMPFILE)
        return made = memfd_create("temporary",
                                   flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    va_start(more, flags);
    mode = va_arg(more, int);
    va_end(more);
    return __real_open(path, flags, mode);
}

/* A copy: that the pages themselves would be in the pipe is lost. The kernel
 * makes it, so that it is the kernel that looks whether it may. */
ssize_t __wrap_vmsplice(int fd, const struct iovec *iov, size_t count,
                        unsigned flags)
{
    static char bytes[RING];
    int copy = memfd_create("copy", 0);
    ssize_t size = writev(copy, iov, (int)count);

    (void)flags;
    if (size > 0)
        size = pread(copy, bytes, sizeof(bytes), 0);
    __real_close(copy);
    return size > 0 ? __wrap_write(fd, bytes, size) : size;
}

int __wrap_mkstemp(char *path)
{
    (void)path;
    return memfd_create("temporary", 0);
}

FILE *__wrap_tmpfile(void)
{
    return fdopen(memfd_create("temporary", 0), "w+");
}

int __wrap_unlink(const char *path)
{
    (void)path;
    return 0;
}

int __wrap_system(const char *line)
{
    (void)line;
    return 127 << 8;
}
