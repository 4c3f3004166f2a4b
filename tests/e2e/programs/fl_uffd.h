/* Faultline's own userfaultfd requests, as docs/userfaultfd.md gives them. */
#pragma once

#include "../../guest/uffd_util.h"

#define FL_GUARD 0x4020fa01u

enum {
    NONE = 0,
    BUS = 1,
    KILL = 2,
    ZERO = 3,
    DEADLOCK = 1
};

struct fl_guard {
    struct uffdio_range range;
    __u64 deadline;
    __u32 action, flags;
};

static inline int fl_guard(int fd, void *start, size_t size,
                           unsigned long deadline, unsigned action,
                           unsigned flags)
{
    struct fl_guard request = {
        {(unsigned long)start, size}, deadline, action, flags};

    return uffd_ioctl(fd, FL_GUARD, &request);
}
