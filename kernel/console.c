/*
 * The serial console: where the kernel's messages and descriptors 0, 1 and 2
 * go. Output is written to the UART as it is; input comes through tty.c.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <base/spinlock.h>
#include <kernel/boot_info.h>
#include <kernel/console.h>
#include <kernel/file.h>
#include <kernel/thread.h>
#include <kernel/tty.h>

#define CHUNK_SIZE 256u

static spinlock_t out_lock = SPINLOCK_INIT_CLASS(LOCK_CONSOLE);
static bool console_quiet, console_panicking;

void console_out(const char *s, size_t n)
{
    u64 flags;

    if (console_panicking) { /* whoever holds the lock is stopped */
        uart_write(s, n);
        return;
    }
    flags = spin_lock_irqsave(&out_lock);
    uart_write(s, n);
    spin_unlock_irqrestore(&out_lock, flags);
}

void console_write(const char *s, size_t n)
{
    if (!console_quiet || console_panicking)
        console_out(s, n);
}

void console_set_quiet(bool quiet)
{
    console_quiet = quiet;
}

void console_panic_mode(void)
{
    console_panicking = true;
}

void console_input(void)
{
    int c;

    while ((c = uart_getc()) >= 0)
        tty_receive((u8)c);
}

/* Sleeps until there is input: 0, -EINTR, -ETIMEDOUT. */
static int console_wait(u64 deadline)
{
    struct waiter w;
    int r = 0;

    wait_add(&tty_readable, &w);
    current->waiting_for = "console input";
    while (!r) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        if (tty_has_input()) {
            thread_cancel_block();
            break;
        }
        r = thread_block_until(deadline);
    }
    current->waiting_for = NULL;
    wait_remove(&tty_readable, &w);
    return r;
}

/* Waits for input as VMIN, VTIME and O_NONBLOCK say. Returns 1 if there is
 * some, 0 if the read shall find nothing, -EAGAIN, -ERESTARTSYS. */
static int wait_input(struct file *f)
{
    const u8 *cc = tty_termios.c_cc;
    bool poll_only = !(tty_termios.c_lflag & TTY_ICANON) && !cc[TTY_VMIN];
    u64 deadline = 0;
    int r;

    if (tty_has_input())
        return 1;
    if (boot_option("noinput")) /* nobody will type: the end of input */
        return 0;
    if (poll_only && !cc[TTY_VTIME])
        return 0;
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    if (poll_only)
        deadline = time_ns() + cc[TTY_VTIME] * 100000000ull;
    r = console_wait(deadline);
    if (r == -EINTR)
        return -ERESTARTSYS;
    return r == 0;
}

static ssize_t console_read(struct file *f, void __user *buf, size_t n,
                            u64 *pos)
{
    u8 chunk[CHUNK_SIZE];
    size_t done = 0, got;
    bool end = false;
    int r;

    (void)pos;
    if (!n)
        return 0;
    r = tty_check(SIGTTIN);
    if (r)
        return r;
    r = wait_input(f);
    if (r <= 0)
        return r;
    while (done < n && !end) {
        got = tty_take(chunk, min(n - done, sizeof(chunk)), &end);
        if (!got)
            break;
        if (copy_to_user(buf + done, chunk, got))
            return done ? (ssize_t)done : -EFAULT;
        done += got;
    }
    return (ssize_t)done;
}

/* The copy may fault and wait for a pager: never under the output's lock. */
static ssize_t console_file_write(struct file *f, const void __user *buf,
                                  size_t n, u64 *pos)
{
    char chunk[CHUNK_SIZE];
    size_t done = 0, part, left;

    (void)f;
    (void)pos;
    if (unlikely(tty_termios.c_lflag & TTY_TOSTOP)) {
        int r = tty_check(SIGTTOU);

        if (r)
            return r;
    }
    while (done < n) {
        part = min(n - done, sizeof(chunk));
        left = copy_from_user_partial(chunk, buf + done, part);
        console_out(chunk, part - left);
        done += part - left;
        if (left)
            return done ? (ssize_t)done : -EFAULT;
    }
    return (ssize_t)done;
}

static unsigned console_poll(struct file *f, struct poll_table *pt)
{
    unsigned ready = POLLOUT | POLLWRNORM;

    (void)f;
    pt->add(pt, &tty_readable);
    if (tty_has_input() || boot_option("noinput"))
        ready |= POLLIN | POLLRDNORM;
    return ready;
}

static int console_stat(struct file *f, struct stat_k *st)
{
    (void)f;
    st->st_mode = S_IFCHR | 0620;
    st->st_rdev = 0x440; /* ttyS0: 4, 64 */
    st->st_ino = 1;
    return 0;
}

static const struct file_operations console_ops = {
    .read = console_read,
    .write = console_file_write,
    .poll = console_poll,
    .ioctl = console_ioctl,
    .stat = console_stat,
};

struct file *console_open(void)
{
    return file_create(&console_ops, NULL, O_RDWR, "console");
}
