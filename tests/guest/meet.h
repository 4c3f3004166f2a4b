/* Two threads that go on together, for races between them. */
#pragma once

#include <sched.h>

static int met;

/* Spins until the other is here as well: each meeting counts two. */
static inline void meet(void)
{
    int spins = 0;
    int all = __atomic_fetch_add(&met, 1, __ATOMIC_SEQ_CST) / 2 * 2 + 2;

    while (__atomic_load_n(&met, __ATOMIC_SEQ_CST) < all)
        if (++spins > 1000)
            sched_yield();
}
