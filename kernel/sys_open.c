/*
 * Files by name: open(2), stat(2), access(2) and readlink(2). The only names
 * there are until a file server runs in ring 3 are those of procfs.c.
 */
#include <arch/uaccess.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/procfs.h>
#include <kernel/sys_file.h>
#include <kernel/thread.h>
#include <mm/slab.h>

#define AT_FDCWD      (-100)
#define AT_EMPTY_PATH 0x1000
#define PATH_SIZE     4096

/* A path in a buffer of ours, to be freed; NULL with *error. */
static char *path_get(const char __user *user, int *error)
{
    char *path = kmalloc(PATH_SIZE);
    ssize_t n;

    *error = -ENOMEM;
    if (!path)
        return NULL;
    n = strncpy_from_user(path, user, PATH_SIZE);
    if (n >= 0)
        return path;
    *error = (int)n;
    kfree(path);
    return NULL;
}

long sys_openat(int dirfd __maybe_unused, const char __user *user, u32 flags)
{
    struct file *f;
    int error;
    char *path = path_get(user, &error);

    if (!path)
        return error;
    f = proc_open(path, flags, &error);
    kfree(path);
    return f ? fd_install(f, flags & O_CLOEXEC, 0) : error;
}

long sys_open(const char __user *path, u32 flags)
{
    return sys_openat(AT_FDCWD, path, flags);
}

static int stat_name(const char *path, struct stat_k __user *user)
{
    const struct proc_entry *entry;
    struct stat_k st = {.st_nlink = 1, .st_blksize = PAGE_SIZE};
    struct file *f = proc_fd(path);
    int error;

    if (f) {
        error = file_stat(f, user);
        file_put(f);
        return error;
    }
    entry = proc_lookup(path, &error);
    if (!entry)
        return error;
    st.st_mode = proc_mode(entry);
    return copy_to_user(user, &st, sizeof(st));
}

long sys_newfstatat(int dirfd, const char __user *user,
                    struct stat_k __user *st, int flags)
{
    char *path;
    bool empty;
    int r;

    if (!user && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD)
        return sys_fstat(dirfd, st);
    path = path_get(user, &r);
    if (!path)
        return r;
    empty = !*path && (flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD;
    if (!empty)
        r = stat_name(path, st);
    kfree(path);
    return empty ? sys_fstat(dirfd, st) : r;
}

long sys_stat(const char __user *path, struct stat_k __user *st)
{
    return sys_newfstatat(AT_FDCWD, path, st, 0);
}

long sys_faccessat(int dirfd __maybe_unused, const char __user *user)
{
    int error;
    char *path = path_get(user, &error);

    if (!path)
        return error;
    if (proc_lookup(path, &error))
        error = 0; /* root may do anything */
    kfree(path);
    return error;
}

long sys_access(const char __user *path)
{
    return sys_faccessat(AT_FDCWD, path);
}

/* What a link says, in the buffer of its path; how long it is, or -errno. */
static int link_text(char *path)
{
    const struct thread *t = current;
    struct file *f;
    int r;

    if (!strcmp(path, "/proc/self"))
        return snprintk(path, PATH_SIZE, "%u", t->task->pid);
    if (!strcmp(path, "/proc/thread-self"))
        return snprintk(path, PATH_SIZE, "%u/task/%u", t->task->pid, t->tid);
    f = proc_fd(path);
    if (!f)
        return proc_lookup(path, &r) ? -EINVAL : r;
    r = snprintk(path, PATH_SIZE, file_object(f) ? "/%s" : "anon_inode:%s",
                 f->name);
    file_put(f);
    return r;
}

long sys_readlinkat(int dirfd __maybe_unused, const char __user *user,
                    char __user *buf, int size)
{
    char *path;
    int r;

    if (size <= 0)
        return -EINVAL;
    path = path_get(user, &r);
    if (!path)
        return r;
    r = min(link_text(path), size);
    if (r > 0 && copy_to_user(buf, path, (size_t)r))
        r = -EFAULT;
    kfree(path);
    return r;
}

long sys_readlink(const char __user *path, char __user *buf, int size)
{
    return sys_readlinkat(AT_FDCWD, path, buf, size);
}

long sys_path_first(const char __user *user)
{
    int error;
    char *path = path_get(user, &error);

    kfree(path);
    return path ? -ENOENT : error;
}

long sys_path_second(int dirfd __maybe_unused, const char __user *path)
{
    return sys_path_first(path);
}
