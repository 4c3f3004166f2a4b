/* The register of protection keys, see pkeys(7). */
#pragma once

static inline unsigned rdpkru(void)
{
    unsigned value, zero;

    asm volatile("rdpkru" : "=a"(value), "=d"(zero) : "c"(0));
    return value;
}

static inline void wrpkru(unsigned value)
{
    asm volatile("wrpkru" ::"a"(value), "c"(0), "d"(0) : "memory");
}
