/*
 * Fixed-width names used everywhere. Relies on the compiler's freestanding
 * headers only.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <base/compiler.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#ifdef FAULTLINE_HOST
#include <sys/types.h>
#else
typedef long ssize_t;
typedef int pid_t;
typedef long off_t;
#endif

typedef u64 phys_addr_t; /* a physical address, in bytes */
