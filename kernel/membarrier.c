/*
 * membarrier(2): makes other CPUs pass a memory barrier, so that the fast side
 * of a protocol needs none. An interrupt to a CPU is one, and returning from
 * it makes it look at its instructions anew.
 */
#include <arch/tlb.h>
#include <kernel/sys_misc.h>
#include <kernel/thread.h>

#define CMD_QUERY                       0
#define CMD_GLOBAL                      0x001
#define CMD_GLOBAL_EXPEDITED            0x002
#define CMD_REGISTER_GLOBAL_EXPEDITED   0x004
#define CMD_PRIVATE_EXPEDITED           0x008
#define CMD_REGISTER_PRIVATE_EXPEDITED  0x010
#define CMD_PRIVATE_EXPEDITED_SYNC_CORE 0x020
#define CMD_REGISTER_PRIVATE_SYNC_CORE  0x040
#define CMD_GET_REGISTRATIONS           0x200
#define CMD_REGISTERS                                                          \
    (CMD_REGISTER_GLOBAL_EXPEDITED | CMD_REGISTER_PRIVATE_EXPEDITED |          \
     CMD_REGISTER_PRIVATE_SYNC_CORE)
#define CMD_ALL                                                                \
    (CMD_REGISTERS | CMD_GLOBAL | CMD_GLOBAL_EXPEDITED |                       \
     CMD_PRIVATE_EXPEDITED | CMD_PRIVATE_EXPEDITED_SYNC_CORE |                 \
     CMD_GET_REGISTRATIONS)

/* The CPUs that run this address space. */
static long barrier_private(struct mm_struct *mm, u32 registration)
{
    if (!(READ_ONCE(mm->membarrier) & registration))
        return -EPERM;
    cpus_barrier(mm);
    return 0;
}

long sys_membarrier(int cmd, u32 flags, int cpu)
{
    struct mm_struct *mm = mm_current();

    (void)cpu;
    if (flags)
        return -EINVAL;
    switch (cmd) {
    case CMD_QUERY:
        return CMD_ALL;
    case CMD_GLOBAL:
    case CMD_GLOBAL_EXPEDITED: /* who has registered or not: all */
        cpus_barrier(NULL);
        return 0;
    case CMD_PRIVATE_EXPEDITED:
        return barrier_private(mm, CMD_REGISTER_PRIVATE_EXPEDITED);
    case CMD_PRIVATE_EXPEDITED_SYNC_CORE:
        return barrier_private(mm, CMD_REGISTER_PRIVATE_SYNC_CORE);
    case CMD_REGISTER_GLOBAL_EXPEDITED:
    case CMD_REGISTER_PRIVATE_EXPEDITED:
    case CMD_REGISTER_PRIVATE_SYNC_CORE:
        __atomic_fetch_or(&mm->membarrier, (u32)cmd, __ATOMIC_RELAXED);
        return 0;
    case CMD_GET_REGISTRATIONS:
        return READ_ONCE(mm->membarrier);
    default:
        return -EINVAL;
    }
}
