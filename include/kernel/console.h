/* The serial console on descriptors 0, 1 and 2, and the kernel log. */
#pragma once

#include <base/types.h>

/* A new open console description (read, write, poll, tty ioctls); NULL: no
 * memory. */
struct file *console_open(void) __must_check;

/* Interrupt handler's entry: bytes are waiting in the UART. */
void console_input(void);

/* printk's back end: writes to the UART unless quiet. */
void console_write(const char *s, size_t n);

/* From here on the kernel's own messages stay in the log (panics excepted). */
void console_set_quiet(bool quiet);

/* Panics speak whatever `quiet` says. */
void console_panic_mode(void);
