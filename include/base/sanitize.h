/*
 * Tells the host's address sanitizer which memory is free, so that the unit
 * tests catch uses of freed frames and slab objects. Nothing in the kernel.
 */
#pragma once

#include <base/types.h>

#if defined(FAULTLINE_HOST) && defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define mem_poison(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define mem_unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define mem_poison(p, n)   ((void)(p), (void)(n))
#define mem_unpoison(p, n) ((void)(p), (void)(n))
#endif
