/* Between the console's files only: the line discipline's input half. */
#pragma once

#include <base/types.h>
#include <mm/hooks.h>

/* The kernel's struct termios, see ioctl_tty(2). */
struct termios_k {
    u32 c_iflag, c_oflag, c_cflag, c_lflag;
    u8 c_line;
    u8 c_cc[19];
};

#define TTY_ICRNL  0000400u /* c_iflag: carriage return becomes newline */
#define TTY_INLCR  0000100u
#define TTY_IGNCR  0000200u
#define TTY_B115K  0010002u /* c_cflag: 115200 baud, 8 bits, receiver on */
#define TTY_CS8    0000060u
#define TTY_CREAD  0000200u
#define TTY_ISIG   0000001u /* c_lflag: typed signals */
#define TTY_ICANON 0000002u /* c_lflag: whole lines, erase and kill */
#define TTY_ECHO   0000010u
#define TTY_NOFLSH 0000200u
#define TTY_TOSTOP 0000400u

/* c_cc */
#define TTY_VINTR  0
#define TTY_VQUIT  1
#define TTY_VERASE 2
#define TTY_VKILL  3
#define TTY_VEOF   4
#define TTY_VTIME  5
#define TTY_VMIN   6
#define TTY_VSUSP  10

extern struct termios_k tty_termios;
extern struct wait_queue tty_readable; /* woken when input can be read */

/* One byte came from the line. Interrupt context. */
void tty_receive(u8 c);

/* A read would not wait. */
bool tty_has_input(void);

/* Bytes a read could get. */
int tty_input_count(void);

/*
 * Takes up to n bytes. *end: the line is complete, do not go on. Returns how
 * many; 0 with *end: end of file, 0 without: nothing there.
 */
size_t tty_take(u8 *buf, size_t n, bool *end);

/* Forgets all input. */
void tty_flush(void);

/* New settings; what is half typed becomes readable when lines go. */
void tty_set(const struct termios_k *termios);

/* ---- tty_job.c: whose terminal it is ---- */

/* The line asks for a signal to the foreground group. Interrupt context. */
void tty_signal(int sig);

/* Before a read (sig SIGTTIN), a write or a change (SIGTTOU): a task in the
 * background gets the signal. Returns 0: go on, -ERESTARTSYS, -EIO: it could
 * not be continued, or (reads) does not want to hear of it. */
__must_check int tty_check(int sig);

/* TIOCSCTTY: -EPERM (no leader of a session, or it is another session's).
 * TIOCNOTTY, TIOCGPGRP, TIOCSPGRP: -ENOTTY (does not control the caller),
 * -EINVAL, -ESRCH, -EPERM (no such group / of another session). */
__must_check int tty_take_control(bool steal);
__must_check int tty_leave(void);
__must_check int tty_foreground(u32 *pgid, u32 *sid);
__must_check int tty_set_foreground(int pgid);

/* The leader of a session ends: its terminal is free, and the foreground group
 * hears of it. task_lock held. */
struct task;
void tty_leader_ends(const struct task *task);

/* The console's ioctls, see ioctl_tty(2): -ENOTTY for the unknown, -EFAULT. */
struct file;
long console_ioctl(struct file *f, unsigned cmd, u64 arg);

/* Bytes to the line, not mixed with others'. Any context. */
void console_out(const char *s, size_t n);
