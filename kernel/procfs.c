/*
 * Names under /proc to what stands behind them, and the files opened by them.
 * The table is the directory; there is no listing. What is read and written
 * through the files is proc_text.c's business, or the entry's own.
 */
#include <base/string.h>
#include <kernel/oom.h>
#include <kernel/procfs.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/mm.h>
#include <mm/object.h>

#define O_CREAT     0100
#define O_EXCL      0200
#define O_TRUNC     01000
#define O_LARGEFILE 0100000
#define O_DIRECTORY 0200000
#define O_OPENING   01700 /* O_CREAT to O_TRUNC: said of the opening only */
#define NAME_SIZE   32

#ifdef DEBUG
/* fail-nth: the writer's nth allocation from here on fails. What is left of n
 * can be read, at the price of one more. */
static int fail_nth_store(const struct proc_file *p, s64 value)
{
    if (p->task != current->task || value < 0)
        return -EINVAL;
    alloc_fail_nth((u64)value);
    return 0;
}
#endif

/* /proc/PID/... */
static const struct proc_entry task_entries[] = {
    {.name = "clear_refs", .mode = 0200, .store = clear_refs_store},
    {.name = "comm", .mode = 0644, .show = comm_show},
#ifdef DEBUG
    {.name = "fail-nth",
     .mode = 0644,
     .setting = &alloc_fail_countdown,
     .store = fail_nth_store},
#endif
    {.name = "maps", .mode = 0444, .show = maps_show, .ioctl = maps_ioctl},
    {.name = "mem", .mode = 0600, .ops = &mem_ops, .needs_mm = true},
    {.name = "oom_score", .mode = 0444, .show = oom_score_show},
    {.name = "oom_score_adj",
     .mode = 0644,
     .show = oom_adj_show,
     .store = oom_adj_store},
    {.name = "pagemap", .mode = 0400, .ops = &pagemap_ops, .needs_mm = true},
    {.name = "smaps", .mode = 0444, .show = smaps_show},
    {.name = "smaps_rollup",
     .mode = 0444,
     .show = smaps_rollup_show,
     .needs_mm = true},
    {.name = "stat", .mode = 0444, .show = stat_show},
    {.name = "statm", .mode = 0444, .show = statm_show},
    {.name = "status", .mode = 0444, .show = status_show},
    {.name = "uffd", .mode = 0400, .show = uffd_show},
    {.name = "walk", .mode = 0400, .ops = &walk_ops, .needs_mm = true},
};

static u64 max_map_count = MAX_MAP_COUNT;
static u64 mmap_min_addr = MMAP_MIN_ADDR;

static int store_overcommit(const struct proc_file *p, s64 value)
{
    return overcommit_set(p->entry->setting - overcommit_knobs, value);
}

#define OVERCOMMIT_ENTRY(file, knob)                                           \
    {                                                                          \
        .name = (file), .mode = 0644, .setting = &overcommit_knobs[knob],      \
        .store = store_overcommit                                              \
    }

static u64 unprivileged_uffd; /* Linux's default; everybody is root */

static int store_unprivileged_uffd(const struct proc_file *p __maybe_unused,
                                   s64 value)
{
    if (value & ~1)
        return -EINVAL;
    unprivileged_uffd = (u64)value;
    return 0;
}

/* /proc/sys/vm/... */
static const struct proc_entry vm_entries[] = {
    {.name = "max_map_count", .mode = 0444, .setting = &max_map_count},
    {.name = "mmap_min_addr", .mode = 0444, .setting = &mmap_min_addr},
    OVERCOMMIT_ENTRY("overcommit_kbytes", KNOB_OVERCOMMIT_KBYTES),
    OVERCOMMIT_ENTRY("overcommit_memory", KNOB_OVERCOMMIT_MEMORY),
    OVERCOMMIT_ENTRY("overcommit_ratio", KNOB_OVERCOMMIT_RATIO),
    {.name = "unprivileged_userfaultfd",
     .mode = 0644,
     .setting = &unprivileged_uffd,
     .store = store_unprivileged_uffd},
};

/* /proc/... */
static const struct proc_entry root_entries[] = {
    {.name = "ledger", .mode = 0400, .show = ledger_show},
    {.name = "meminfo", .mode = 0444, .show = meminfo_show},
};

/* /dev/... */
static const struct proc_entry dev_entries[] = {
    {.name = "userfaultfd", .mode = S_IFCHR | 0600, .ops = &uffd_dev_ops},
};

/* ---- names ---- */

/* Takes the next component off *path, "." passed over; false at the end. A name
 * too long to be ours is cut, and so still is not. */
static bool next_name(const char **path, char *name)
{
    const char *s = *path;
    size_t n;

    do {
        while (*s == '/')
            s++;
        for (n = 0; *s && *s != '/'; s++)
            if (n < NAME_SIZE - 1)
                name[n++] = *s;
        name[n] = '\0';
    } while (!strcmp(name, "."));
    *path = s;
    return n;
}

/* A number as a directory's name, without leading zeros; 0: it is none. */
static u32 name_number(const char *name)
{
    u32 n = 0;

    if (*name == '0' || strlen(name) > 9)
        return 0;
    for (; *name; name++) {
        if (*name < '0' || *name > '9')
            return 0;
        n = n * 10 + (u32)(*name - '0');
    }
    return n;
}

/* The task of /proc/NAME (a thread's number will do) with a reference, or NULL.
 */
static struct task *task_of_name(const char *name)
{
    bool self = !strcmp(name, "self") || !strcmp(name, "thread-self");
    struct thread *t;
    struct task *task;

    spin_lock(&task_lock);
    task = self ? current->task : task_find(name_number(name));
    t = task ? NULL : thread_find(name_number(name));
    if (t)
        task = t->task;
    if (task)
        task_get(task);
    spin_unlock(&task_lock);
    return task;
}

static const struct proc_entry *find_in(const struct proc_entry *table,
                                        size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

/* Where a path leads. */
struct place {
    const struct proc_entry *entry;
    struct task *task; /* with a reference; NULL: /proc/sys */
    int fd;            /* of fdinfo/FD */
};

/* The last step: the entry of that name in a table, unless the path goes on. */
static int find_last(const struct proc_entry *table, size_t count,
                     const char *name, const char *path, struct place *to)
{
    to->entry = find_in(table, count, name);
    if (!to->entry)
        return -ENOENT;
    return *path ? -ENOTDIR : 0;
}

static const struct proc_entry fd_entry = {.name = "fd", .mode = 0700};
static const struct proc_entry fdinfo_entry = {
    .name = "fdinfo", .mode = 0444, .show = fdinfo_show};

static int find_fd(const struct proc_entry *entry, const char *path,
                   struct place *to)
{
    char name[NAME_SIZE];
    struct file *f;
    bool cloexec;

    if (!next_name(&path, name))
        return -ENOENT;
    to->entry = entry;
    to->fd = (int)name_number(name);
    if (!to->fd && strcmp(name, "0"))
        return -ENOENT;
    f = task_fd_get(to->task, to->fd, &cloexec);
    if (!f)
        return -ENOENT;
    file_put(f);
    return *path ? -ENOTDIR : 0;
}

static int find_of_task(const char *path, struct place *to)
{
    char name[NAME_SIZE];

    if (!next_name(&path, name))
        return -ENOENT;
    if (!strcmp(name, "fd"))
        return find_fd(&fd_entry, path, to);
    if (!strcmp(name, "fdinfo"))
        return find_fd(&fdinfo_entry, path, to);
    return find_last(task_entries, ARRAY_SIZE(task_entries), name, path, to);
}

static int resolve(const char *path, struct place *to)
{
    char name[NAME_SIZE];
    int r;

    to->task = NULL;
    if (*path != '/' || !next_name(&path, name))
        return -ENOENT;
    if (!strcmp(name, "dev") && next_name(&path, name))
        return find_last(dev_entries, ARRAY_SIZE(dev_entries), name, path, to);
    if (strcmp(name, "proc") || !next_name(&path, name))
        return -ENOENT;
    if (!strcmp(name, "sys")) {
        if (!next_name(&path, name) || strcmp(name, "vm") ||
            !next_name(&path, name))
            return -ENOENT;
        return find_last(vm_entries, ARRAY_SIZE(vm_entries), name, path, to);
    }
    r = find_last(root_entries, ARRAY_SIZE(root_entries), name, path, to);
    if (to->entry)
        return r;
    to->task = task_of_name(name);
    if (!to->task)
        return -ENOENT;
    r = find_of_task(path, to);
    if (r)
        task_put(to->task);
    return r;
}

const struct proc_entry *proc_lookup(const char *path, int *error)
{
    struct place to;

    *error = resolve(path, &to);
    if (*error)
        return NULL;
    if (to.task)
        task_put(to.task);
    return to.entry;
}

struct file *proc_fd(const char *path)
{
    struct file *f = NULL;
    struct place to;
    bool cloexec;

    if (resolve(path, &to))
        return NULL;
    if (to.entry == &fd_entry)
        f = task_fd_get(to.task, to.fd, &cloexec);
    if (to.task)
        task_put(to.task);
    return f;
}

/* ---- address spaces ---- */

bool proc_task_gone(const struct proc_file *p)
{
    bool gone;

    spin_lock(&task_lock);
    gone = list_empty(&p->task->all_link);
    spin_unlock(&task_lock);
    return gone;
}

struct mm_struct *proc_task_mm(const struct proc_file *p)
{
    struct mm_struct *mm;

    spin_lock(&task_lock);
    mm = p->task->mm;
    if (mm && !mm_try_get(mm))
        mm = NULL;
    spin_unlock(&task_lock);
    return mm;
}

struct mm_struct *proc_file_mm(const struct proc_file *p)
{
    return p->mm && mm_try_get(p->mm) ? p->mm : NULL;
}

/* ---- files ---- */

void proc_release(struct file *f)
{
    struct proc_file *p = f->data;

    if (p->mm)
        mm_drop(p->mm);
    if (p->task)
        task_put(p->task);
    kfree(p);
}

int proc_stat(struct file *f, struct stat_k *st)
{
    st->st_mode = proc_mode(((struct proc_file *)f->data)->entry);
    return 0;
}

/* Takes over the reference to the task. */
static struct file *open_place(const struct place *to, u32 flags, int *error)
{
    struct proc_file *p = kzalloc(sizeof(*p));
    struct mm_struct *mm;
    struct file *f;

    *error = -ENOMEM;
    if (!p) {
        if (to->task)
            task_put(to->task);
        return NULL;
    }
    p->entry = to->entry;
    p->task = to->task;
    p->fd = to->fd;
    spin_lock_class(&p->lock, LOCK_FILES);
    mm = p->task ? proc_task_mm(p) : NULL;
    if (mm) {
        p->mm = mm;
        mm_grab(mm);
        mm_put(mm);
    }
    f = file_create(p->entry->ops ? p->entry->ops : &proc_text_ops, p, flags,
                    p->entry->name);
    if (f && (mm || !p->entry->needs_mm))
        return f;
    if (f) {
        *error = -ESRCH;
        file_put(f);
        return NULL;
    }
    proc_release(&(struct file){.data = p});
    return NULL;
}

/* A memory object's file is opened anew, with rights and a position of its own;
 * what is no file has no second description. */
static struct file *reopen(const char *path, u32 flags, int *error)
{
    struct file *old = proc_fd(path), *f = NULL;
    struct mem_object *object = old ? file_object(old) : NULL;

    *error = -ENXIO;
    if (object && object->memfd)
        *error = flags & O_TRUNC ? object_resize(object, 0) : 0;
    if (!*error) {
        f = object_file_create(object, (flags & ~(u32)O_OPENING) | O_LARGEFILE);
        *error = -ENOMEM;
    }
    if (old)
        file_put(old);
    return f;
}

struct file *proc_open(const char *path, u32 flags, int *error)
{
    struct file *f = NULL;
    struct place to;

    *error = resolve(path, &to);
    if (*error)
        return NULL;
    if (flags & O_DIRECTORY)
        *error = -ENOTDIR;
    else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        *error = -EEXIST;
    else if (to.entry == &fd_entry)
        f = reopen(path, flags, error);
    else
        return open_place(&to, flags, error);
    if (to.task)
        task_put(to.task);
    return f;
}
