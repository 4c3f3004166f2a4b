/*
 * Messages and the last word. printk() may be called anywhere, with any lock
 * held; it writes to the console (unless `quiet`) and to the log ring.
 * Formats: %d %i %u %x %o %p %s %c %% with 0/width, l, ll, z; nothing else.
 */
#pragma once

#include <base/types.h>

void printk(const char *fmt, ...) __printf(1, 2);
int snprintk(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vsnprintk(char *buf, size_t size, const char *fmt, va_list ap);

/* Prints reason, registers and backtrace; stops the machine. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/* First step of panic(), for those who print more: interrupts off, console on;
 * a panic inside a panic ends the machine here. */
void panic_begin(void);

/* Some CPU is in panic(). */
bool panic_is_on(void);

/* A state that our own code must never reach, whatever user code does. */
#define BUG_ON(cond)                                                           \
    do {                                                                       \
        if (unlikely(cond))                                                    \
            panic("BUG: %s at %s:%d", #cond, __FILE__, __LINE__);              \
    } while (0)
