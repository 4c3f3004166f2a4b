/*
 * The thread that serves the userfaultfds of a sequence. Who faults, or makes
 * an event, waits for it, so there is one order only; and after each operation
 * the sequence waits until the server has nothing left to do. What it saw and
 * did then goes into the story. It uses nothing that takes memory or a lock:
 * a child is forked beside it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "uffd.h"

#define CHILDREN 8
#define ASK_FD   (UFFD_FD + UFFD_SLOTS + CHILDREN)
#define TOLD_FD  (ASK_FD + 1)
/* More, and it goes round in circles: the descriptor is closed. */
#define MESSAGES_MAX 500
#define POISON       0xc020aa08
#define MOVE         0xc028aa05
#define DONTWAKE     1 /* of COPY, ZEROPAGE, CONTINUE, POISON, MOVE */
#define EEXIST       17

long server_style;
static int started, messages;
static struct pollfd served[1 + UFFD_SLOTS + CHILDREN];
static int served_count;
static long to_add, to_close; /* what is asked: descriptors */
/* How much there is of all this shows in `status`: oracle.txt. */
static char server_stack[13 * PAGE] __attribute__((aligned(4096)));
static char source[2 * PAGE] __attribute__((aligned(4096)));
static char moved[2 * PAGE] __attribute__((aligned(4096)));

static void drop(int i)
{
    SYS(close, served[i].fd);
    served[i] = served[--served_count];
}

static void serve_too(long fd)
{
    served[served_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop_fd(long fd)
{
    for (int i = 1; i < served_count; i++)
        if (served[i].fd == fd)
            drop(i);
}

static const char *place(uint64_t address, char *text)
{
    static const char digits[] = "0123456789abcdef";

    if (address < ARENA || address > ARENA_END)
        return "elsewhere";
    address -= ARENA;
    text[5] = 0;
    for (int i = 5; i--; address >>= 4)
        text[i] = digits[address & 15];
    return text;
}

/* a: where from, for those that have it; mode. */
static long ask(long fd, unsigned long request, uint64_t address, uint64_t a,
                uint64_t mode, const char *name)
{
    uint64_t size = server_style & STYLE_TWO ? 2 * PAGE : PAGE;
    uint64_t words[5] = {address, size, mode, 0};
    long result;

    if (server_style & STYLE_LATE && request != UFFDIO_WAKE &&
        request != UFFDIO_UNREGISTER && request != UFFDIO_WRITEPROTECT)
        words[2] |= DONTWAKE;
    if (request == UFFDIO_COPY || request == MOVE) {
        words[3] = words[2];
        words[2] = size;
        words[1] = a;
    }
    result = SYS(ioctl, fd, request, words);
    log_event(" %s=%ld", name, result);
    return result;
}

/* What was moved away is there again, for the next time. */
static int fill_by_move(long fd, uint64_t page)
{
    memset(moved, 0xc3, sizeof(moved));
    return !ask(fd, MOVE, page, (uintptr_t)moved, 0, "move");
}

static int fill_missing(long fd, uint64_t page)
{
    if (server_style & STYLE_MOVE && fill_by_move(fd, page))
        return 0;
    switch (page / PAGE % 8) {
    case 0:
    case 4:
        return ask(fd, UFFDIO_ZEROPAGE, page, 0, 0, "zero");
    case 3:
        return ask(fd, POISON, page, 0, 0, "poison");
    case 1:
        if (!ask(fd, UFFDIO_COPY, page, (uintptr_t)source, UFFDIO_COPY_MODE_WP,
                 "copywp"))
            return 0;
    }
    return ask(fd, UFFDIO_COPY, page, (uintptr_t)source, 0, "copy");
}

/* Whatever happens, the fault gets further; 0: the descriptor is of no use. */
static int serve_fault(long fd, uint64_t flags, uint64_t address)
{
    uint64_t page = address & -PAGE;
    char text[8];
    long result;

    log_event(" fault %lx at %s", (long)flags, place(address, text));
    if (flags & UFFD_PAGEFAULT_FLAG_WP)
        result = ask(fd, UFFDIO_WRITEPROTECT, page, 0, 0, "unprotect");
    else if (flags & UFFD_PAGEFAULT_FLAG_MINOR)
        result = ask(fd, UFFDIO_CONTINUE, page, 0,
                     server_style & STYLE_CONT_WP ? 2 : 0, "continue");
    else
        result = fill_missing(fd, page);
    if (result && result != -EEXIST)
        result = ask(fd, POISON, page, 0, 0, "poison");
    if (result && result != -EEXIST)
        result = ask(fd, UFFDIO_UNREGISTER, page, 0, 0, "unregister");
    if (result && result != -EEXIST)
        return 0;
    ask(fd, UFFDIO_WAKE, page, 0, 0, "wake");
    return 1;
}

static void serve_fork(long fd)
{
    long number = UFFD_FD + UFFD_SLOTS;

    while (number < ASK_FD && !is_error(SYS(fcntl, number, F_GETFD)))
        number++;
    if (number < ASK_FD) {
        SYS(dup2, fd, number);
        serve_too(number);
    }
    SYS(close, fd);
}

static int serve_message(long fd, const struct uffd_msg *msg)
{
    char one[8], two[8];

    log_event(" <%c",
              fd < UFFD_FD + UFFD_SLOTS ? '0' + (int)(fd - UFFD_FD) : 'c');
    switch (msg->event) {
    case UFFD_EVENT_PAGEFAULT:
        return serve_fault(fd, msg->arg.pagefault.flags,
                           msg->arg.pagefault.address);
    case UFFD_EVENT_FORK:
        log_event(" fork");
        serve_fork(msg->arg.fork.ufd);
        return 1;
    case UFFD_EVENT_REMAP:
        log_event(" remap %s to %s %#lx", place(msg->arg.remap.from, one),
                  place(msg->arg.remap.to, two), (long)msg->arg.remap.len);
        return 1;
    default:
        log_event(" event %x from %s to %s", msg->event,
                  place(msg->arg.remove.start, one),
                  place(msg->arg.remove.end, two));
        return 1;
    }
}

/* Whether there was anything. */
static int serve(int i)
{
    struct uffd_msg msg;

    if (!(served[i].revents & POLLIN) ||
        SYS(read, served[i].fd, &msg, sizeof(msg)) != sizeof(msg))
        return 0;
    if (!serve_message(served[i].fd, &msg) || ++messages > MESSAGES_MAX) {
        log_event(" closed");
        drop(i);
    }
    log_event(">");
    return 1;
}

static void answer(void)
{
    uint64_t count = 1;

    SYS(read, ASK_FD, &count, 8);
    if (to_add)
        serve_too(to_add);
    if (to_close)
        drop_fd(to_close);
    to_add = to_close = 0;
    count = 1;
    SYS(write, TOLD_FD, &count, 8);
}

static _Noreturn int server(void *unused)
{
    (void)unused;
    for (;;) {
        int found = 0;

        SYS(poll, served, served_count, -1);
        for (int i = served_count; --i;)
            found += serve(i);
        if (!found && served[0].revents)
            answer();
    }
}

static void make_eventfd(long number)
{
    long fd = SYS(eventfd2, 0, 0);

    SYS(dup2, fd, number);
    SYS(close, fd);
}

static void start(void)
{
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                      CLONE_THREAD | CLONE_SYSVSEM;

    memset(source, 0xc3, sizeof(source));
    make_eventfd(ASK_FD);
    make_eventfd(TOLD_FD);
    serve_too(ASK_FD);
    started = 1;
    if (clone(server, server_stack + sizeof(server_stack), flags, NULL) < 0)
        _exit(4);
}

void server_sync(void)
{
    uint64_t count = 1;

    if (!started)
        return;
    SYS(write, ASK_FD, &count, 8);
    SYS(read, TOLD_FD, &count, 8);
    log_events();
}

void server_add(long fd)
{
    if (!started)
        start();
    to_add = fd;
    server_sync();
}

/* A descriptor the server waits for is its own to close. */
void server_close(long fd)
{
    if (started && !in_fork) {
        to_close = fd;
        server_sync();
    }
    SYS(close, fd);
}
