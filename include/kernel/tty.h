/* Between the console's files only: the line discipline's input half. */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

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
#define TTY_ICANON 0000002u /* c_lflag: whole lines, erase and kill */
#define TTY_ECHO   0000010u

/* c_cc */
#define TTY_VERASE 2
#define TTY_VKILL  3
#define TTY_VEOF   4
#define TTY_VTIME  5
#define TTY_VMIN   6

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

/* The console's ioctls, see ioctl_tty(2): -ENOTTY for the unknown, -EFAULT. */
struct file;
long console_ioctl(struct file *f, unsigned cmd, u64 arg);

/* Bytes to the line, not mixed with others'. Any context. */
void console_out(const char *s, size_t n);

#endif
