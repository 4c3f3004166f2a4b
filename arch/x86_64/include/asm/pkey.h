/*
 * PKRU, two bits for each of 16 keys (Intel SDM vol. 3, 4.6.2): it is one of
 * the components XSAVE handles, and so switched and put into signal frames
 * with the others.
 */
#pragma once

#include <base/types.h>

#define PKEYS_MAX 16

/* What a program and a signal handler start with: key 0 is free, no access by
 * any other. */
#define PKRU_INITIAL 0x55555554u

extern bool cpu_has_pku;

static inline u32 pkru_read(void)
{
    u32 pkru, zero;

    __asm__ volatile("rdpkru" : "=a"(pkru), "=d"(zero) : "c"(0));
    return pkru;
}

static inline void pkru_write(u32 pkru)
{
    __asm__ volatile("wrpkru" ::"a"(pkru), "c"(0), "d"(0) : "memory");
}

static inline unsigned arch_pkeys(void)
{
    return cpu_has_pku ? PKEYS_MAX : 1;
}

static inline void arch_pkey_set(int key, unsigned rights)
{
    pkru_write((pkru_read() & ~(3u << (2 * key))) | rights << (2 * key));
}

static inline bool arch_pkey_allows(int key, bool write)
{
    u32 rights = cpu_has_pku ? pkru_read() >> (2 * key) : 0;

    return !(rights & (write ? 3u : 1u));
}
