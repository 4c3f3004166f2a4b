/* Random bytes for the kernel's own use. */
#pragma once

#include <base/types.h>

/* Fills n bytes nobody can foretell. */
void random_bytes(void *buf, size_t n);
