/* A bug of the kernel's that need not be the end of the machine. */
#pragma once

#include <base/types.h>

/* The running thread can be ended where it is: it runs for a task, not for an
 * interrupt, and holds no lock. irqs_on: interrupts were. */
bool oops_is_safe(bool irqs_on);

/* The running thread's task ends as if by SIGKILL. Interrupts on. */
void oops_end(void) __noreturn;
