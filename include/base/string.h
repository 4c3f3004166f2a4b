/* Memory and string functions: freestanding here, libc's on the host. */
#pragma once

#include <base/types.h>

#ifdef FAULTLINE_HOST
#include <string.h>
#else
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
#endif

/*
 * Copies at most size - 1 bytes of src and always terminates dst.
 * Returns the length of dst.
 */
size_t str_copy(char *dst, const char *src, size_t size);
