/*
 * The kernel's side of /proc: what it knows of address spaces and its own
 * settings, as the text and the structures of Linux's files. In the finished
 * system a ring-3 server has the names, directories and rights; until then the
 * kernel's own openat(2) resolves /proc/self, /proc/thread-self, /proc/PID and
 * /proc/sys through one table (kernel/procfs.c).
 */
#pragma once

#include <kernel/file.h>
#include <kernel/seq.h>

struct proc_file;

/* One name. What is NULL gives EINVAL. */
struct proc_entry {
    const char *name;
    u32 mode;
    /*
     * Writes records from *cursor on (at first 0; what it counts is its own
     * business) while they fit, and moves *cursor past them. No record is over
     * a page. Nothing written: the end. Returns 0 or -errno. May sleep.
     */
    int (*show)(const struct proc_file *p, struct seq *s, u64 *cursor);
    /* A number was written. Returns 0 or -errno. */
    int (*store)(const struct proc_file *p, s64 value);
    long (*ioctl)(const struct proc_file *p, unsigned cmd, u64 arg);
    u64 *setting;                      /* shown instead */
    const struct file_operations *ops; /* instead of text */
    bool needs_mm;                     /* open: -ESRCH without */
};

/* What an open file's data points to. */
struct proc_file {
    const struct proc_entry *entry;
    struct task *task;    /* holds a reference; NULL: /proc/sys */
    struct mm_struct *mm; /* the task's at open, mm_grab()bed; or NULL */
    int fd;               /* of fdinfo/FD */
    spinlock_t lock;      /* the rest: where the last read ended */
    u64 position, cursor; /* the record at cursor ... */
    size_t skip;          /* ... has been read up to here */
};

/*
 * Opens a name for openat(2) with O_* flags. Returns a file with one reference
 * or NULL with *error: -ENOENT (whatever is not in the table), -ENOTDIR,
 * -EEXIST, -ESRCH (no address space), -ENOMEM.
 */
struct file *proc_open(const char *path, u32 flags, int *error) __must_check;

/* The entry of a name, for stat(2) and access(2); NULL with *error likewise. */
const struct proc_entry *proc_lookup(const char *path, int *error) __must_check;

/* The file that /proc/.../fd/FD leads to, with a reference; NULL: path is no
 * such name. */
struct file *proc_fd(const char *path) __must_check;

/* kernel/proc_text.c: entries without operations of their own. */
extern const struct file_operations proc_text_ops;

/* As st_mode: an ordinary file, unless it says something else. */
static inline u32 proc_mode(const struct proc_entry *entry)
{
    return entry->mode & S_IFMT ? entry->mode : S_IFREG | entry->mode;
}

/* For entries with operations of their own. */
void proc_release(struct file *f);
int proc_stat(struct file *f, struct stat_k *st);

/* The space of the file's task now / at open, with a user taken; or NULL. */
struct mm_struct *proc_task_mm(const struct proc_file *p) __must_check;
struct mm_struct *proc_file_mm(const struct proc_file *p) __must_check;

/* The task has been waited for: its files give -ESRCH. */
bool proc_task_gone(const struct proc_file *p);

/* ---- the files ---- */

/* kernel/proc_maps.c. */
int maps_show(const struct proc_file *p, struct seq *s, u64 *cursor);
/* kernel/proc_query.c: PROCMAP_QUERY. */
long maps_ioctl(const struct proc_file *p, unsigned cmd, u64 arg);
/* kernel/proc_smaps.c. */
int smaps_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int smaps_rollup_show(const struct proc_file *p, struct seq *s, u64 *cursor);
/* kernel/proc_pagemap.c. */
extern const struct file_operations pagemap_ops;
/* kernel/proc_pagescan.c: its ioctl. */
long pagemap_scan(const struct proc_file *p, unsigned cmd, u64 user);
int clear_refs_store(const struct proc_file *p, s64 value);
/* kernel/process_vm.c: mem. */
extern const struct file_operations mem_ops;
/* kernel/proc_status.c: status, statm, stat. */
int status_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int statm_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int stat_show(const struct proc_file *p, struct seq *s, u64 *cursor);
/* kernel/proc_fdinfo.c: fdinfo/FD. */
int fdinfo_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int comm_show(const struct proc_file *p, struct seq *s, u64 *cursor);

/* kernel/proc_faults.c: Faultline's own. */
int ledger_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int meminfo_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int uffd_show(const struct proc_file *p, struct seq *s, u64 *cursor);
extern const struct file_operations walk_ops;
