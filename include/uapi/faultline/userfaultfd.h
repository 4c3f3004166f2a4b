/*
 * The userfaultfd ABI, numbers and layouts as userfaultfd(2) and
 * ioctl_userfaultfd(2) give them for Linux x86-64.
 */
#ifndef FAULTLINE_USERFAULTFD_H
#define FAULTLINE_USERFAULTFD_H

#include <stdint.h>

#define UFFD_USER_MODE_ONLY 1u
#define UFFD_API            0xAAull

/* Features. What is not listed is not offered yet. */
#define UFFD_FEATURE_SIGBUS        (1ull << 7)
#define UFFD_FEATURE_THREAD_ID     (1ull << 8)
#define UFFD_FEATURE_EXACT_ADDRESS (1ull << 11)

/* ioctl request numbers: type 0xAA, sizes as of the structures below. */
#define UFFDIO_REGISTER   0xc020aa00u
#define UFFDIO_UNREGISTER 0x8010aa01u
#define UFFDIO_WAKE       0x8010aa02u
#define UFFDIO_COPY       0xc028aa03u
#define UFFDIO_ZEROPAGE   0xc020aa04u
#define UFFDIO_API        0xc018aa3fu

/* Bit numbers in the `ioctls` answers. */
#define UFFD_BIT_REGISTER   0x00
#define UFFD_BIT_UNREGISTER 0x01
#define UFFD_BIT_WAKE       0x02
#define UFFD_BIT_COPY       0x03
#define UFFD_BIT_ZEROPAGE   0x04
#define UFFD_BIT_API        0x3f

#define UFFDIO_REGISTER_MODE_MISSING  1ull
#define UFFDIO_REGISTER_MODE_WP       2ull
#define UFFDIO_REGISTER_MODE_MINOR    4ull
#define UFFDIO_COPY_MODE_DONTWAKE     1ull
#define UFFDIO_COPY_MODE_WP           2ull
#define UFFDIO_ZEROPAGE_MODE_DONTWAKE 1ull

#define UFFD_EVENT_PAGEFAULT      0x12
#define UFFD_PAGEFAULT_FLAG_WRITE 1ull

/* One message of read(2), 32 bytes. */
struct uffd_msg {
    uint8_t event;
    uint8_t reserved1;
    uint16_t reserved2;
    uint32_t reserved3;
    struct {
        uint64_t flags;
        uint64_t address;
        uint32_t ptid; /* with UFFD_FEATURE_THREAD_ID */
        uint32_t pad;
    } pagefault;
};

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

struct uffdio_zeropage {
    struct uffdio_range range;
    uint64_t mode;
    int64_t zeropage;
};

#endif
