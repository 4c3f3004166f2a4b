/* The slow path of a spinlock: wait, and notice that it would be forever. */
#include <arch/cpu.h>
#include <asm/smp.h>
#include <base/printk.h>
#include <base/spinlock.h>

void spin_wait(struct spinlock *l)
{
    if (spin_is_held(l))
        panic("spinlock %p taken twice by CPU %u", (void *)l, cpu_id());
    while (READ_ONCE(l->owner)) {
        tlb_serve(); /* the holder may wait for our answer */
        cpu_relax();
    }
}
