/*
 * The trace's records of userfaultfds: messages and fills, taken from the
 * caller's memory when a traced call is over, so that the calls themselves
 * know nothing of it. Relies on kernel/trace_stream.c.
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/trace_stream.h>
#include <kernel/uffd.h>
#include <uapi/faultline/object_pager.h>
#include <uapi/faultline/userfaultfd.h>

#define REQUEST_SIZE(request) ((request) >> 16 & 0x3fff)

struct record {
    struct trace_call call;
    u64 ctx;
    union {
        struct uffd_msg msgs[TRACE_MESSAGES];
        struct uffdio_fl_copy_next request; /* the longest */
    };
};

/* The record, with n bytes of the caller's memory at its end. */
static bool write_record(enum trace_type type, u32 tid, u64 begin,
                         struct record *record, u64 from, size_t n)
{
    if (copy_from_user(record->msgs, (const void __user *)from, n))
        return false;
    trace_write(type, tid, begin, record, offsetof(struct record, msgs) + n);
    return true;
}

static bool write_messages(u32 tid, u64 begin, struct record *record)
{
    u64 from = record->call.arg[1], left = record->call.result;
    bool told = false;

    while ((s64)left > 0) {
        size_t n = min(left, sizeof(record->msgs));

        if (!write_record(TRACE_MESSAGE, tid, begin, record, from, n))
            break;
        told = true;
        record->call.result = 0;
        from += n;
        left -= n;
    }
    return told;
}

static bool is_fill(u32 request)
{
    return request == UFFDIO_FL_COPY_NEXT ||
           (request >= UFFDIO_FL_FILL && request <= UFFDIO_FL_EVICT) ||
           ((u16)request >= (u16)UFFDIO_WAKE &&
            (u16)request <= (u16)UFFDIO_POISON);
}

static bool write_fill(u32 tid, u64 begin, struct record *record)
{
    u64 request = record->call.arg[1];
    size_t n = min(REQUEST_SIZE(request), sizeof(record->request));

    return is_fill((u32)request) &&
           write_record(TRACE_FILL, tid, begin, record, record->call.arg[2], n);
}

bool trace_uffd(u32 tid, u64 begin, const struct trace_call *call)
{
    struct file *f = fd_get((int)call->arg[0]);
    struct record record;
    bool told;

    if (!f)
        return false;
    told = f->ops->ioctl == uffd_ioctl;
    if (told) {
        record.call = *call;
        record.ctx = (u64)f->data;
        told = call->number == NR_ioctl ? write_fill(tid, begin, &record)
                                        : write_messages(tid, begin, &record);
    }
    file_put(f);
    return told;
}
