/*
 * Compiler vocabulary: attributes, branch hints, single-access loads and
 * stores. Relies on nothing.
 */
#pragma once

#define likely(x)        __builtin_expect(!!(x), 1)
#define unlikely(x)      __builtin_expect(!!(x), 0)
#define __must_check     __attribute__((warn_unused_result))
#define __noreturn       __attribute__((noreturn))
#define __packed         __attribute__((packed))
#define __aligned(n)     __attribute__((aligned(n)))
#define __printf(f, a)   __attribute__((format(printf, f, a)))
#define __noinline       __attribute__((noinline))
#define __cold           __attribute__((cold, noinline))
#define __maybe_unused   __attribute__((unused))
#define __always_inline_ inline __attribute__((always_inline))
#define __user           /* only the user-copy routines may touch it */

/* A function for what nearly never happens, reached by slow_call(). */
#ifdef FAULTLINE_HOST
#define __slow_half __cold
#else
#define __slow_half __cold __attribute__((no_caller_saved_registers))
#endif

/* Internal functions that the host unit tests also call. */
#ifdef FAULTLINE_HOST
#define STATIC
#else
#define STATIC static
#endif

#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()        __asm__ volatile("" ::: "memory")

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member)                                        \
    ((type *)((char *)(ptr) - __builtin_offsetof(type, member)))

#define min(a, b)                                                              \
    ({                                                                         \
        __typeof__(a) _a = (a);                                                \
        __typeof__(b) _b = (b);                                                \
        _a < _b ? _a : _b;                                                     \
    })
#define max(a, b)                                                              \
    ({                                                                         \
        __typeof__(a) _a = (a);                                                \
        __typeof__(b) _b = (b);                                                \
        _a > _b ? _a : _b;                                                     \
    })

/* Rounding to a power of two, in the type of x. */
#define ALIGN_UP(x, a)                                                         \
    (((x) + ((__typeof__(x))(a)-1)) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a)-1)) == 0)
