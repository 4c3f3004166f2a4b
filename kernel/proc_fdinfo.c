/* /proc/PID/fdinfo/FD, see proc_pid_fdinfo(5): an open description. */
#include <base/errno.h>
#include <kernel/procfs.h>

int fdinfo_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    struct stat_k st = {0};
    bool cloexec = false;
    struct file *f;

    if ((*cursor)++)
        return 0;
    f = task_fd_get(p->task, p->fd, &cloexec);
    if (!f)
        return -ENOENT;
    if (f->ops->stat)
        (void)f->ops->stat(f, &st);
    seq_printf(s, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t0\nino:\t%lu\n", f->pos,
               (f->flags & ~(u32)O_CLOEXEC) | (cloexec ? O_CLOEXEC : 0),
               st.st_ino);
    if (f->ops->show_fdinfo)
        f->ops->show_fdinfo(f, s);
    file_put(f);
    return 0;
}
