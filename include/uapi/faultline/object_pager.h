/*
 * Faultline's own requests for objects with pagers, on a userfaultfd; see
 * docs/object-pagers.md. Linux answers them with EINVAL.
 */
#pragma once

#include <stdint.h>

#define UFFDIO_FL_BIND      0x4028fa02u
#define UFFDIO_FL_FILL      0xc028fa03u
#define UFFDIO_FL_WAKE      0xc028fa04u
#define UFFDIO_FL_CLEAN     0xc028fa05u
#define UFFDIO_FL_EVICT     0xc028fa06u
#define UFFDIO_FL_FILL_NEXT 0xc048fa07u

/* What the pager of an object reads, as struct uffd_fl_object_msg. */
#define UFFD_EVENT_FL_MISS   0xf0 /* info: UFFD_PAGEFAULT_FLAG_WRITE or 0 */
#define UFFD_EVENT_FL_DIRTY  0xf1 /* info: bytes */
#define UFFD_EVENT_FL_SHRINK 0xf2 /* info: bytes over the limit */
#define UFFD_EVENT_FL_SIZE   0xf3 /* info: the size; offset: zeros from there */

#define UFFD_FL_BIND_DIRTY 1u /* tell of pages written */

/* Modes. */
#define UFFD_FL_MODE_DONTWAKE 1u /* FILL: nobody is woken */
#define UFFD_FL_MODE_DIRTY    2u /* FILL: the page counts as written */
#define UFFD_FL_MODE_ZERO     4u /* FILL: with zeros */
#define UFFD_FL_MODE_FAIL     8u /* WAKE: to SIGBUS or EIO */

struct uffd_fl_object_msg {
    uint8_t event;
    uint8_t reserved[7];
    uint64_t cookie, offset, info;
};

struct uffdio_fl_bind {
    int32_t fd; /* the object's */
    uint32_t flags;
    uint64_t cookie, limit; /* pages; 0: none */
    uint64_t deadline_ns;   /* 0: none */
    uint32_t action, reserved;
};

/* UFFDIO_FL_FILL, UFFDIO_FL_WAKE, UFFDIO_FL_CLEAN, UFFDIO_FL_EVICT. */
struct uffdio_fl_object {
    int32_t fd;
    uint32_t mode;
    uint64_t offset, len, src;
    int64_t done; /* bytes, or -errno */
};

struct uffdio_fl_fill_next {
    struct uffdio_fl_object fill;
    struct uffd_fl_object_msg msg;
};
