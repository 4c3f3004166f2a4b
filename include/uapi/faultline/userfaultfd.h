/*
 * The userfaultfd ABI, numbers and layouts as userfaultfd(2) and
 * ioctl_userfaultfd(2) give them for Linux x86-64.
 */
#pragma once

#include <stdint.h>

#include "object_pager.h"

#define UFFD_USER_MODE_ONLY 1u
#define UFFD_API            0xAAull

/* Features. Those of huge pages are not offered: there are none yet. */
#define UFFD_FEATURE_PAGEFAULT_FLAG_WP  (1ull << 0)
#define UFFD_FEATURE_EVENT_FORK         (1ull << 1)
#define UFFD_FEATURE_EVENT_REMAP        (1ull << 2)
#define UFFD_FEATURE_EVENT_REMOVE       (1ull << 3)
#define UFFD_FEATURE_MISSING_SHMEM      (1ull << 5)
#define UFFD_FEATURE_EVENT_UNMAP        (1ull << 6)
#define UFFD_FEATURE_SIGBUS             (1ull << 7)
#define UFFD_FEATURE_THREAD_ID          (1ull << 8)
#define UFFD_FEATURE_MINOR_SHMEM        (1ull << 10)
#define UFFD_FEATURE_EXACT_ADDRESS      (1ull << 11)
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1ull << 12)
#define UFFD_FEATURE_WP_UNPOPULATED     (1ull << 13)
#define UFFD_FEATURE_POISON             (1ull << 14)
#define UFFD_FEATURE_WP_ASYNC           (1ull << 15)
#define UFFD_FEATURE_MOVE               (1ull << 16)

/* ioctl request numbers: type 0xAA, sizes as of the structures below. */
#define UFFDIO_REGISTER     0xc020aa00u
#define UFFDIO_UNREGISTER   0x8010aa01u
#define UFFDIO_WAKE         0x8010aa02u
#define UFFDIO_COPY         0xc028aa03u
#define UFFDIO_ZEROPAGE     0xc020aa04u
#define UFFDIO_MOVE         0xc028aa05u
#define UFFDIO_WRITEPROTECT 0xc018aa06u
#define UFFDIO_CONTINUE     0xc020aa07u
#define UFFDIO_POISON       0xc020aa08u
#define UFFDIO_API          0xc018aa3fu
/* of /dev/userfaultfd: a descriptor with the flags of userfaultfd(2) */
#define USERFAULTFD_IOC_NEW 0xaa00u

/* Bit numbers in the `ioctls` answers. */
#define UFFD_BIT_REGISTER     0x00
#define UFFD_BIT_UNREGISTER   0x01
#define UFFD_BIT_WAKE         0x02
#define UFFD_BIT_COPY         0x03
#define UFFD_BIT_ZEROPAGE     0x04
#define UFFD_BIT_MOVE         0x05
#define UFFD_BIT_WRITEPROTECT 0x06
#define UFFD_BIT_CONTINUE     0x07
#define UFFD_BIT_POISON       0x08
#define UFFD_BIT_API          0x3f

#define UFFDIO_REGISTER_MODE_MISSING 1ull
#define UFFDIO_REGISTER_MODE_WP      2ull
#define UFFDIO_REGISTER_MODE_MINOR   4ull

/* Mode bit 0 of every filling call: nobody is woken. */
#define UFFDIO_MODE_DONTWAKE             1ull
#define UFFDIO_COPY_MODE_WP              2ull
#define UFFDIO_CONTINUE_MODE_WP          2ull
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES 2ull

#define UFFDIO_WRITEPROTECT_MODE_WP       1ull
#define UFFDIO_WRITEPROTECT_MODE_DONTWAKE 2ull

#define UFFD_EVENT_PAGEFAULT 0x12
#define UFFD_EVENT_FORK      0x13
#define UFFD_EVENT_REMAP     0x14
#define UFFD_EVENT_REMOVE    0x15
#define UFFD_EVENT_UNMAP     0x16

#define UFFD_PAGEFAULT_FLAG_WRITE 1ull
#define UFFD_PAGEFAULT_FLAG_WP    2ull
#define UFFD_PAGEFAULT_FLAG_MINOR 4ull

/* One message of read(2), 32 bytes. */
struct uffd_msg {
    uint8_t event;
    uint8_t reserved1;
    uint16_t reserved2;
    uint32_t reserved3;
    union {
        struct {
            uint64_t flags;
            uint64_t address;
            uint32_t ptid; /* with UFFD_FEATURE_THREAD_ID */
            uint32_t pad;
        } pagefault;
        struct {
            uint32_t ufd;
        } fork;
        struct {
            uint64_t from, to, len;
        } remap;
        struct {
            uint64_t start, end;
        } remove; /* and UNMAP */
        struct {
            uint64_t cookie, offset;
            uint64_t info; /* see the UFFD_EVENT_FL_* */
        } object;
        uint64_t words[3];
    };
};

/*
 * Faultline's own requests, type 0xFA; see docs/userfaultfd.md. Linux answers
 * them with EINVAL.
 */
#define UFFDIO_FL_COPY_NEXT 0xc050fa00u
#define UFFDIO_FL_GUARD     0x4020fa01u

/* What becomes of a page whose pager is dead, or later than the deadline. */
#define UFFD_FL_ACTION_NONE   0u /* as on Linux */
#define UFFD_FL_ACTION_SIGBUS 1u /* it is poisoned */
#define UFFD_FL_ACTION_KILL   2u /* and who touched it dies */
#define UFFD_FL_ACTION_ZERO   3u /* it is a page of zeros */

/* SIGBUS for whoever closes a cycle of pagers that wait for one another. */
#define UFFD_FL_GUARD_DEADLOCK 1u

struct uffdio_api {
    uint64_t api, features, ioctls;
};

struct uffdio_range {
    uint64_t start, len;
};

struct uffdio_register {
    struct uffdio_range range;
    uint64_t mode, ioctls;
};

struct uffdio_copy {
    uint64_t dst, src, len, mode;
    int64_t copy; /* bytes done, or -errno */
};

struct uffdio_move {
    uint64_t dst, src, len, mode;
    int64_t move;
};

struct uffdio_writeprotect {
    struct uffdio_range range;
    uint64_t mode;
};

struct uffdio_fl_copy_next {
    struct uffdio_copy copy;
    uint64_t reserved;
    struct uffd_msg msg; /* event 0: none */
};

struct uffdio_fl_guard {
    struct uffdio_range range;
    uint64_t deadline_ns; /* 0: none */
    uint32_t action, flags;
};

/* UFFDIO_ZEROPAGE, UFFDIO_CONTINUE, UFFDIO_POISON. */
struct uffdio_fill {
    struct uffdio_range range;
    uint64_t mode;
    int64_t done;
};
