/* Random bytes for the kernel's own use. */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <base/types.h>

/* Fills n bytes nobody can foretell. */
void random_bytes(void *buf, size_t n);

#endif
