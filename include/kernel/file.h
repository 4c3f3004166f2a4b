/*
 * Descriptors are capabilities: slots of the task's table naming an open
 * description (struct file) of a kernel object, with rights in the mode.
 */
#pragma once

#include <base/types.h>
#include <mm/hooks.h>

#define FILES_MAX  1024 /* RLIMIT_NOFILE */
#define O_RDONLY   0
#define O_WRONLY   1
#define O_RDWR     2
#define O_ACCMODE  3
#define O_APPEND   02000
#define O_NONBLOCK 04000
#define O_CLOEXEC  02000000
#define FD_CLOEXEC 1

#define POLLIN     0x001
#define POLLPRI    0x002
#define POLLOUT    0x004
#define POLLERR    0x008
#define POLLHUP    0x010
#define POLLNVAL   0x020
#define POLLRDNORM 0x040
#define POLLWRNORM 0x100

struct file;
struct seq;
struct stat_k;
struct task;

/* poll(): where a file wants its waiter; add() queues it on the wait queue. */
struct poll_table {
    void (*add)(struct poll_table *pt, struct wait_queue *q);
};

/* NULL members: the call gives EINVAL (read, write), ENOTTY (ioctl), ENODEV
 * (object), always ready (poll). */
struct file_operations {
    ssize_t (*read)(struct file *f, void __user *buf, size_t n, u64 *pos);
    ssize_t (*write)(struct file *f, const void __user *buf, size_t n,
                     u64 *pos);
    unsigned (*poll)(struct file *f, struct poll_table *pt); /* POLL* bits */
    long (*ioctl)(struct file *f, unsigned cmd, u64 arg);
    struct mem_object *(*object)(struct file *f); /* for mmap, exec; no ref */
    int (*stat)(struct file *f, struct stat_k *st);
    void (*show_fdinfo)(struct file *f, struct seq *s); /* rows of its own */
    void (*closed)(struct file *f); /* one descriptor, of several maybe */
    void (*release)(struct file *f);
    bool seekable;
};

struct file {
    const struct file_operations *ops;
    void *data;   /* the object */
    u32 refcount; /* atomic */
    u32 flags;    /* O_* */
    u64 pos;
    const char *name;
    struct list_head watchers; /* epoll's items, see epoll.c */
};

/* An open description with one reference; NULL: no memory. */
struct file *file_create(const struct file_operations *ops, void *data,
                         u32 flags, const char *name) __must_check;
static inline void file_get(struct file *f)
{
    __atomic_fetch_add(&f->refcount, 1, __ATOMIC_RELAXED);
}
/* Drops a reference; the last one calls release. May sleep. */
void file_put(struct file *f);

/* 0 if RLIMIT_FSIZE lets a file grow to so many bytes; otherwise the task gets
 * SIGXFSZ, and this is -EFBIG. */
__must_check int file_size_check(u64 size);

/* A file over a memory object (takes its own reference), opened with flags. */
struct file *object_file_create(struct mem_object *object,
                                u32 flags) __must_check;
/* The object behind f, or NULL. */
static inline struct mem_object *file_object(struct file *f)
{
    return f->ops->object ? f->ops->object(f) : NULL;
}

/* Reading a number that may not be there yet: tries fn(object), which returns
 * it or 0, until it is, waiting on q unless the file is O_NONBLOCK. Returns 0,
 * -EAGAIN, -ERESTARTSYS. */
typedef u64 (*wait_value_fn)(void *object);
__must_check int wait_for_value(struct file *f, struct wait_queue *q,
                                wait_value_fn fn, void *object, u64 *value);
/* The read(2) of such a file: its 8 bytes, or -EINVAL, -EFAULT as well. */
ssize_t read_value(struct file *f, struct wait_queue *q, wait_value_fn fn,
                   void *object, void __user *buf, size_t n);

/* ---- the table (kernel/files.c) ---- */

struct files *files_create(void) __must_check;
struct files *files_dup(struct files *files) __must_check; /* fork */
void files_get(struct files *files);                       /* CLONE_FILES */
void files_put(struct files *files);
/* The current thread's table from now on (NULL: it ends); puts the old one. */
void files_set(struct files *files);
/* The current thread gets a table of its own if others use it too. Returns 0 or
 * -ENOMEM. */
__must_check int files_unshare(void);
/* exec: closes what has FD_CLOEXEC. */
void files_close_exec(struct files *files);

/* Installs f at the lowest free number >= from. The caller's reference is gone
 * in any case. Returns the number, -EMFILE, -ENOMEM. */
__must_check int fd_install(struct file *f, bool cloexec, int from);

/* The same at fd itself, closing what was there. Returns fd, -EBADF (out of
 * range), -ENOMEM. */
__must_check int fd_replace(struct file *f, bool cloexec, int fd);

/* The reference of a slot that was emptied is dropped. */
void file_close(struct file *f);

/* Some slot has a file with that data. */
bool files_hold(struct files *files, const void *data);

/* Empties the slot; the file, whose reference is now the caller's, or NULL. */
struct file *fd_take(int fd) __must_check;

/* FD_CLOEXEC of the slot: its old value, or -EBADF. set < 0: only asks. */
int fd_cloexec(int fd, int set);

/* New numbers lie below this, RLIMIT_NOFILE. */
u64 fd_ceiling(void);

/* Numbers in use lie below this. */
int fd_limit(void);

/* The file behind fd with a reference, or NULL. */
struct file *fd_get(int fd) __must_check;

/* The same of any task's first thread, and its FD_CLOEXEC. */
struct file *task_fd_get(struct task *task, int fd, bool *cloexec) __must_check;

/* struct stat of the ABI, see stat(2). */
struct stat_k {
    u64 st_dev, st_ino, st_nlink;
    u32 st_mode, st_uid, st_gid, pad0;
    u64 st_rdev;
    s64 st_size, st_blksize, st_blocks;
    s64 st_atime, st_atime_nsec, st_mtime, st_mtime_nsec, st_ctime,
        st_ctime_nsec;
    s64 unused[3];
};

#define S_IFMT  0170000u
#define S_IFREG 0100000u
#define S_IFCHR 0020000u
