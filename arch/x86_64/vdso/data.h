/*
 * What the kernel leaves for the vDSO in the page before it, [vvar]: how the
 * time stamp counter counts. Written once, before there is a user.
 */
#pragma once

struct vdso_data {
    unsigned long first;        /* counter at time_ns() 0 */
    unsigned long ns_per_cycle; /* 32 bits of fraction */
    unsigned long epoch;        /* seconds since 1970 at time_ns() 0 */
    unsigned int has_rdtscp;    /* which tells the CPU's number as well */
};
