/*
 * What libc and shells ask of a terminal, see ioctl_tty(2). Job control is
 * tty_job.c's.
 */
#include <arch/uaccess.h>
#include <kernel/thread.h>
#include <kernel/tty.h>

#define TCGETS     0x5401
#define TCSETS     0x5402
#define TCSETSW    0x5403
#define TCSETSF    0x5404
#define TCSBRK     0x5409
#define TCXONC     0x540a
#define TCFLSH     0x540b
#define TIOCSCTTY  0x540e
#define TIOCGPGRP  0x540f
#define TIOCSPGRP  0x5410
#define TIOCOUTQ   0x5411
#define TIOCNOTTY  0x5422
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD   0x541b
#define TIOCGSID   0x5429

struct winsize_k {
    u16 row, col, xpixel, ypixel;
};

static struct winsize_k winsize = {24, 80, 0, 0};

static long set_termios(const void __user *arg, bool flush)
{
    struct termios_k termios;
    int r = tty_check(SIGTTOU);

    if (r)
        return r;
    if (copy_from_user(&termios, arg, sizeof(termios)))
        return -EFAULT;
    if (flush)
        tty_flush();
    tty_set(&termios);
    return 0;
}

static long put_int(int v, void __user *arg)
{
    return copy_to_user(arg, &v, sizeof(v));
}

static long ioctl_termios(unsigned cmd, void __user *arg)
{
    struct winsize_k wanted;

    switch (cmd) {
    case TCGETS:
        return copy_to_user(arg, &tty_termios, sizeof(tty_termios));
    case TCSETS:
    case TCSETSW:
        return set_termios(arg, false);
    case TCSETSF:
        return set_termios(arg, true);
    case TIOCGWINSZ:
        return copy_to_user(arg, &winsize, sizeof(winsize));
    case TIOCSWINSZ:
        if (copy_from_user(&wanted, arg, sizeof(wanted)))
            return -EFAULT;
        winsize = wanted;
        return 0;
    default:
        return -ENOTTY;
    }
}

static long ioctl_group(unsigned cmd, void __user *arg)
{
    u32 pgid, sid;
    int group, r = tty_foreground(&pgid, &sid);

    if (r)
        return r;
    if (cmd != TIOCSPGRP)
        return put_int((int)(cmd == TIOCGPGRP ? pgid : sid), arg);
    r = tty_check(SIGTTOU);
    if (r)
        return r == -EIO ? -ENOTTY : r;
    if (copy_from_user(&group, arg, sizeof(group)))
        return -EFAULT;
    return tty_set_foreground(group);
}

long console_ioctl(struct file *f, unsigned cmd, u64 arg)
{
    void __user *p = (void __user *)arg;

    (void)f;
    switch (cmd) {
    case TIOCGPGRP:
    case TIOCGSID:
    case TIOCSPGRP:
        return ioctl_group(cmd, p);
    case TIOCSCTTY:
        return tty_take_control(arg == 1);
    case TIOCNOTTY:
        return tty_leave();
    case FIONREAD:
        return put_int(tty_input_count(), p);
    case TIOCOUTQ:
        return put_int(0, p);
    case TCFLSH:
        if (arg != 1) /* 1: output only, of which nothing waits */
            tty_flush();
        return 0;
    case TCSBRK:
    case TCXONC:
        return 0;
    default:
        return ioctl_termios(cmd, p);
    }
}
