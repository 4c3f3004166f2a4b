/* The fake machine's protection keys: as many as the test says. */
#pragma once

#include <base/types.h>

#define PKEYS_MAX 16

extern unsigned fake_pkeys;
extern u8 fake_pkey_rights[PKEYS_MAX];

static inline unsigned arch_pkeys(void)
{
    return fake_pkeys;
}

static inline void arch_pkey_set(int key, unsigned rights)
{
    fake_pkey_rights[key] = (u8)rights;
}

static inline bool arch_pkey_allows(int key, bool write)
{
    return !(fake_pkey_rights[key] & (write ? 3 : 1));
}
