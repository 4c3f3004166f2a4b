/*
 * Protection keys, see pkeys(7): a number in each page-table entry, and for
 * every thread a register that says what it may do to pages of that number,
 * the kernel's user copies included. <asm/pkey.h> provides:
 *
 *   unsigned arch_pkeys(void)    how many there are; 1: the CPU has none
 *   void arch_pkey_set(int key, unsigned rights)  the running thread's
 *                                PKEY_DISABLE_* for key
 *   bool arch_pkey_allows(int key, bool write)    the running thread may
 */
#pragma once

#include <base/types.h>

#define PKEY_DISABLE_ACCESS 1u
#define PKEY_DISABLE_WRITE  2u

#include <asm/pkey.h>
