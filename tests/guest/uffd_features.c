/*
 * Features that change what a fault in a registered range does or says:
 * SIGBUS, THREAD_ID and EXACT_ADDRESS, each by a fault that finds its reader
 * waiting and by one that waits for its reader.
 */
#include "uffd_range.h"

#include <sys/utsname.h>

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define WP      UFFDIO_REGISTER_MODE_WP

enum {
    COUNT = 4
};

static void set_up(unsigned long features, unsigned long mode)
{
    range_set_up(COUNT, O_NONBLOCK, features, mode);
}

/* ---- SIGBUS: nobody waits, nobody is told ---- */

static void test_sigbus_missing(void)
{
    char *byte;

    set_up(UFFD_FEATURE_SIGBUS, MISSING);
    byte = pages + PAGE + 123;
    is(probe_read(byte), BUS_ADRERR, "SIGBUS: a read of a missing page");
    is(probe_signal, SIGBUS, "is that signal");
    ok(probe_address == byte, "at the exact address");
    is(probe_write(byte, 1), BUS_ADRERR, "so is a write");
    is(uffd_poll(fd), 0, "no message is left for a pager");
    is(uname((struct utsname *)(void *)pages) < 0 ? errno : 0, EFAULT,
       "a system call's write fails with EFAULT");
    must(!uffd_fill(fd, pages + PAGE, 'f'));
    is(probe_read(byte), 0, "a page that was filled is no different");
    is(*byte, 'f', "from others");
    is(probe_read(pages + 2 * PAGE), BUS_ADRERR, "its neighbour is missing");
    must(!uffd_unregister(fd, pages, COUNT * PAGE));
    is(probe_read(pages + 2 * PAGE), 0, "until nobody is registered");
    tear_down();
}

static void test_sigbus_protected(void)
{
    set_up(UFFD_FEATURE_SIGBUS, WP);
    *pages = 'p';
    must(!uffd_protect(fd, pages, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    is(probe_read(pages), 0, "SIGBUS: a protected page can be read");
    is(probe_write(pages, 1), BUS_ADRERR, "a write to it");
    is(probe_signal, SIGBUS, "is that signal");
    is(uffd_poll(fd), 0, "no message is left for a pager");
    must(!uffd_protect(fd, pages, PAGE, 0));
    is(probe_write(pages, 'q'), 0, "until the protection goes");
    is(*pages, 'q', "and then it happens");
    tear_down();
}

/* ---- what a message says ---- */

/* One that touches a byte, and says who it was. */
struct toucher {
    char *byte;
    int tid;
};

static void *touch_and_say(void *argument)
{
    struct toucher *t = argument;

    t->tid = syscall(SYS_gettid);
    return read_byte(t->byte);
}

/* Two threads fault; each message names its own. */
static void test_thread_id(void)
{
    struct toucher touchers[2];
    pthread_t threads[2];
    int said[2] = {0, 0};

    set_up(UFFD_FEATURE_THREAD_ID, MISSING);
    for (int i = 0; i < 2; i++) {
        touchers[i] = (struct toucher){.byte = pages + i * PAGE + 55};
        threads[i] = thread_start(touch_and_say, &touchers[i]);
    }
    for (int i = 0; i < 2; i++) {
        struct uffd_msg message = uffd_next(fd);
        char *page = (char *)(unsigned long)message.arg.pagefault.address;

        said[(page - pages) / PAGE] = message.arg.pagefault.feat.ptid;
        is((page - pages) % PAGE, 0, "by the page, still");
        must(!uffd_fill(fd, page, 't'));
    }
    for (int i = 0; i < 2; i++)
        thread_join(threads[i]);
    is(said[0], touchers[0].tid, "THREAD_ID: the first thread's message");
    is(said[1], touchers[1].tid, "and the second's name their threads");
    tear_down();
}

static long address_of_fault(char *byte)
{
    pthread_t thread = thread_start(read_byte, byte);
    struct uffd_msg message = uffd_next(fd);

    must(!message.arg.pagefault.feat.ptid);
    must(!uffd_fill(fd, (void *)((unsigned long)byte & -PAGE), 'e'));
    thread_join(thread);
    return message.arg.pagefault.address;
}

static void test_exact_address(void)
{
    pthread_t thread;

    set_up(0, MISSING);
    is(address_of_fault(pages + 99), (long)pages, "a message names the page");
    tear_down();
    set_up(UFFD_FEATURE_EXACT_ADDRESS, MISSING | WP);
    is(address_of_fault(pages + 99), (long)(pages + 99),
       "EXACT_ADDRESS: it names the byte");
    must(!uffd_protect(fd, pages, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    thread = thread_start(write_one, pages + 77);
    is(uffd_next(fd).arg.pagefault.address, (long)(pages + 77),
       "of a write to a protected page too");
    must(!uffd_protect(fd, pages, PAGE, 0));
    thread_join(thread);
    is(pages[77], 'w', "waking by the page finds the one who waits");
    tear_down();
}

static void *say_next(void *message)
{
    must(read(fd, message, sizeof(struct uffd_msg)) == sizeof(struct uffd_msg));
    return message;
}

/* The pager sleeps in read(2) already: the message goes to it directly. */
static void test_reader_waits(void)
{
    struct uffd_msg message = {0};
    struct toucher toucher;
    pthread_t pager, thread;

    set_up(UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS, MISSING);
    must(!fcntl(fd, F_SETFL, 0));
    pager = thread_start(say_next, &message);
    let_run();
    toucher.byte = pages + PAGE + 55;
    thread = thread_start(touch_and_say, &toucher);
    thread_join(pager);
    is(message.arg.pagefault.address, (long)toucher.byte,
       "both features, to a reader that waits: the byte");
    is(message.arg.pagefault.feat.ptid, toucher.tid, "and the thread");
    must(!uffd_fill(fd, pages + PAGE, 'b'));
    is((long)thread_join(thread), 'b', "which goes on");
    tear_down();
}

int main(void)
{
    test_sigbus_missing();
    test_sigbus_protected();
    test_thread_id();
    test_exact_address();
    test_reader_waits();
    return done_testing();
}
