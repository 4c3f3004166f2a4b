/*
 * The terminal's job control, see credentials(7), ioctl_tty(2) and
 * tcsetpgrp(3): whose it is, who may read, write and change it, what happens
 * when its session's leader ends. The terminal is standard output. Typed
 * signals are the e2e tests' business.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "probe.h"

/* The real one: Linux's /dev/console, which standard output is there, has no
 * job control. */
#define TTY 9

static volatile long *seen; /* shared: what the children found */

static volatile int hangups;

static void note(int number)
{
    (void)number;
    hangups++;
}

static long result(long r)
{
    return r < 0 ? -errno : r;
}

/* A child in a group of its own. */
static pid_t spawn(void (*fn)(void))
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        setpgid(0, 0);
        fn();
        _exit(0);
    }
    setpgid(pid, pid);
    return pid;
}

/* The signal that stopped it, or -1 - its exit status. */
static int stops(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, WUNTRACED) != pid)
        return -1000;
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1 - WEXITSTATUS(status);
}

static void set_tostop(int on)
{
    struct termios t;

    must(!tcgetattr(TTY, &t));
    if (on)
        t.c_lflag |= TOSTOP;
    else
        t.c_lflag &= ~TOSTOP;
    must(!tcsetattr(TTY, TCSANOW, &t));
}

/* A read that finds nothing at once, and one that may wait. */
static void set_raw(void)
{
    struct termios t;

    must(!tcgetattr(TTY, &t));
    t.c_lflag &= ~(ICANON | ECHO);
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 0;
    must(!tcsetattr(TTY, TCSANOW, &t));
}

static void in_vain(void)
{
    char c;

    seen[0] = result(read(TTY, &c, 1));
}

static void deaf_read(void)
{
    signal(SIGTTIN, SIG_IGN);
    in_vain();
}

static void writes(void)
{
    seen[0] = result(write(TTY, "", 0)) + result(write(TTY, "#\n", 2));
}

static void takes(void)
{
    seen[0] = result(tcsetpgrp(TTY, getpgrp()));
}

static void takes_deaf(void)
{
    signal(SIGTTOU, SIG_IGN);
    takes();
}

static void leaves(void)
{
    seen[0] = result(ioctl(TTY, TIOCNOTTY));
    seen[1] = result(tcgetpgrp(TTY));
    seen[2] = result(ioctl(TTY, TIOCSCTTY, 0));
}

/* Continued in the foreground it goes on. */
static int goes_on(pid_t pid)
{
    must(!tcsetpgrp(TTY, pid));
    must(!kill(-pid, SIGCONT));
    return wait_status(pid);
}

static void back(void)
{
    signal(SIGTTOU, SIG_IGN);
    must(!tcsetpgrp(TTY, getpgrp()));
    signal(SIGTTOU, SIG_DFL);
}

/* ---- orphans ---- */

static void orphan(void)
{
    if (fork())
        _exit(0);
    while (getppid() == seen[8])
        usleep(1000);
    in_vain();
    seen[1] = 1;
}

static void parent_of_orphan(void)
{
    seen[8] = getpid();
    orphan();
}

/* ---- the leader's end ---- */

static void foreground(void)
{
    signal(SIGHUP, note);
    seen[2] = 1;
    while (!hangups)
        usleep(1000);
    seen[3] = hangups;
}

/* Writing and changing: where it went wrong, 0: nowhere. */
static int changes(pid_t other)
{
    pid_t pid;

    set_tostop(1);
    pid = spawn(writes);
    if (stops(pid) != SIGTTOU || goes_on(pid) || seen[0] != 2)
        return 7;
    back();
    set_tostop(0);
    pid = spawn(takes);
    if (stops(pid) != SIGTTOU)
        return 8;
    kill(pid, SIGKILL);
    if (wait_status(pid) != 1000 + SIGKILL)
        return 9;
    pid = spawn(takes_deaf);
    if (stops(pid) != -1 || seen[0] || tcgetpgrp(TTY) != pid)
        return 10;
    back();
    if (tcsetpgrp(TTY, 4000000) != -1 || errno != ESRCH)
        return 11;
    if (tcsetpgrp(TTY, other) != -1 || errno != EPERM)
        return 12;
    if (tcsetpgrp(TTY, -1) != -1 || errno != EINVAL)
        return 13;
    return 0;
}

/* How many ioctls of the terminal do not mind a bad pointer. */
static int pointers(void)
{
    static const struct {
        unsigned request;
        int writes; /* the kernel */
    } all[] = {
        {TCGETS, 1},     {TCSETS, 0},     {TCSETSW, 0},   {TCSETSF, 0},
        {TIOCGWINSZ, 1}, {TIOCSWINSZ, 0}, {TIOCGPGRP, 1}, {TIOCGSID, 1},
        {TIOCSPGRP, 0},  {FIONREAD, 1},   {TIOCOUTQ, 1},
    };
    const unsigned long bad[] = {PAGE, 0x7ffffffff000, 1UL << 47,
                                 0xffff888000000000, -PAGE};
    char *edge = map_pages(2);
    int wrong = 0;

    must(!munmap(edge + PAGE, PAGE));
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (int k = 0; k < 5; k++)
            wrong +=
                ioctl(TTY, all[i].request, bad[k]) != -1 || errno != EFAULT;
        wrong += ioctl(TTY, all[i].request, edge + PAGE - 2) != -1 ||
                 errno != EFAULT;
        must(!mprotect(edge, PAGE, PROT_READ));
        wrong += all[i].writes &&
                 (ioctl(TTY, all[i].request, edge) != -1 || errno != EFAULT);
        must(!mprotect(edge, PAGE, PROT_READ | PROT_WRITE));
    }
    munmap(edge, PAGE);
    return wrong;
}

/* Leader of a session; its exit status: where it went wrong, 0: nowhere. */
static int session(void *unused)
{
    pid_t pid, other = *(pid_t *)unused;
    int where;

    if (setsid() < 0 || tcgetpgrp(TTY) != -1 || errno != ENOTTY)
        return 1;
    if (ioctl(TTY, TIOCSCTTY, 1) || tcgetpgrp(TTY) != getpid() ||
        tcgetsid(TTY) != getpid())
        return 2;
    if (ioctl(TTY, TIOCSCTTY, 0)) /* it is ours already */
        return 3;
    if (pointers())
        return 30;
    set_raw();
    pid = spawn(in_vain);
    if (stops(pid) != SIGTTIN)
        return 4;
    if (goes_on(pid) || seen[0])
        return 24;
    back();
    pid = spawn(deaf_read);
    if (stops(pid) != -1 || seen[0] != -EIO)
        return 5;
    pid = spawn(writes);
    if (stops(pid) != -1 || seen[0] != 2)
        return 6;
    where = changes(other);
    if (where)
        return where;
    pid = spawn(leaves);
    if (stops(pid) != -1 || seen[0] || seen[1] != -ENOTTY || seen[2] != -EPERM)
        return 14;
    seen[1] = 0;
    if (stops(spawn(parent_of_orphan)) != -1)
        return 15;
    while (!seen[1])
        usleep(1000);
    if (seen[0] != -EIO)
        return 16;
    seen[2] = 0;
    pid = spawn(foreground);
    must(!tcsetpgrp(TTY, pid));
    while (!seen[2])
        usleep(1000);
    return 0; /* and the session ends with us */
}

static void open_terminal(void)
{
    int fd;

    if (access("/dev/ttyS0", R_OK))
        mknod("/dev/ttyS0", S_IFCHR | 0600, makedev(4, 64));
    fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    must(dup2(fd < 0 ? STDOUT_FILENO : fd, TTY) == TTY);
}

int main(void)
{
    struct termios t, was;
    pid_t me;

    setpgid(0, 0);
    me = getpgrp();
    open_terminal();
    seen = map_shared(1);
    must(!tcgetattr(TTY, &was));
    is(in_child(session, &me), 0, "a session and its terminal");
    for (int i = 0; i < 1000 && !seen[3]; i++)
        usleep(1000);
    is(seen[3], 1, "its foreground group hears of its leader's end");
    open_terminal(); /* Linux has hung up the old one */
    fails(tcgetpgrp(TTY), ENOTTY, "the terminal is not ours");
    fails(tcsetpgrp(TTY, me), ENOTTY, "and we may not have it");
    fails(ioctl(TTY, TIOCNOTTY), ENOTTY, "or leave it");
    fails(ioctl(TTY, TIOCSCTTY, 0), EPERM, "no leader of a session");
    works(tcgetattr(TTY, &t), "tcgetattr");
    t.c_lflag |= ISIG;
    t.c_cc[VINTR] = 9;
    works(tcsetattr(TTY, TCSANOW, &t), "tcsetattr");
    must(!tcgetattr(TTY, &t));
    ok((t.c_lflag & ISIG) && t.c_cc[VINTR] == 9, "is kept");
    works(tcsetattr(TTY, TCSANOW, &was), "back");
    return done_testing();
}
