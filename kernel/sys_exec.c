/*
 * execve(2) and execveat(2). No file has a path before a file server runs, so
 * programs are named by the descriptor of the memory object that holds them.
 */
#include <arch/uaccess.h>
#include <base/printk.h>
#include <kernel/exec.h>
#include <kernel/file.h>
#include <kernel/sys_file.h>
#include <kernel/sys_proc.h>
#include <mm/object.h>

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EMPTY_PATH       0x1000

long sys_execve(const char __user *path, const u64 __user *argv,
                const u64 __user *envp)
{
    (void)argv;
    (void)envp;
    return sys_path_first(path);
}

/* Runs the object behind f with the caller's vectors. */
static long exec_file(struct file *f, int fd, const u64 __user *argv,
                      const u64 __user *envp)
{
    struct mem_object *object = file_object(f);
    struct exec_args args;
    char name[24];
    int r;

    if (!object || !(object->mode & 0111))
        return -EACCES;
    r = exec_args_init(&args);
    if (r)
        return r;
    snprintk(name, sizeof(name), "/dev/fd/%d", fd);
    r = exec_args_copy(&args, argv, envp);
    if (!r)
        r = exec_current(object, name, &args);
    exec_args_free(&args);
    return r;
}

/* What a path that is not empty leads to, as far as the descriptor decides. */
static long path_error(int fd, char first)
{
    struct file *f;

    if (first == '/' || fd == AT_FDCWD)
        return -ENOENT;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    file_put(f);
    return -ENOTDIR;
}

long sys_execveat(int fd, const char __user *path, const u64 __user *argv,
                  const u64 __user *envp, int flags)
{
    char first[2];
    struct file *f;
    long r;

    r = strncpy_from_user(first, path, sizeof(first));
    if (r == -EFAULT)
        return r;
    if (!r && !(flags & AT_EMPTY_PATH))
        return -ENOENT;
    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    if (r) {
        r = sys_path_first(path); /* all of it has to be there */
        return r == -ENOENT ? path_error(fd, first[0]) : r;
    }
    if (fd == AT_FDCWD)
        return -EACCES; /* a directory is no program */
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    r = exec_file(f, fd, argv, envp);
    file_put(f);
    return r;
}
