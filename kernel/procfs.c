/*
 * Names under /proc to what stands behind them, and the files opened by them.
 * The table is the directory; there is no listing. What is read and written
 * through the files is proc_text.c's business, or the entry's own.
 */
#include <base/errno.h>
#include <base/string.h>
#include <kernel/oom.h>
#include <kernel/procfs.h>
#include <kernel/thread.h>
#include <mm/mm.h>

#define O_CREAT     0100
#define O_EXCL      0200
#define O_DIRECTORY 0200000
#define NAME_SIZE   32

/* /proc/PID/... */
static const struct proc_entry task_entries[] = {
    {.name = "clear_refs", .mode = 0200, .store = clear_refs_store},
    {.name = "comm", .mode = 0644, .show = comm_show},
    {.name = "maps", .mode = 0444, .show = maps_show, .ioctl = maps_ioctl},
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
};

static u64 max_map_count = MAX_MAP_COUNT;

static int store_overcommit(const struct proc_file *p, s64 value)
{
    return overcommit_set(p->entry->setting - overcommit_knobs, value);
}

#define OVERCOMMIT_ENTRY(file, knob)                                           \
    {                                                                          \
        .name = (file), .mode = 0644, .setting = &overcommit_knobs[knob],      \
        .store = store_overcommit                                              \
    }

/* /proc/sys/vm/... */
static const struct proc_entry vm_entries[] = {
    {.name = "max_map_count", .mode = 0444, .setting = &max_map_count},
    OVERCOMMIT_ENTRY("overcommit_kbytes", KNOB_OVERCOMMIT_KBYTES),
    OVERCOMMIT_ENTRY("overcommit_memory", KNOB_OVERCOMMIT_MEMORY),
    OVERCOMMIT_ENTRY("overcommit_ratio", KNOB_OVERCOMMIT_RATIO),
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

/* The last step: the entry `name` of a table, unless the path goes on. */
static const struct proc_entry *find_last(const struct proc_entry *table,
                                          size_t count, const char *path,
                                          int *error)
{
    char name[NAME_SIZE];
    const struct proc_entry *entry =
        next_name(&path, name) ? find_in(table, count, name) : NULL;

    *error = -ENOENT;
    if (!entry || !*path)
        return entry;
    *error = -ENOTDIR;
    return NULL;
}

/* The entry of a path and its task (NULL: none) with a reference. */
static const struct proc_entry *resolve(const char *path, struct task **task,
                                        int *error)
{
    const struct proc_entry *entry;
    char name[NAME_SIZE];

    *task = NULL;
    *error = -ENOENT;
    if (*path != '/' || !next_name(&path, name) || strcmp(name, "proc") ||
        !next_name(&path, name))
        return NULL;
    if (!strcmp(name, "sys")) {
        if (!next_name(&path, name) || strcmp(name, "vm"))
            return NULL;
        return find_last(vm_entries, ARRAY_SIZE(vm_entries), path, error);
    }
    *task = task_of_name(name);
    if (!*task)
        return NULL;
    entry = find_last(task_entries, ARRAY_SIZE(task_entries), path, error);
    if (!entry)
        task_put(*task);
    return entry;
}

const struct proc_entry *proc_lookup(const char *path, int *error)
{
    struct task *task;
    const struct proc_entry *entry = resolve(path, &task, error);

    if (entry && task)
        task_put(task);
    return entry;
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
    st->st_mode = S_IFREG | ((struct proc_file *)f->data)->entry->mode;
    return 0;
}

/* Takes over the reference to task. */
static struct file *open_entry(const struct proc_entry *entry,
                               struct task *task, u32 flags, int *error)
{
    struct proc_file *p = kzalloc(sizeof(*p));
    struct mm_struct *mm;
    struct file *f;

    *error = -ENOMEM;
    if (!p) {
        if (task)
            task_put(task);
        return NULL;
    }
    p->entry = entry;
    p->task = task;
    spin_lock_class(&p->lock, LOCK_FILES);
    mm = task ? proc_task_mm(p) : NULL;
    if (mm) {
        p->mm = mm;
        mm_grab(mm);
        mm_put(mm);
    }
    f = file_create(entry->ops ? entry->ops : &proc_text_ops, p, flags,
                    entry->name);
    if (f && (mm || !entry->needs_mm))
        return f;
    if (f) {
        *error = -ESRCH;
        file_put(f);
        return NULL;
    }
    proc_release(&(struct file){.data = p});
    return NULL;
}

struct file *proc_open(const char *path, u32 flags, int *error)
{
    struct task *task;
    const struct proc_entry *entry = resolve(path, &task, error);

    if (!entry)
        return NULL;
    if (flags & O_DIRECTORY)
        *error = -ENOTDIR;
    else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        *error = -EEXIST;
    else
        return open_entry(entry, task, flags, error);
    if (task)
        task_put(task);
    return NULL;
}
